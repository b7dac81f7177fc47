// SPDX-License-Identifier: Apache-2.0
// Weights as they are stored, for products of every type.
import IngotCore
import IngotKernels

/// A stored weight, with the exact numbers that it stands for.
struct StoredWeight {
  /// How numbers are stored.
  struct Kind: CustomStringConvertible {
    var element: WeightMatrix.Element
    var layout: WeightLayout
    /// Inputs that share a scale, and how scales are stored; of int8.
    var runs: (size: Int, element: WeightMatrix.Element)?

    var description: String {
      "\(element) \(layout)" + (runs.map { ", runs of \($0.size) with \($0.element)" } ?? "")
    }
  }

  let kind: Kind
  let values: [Double]
  var bytes: [UInt8]
  private let rowStride: Int
  private let scales: [UInt8]
  private let scaleStride: Int

  /// Every kind that a depth can have.
  static func kinds(depth: Int) -> [Kind] {
    let plain = WeightMatrix.Element.plain.flatMap { element in
      [WeightLayout.inOut, .outIn].map { Kind(element: element, layout: $0) }
    }
    let runs: [(Int, WeightMatrix.Element, WeightLayout)] = [
      (16, .f16, .outIn), (64, .f32, .outIn), (128, .bf16, .outIn), (32, .bf16, .inOut), (16, .f32, .inOut),
      (48, .f16, .inOut),
    ]
    let ofRuns = runs.map { Kind(element: .i8, layout: $0.2, runs: ($0.0, $0.1)) }
    let hasBlocks = depth > 0 && depth.isMultiple(of: 32)
    return plain + ofRuns + (hasBlocks ? [Kind(element: .q80, layout: .outIn)] : [])
  }

  /// Stores numbers: rows of equal length, the last of which may be padding.
  init(_ numbers: [Float], as kind: Kind, rowCount: Int) {
    self.kind = kind
    rowStride = rowCount > 0 ? numbers.count / rowCount : 0
    let (stored, exact) = Self.store(numbers, as: kind.element)
    bytes = stored
    guard let runs = kind.runs, rowCount > 0 else {
      (values, scales, scaleStride) = (exact, [], 0)
      return
    }
    let isOutIn = kind.layout == .outIn
    scaleStride = isOutIn ? rowStride / runs.size + 1 : rowStride
    let count = scaleStride * (isOutIn ? rowCount : rowCount / runs.size + 1)
    let (scales, factors) = Self.store((0..<count).map { Float($0 % 7) * 0.3 - 0.4 }, as: runs.element)
    self.scales = scales
    let (rowStride, scaleStride) = (rowStride, scaleStride)
    values = exact.indices.map { index in
      let (row, column) = (index / rowStride, index % rowStride)
      let place = isOutIn ? row * scaleStride + column / runs.size : row / runs.size * scaleStride + column
      // A number is rounded to single precision once it is multiplied.
      return Double(Float(exact[index] * factors[place]))
    }
  }

  /// Calls `body` with the weight as products read it.
  func withMatrix(_ body: (WeightMatrix) -> Void) {
    bytes.withUnsafeBytes { bytes in
      scales.withUnsafeBytes { scales in
        guard let start = bytes.baseAddress else { return }
        var matrix = WeightMatrix(
          bytes: start, element: kind.element, layout: kind.layout, rowStride: rowStride)
        if let runs = kind.runs, let start = scales.baseAddress {
          matrix.runs = WeightMatrix.Runs(
            scales: start, element: runs.element, size: runs.size, rowStride: scaleStride)
        }
        body(matrix)
      }
    }
  }

  /// Bytes of numbers, never none, and the exact values they stand for.
  private static func store(_ values: [Float], as element: WeightMatrix.Element) -> ([UInt8], [Double]) {
    if element == .i8 {
      let codes = values.map { Int8($0 * 127) }
      return (codes.map { UInt8(bitPattern: $0) } + [0], codes.map(Double.init))
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
    return (blocks.flatMap { $0 } + [0], exact)
  }
}
