// SPDX-License-Identifier: Apache-2.0
// The C functions of products, by CPU level; `ingot_product.h` and `ingot_narrow.h` say what each does.
import CIngotKernels

typealias PackRowsKernel =
  @convention(c) @Sendable (
    _ x: UnsafePointer<Float>, _ xStride: Int, _ m: Int, _ k: Int, _ packed: UnsafeMutablePointer<Float>
  ) -> Void
typealias PackPanelsKernel =
  @convention(c) @Sendable (
    _ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int, _ packed: UnsafeMutablePointer<Float>
  ) -> Void
typealias PanelsKernel =
  @convention(c) @Sendable (
    _ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int, _ scratch: UnsafeMutablePointer<Float>?
  ) -> Void
typealias SumChainsKernel =
  @convention(c) @Sendable (
    _ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int, _ partial: UnsafePointer<Float>
  ) -> Void
typealias DotsKernel =
  @convention(c) @Sendable (_ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int) -> Void

/// MR of the portable level: NEON has twice the registers of SSE.
#if arch(arm64)
private let portableRowBlock = 14
#else
private let portableRowBlock = 4
#endif

/// One level's products of f32 activations.
struct ProductKernels: Sendable {
  /// MR: rows of a tile.
  var rowBlock = portableRowBlock
  /// NR: columns of a panel.
  var panelWidth = 8
  var packRows: PackRowsKernel = ingot_pack_rows_portable
  var packPanels: PackPanelsKernel = ingot_pack_panels_portable
  var panels: PanelsKernel = ingot_product_panels_portable
  var unpacked: PackPanelsKernel = ingot_product_unpacked_portable
  var chains: PackPanelsKernel = ingot_product_chains_portable
  var sumChains: SumChainsKernel = ingot_product_sum_chains_portable
  var dots: DotsKernel = ingot_product_dots_portable
  var packedRows: DotsKernel = ingot_product_packed_rows_portable

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2:
      (rowBlock, panelWidth) = (6, 16)
      packRows = ingot_pack_rows_avx2
      packPanels = ingot_pack_panels_avx2
      panels = ingot_product_panels_avx2
      unpacked = ingot_product_unpacked_avx2
      chains = ingot_product_chains_avx2
      sumChains = ingot_product_sum_chains_avx2
      dots = ingot_product_dots_avx2
      packedRows = ingot_product_packed_rows_avx2
    case .avx512:
      (rowBlock, panelWidth) = (14, 32)
      packRows = ingot_pack_rows_avx512
      packPanels = ingot_pack_panels_avx512
      panels = ingot_product_panels_avx512
      unpacked = ingot_product_unpacked_avx512
      chains = ingot_product_chains_avx512
      sumChains = ingot_product_sum_chains_avx512
      dots = ingot_product_dots_avx512
      packedRows = ingot_product_packed_rows_avx512
    }
    #endif
  }
}

typealias PackWordRowsKernel =
  @convention(c) @Sendable (
    _ x: UnsafePointer<Float>, _ xStride: Int, _ m: Int, _ k: Int, _ packed: UnsafeMutableRawPointer
  ) -> Void
typealias QuantizeRowsKernel =
  @convention(c) @Sendable (
    _ x: UnsafePointer<Float>, _ xStride: Int, _ m: Int, _ k: Int, _ packed: UnsafeMutableRawPointer,
    _ scale: UnsafeMutablePointer<Float>, _ sum: UnsafeMutablePointer<Int32>
  ) -> Void
typealias PackWordsKernel =
  @convention(c) @Sendable (
    _ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int, _ packed: UnsafeMutableRawPointer
  ) -> Void
typealias NarrowProductKernel =
  @convention(c) @Sendable (_ product: UnsafePointer<ingot_narrow_product>, _ first: Int, _ end: Int) -> Void

/// One level's products of bf16 and int8.
struct NarrowKernels: Sendable {
  /// MR: rows of a tile.
  var rowBlock = portableRowBlock
  /// NR: columns of a panel.
  var panelWidth = 8
  /// Whether the processor has instructions for these products.
  var isNative = false
  var packRowsBF16: PackWordRowsKernel = ingot_pack_rows_bf16_portable
  var packPanelsBF16: PackWordsKernel = ingot_pack_panels_bf16_portable
  var productBF16: NarrowProductKernel = ingot_product_bf16_portable
  var quantizeRows: QuantizeRowsKernel = ingot_quantize_rows_portable
  var packPanelsS8: PackWordsKernel = ingot_pack_panels_s8_portable
  var productS8: NarrowProductKernel = ingot_product_s8_portable

  /// Picks the functions of a level; AVX-512 without VNNI and BF16 takes those of AVX2.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx512 where ingot_cpu_has_narrow_dots() != 0:
      (rowBlock, panelWidth) = (14, 32)
      isNative = true
      packRowsBF16 = ingot_pack_rows_bf16_avx512
      packPanelsBF16 = ingot_pack_panels_bf16_avx512
      productBF16 = ingot_product_bf16_avx512
      quantizeRows = ingot_quantize_rows_avx512
      packPanelsS8 = ingot_pack_panels_s8_avx512
      productS8 = ingot_product_s8_avx512
    case .avx2, .avx512:
      (rowBlock, panelWidth) = (6, 16)
      packRowsBF16 = ingot_pack_rows_bf16_avx2
      packPanelsBF16 = ingot_pack_panels_bf16_avx2
      productBF16 = ingot_product_bf16_avx2
      quantizeRows = ingot_quantize_rows_avx2
      packPanelsS8 = ingot_pack_panels_s8_avx2
      productS8 = ingot_product_s8_avx2
    }
    #endif
  }
}
