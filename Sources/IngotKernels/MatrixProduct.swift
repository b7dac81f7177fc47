// SPDX-License-Identifier: Apache-2.0
// y = x · w + b of f32 activations and a weight in its stored type, on the threads of a pool. Sums have one order for
// any number of threads; `ingot_product.h` states it.
import CIngotKernels

/// A weight as a product reads it.
public struct WeightMatrix {
  /// How elements are stored.
  public enum Element: Int32, CaseIterable, Sendable {
    case f32, f16, bf16, i8

    /// Bytes of one element.
    public var byteWidth: Int {
      switch self {
      case .f32: 4
      case .f16, .bf16: 2
      case .i8: 1
      }
    }
  }

  /// Which dimension stands first.
  public enum Layout: Sendable {
    /// `[K, N]`: a row for each input, as GPT-2 stores weights.
    case inOut
    /// `[N, K]`: a row for each output, as torch.nn.Linear and embeddings store them.
    case outIn
  }

  /// The first element, of any alignment.
  ///
  /// Must outlive the use of this value.
  public var bytes: UnsafeRawPointer
  /// How elements are stored.
  public var element: Element
  /// Which dimension stands first.
  public var layout: Layout
  /// Elements from one row to the next.
  public var rowStride: Int
  /// What each column of the result is multiplied with, `[N]` or `[1]`, f32; `nil` for 1.
  public var scales: UnsafePointer<Float>?
  /// Whether there is a scale for each column, or one for all.
  public var hasScalePerColumn: Bool

  /// Describes a weight.
  public init(
    bytes: UnsafeRawPointer, element: Element, layout: Layout, rowStride: Int,
    scales: UnsafePointer<Float>? = nil, hasScalePerColumn: Bool = false
  ) {
    self.bytes = bytes
    self.element = element
    self.layout = layout
    self.rowStride = rowStride
    self.scales = scales
    self.hasScalePerColumn = hasScalePerColumn
  }
}

/// Scratch memory of products, one for each executor: it grows to what the largest product needs.
public final class ProductScratch {
  private var rows = AlignedBuffer(byteCount: 0)
  private var panels = AlignedBuffer(byteCount: 0)

  /// Starts empty.
  public init() {}

  fileprivate func reserve(rows rowCount: Int, panels panelCount: Int) -> (
    rows: UnsafeMutablePointer<Float>, panels: UnsafeMutablePointer<Float>
  ) {
    if rows.byteCount < rowCount * 4 { rows = AlignedBuffer(Float.self, count: rowCount) }
    if panels.byteCount < panelCount * 4 { panels = AlignedBuffer(Float.self, count: panelCount) }
    return (rows.pointer(as: Float.self), panels.pointer(as: Float.self))
  }
}

/// A matrix product `[M, K] · [K, N]`.
public struct MatrixProduct {
  /// M, N and K.
  public var rowCount: Int, columnCount: Int, depth: Int

  /// Products below this many multiplications run on one thread: waking another costs as much
  /// (MEASURED: about 2 MFLOP).
  static let threadingThreshold = 1 << 20

  /// Makes a product of these sizes.
  public init(rowCount: Int, columnCount: Int, depth: Int) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.depth = depth
  }

  /// Multiplies.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`, f32, rows `xStride` elements apart.
  ///   - xStride: elements from one row of `x` to the next.
  ///   - weight: the weight, `[K, N]` or `[N, K]`.
  ///   - bias: `[N]`, f32, added to each row; `nil` for none.
  ///   - y: result, `[M, N]`, f32, rows `yStride` elements apart; overwritten. Must not overlap the others.
  ///   - yStride: elements from one row of `y` to the next.
  ///   - scratch: memory for packed operands.
  ///   - pool: the threads; `nil` for the caller's alone.
  ///   - kernels: the kernels.
  /// - Complexity: reads each weight element once; packs at most `M · K` activations and, a thread, four panels.
  public func multiply(
    _ x: UnsafePointer<Float>, xStride: Int, by weight: WeightMatrix, bias: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>, yStride: Int, scratch: ProductScratch, pool: ThreadPool?,
    kernels: KernelTable = .current
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    let product = ingot_product(
      m: rowCount, n: columnCount, k: depth, x: x, x_stride: xStride, w: weight.bytes,
      w_stride: weight.rowStride,
      w_type: weight.element.rawValue, w_is_out_in: weight.layout == .outIn ? 1 : 0, scale: weight.scales,
      scale_step: weight.hasScalePerColumn ? 1 : 0, bias: bias, y: y, y_stride: yStride)

    let isSmall = rowCount * columnCount * depth < Self.threadingThreshold
    let threads = isSmall ? nil : pool
    if rowCount <= 2 {
      multiplyFewRows(product, threads: threads, kernels: kernels.product)
    } else {
      multiplyPanels(product, scratch: scratch, threads: threads, kernels: kernels.product)
    }
  }

  private func multiplyFewRows(_ product: ingot_product, threads: ThreadPool?, kernels: ProductKernels) {
    // Columns of a chunk: a multiple of what a kernel takes at once.
    let grain = 8 * kernels.panelWidth
    Self.forEachRange(columnCount, grain: grain, threads: threads) { _, columns in
      withUnsafePointer(to: product) { kernels.fewRows($0, columns.lowerBound, columns.upperBound) }
    }
  }

  private func multiplyPanels(
    _ product: ingot_product, scratch: ProductScratch, threads: ThreadPool?, kernels: ProductKernels
  ) {
    let slots = threads?.threadCount ?? 1
    let group = Int(INGOT_PANEL_GROUP)
    let blocks = (rowCount + kernels.rowBlock - 1) / kernels.rowBlock
    let panelElements = group * kernels.panelWidth * depth
    let memory = scratch.reserve(rows: blocks * kernels.rowBlock * depth, panels: slots * panelElements)

    Self.forEachRange(blocks, grain: 8, threads: threads) { _, blocks in
      let first = blocks.lowerBound * kernels.rowBlock
      let count = min(rowCount, blocks.upperBound * kernels.rowBlock) - first
      kernels.packRows(
        product.x + first * product.x_stride, product.x_stride, count, depth, memory.rows + first * depth)
    }
    var packed = product
    packed.x = UnsafePointer(memory.rows)
    let panelCount = (columnCount + kernels.panelWidth - 1) / kernels.panelWidth
    // At least four chunks a thread, so that one that is held up leaves work for the others.
    let grain = min(group, max(1, panelCount / (4 * slots)))
    Self.forEachRange(panelCount, grain: grain, threads: threads) { slot, panels in
      withUnsafePointer(to: packed) {
        kernels.panels($0, panels.lowerBound, panels.upperBound, memory.panels + slot * panelElements)
      }
    }
  }

  private static func forEachRange(
    _ count: Int, grain: Int, threads: ThreadPool?, _ body: (_ slot: Int, _ range: Range<Int>) -> Void
  ) {
    if let threads { return threads.forEachRange(count, grain: grain, body) }
    body(0, 0..<count)
  }
}
