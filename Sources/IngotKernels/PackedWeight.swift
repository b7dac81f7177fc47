// SPDX-License-Identifier: Apache-2.0
// A weight laid out once as products read it: panel after panel of columns, in the type that the product multiplies.
import CIngotKernels
import IngotCore

/// A packed weight.
///
/// SAFETY: written in its initializer only.
package final class PackedWeight: @unchecked Sendable {
  /// What a packed weight is made of.
  package enum Form: Hashable, Sendable {
    /// f32, for f32 activations.
    case f32
    /// bf16, for activations rounded to bf16; sums in f32.
    case bf16
    /// int8 as stored, for activations quantized row by row; sums in i32, exact.
    case s8
    /// bf16, for f32 activations: each number is widened where it is used.
    case wideBF16
    /// int8 as stored, in blocks and runs too, for f32 activations: each number is widened where it is used, and multiplied
    /// with the scale of its run.
    case wideS8

    /// Numbers in a word of 32 bits.
    var perWord: Int {
      switch self {
      case .f32: 1
      case .bf16, .wideBF16: 2
      case .s8, .wideS8: 4
      }
    }

    /// Whether a weight can be packed so: exact forms of few bits take what they keep.
    func takes(_ weight: WeightMatrix) -> Bool {
      switch self {
      case .f32, .bf16: true
      case .wideBF16: weight.isPlain
      case .s8: weight.element == .i8 && weight.isPlain
      case .wideS8: weight.element == .i8 || weight.element == .q80
      }
    }

    /// Whether activations are made as narrow as the weight.
    package var narrowsActivations: Bool { self == .bf16 || self == .s8 }

    /// Whether kernels have this form: ``wideBF16`` and ``wideS8`` need both kinds of panels to be as wide.
    package func isAvailable(in kernels: KernelTable) -> Bool {
      self == .f32 || narrowsActivations || kernels.product.panel_width == kernels.narrow.panel_width
    }
  }

  /// The largest K of ``Form/s8``: 127 · 255 · K stays below 2³¹, so that no sum in i32 overflows.
  package static let largestS8Depth = 1 << 16

  /// What it is made of.
  package let form: Form
  /// N.
  package let columnCount: Int
  /// K.
  package let depth: Int
  let memory: AlignedBuffer
  /// `[N]` or `[1]`, f32; `nil` for a weight without.
  private let scales: AlignedBuffer?
  private let hasScalePerColumn: Bool
  /// The scales of runs, panel after panel; `nil` for a weight without, and where its numbers are multiplied with them.
  private let runs: PackedRuns?

  /// Bytes of the packed weight.
  package var byteCount: Int { memory.byteCount + (runs?.memory.byteCount ?? 0) }

  /// Packs a weight.
  ///
  /// - Parameters:
  ///   - weight: the weight as stored; ``Form/s8`` takes int8 without runs only, ``Form/wideS8`` int8 and blocks.
  ///   - columnCount: N.
  ///   - depth: K.
  ///   - form: what to make of it.
  ///   - pool: the threads; `nil` for the caller's alone.
  ///   - kernels: the kernels that will multiply.
  ///   - passed: told of columns once they are packed, some megabytes of a weight `[N, K]` at a time: their memory can go.
  /// - Complexity: reads the weight once.
  package init(
    _ weight: WeightMatrix, columnCount: Int, depth: Int, form: Form, pool: ThreadPool?,
    kernels: KernelTable = .current, passed: (_ columns: Range<Int>) -> Void = { _ in }
  ) {
    precondition(form.takes(weight), "a form that keeps the weight's elements")
    weight.requireFit(depth: depth)
    precondition(form.isAvailable(in: kernels), "a form that the kernels have")
    precondition(form != .s8 || depth <= Self.largestS8Depth, "a depth whose sums fit i32")
    self.form = form
    self.columnCount = columnCount
    self.depth = depth
    hasScalePerColumn = weight.hasScalePerColumn
    scales = weight.scales.map { stored in
      let count = weight.hasScalePerColumn ? columnCount : 1
      let copy = AlignedBuffer(Float.self, count: count)
      copy.pointer(as: Float.self).update(from: stored, count: count)
      return copy
    }
    let width = form == .f32 ? kernels.product.panel_width : kernels.narrow.panel_width
    let panelCount = MatrixProduct.blocks(columnCount, of: width)
    let words = MatrixProduct.blocks(depth, of: form.perWord)
    memory = AlignedBuffer(uninitializedByteCount: panelCount * width * words * 4)
    let runs = form == .wideS8 ? PackedRuns(weight, columnCount: panelCount * width, depth: depth) : nil
    self.runs = runs
    let start = memory.start
    let product = MatrixProduct(rowCount: 0, columnCount: columnCount, depth: depth)
      .product(
        by: weight,
        ingot_product_end(
          scale: nil, scale_step: 0, bias: nil, activation: -1, residual: nil,
          y: memory.pointer(as: Float.self), y_stride: 0))
    let panelBytes = max(1, weight.element.byteCount(of: width * depth))
    let step = weight.layout == .outIn ? max(1, Self.blockByteCount / panelBytes) : max(1, panelCount)
    for first in stride(from: 0, to: panelCount, by: step) {
      let block = first..<min(panelCount, first + step)
      MatrixProduct.forEachRange(block.count, grain: Int(INGOT_PANEL_GROUP), threads: pool) { _, panels in
        let (first, end) = (first + panels.lowerBound, first + panels.upperBound)
        withUnsafePointer(to: product) { product in
          switch form {
          case .f32:
            kernels.product.pack_panels(product, first, end, start.assumingMemoryBound(to: Float.self))
          case .bf16, .wideBF16: kernels.narrow.pack_panels_bf16(product, first, end, start)
          case .s8, .wideS8: kernels.narrow.pack_panels_s8(product, first, end, start)
          }
          if let runs { kernels.product.pack_runs(product, first, end, runs.memory.start) }
        }
      }
      passed(block.lowerBound * width..<min(columnCount, block.upperBound * width))
    }
  }

  /// Bytes of a weight `[N, K]` that are packed before their memory can go.
  private static let blockByteCount = 8 << 20

  /// The weight in a product of f32 activations.
  func place(in product: inout ingot_product) {
    switch form {
    case .wideBF16:
      (product.w, product.w_type) = (UnsafeRawPointer(memory.start), Int32(INGOT_WEIGHT_WORDS_BF16))
    case .wideS8: (product.w, product.w_type) = (UnsafeRawPointer(memory.start), Int32(INGOT_WEIGHT_WORDS_S8))
    default: product.panels = UnsafePointer(memory.pointer(as: Float.self))
    }
    if let runs { product.runs = runs.values }
  }

  func finish(_ end: ProductEnd, _ y: MutableFloatRows) -> ingot_product_end {
    let scales = scales.map { UnsafePointer($0.pointer(as: Float.self)) }
    return end.with(y, scales: scales, hasScalePerColumn: hasScalePerColumn)
  }
}

/// Room for the scales of a packed weight's runs, as `_pack_runs` lays them out.
private struct PackedRuns {
  let memory: AlignedBuffer
  private let element: WeightMatrix.Element
  private let size: Int

  /// Makes room for those of a weight; `nil` for one without.
  init?(_ weight: WeightMatrix, columnCount: Int, depth: Int) {
    if weight.element == .q80 {
      (element, size) = (.f16, Int(INGOT_Q8_0_NUMBERS))
    } else if let runs = weight.runs {
      (element, size) = (runs.element, runs.size)
    } else {
      return nil
    }
    memory = AlignedBuffer(
      uninitializedByteCount: columnCount * MatrixProduct.blocks(depth, of: size) * element.byteCount(of: 1))
  }

  /// The scales as the kernels take them.
  var values: ingot_runs {
    ingot_runs(scales: UnsafeRawPointer(memory.start), stride: 0, type: element.code, size: size)
  }
}

extension MatrixProduct {
  /// Multiplies activations that are rounded to bf16, or quantized, on the way.
  func multiplyNarrow(
    _ x: FloatRows, by weight: PackedWeight, _ finish: ingot_product_end, _ means: ProductMeans
  ) {
    let (threads, kernels) = (threads(of: means.pool), means.kernels.narrow)
    var product = narrowRows(x, as: weight.form, finish, means, threads: threads)
    product.panels = UnsafeRawPointer(weight.memory.start)
    let final = product
    forEachPanel(kernels.panel_width, threads: threads) { _, panels in
      withUnsafePointer(to: final) {
        kernels.multiply(weight.form, $0, panels.lowerBound, panels.upperBound)
      }
    }
  }

  /// Multiplies activations that are rounded to bf16, or quantized, on the way, by a weight that is packed as it goes.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`.
  ///   - weight: the weight as stored; ``PackedWeight/Form/s8`` takes int8 only.
  ///   - form: ``PackedWeight/Form/bf16`` or ``PackedWeight/Form/s8``.
  ///   - end: bias, activation and residual.
  ///   - y: result, `[M, N]`.
  ///   - means: memory, threads and kernels.
  /// - Complexity: the bytes are those of the packed weight's product; each thread packs four panels at a time.
  package func multiplyNarrow(
    _ x: FloatRows, by weight: WeightMatrix, as form: PackedWeight.Form, end: ProductEnd,
    into y: MutableFloatRows, with means: ProductMeans
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    precondition(form.narrowsActivations && form.takes(weight), "a form of narrow activations")
    weight.requireFit(depth: depth)
    let (narrow, threads) = (means.kernels.narrow, threads(of: means.pool))
    let finish = end.with(weight, y)
    let rows = narrowRows(x, as: form, finish, means, threads: threads)
    let width = narrow.panel_width
    let groupBytes = Int(INGOT_PANEL_GROUP) * width * Self.blocks(depth, of: form.perWord) * 4
    let groups = means.scratch.bytes(.panels, count: (threads?.threadCount ?? 1) * groupBytes)
    let count = Self.blocks(columnCount, of: width)
    Self.forEachRange(
      Self.blocks(count, of: Int(INGOT_PANEL_GROUP)), grain: 1, threads: threads
    ) { slot, chunk in
      for group in chunk {
        // The group is a product of its own: of some columns.
        let first = group * Int(INGOT_PANEL_GROUP)
        let panels = min(Int(INGOT_PANEL_GROUP), count - first)
        let columns = first * width..<min(columnCount, (first + panels) * width)
        let part = MatrixProduct(rowCount: rowCount, columnCount: columns.count, depth: depth)
        var product = rows
        product.n = columns.count
        product.end = finish.columns(from: columns.lowerBound)
        product.panels = UnsafeRawPointer(groups + slot * groupBytes)
        withUnsafePointer(to: part.product(by: weight.columns(from: columns.lowerBound), product.end)) {
          narrow.pack(form, $0, panels, groups + slot * groupBytes)
        }
        withUnsafePointer(to: product) { narrow.multiply(form, $0, 0, panels) }
      }
    }
  }

  /// A product without its panels: the activations are made narrow.
  func narrowRows(
    _ x: FloatRows, as form: PackedWeight.Form, _ finish: ingot_product_end, _ means: ProductMeans,
    threads: ThreadPool?
  ) -> ingot_narrow_product {
    let (kernels, scratch) = (means.kernels.narrow, means.scratch)
    let rowBytes = Self.blocks(depth, of: form.perWord) * 4
    let rows = scratch.bytes(
      .rows, count: Self.blocks(rowCount, of: kernels.row_block) * kernels.row_block * rowBytes)
    var product = ingot_narrow_product(
      m: rowCount, n: columnCount, k: depth, x: rows, x_scale: nil, x_sum: nil,
      panels: UnsafeRawPointer(rows), panel_depth: 0, end: finish)
    guard form == .s8 else {
      forEachRowBlock(kernels.row_block, threads: threads) { first, count in
        kernels.pack_rows_bf16(x.row(first), x.stride, count, depth, rows + first * rowBytes)
      }
      return product
    }
    let scales = scratch.floats(.rowScales, count: rowCount)
    let sums = scratch.bytes(.rowSums, count: rowCount * 4).bindMemory(to: Int32.self, capacity: rowCount)
    forEachRowBlock(kernels.row_block, threads: threads) { first, count in
      kernels.quantize_rows(
        x.row(first), x.stride, count, depth, rows + first * rowBytes, scales + first, sums + first)
    }
    product.x_scale = UnsafePointer(scales)
    product.x_sum = UnsafePointer(sums)
    return product
  }
}

extension ingot_narrow_kernels {
  /// Packs the first panels of a weight.
  fileprivate func pack(
    _ form: PackedWeight.Form, _ product: UnsafePointer<ingot_product>, _ panels: Int,
    _ target: UnsafeMutableRawPointer
  ) {
    if form == .s8 {
      pack_panels_s8(product, 0, panels, target)
    } else {
      pack_panels_bf16(product, 0, panels, target)
    }
  }

  /// Multiplies by panels.
  fileprivate func multiply(
    _ form: PackedWeight.Form, _ product: UnsafePointer<ingot_narrow_product>, _ first: Int, _ end: Int
  ) {
    if form == .s8 { product_s8(product, first, end) } else { product_bf16(product, first, end) }
  }
}

extension WeightMatrix {
  /// The columns from one on.
  fileprivate func columns(from column: Int) -> WeightMatrix {
    var part = self
    part.bytes += element.byteCount(of: column * (layout == .inOut ? 1 : rowStride))
    if let runs {
      part.runs?.scales += runs.element.byteCount(of: column * (layout == .inOut ? 1 : runs.rowStride))
    }
    return part
  }
}

extension ingot_product_end {
  /// The end of the columns from one on.
  fileprivate func columns(from column: Int) -> ingot_product_end {
    var part = self
    part.scale = scale.map { $0 + column * scale_step }
    part.bias = bias.map { $0 + column }
    part.residual = residual.map { $0 + column }
    part.y = y + column
    return part
  }
}
