// SPDX-License-Identifier: Apache-2.0
// The C functions of MatrixProduct, by CPU level.
import CIngotKernels

typealias PackRowsKernel =
  @convention(c) @Sendable (
    _ x: UnsafePointer<Float>, _ xStride: Int, _ m: Int, _ k: Int, _ packed: UnsafeMutablePointer<Float>
  ) -> Void
typealias PanelsKernel =
  @convention(c) @Sendable (
    _ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int, _ scratch: UnsafeMutablePointer<Float>
  ) -> Void
typealias FewRowsKernel =
  @convention(c) @Sendable (_ product: UnsafePointer<ingot_product>, _ first: Int, _ end: Int) -> Void

/// One level's matrix products; `ingot_product.h` says what each does.
struct ProductKernels: Sendable {
  /// MR: rows of a tile.
  var rowBlock = 4
  /// NR: columns of a panel.
  var panelWidth = 8
  var packRows: PackRowsKernel = ingot_pack_rows_portable
  var panels: PanelsKernel = ingot_product_panels_portable
  var fewRows: FewRowsKernel = ingot_product_few_rows_portable

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2:
      (rowBlock, panelWidth) = (6, 16)
      packRows = ingot_pack_rows_avx2
      panels = ingot_product_panels_avx2
      fewRows = ingot_product_few_rows_avx2
    case .avx512:
      (rowBlock, panelWidth) = (14, 32)
      packRows = ingot_pack_rows_avx512
      panels = ingot_product_panels_avx512
      fewRows = ingot_product_few_rows_avx512
    }
    #endif
  }
}
