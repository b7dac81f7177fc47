// SPDX-License-Identifier: Apache-2.0
// y = x · w + b of f32 activations and a weight in its stored type, or packed, on the threads of a pool. Sums have one
// order for any number of threads; `ingot_product.h` states it.
import CIngotKernels
import IngotCore

/// A weight as a product reads it.
package struct WeightMatrix {
  /// How elements are stored.
  package enum Element: Hashable, Sendable {
    case f32, f16, bf16, i8
    /// ggml's blocks along the rows of a weight `[N, K]`, whose K and stride are multiples of a block's numbers: each number
    /// is the exact product of an integer and its block's scale.
    case q80

    /// Those whose elements stand by themselves, in either layout.
    package static let plain: [Element] = [.f32, .f16, .bf16, .i8]

    /// The number that kernels know it by.
    package var code: Int32 {
      switch self {
      case .f32: Int32(INGOT_WEIGHT_F32)
      case .f16: Int32(INGOT_WEIGHT_F16)
      case .bf16: Int32(INGOT_WEIGHT_BF16)
      case .i8: Int32(INGOT_WEIGHT_I8)
      case .q80: Int32(INGOT_WEIGHT_Q8_0)
      }
    }

    /// Bytes of some elements; of whole blocks.
    package func byteCount(of elementCount: Int) -> Int {
      switch self {
      case .f32: 4 * elementCount
      case .f16, .bf16: 2 * elementCount
      case .i8: elementCount
      case .q80: elementCount / Int(INGOT_Q8_0_NUMBERS) * Int(INGOT_Q8_0_BYTES)
      }
    }
  }

  /// Scales of runs of inputs, each of one output: what int8 of groups have.
  ///
  /// Must outlive the use of this value.
  package struct Runs {
    /// The first scale, of any alignment: `[N, ⌈K / size⌉]` of a weight `[N, K]`, `[⌈K / size⌉, N]` of one `[K, N]`.
    package var scales: UnsafeRawPointer
    /// How scales are stored: f32, f16 or bf16.
    package var element: Element
    /// Inputs that share a scale, a multiple of ``sizeStep``; the last run of an output may be cut off.
    package var size: Int
    /// Scales from one row of them to the next.
    package var rowStride: Int

    /// What sizes are multiples of: vectors of numbers are then within a run.
    package static let sizeStep = 16

    /// Describes scales.
    package init(scales: UnsafeRawPointer, element: Element, size: Int, rowStride: Int) {
      (self.scales, self.element, self.size, self.rowStride) = (scales, element, size, rowStride)
    }

    /// The scales as the kernels take them.
    var values: ingot_runs { ingot_runs(scales: scales, stride: rowStride, type: element.code, size: size) }
  }

  /// The first element, of any alignment.
  ///
  /// Must outlive the use of this value.
  package var bytes: UnsafeRawPointer
  /// How elements are stored.
  package var element: Element
  /// Which dimension stands first.
  package var layout: WeightLayout
  /// Elements from one row to the next.
  package var rowStride: Int
  /// What each column of the result is multiplied with, `[N]` or `[1]`, f32; `nil` for 1.
  package var scales: UnsafePointer<Float>?
  /// Whether there is a scale for each column, or one for all.
  package var hasScalePerColumn: Bool
  /// What int8 are multiplied with before they are summed; `nil` for nothing.
  package var runs: Runs?

  /// Describes a weight.
  package init(
    bytes: UnsafeRawPointer, element: Element, layout: WeightLayout, rowStride: Int,
    scales: UnsafePointer<Float>? = nil, hasScalePerColumn: Bool = false
  ) {
    self.bytes = bytes
    self.element = element
    self.layout = layout
    self.rowStride = rowStride
    self.scales = scales
    self.hasScalePerColumn = hasScalePerColumn
  }

  /// Traps unless products of a depth can take it: of blocks, whole ones along its own rows; runs of int8 alone.
  func requireFit(depth: Int) {
    if let runs {
      precondition(
        element == .i8 && runs.size > 0 && runs.size.isMultiple(of: Runs.sizeStep), "runs of vectors of int8")
    }
    guard element == .q80 else { return }
    let size = Int(INGOT_Q8_0_NUMBERS)
    precondition(
      layout == .outIn && depth.isMultiple(of: size) && rowStride.isMultiple(of: size),
      "whole blocks along rows")
  }

  /// Whether its numbers stand by themselves, so that kernels that look at no other byte take them.
  var isPlain: Bool { element != .q80 && runs == nil }
}

/// What becomes of a product's sums: `y = residual + activation(sum · scale + bias)`.
package struct ProductEnd {
  /// `[N]`, f32, added to each row; `nil` for none.
  package var bias: UnsafePointer<Float>?
  /// Applied behind the bias; `nil` for none.
  package var activation: ActivationKind?
  /// How exact the activation is.
  package var accuracy = FunctionAccuracy.exact
  /// `[M, N]`, f32, added last; `nil` for none.
  ///
  /// Its rows are as far apart as the result's, which it may be itself.
  package var residual: UnsafePointer<Float>?

  /// Describes the end of a product.
  package init(
    bias: UnsafePointer<Float>? = nil, activation: ActivationKind? = nil,
    residual: UnsafePointer<Float>? = nil
  ) {
    self.bias = bias
    self.activation = activation
    self.residual = residual
  }

  /// The end as the kernels take it.
  func with(
    _ y: MutableFloatRows, scales: UnsafePointer<Float>? = nil, hasScalePerColumn: Bool = false
  ) -> ingot_product_end {
    ingot_product_end(
      scale: scales, scale_step: hasScalePerColumn ? 1 : 0, bias: bias,
      activation: activation.flatMap { $0.code(accuracy) } ?? -1,
      residual: residual, y: y.start, y_stride: y.stride)
  }

  /// The end of a product by a weight with its scales.
  func with(_ weight: WeightMatrix, _ y: MutableFloatRows) -> ingot_product_end {
    with(y, scales: weight.scales, hasScalePerColumn: weight.hasScalePerColumn)
  }
}

/// Scratch memory of products, one for each executor: it grows to what the largest product needs.
package final class ProductScratch {
  private var buffers: [AlignedBuffer] = []

  /// Starts empty.
  package init() {}

  /// What a buffer is for: those of one product are apart.
  enum Purpose: Int {
    /// Packed rows of activations, or the sums of chains.
    case rows
    /// Packed panels of a weight, or the sums of an unpacked one.
    case panels
    /// What each row of int8 was divided by, and the sum of its numbers.
    case rowScales, rowSums
    /// Scores of attention.
    case scores
    /// Keys and values of attention, packed.
    case keys, values
  }

  /// The buffer for a purpose, at least so long; what it held before may be gone.
  func bytes(_ purpose: Purpose, count: Int) -> UnsafeMutableRawPointer {
    let index = purpose.rawValue
    while buffers.count <= index { buffers.append(AlignedBuffer(byteCount: 0)) }
    if buffers[index].byteCount < count { buffers[index] = AlignedBuffer(uninitializedByteCount: count) }
    return buffers[index].start
  }

  /// Scores of attention, which a product writes and the next one reads; what they held before may be gone.
  package func scores(count: Int) -> UnsafeMutablePointer<Float> { floats(.scores, count: count) }

  func floats(_ purpose: Purpose, count: Int) -> UnsafeMutablePointer<Float> {
    bytes(purpose, count: count * 4).bindMemory(to: Float.self, capacity: count)
  }
}

/// A matrix product `[M, K] · [K, N]`.
package struct MatrixProduct {
  /// M, N and K.
  package var rowCount: Int, columnCount: Int, depth: Int

  /// Products below this many multiplications run on one thread: waking another costs as much
  /// (about 2 MFLOP, as measured).
  static let threadingThreshold = 1 << 20
  /// The same in bytes of the weight, for few rows, where reading it is all the work.
  static let readingThreshold = 1 << 17
  /// Rows up to which a weight is read as it stands, without packing.
  static let fewRows = 2
  /// Rows up to which a weight `[K, N]` is multiplied as it is stored: packing it would take as long.
  static let unpackedRows = 192
  /// Panels whose sums stay in the cache while an unpacked weight is read.
  static let unpackedPanelCount = 24

  /// Makes a product of these sizes.
  package init(rowCount: Int, columnCount: Int, depth: Int) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.depth = depth
  }

  /// Multiplies.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`.
  ///   - weight: the weight, `[K, N]` or `[N, K]`.
  ///   - end: bias, activation and residual.
  ///   - y: result, `[M, N]`.
  ///   - means: memory, threads and kernels.
  /// - Complexity: reads each weight element once; packs at most `M · K` activations and, a thread, four panels.
  package func multiply(
    _ x: FloatRows, by weight: WeightMatrix, end: ProductEnd = ProductEnd(), into y: MutableFloatRows,
    with means: ProductMeans
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    var product = product(by: weight, end.with(weight, y))
    (product.x, product.x_stride) = (x.start, x.stride)
    let kernels = means.kernels.product
    weight.requireFit(depth: depth)
    if rowCount <= Self.fewRows, weight.layout == .inOut, weight.isPlain {
      let isSmall = weight.element.byteCount(of: columnCount * depth) < Self.readingThreshold
      multiplyByChains(product, means.scratch, threads: isSmall ? nil : means.pool, kernels)
    } else {
      multiplyPanels(product, means.scratch, threads: threads(of: means.pool), kernels)
    }
  }

  /// Multiplies by a packed weight.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`.
  ///   - weight: the packed weight.
  ///   - end: bias, activation and residual.
  ///   - y: result, `[M, N]`.
  ///   - means: memory, threads and the kernels that packed the weight.
  package func multiply(
    _ x: FloatRows, by weight: PackedWeight, end: ProductEnd = ProductEnd(), into y: MutableFloatRows,
    with means: ProductMeans
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    precondition(
      weight.columnCount == columnCount && weight.depth == depth, "a weight of the product's shape")
    let finish = weight.finish(end, y)
    if weight.form.narrowsActivations { return multiplyNarrow(x, by: weight, finish, means) }
    var product = ingot_product()
    (product.m, product.n, product.k) = (rowCount, columnCount, depth)
    (product.x, product.x_stride, product.end) = (x.start, x.stride, finish)
    weight.place(in: &product)
    let (threads, kernels) = (threads(of: means.pool), means.kernels.product)
    if rowCount <= Self.fewRows {
      let final = product
      forEachPanel(kernels.panel_width, threads: threads) { _, panels in
        withUnsafePointer(to: final) { kernels.packed_rows($0, panels.lowerBound, panels.upperBound) }
      }
      return
    }
    multiplyPanels(product, means.scratch, threads: threads, kernels)
  }

  /// Multiplies by a weight `[N, K]` as it stands, on the caller's thread: for few rows and a weight that changes.
  ///
  /// Each sum is a dot product in lanes: its order is not that of ``multiply(_:by:end:into:with:)``.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`.
  ///   - weight: the weight, `[N, K]`, without scales.
  ///   - y: result, `[M, N]`.
  ///   - kernels: the kernels.
  package func multiplyByDots(
    _ x: FloatRows, by weight: WeightMatrix, into y: MutableFloatRows, kernels: KernelTable
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    precondition(weight.isPlain, "numbers that stand by themselves")
    var product = product(by: weight, ProductEnd().with(y))
    (product.x, product.x_stride) = (x.start, x.stride)
    withUnsafePointer(to: product) { kernels.product.dots($0, 0, columnCount) }
  }

  /// The product without its activations.
  func product(by weight: WeightMatrix, _ finish: ingot_product_end) -> ingot_product {
    var product = ingot_product()
    (product.m, product.n, product.k) = (rowCount, columnCount, depth)
    (product.w, product.w_stride) = (weight.bytes, weight.rowStride)
    product.w_type = weight.element.code
    product.w_is_out_in = weight.layout == .outIn ? 1 : 0
    if let runs = weight.runs { product.runs = runs.values }
    product.end = finish
    return product
  }

  /// The pool, for a product that is worth it.
  func threads(of pool: ThreadPool?) -> ThreadPool? {
    let isSmall =
      rowCount <= Self.fewRows
      ? columnCount * depth < Self.readingThreshold : rowCount * columnCount * depth < Self.threadingThreshold
    return isSmall ? nil : pool
  }

  private func multiplyByChains(
    _ product: ingot_product, _ scratch: ProductScratch, threads: ThreadPool?,
    _ kernels: ingot_product_kernels
  ) {
    let chains = (depth + Int(INGOT_CHAIN) - 1) / Int(INGOT_CHAIN)
    let partial = scratch.floats(.rows, count: chains * rowCount * columnCount)
    var product = product
    product.rows_ahead = Int(INGOT_CHAIN) * max(2, threads?.threadCount ?? 1)
    Self.forEachRange(chains, grain: 1, threads: threads) { _, chains in
      withUnsafePointer(to: product) { kernels.chains($0, chains.lowerBound, chains.upperBound, partial) }
    }
    let isLong = chains * columnCount >= Self.readingThreshold
    Self.forEachRange(columnCount, grain: 16 * kernels.panel_width, threads: isLong ? threads : nil) {
      _, columns in
      withUnsafePointer(to: product) {
        kernels.sum_chains($0, columns.lowerBound, columns.upperBound, partial)
      }
    }
  }

  func multiplyPanels(
    _ product: ingot_product, _ scratch: ProductScratch, threads: ThreadPool?,
    _ kernels: ingot_product_kernels
  ) {
    guard let x = product.x else { return }
    let rows = scratch.floats(
      .rows, count: Self.blocks(rowCount, of: kernels.row_block) * kernels.row_block * depth)
    forEachRowBlock(kernels.row_block, threads: threads) { first, count in
      kernels.pack_rows(x + first * product.x_stride, product.x_stride, count, depth, rows + first * depth)
    }
    var packed = product
    packed.x = UnsafePointer(rows)
    if product.isAsStored, product.w_is_out_in == 0, rowCount <= Self.unpackedRows {
      return multiplyUnpacked(packed, scratch, threads: threads, kernels)
    }
    // A weight that is not packed is packed as it is read: some panels for each thread.
    let elements = product.panels == nil ? Int(INGOT_PANEL_GROUP) * kernels.panel_width * depth : 0
    let panels = scratch.floats(.panels, count: (threads?.threadCount ?? 1) * elements)
    forEachPanel(kernels.panel_width, threads: threads) { slot, range in
      let own = elements > 0 ? panels + slot * elements : nil
      withUnsafePointer(to: packed) { kernels.panels($0, range.lowerBound, range.upperBound, own) }
    }
  }

  /// Multiplies packed rows by a weight `[K, N]` as it is stored.
  private func multiplyUnpacked(
    _ product: ingot_product, _ scratch: ProductScratch, threads: ThreadPool?,
    _ kernels: ingot_product_kernels
  ) {
    let panelCount = Self.blocks(columnCount, of: kernels.panel_width)
    let grain = min(Self.unpackedPanelCount, max(1, panelCount / (2 * (threads?.threadCount ?? 1))))
    let elements =
      grain * Self.blocks(rowCount, of: kernels.row_block) * kernels.row_block * kernels.panel_width
    let sums = scratch.floats(.panels, count: (threads?.threadCount ?? 1) * elements)
    Self.forEachRange(Self.blocks(panelCount, of: grain), grain: 1, threads: threads) { slot, ranges in
      for range in ranges {
        let first = range * grain
        withUnsafePointer(to: product) {
          kernels.unpacked($0, first, min(panelCount, first + grain), sums + slot * elements)
        }
      }
    }
  }

  static func blocks(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }

  /// Calls `body` with the first row and the number of rows of some blocks.
  func forEachRowBlock(_ rowBlock: Int, threads: ThreadPool?, _ body: (_ first: Int, _ count: Int) -> Void) {
    Self.forEachRange(Self.blocks(rowCount, of: rowBlock), grain: 4, threads: threads) { _, blocks in
      let first = blocks.lowerBound * rowBlock
      body(first, min(rowCount, blocks.upperBound * rowBlock) - first)
    }
  }

  /// Calls `body` with ranges of panels: groups at first, single panels at the end, so that no thread waits long for
  /// another's last group.
  func forEachPanel(_ width: Int, threads: ThreadPool?, _ body: (_ slot: Int, _ panels: Range<Int>) -> Void) {
    let count = Self.blocks(columnCount, of: width)
    guard let threads else { return body(0, 0..<count) }
    let grain = min(Int(INGOT_PANEL_GROUP), max(1, count / (4 * threads.threadCount)))
    let groups = max(0, count - 2 * threads.threadCount * grain) / grain
    threads.run(chunkCount: count - groups * (grain - 1)) { slot, chunk in
      if chunk < groups { return body(slot, chunk * grain..<(chunk + 1) * grain) }
      let panel = chunk + groups * (grain - 1)
      body(slot, panel..<panel + 1)
    }
  }

  static func forEachRange(
    _ count: Int, grain: Int, threads: ThreadPool?, _ body: (_ slot: Int, _ range: Range<Int>) -> Void
  ) {
    if let threads { return threads.forEachRange(count, grain: grain, body) }
    body(0, 0..<count)
  }
}

extension ingot_product {
  /// Whether the weight is a matrix of numbers that stand by themselves, not panels.
  fileprivate var isAsStored: Bool {
    panels == nil && runs.scales == nil && WeightMatrix.Element.plain.contains { $0.code == w_type }
  }
}
