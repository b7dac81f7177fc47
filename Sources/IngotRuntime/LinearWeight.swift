// SPDX-License-Identifier: Apache-2.0
// A linear weight as products use it: from where it is stored, or packed once. No model and no file is known here.
import IngotCore
import IngotGraph
import IngotKernels

/// What products of a run are made of.
package enum Arithmetic: Hashable, Sendable {
  /// Weights in their stored type, f32 activations.
  case stored
  /// Weights and activations rounded to bf16 at each product, sums in f32; attention of many queries too, where the
  /// processor has instructions for it.
  case bf16
  /// Int8 weights with activations quantized token by token, sums exact; other weights as ``stored``, attention as in
  /// ``bf16``.
  case w8a8
}

/// A linear weight with its layout.
final class LinearWeight {
  let depth: Int
  let columnCount: Int
  private let weight: Weight
  private let layout: WeightLayout
  private let form: PackedWeight.Form?
  private let kept: KeptColumns?
  private var packed: PackedWeight?
  private var productCount = 0
  private var isInMemory = false

  /// Prepares a weight; `nil` when it is no matrix.
  ///
  /// - Parameters:
  ///   - weight: the stored weight.
  ///   - layout: which dimension stands first.
  ///   - arithmetic: what products are made of.
  ///   - kernels: the kernels that will multiply.
  init?(_ weight: Weight, layout: WeightLayout, arithmetic: Arithmetic, kernels: KernelTable) {
    guard weight.shape.rank == 2 else { return nil }
    let outputAxis = layout == .inOut ? 1 : 0
    let scalesFit = weight.scaleAxis == nil || weight.scaleAxis == outputAxis
    let element = WeightMatrix.Element(weight.type)
    // Blocks lie along the rows of a weight [N, K], groups along the inputs.
    let runsFit =
      (element != .q80 || layout == .outIn) && (weight.groups?.outputAxis ?? outputAxis) == outputAxis
    // Rows that are kept are columns of the product's result.
    let keptFit = weight.kept == nil || layout == .outIn
    let isKnown = element != nil && scalesFit && runsFit && keptFit
    // Types that no product takes are converted once.
    self.weight = isKnown ? weight : weight.widened
    self.layout = layout
    depth = weight.shape.dimensions[1 - outputAxis]
    columnCount = weight.shape.dimensions[outputAxis]
    form = Self.form(of: self.weight, depth: depth, arithmetic, kernels)
    kept = self.weight.kept.flatMap { KeptColumns($0, arithmetic: arithmetic, kernels: kernels) }
  }

  /// The form that a weight is packed in; `nil` for none.
  private static func form(
    of weight: Weight, depth: Int, _ arithmetic: Arithmetic, _ kernels: KernelTable
  ) -> PackedWeight.Form? {
    if arithmetic == .bf16 { return .bf16 }
    let stored: PackedWeight.Form? =
      switch WeightMatrix.Element(weight.type) {
      case .f32: .f32
      case .bf16: .wideBF16
      case .i8 where weight.groups == nil && arithmetic == .w8a8:
        depth > PackedWeight.largestS8Depth ? nil : .s8
      case .i8, .q80: .wideS8
      case .f16, nil: nil
      }
    return stored.flatMap { $0.isAvailable(in: kernels) ? $0 : nil }
  }

  /// Multiplies rows of activations.
  ///
  /// - Parameters:
  ///   - x: `[M, K]`, f32, contiguous.
  ///   - rowCount: M.
  ///   - end: bias, activation and residual.
  ///   - y: `[M, N]`, f32, contiguous.
  ///   - means: memory, kernels, and threads.
  func multiply(
    _ x: UnsafePointer<Float>, rowCount: Int, end: ProductEnd, into y: UnsafeMutablePointer<Float>,
    with means: ProductMeans
  ) {
    // Before the whole product, which may be written where its residual is.
    let own = kept?.product(x, rowCount: rowCount, columnCount: columnCount, end: end, with: means)
    multiplyWhole(x, rowCount: rowCount, end: end, into: y, with: means)
    if let own { kept?.put(own, into: y, columnCount: columnCount) }
  }

  /// Multiplies rows of activations by the whole weight, rows that are kept as its integers have them.
  private func multiplyWhole(
    _ x: UnsafePointer<Float>, rowCount: Int, end: ProductEnd, into y: UnsafeMutablePointer<Float>,
    with means: ProductMeans
  ) {
    let product = MatrixProduct(rowCount: rowCount, columnCount: columnCount, depth: depth)
    let (x, y) = (FloatRows(x, stride: depth), MutableFloatRows(y, stride: columnCount))
    if let packed = packed(means) { return product.multiply(x, by: packed, end: end, into: y, with: means) }
    if !isInMemory {
      if let pool = means.pool { weight.populate(pool) }
      isInMemory = true
    }
    weight.withMatrix(layout) { matrix in
      if let form, form.narrowsActivations {
        return product.multiplyNarrow(x, by: matrix, as: form, end: end, into: y, with: means)
      }
      product.multiply(x, by: matrix, end: end, into: y, with: means)
    }
  }

  /// The packed weight, from the second product on: a single run reads each weight once.
  private func packed(_ means: ProductMeans) -> PackedWeight? {
    guard let form else { return nil }
    productCount = min(productCount + 1, 2)
    guard productCount > 1 else { return nil }
    if let packed { return packed }
    weight.withMatrix(layout) { matrix in
      packed = PackedWeight(
        matrix, columnCount: columnCount, depth: depth, form: form, pool: means.pool, kernels: means.kernels
      ) { columns in
        // Rows of a weight [N, K]; all of another.
        weight.release(rows: layout == .outIn ? columns : 0..<depth)
      }
    }
    return packed
  }
}

extension WeightMatrix.Element {
  /// The element of a type that products take; `nil` for others.
  package init?(_ type: ElementType) {
    switch type {
    case .number(.f32): self = .f32
    case .number(.f16): self = .f16
    case .number(.bf16): self = .bf16
    case .number(.i8): self = .i8
    case .block(.q80): self = .q80
    default: return nil
    }
  }
}

extension GroupScales {
  /// The scales as products read them.
  fileprivate func runs(of shape: Shape) -> WeightMatrix.Runs? {
    guard let element = WeightMatrix.Element(.number(dtype)) else { return nil }
    let columnCount = shape.dimensions[1]
    return WeightMatrix.Runs(
      scales: memory.start, element: element, size: size,
      rowStride: outputAxis == 0 ? columnCount.dividedUp(by: size) : columnCount)
  }
}

extension Weight {
  /// The same values as floats that it owns.
  var widened: Weight {
    let floats = floats
    return Weight(.number(.f32), shape: shape, bytes: floats.withUnsafeBytes { Array($0) })
  }

  /// Calls `body` with the weight as products read it, whose scales live as long as the call.
  fileprivate func withMatrix(_ layout: WeightLayout, _ body: (WeightMatrix) -> Void) {
    guard let element = WeightMatrix.Element(type), let start = bytes.baseAddress else { return }
    scales.withUnsafeBufferPointer { scales in
      var matrix = WeightMatrix(
        bytes: start, element: element, layout: layout,
        rowStride: shape.dimensions[1], scales: scales.isEmpty ? nil : scales.baseAddress,
        hasScalePerColumn: scaleAxis != nil)
      matrix.runs = groups?.runs(of: shape)
      body(matrix)
    }
  }
}
