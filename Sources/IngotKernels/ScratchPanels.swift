// SPDX-License-Identifier: Apache-2.0
// Weights that change with every run, packed into scratch memory by the thread that multiplies by them: the keys and values
// of attention.
import CIngotKernels

/// A packed weight in scratch memory.
package struct ScratchPanels {
  fileprivate let start: UnsafeMutableRawPointer
  /// Rows that it was packed with.
  fileprivate let depth: Int
  fileprivate let form: PackedWeight.Form

  /// Which of two packed weights of one thread it is.
  package enum Purpose: Sendable {
    /// Attention's keys.
    case keys
    /// Attention's values.
    case values
  }
}

extension MatrixProduct {
  /// Packs a weight that several products of one thread use, into scratch memory.
  ///
  /// - Parameters:
  ///   - weight: the weight, `[K, N]` or `[N, K]`, without scales.
  ///   - form: ``PackedWeight/Form/f32`` or ``PackedWeight/Form/bf16``.
  ///   - purpose: which of two packed weights it is.
  ///   - means: where it goes, and the kernels that will multiply.
  /// - Returns: the packed weight, until another for this purpose is packed.
  package func pack(
    _ weight: WeightMatrix, as form: PackedWeight.Form, for purpose: ScratchPanels.Purpose,
    _ means: ProductMeans
  ) -> ScratchPanels {
    let kernels = means.kernels
    precondition(form == .f32 || form == .bf16, "a form of floats")
    let width = form == .f32 ? kernels.product.panel_width : kernels.narrow.panel_width
    let count = Self.blocks(columnCount, of: width)
    let packed = means.scratch.floats(
      purpose == .keys ? .keys : .values, count: count * width * Self.blocks(depth, of: form.perWord))
    let end = ProductEnd().with(MutableFloatRows(packed, stride: 0))
    withUnsafePointer(to: product(by: weight, end)) {
      if form == .f32 {
        kernels.product.pack_panels($0, 0, count, packed)
      } else {
        kernels.narrow.pack_panels_bf16($0, 0, count, packed)
      }
    }
    return ScratchPanels(start: packed, depth: depth, form: form)
  }

  /// Multiplies by some of the columns and rows of a weight in scratch memory, on the caller's thread.
  ///
  /// - Parameters:
  ///   - x: activations, `[M, K]`; rounded to bf16 where the weight is.
  ///   - panels: the weight; its first N columns and first K rows are used. With bf16 and an odd K the next row is
  ///     multiplied with zeros.
  ///   - y: result, `[M, N]`.
  ///   - means: memory and the kernels that packed the weight.
  package func multiply(
    _ x: FloatRows, by panels: ScratchPanels, into y: MutableFloatRows, with means: ProductMeans
  ) {
    guard rowCount > 0, columnCount > 0 else { return }
    let finish = ProductEnd().with(y)
    if panels.form == .bf16 {
      var product = narrowRows(x, as: .bf16, finish, means, threads: nil)
      (product.panels, product.panel_depth) = (UnsafeRawPointer(panels.start), panels.depth)
      let kernels = means.kernels.narrow
      let count = Self.blocks(columnCount, of: kernels.panel_width)
      return withUnsafePointer(to: product) { kernels.product_bf16($0, 0, count) }
    }
    var product = ingot_product()
    (product.m, product.n, product.k) = (rowCount, columnCount, depth)
    (product.x, product.x_stride) = (x.start, x.stride)
    product.panels = UnsafePointer(panels.start.assumingMemoryBound(to: Float.self))
    product.panel_depth = panels.depth
    product.end = finish
    multiplyPanels(product, means.scratch, threads: nil, means.kernels.product)
  }
}
