// SPDX-License-Identifier: Apache-2.0
// A weight laid out once as products read it: panel after panel of columns, in the type that the product multiplies.
import CIngotKernels

/// A packed weight.
///
/// SAFETY: written in its initializer only.
public final class PackedWeight: @unchecked Sendable {
  /// What a packed weight is made of.
  public enum Form: Hashable, Sendable {
    /// f32, for f32 activations.
    case f32
    /// bf16, for activations rounded to bf16; sums in f32.
    case bf16
    /// int8 as stored, for activations quantized row by row; sums in i32, exact.
    case s8
    /// bf16, for f32 activations: each number is widened where it is used.
    case wideBF16
    /// int8 as stored, for f32 activations: each number is widened where it is used.
    case wideS8

    /// Numbers in a word of 32 bits.
    var perWord: Int {
      switch self {
      case .f32: 1
      case .bf16, .wideBF16: 2
      case .s8, .wideS8: 4
      }
    }

    /// Whether activations are made as narrow as the weight.
    public var narrowsActivations: Bool { self == .bf16 || self == .s8 }

    /// Whether kernels have this form: ``wideBF16`` and ``wideS8`` need both kinds of panels to be as wide.
    public func isAvailable(in kernels: KernelTable) -> Bool {
      self == .f32 || narrowsActivations || kernels.product.panelWidth == kernels.narrow.panelWidth
    }
  }

  /// The largest K of ``Form/s8``: 127 · 255 · K stays below 2³¹, so that no sum in i32 overflows.
  public static let largestS8Depth = 1 << 16

  /// What it is made of.
  public let form: Form
  /// N.
  public let columnCount: Int
  /// K.
  public let depth: Int
  let memory: AlignedBuffer
  /// `[N]` or `[1]`, f32; `nil` for a weight without.
  private let scales: AlignedBuffer?
  private let hasScalePerColumn: Bool

  /// Bytes of the packed weight.
  public var byteCount: Int { memory.byteCount }

  /// Packs a weight.
  ///
  /// - Parameters:
  ///   - weight: the weight as stored; ``Form/s8`` and ``Form/wideS8`` take int8 only.
  ///   - columnCount: N.
  ///   - depth: K.
  ///   - form: what to make of it.
  ///   - pool: the threads; `nil` for the caller's alone.
  ///   - kernels: the kernels that will multiply.
  ///   - passed: told of columns once they are packed, some megabytes of a weight `[N, K]` at a time: their memory can go.
  /// - Complexity: reads the weight once.
  public init(
    _ weight: WeightMatrix, columnCount: Int, depth: Int, form: Form, pool: ThreadPool?,
    kernels: KernelTable = .current, passed: (_ columns: Range<Int>) -> Void = { _ in }
  ) {
    precondition(form.perWord != 4 || weight.element == .i8, "int8 products take int8 weights")
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
    let width = form == .f32 ? kernels.product.panelWidth : kernels.narrow.panelWidth
    let panelCount = MatrixProduct.blocks(columnCount, of: width)
    let words = MatrixProduct.blocks(depth, of: form.perWord)
    memory = AlignedBuffer(uninitializedByteCount: panelCount * width * words * 4)
    let start = memory.start
    let product = MatrixProduct(rowCount: 0, columnCount: columnCount, depth: depth)
      .product(
        by: weight,
        ingot_product_end(
          scale: nil, scale_step: 0, bias: nil, activation: -1, residual: nil,
          y: memory.pointer(as: Float.self), y_stride: 0))
    let panelBytes = max(1, width * depth * weight.element.byteWidth)
    let step = weight.layout == .outIn ? max(1, Self.blockByteCount / panelBytes) : max(1, panelCount)
    for first in stride(from: 0, to: panelCount, by: step) {
      let block = first..<min(panelCount, first + step)
      MatrixProduct.forEachRange(block.count, grain: Int(INGOT_PANEL_GROUP), threads: pool) { _, panels in
        let (first, end) = (first + panels.lowerBound, first + panels.upperBound)
        withUnsafePointer(to: product) { product in
          switch form {
          case .f32:
            kernels.product.packPanels(product, first, end, start.assumingMemoryBound(to: Float.self))
          case .bf16, .wideBF16: kernels.narrow.packPanelsBF16(product, first, end, start)
          case .s8, .wideS8: kernels.narrow.packPanelsS8(product, first, end, start)
          }
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
  }

  func finish(_ end: ProductEnd, y: UnsafeMutablePointer<Float>, yStride: Int) -> ingot_product_end {
    let scales = scales.map { UnsafePointer($0.pointer(as: Float.self)) }
    return end.with(scales: scales, hasScalePerColumn: hasScalePerColumn, y: y, yStride: yStride)
  }
}

extension MatrixProduct {
  /// Multiplies activations that are rounded to bf16, or quantized, on the way.
  func multiplyNarrow(
    _ x: UnsafePointer<Float>, xStride: Int, by weight: PackedWeight, _ finish: ingot_product_end,
    scratch: ProductScratch, pool: ThreadPool?, kernels: NarrowKernels
  ) {
    let threads = threads(of: pool)
    let words = Self.blocks(depth, of: weight.form.perWord)
    let rowBytes = words * 4
    let rows = scratch.bytes(
      0, count: Self.blocks(rowCount, of: kernels.rowBlock) * kernels.rowBlock * rowBytes)
    var product = ingot_narrow_product(
      m: rowCount, n: columnCount, k: depth, x: rows, x_scale: nil, x_sum: nil, panels: weight.memory.start,
      end: finish)
    if weight.form == .s8 {
      let scales = scratch.floats(2, count: rowCount)
      let sums = scratch.bytes(3, count: rowCount * 4).bindMemory(to: Int32.self, capacity: rowCount)
      forEachRowBlock(kernels.rowBlock, threads: threads) { first, count in
        kernels.quantizeRows(
          x + first * xStride, xStride, count, depth, rows + first * rowBytes, scales + first, sums + first)
      }
      product.x_scale = UnsafePointer(scales)
      product.x_sum = UnsafePointer(sums)
    } else {
      forEachRowBlock(kernels.rowBlock, threads: threads) { first, count in
        kernels.packRowsBF16(x + first * xStride, xStride, count, depth, rows + first * rowBytes)
      }
    }
    let (final, multiply) = (product, weight.form == .s8 ? kernels.productS8 : kernels.productBF16)
    forEachPanel(kernels.panelWidth, threads: threads) { _, panels in
      withUnsafePointer(to: final) { multiply($0, panels.lowerBound, panels.upperBound) }
    }
  }
}
