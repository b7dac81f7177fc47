// SPDX-License-Identifier: Apache-2.0
// Products against the plain twin over odd sizes, and the promise that threads change no bit.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct MatrixProductTests {
  /// M, N, K: zeros, ones, primes, and one less, equal and one more than tiles, panels and chains.
  static let sizes: [(m: Int, n: Int, k: Int)] = [
    (0, 3, 5), (3, 0, 5), (1, 1, 0), (4, 5, 0), (1, 1, 1), (1, 2, 3), (2, 7, 1), (3, 1, 64), (3, 31, 65),
    (13, 33, 63),
    (14, 32, 64), (15, 32, 128), (29, 97, 131), (5, 129, 67), (1, 257, 129), (2, 255, 130), (1, 3, 511),
    (2, 127, 33),
    (7, 65, 16), (6, 16, 17), (43, 130, 15), (193, 33, 66), (205, 100, 129), (1, 33, 96), (2, 7, 32),
    (37, 131, 160),
  ]
  static let levels = CPUFeatures.current.available.map(KernelTable.init)

  /// The elements and layouts of weights of a depth.
  static func weights(depth: Int) -> [(WeightMatrix.Element, WeightLayout)] {
    let plain = WeightMatrix.Element.plain.flatMap { [($0, WeightLayout.inOut), ($0, .outIn)] }
    return depth > 0 && depth.isMultiple(of: 32) ? plain + [(.q80, .outIn)] : plain
  }

  @Test(arguments: sizes, levels)
  func `equals the plain twin for every weight type and layout`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for (element, layout) in Self.weights(depth: size.k) {
      for scale in [ScaleKind.none, .perTensor, .perColumn] {
        let problem = Problem(size: size, element: element, layout: layout, scale: scale)
        let (y, guards) = problem.run(kernels: kernels, pool: nil)
        #expect(guards)
        #expect(problem.worstError(of: y) <= 1, "\(element) \(layout) \(scale)")
      }
    }
  }

  @Test(arguments: [WeightLayout.inOut, .outIn], [1, 2, 3, 37])
  func `gives the same bytes for one, two and three threads`(layout: WeightLayout, rowCount: Int) {
    let problem = Problem(size: (rowCount, 1031, 1051), element: .f32, layout: layout, scale: .none)
    let (one, _) = problem.run(kernels: .current, pool: nil)
    for threadCount in [1, 2, 3] {
      let (several, _) = problem.run(kernels: .current, pool: ThreadPool(threadCount: threadCount))
      #expect(several.map(\.bitPattern) == one.map(\.bitPattern))
    }
  }

  @Test(arguments: sizes, levels)
  func `dot products equal the plain twin for every weight type`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for element in WeightMatrix.Element.plain {
      var problem = Problem(size: size, element: element, layout: .outIn, scale: .none)
      problem.bias = []
      let (y, guards) = problem.run(kernels: kernels, pool: nil, byDots: true)
      #expect(guards)
      #expect(problem.worstError(of: y) <= 1, "\(element)")
    }
  }

  /// One row streams through the weight, some multiply it as it is stored, many pack it first.
  @Test(arguments: levels, [WeightLayout.inOut, .outIn])
  func `a row's result does not depend on the rows beside it`(
    kernels: KernelTable, layout: WeightLayout
  ) {
    for (element, own) in Self.weights(depth: 224) where own == layout {
      let many = Problem(size: (201, 130, 224), element: element, layout: layout, scale: .perColumn)
      let (all, _) = many.run(kernels: kernels, pool: nil)
      for rowCount in [1, 31] {
        var some = many
        some.size.m = rowCount
        let (first, _) = some.run(kernels: kernels, pool: nil)
        #expect(first.map(\.bitPattern) == all[..<(rowCount * 130)].map(\.bitPattern), "\(element)")
      }
    }
  }
}

enum ScaleKind { case none, perTensor, perColumn }

/// A product of random numbers, with its exact result.
private struct Problem {
  var size: (m: Int, n: Int, k: Int)
  let element: WeightMatrix.Element
  let layout: WeightLayout
  let x: [Float]
  let stored: [UInt8]
  let weight: [Double]
  let scales: [Float]
  var bias: [Float]
  /// Padding of each row, so that strides are tested; of blocks a whole one.
  let padding: Int

  init(
    size: (m: Int, n: Int, k: Int), element: WeightMatrix.Element, layout: WeightLayout,
    scale: ScaleKind
  ) {
    var random = SeededRandom(seed: UInt64(size.m * 10_007 + size.n * 101 + size.k))
    self.size = size
    self.element = element
    self.layout = layout
    let padding = element == .q80 ? 32 : 3
    self.padding = padding
    x = random.floats(size.m * (size.k + padding))
    let (rows, columns) = layout == .inOut ? (size.k, size.n) : (size.n, size.k)
    let (bytes, values) = StoredWeight.store(random.floats(rows * (columns + padding)), as: element)
    stored = bytes
    weight = (0..<rows).flatMap { values[($0 * (columns + padding))..<($0 * (columns + padding) + columns)] }
    switch scale {
    case .none: scales = []
    case .perTensor: scales = [0.37]
    case .perColumn: scales = random.floats(size.n)
    }
    bias = scale == .perTensor ? [] : random.floats(size.n)
  }

  /// The product, without padding, and whether the padding of y is untouched.
  func run(kernels: KernelTable, pool: ThreadPool?, byDots: Bool = false) -> ([Float], Bool) {
    let product = MatrixProduct(rowCount: size.m, columnCount: size.n, depth: size.k)
    let stride = size.n + padding
    var y = [Float](repeating: -77, count: size.m * stride + 1)
    let columns = layout == .inOut ? size.n : size.k
    stored.withUnsafeBytes { w in
      x.withUnsafeBufferPointer { x in
        scales.withUnsafeBufferPointer { scales in
          bias.withUnsafeBufferPointer { bias in
            y.withUnsafeMutableBufferPointer { y in
              // An empty array has no address; the product reads nothing from it then.
              let none = UnsafeMutablePointer<Float>.allocate(capacity: 1)
              defer { none.deallocate() }
              let matrix = WeightMatrix(
                bytes: w.baseAddress ?? UnsafeRawPointer(none), element: element, layout: layout,
                rowStride: columns + padding, scales: scales.isEmpty ? nil : scales.baseAddress,
                hasScalePerColumn: scales.count > 1)
              let rows = FloatRows(x.baseAddress ?? UnsafePointer(none), stride: size.k + padding)
              let result = MutableFloatRows(y.baseAddress ?? none, stride: stride)
              if byDots {
                return product.multiplyByDots(rows, by: matrix, into: result, kernels: kernels)
              }
              product.multiply(
                rows, by: matrix, end: ProductEnd(bias: bias.isEmpty ? nil : bias.baseAddress), into: result,
                with: ProductMeans(pool: pool, kernels: kernels))
            }
          }
        }
      }
    }
    let rows = (0..<size.m).flatMap { y[($0 * stride)..<($0 * stride + size.n)] }
    let guards = (0..<size.m).allSatisfy { row in
      (size.n..<stride).allSatisfy { y[row * stride + $0] == -77 }
    }
    return (rows, guards && y.last == -77)
  }

  /// The largest error over its bound: γ = (64 + K/64 + 4) · 2⁻²⁴ times the sum of magnitudes (Higham, 4.2: a sum of
  /// chains is off by at most the longest path of roundings; 4 for scale and bias).
  func worstError(of y: [Float]) -> Double {
    let xStride = size.k + padding
    var plain: [Double] = []
    for row in 0..<size.m { plain += x[(row * xStride)..<(row * xStride + size.k)].map { Double($0) } }
    let exact = ReferenceKernels.product(
      plain, by: weight, layout: layout, bias: [], depth: size.k, columnCount: size.n)
    let sizes = ReferenceKernels.product(
      plain.map { $0.magnitude }, by: weight.map { $0.magnitude }, layout: layout, bias: [], depth: size.k,
      columnCount: size.n)
    let gamma = Double(64 + size.k / 64 + 4) * 0x1p-24
    var worst = 0.0
    for index in y.indices {
      let column = index % size.n
      let scale = scales.isEmpty ? 1 : Double(scales[scales.count > 1 ? column : 0])
      let offset = bias.isEmpty ? 0 : Double(bias[column])
      // No depth: the plain twin, which counts rows by it, has no rows.
      let sum = size.k == 0 ? 0 : exact[index]
      let magnitude = size.k == 0 ? 0 : sizes[index]
      let bound = gamma * (magnitude * scale.magnitude + offset.magnitude) + 0x1p-149
      worst = max(worst, (Double(y[index]) - (sum * scale + offset)).magnitude / bound)
    }
    return worst
  }
}

/// Weights as they are stored, for products of every type.
enum StoredWeight {
  /// Bytes of a stored weight, and the exact values they stand for.
  static func store(_ values: [Float], as element: WeightMatrix.Element) -> ([UInt8], [Double]) {
    if element == .i8 {
      let codes = values.map { Int8($0 * 127) }
      return (codes.map { UInt8(bitPattern: $0) }, codes.map(Double.init))
    }
    if element == .q80 { return blocks(of: values) }
    let dtype: DType = element == .f32 ? .f32 : element == .f16 ? .f16 : .bf16
    var bytes = [UInt8](repeating: 0, count: element.byteCount(of: values.count) + 1)
    let conversion = ElementConversion(from: .f32, to: dtype)
    values.withUnsafeBytes { from in
      bytes.withUnsafeMutableBytes { to in
        if let from = from.baseAddress, let to = to.baseAddress {
          _ = conversion?.convert(count: values.count, from: from, to: to)
        }
      }
    }
    let exact = bytes.withUnsafeBytes { buffer in
      values.indices.map { index in
        buffer.baseAddress.map { ReferenceKernels.decode($0, at: index, as: dtype) } ?? .nan
      }
    }
    return (bytes, exact)
  }

  /// Blocks of Q8_0, of scales from the smallest to the largest, and the exact values they stand for.
  private static func blocks(of values: [Float]) -> ([UInt8], [Double]) {
    let sizes: [Float] = [1, 0x1p-22, 0, 0x1p15, 0.3]
    let blocks = stride(from: 0, to: values.count, by: 32).map { start in
      ReferenceKernels.blockQ8(values[start..<(start + 32)].map { $0 * sizes[start / 32 % sizes.count] })
    }
    let exact = blocks.flatMap { block in
      (0..<32).map { Double(ReferenceKernels.blockValue($0, of: block, .q80)) }
    }
    return (blocks.flatMap { $0 }, exact)
  }
}
