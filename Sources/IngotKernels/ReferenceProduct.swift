// SPDX-License-Identifier: Apache-2.0
// Matrix products in float64, by two plain loops.
import IngotCore

extension ReferenceKernels {
  /// Multiplies activations by a weight: `y = x · w + b`.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`, row-major.
  ///   - weight: `[K, N]` for `inOut`, `[N, K]` for `outIn`, row-major.
  ///   - layout: which dimension of the weight stands first.
  ///   - bias: `[N]`; empty for none.
  ///   - depth: K.
  ///   - columnCount: N.
  /// - Returns: `[M, N]`, row-major.
  package static func product(
    _ x: [Double], by weight: [Double], layout: WeightLayout, bias: [Double], depth: Int,
    columnCount: Int
  ) -> [Double] {
    let rowCount = depth > 0 ? x.count / depth : 0
    precondition(x.count == rowCount * depth && weight.count == depth * columnCount)
    var y = [Double](repeating: 0, count: rowCount * columnCount)
    // Unsafe buffers only so that the loops become vectors; the counts were checked above.
    x.withUnsafeBufferPointer { x in
      weight.withUnsafeBufferPointer { w in
        y.withUnsafeMutableBufferPointer { y in
          switch layout {
          case .inOut: multiplyByRows(x, w, &y, depth: depth, columnCount: columnCount)
          case .outIn: multiplyByDots(x, w, &y, depth: depth, columnCount: columnCount)
          }
        }
      }
    }
    if !bias.isEmpty {
      for index in y.indices { y[index] += bias[index % columnCount] }
    }
    return y
  }

  /// Each weight row `[N]` times one activation is added to the result row.
  private static func multiplyByRows(
    _ x: UnsafeBufferPointer<Double>, _ w: UnsafeBufferPointer<Double>,
    _ y: inout UnsafeMutableBufferPointer<Double>,
    depth: Int, columnCount: Int
  ) {
    for row in 0..<(x.count / max(depth, 1)) {
      for k in 0..<depth {
        let a = x[row * depth + k]
        for column in 0..<columnCount { y[row * columnCount + column] += a * w[k * columnCount + column] }
      }
    }
  }

  /// Each result is the dot product of an activation row and a weight row, both `[K]`, in four interleaved sums.
  private static func multiplyByDots(
    _ x: UnsafeBufferPointer<Double>, _ w: UnsafeBufferPointer<Double>,
    _ y: inout UnsafeMutableBufferPointer<Double>,
    depth: Int, columnCount: Int
  ) {
    for row in 0..<(x.count / max(depth, 1)) {
      for column in 0..<columnCount {
        var sums = SIMD4<Double>()
        var k = 0
        while k + 4 <= depth {
          let a = SIMD4(
            x[row * depth + k], x[row * depth + k + 1], x[row * depth + k + 2], x[row * depth + k + 3])
          let start = column * depth + k
          sums += a * SIMD4(w[start], w[start + 1], w[start + 2], w[start + 3])
          k += 4
        }
        var sum = sums.sum()
        for k in k..<depth { sum += x[row * depth + k] * w[column * depth + k] }
        y[row * columnCount + column] = sum
      }
    }
  }
}

extension ReferenceKernels {
  /// Quantizes one row of activations as products with int8 weights do: by its largest magnitude.
  ///
  /// - Parameter x: `[K]`.
  /// - Returns: the numbers, from −127 to 127, and what one of them stands for; of a row that is not finite zeros, which
  ///   stand for NaN.
  package static func quantizedRow(_ x: [Float]) -> (numbers: [Int32], scale: Float) {
    guard x.allSatisfy(\.isFinite) else { return (x.map { _ in 0 }, .nan) }
    let peak = x.map(\.magnitude).max() ?? 0
    // 127 over a subnormal number may overflow: such a row is lifted first, which is exact.
    let lift: Float = peak < 0x1p-96 ? 0x1p64 : 1
    let factor = peak > 0 ? 127 / (peak * lift) : 0
    return (x.map { Int32(($0 * lift * factor).rounded(.toNearestOrEven)) }, peak / 127)
  }

  /// A number rounded to bf16, to nearest even.
  package static func roundedToBF16(_ x: Float) -> Float {
    let bits = x.bitPattern
    return x.isNaN ? x : Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
  }
}
