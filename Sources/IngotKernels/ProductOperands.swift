// SPDX-License-Identifier: Apache-2.0
// What a matrix product takes beside its weight: rows of floats, and the means that it computes with.

/// Rows of floats, each perhaps a part of a longer one: where the first starts, and how far apart they are.
package struct FloatRows {
  /// The first element of the first row.
  package var start: UnsafePointer<Float>
  /// Elements from one row to the next.
  package var stride: Int

  /// Describes rows.
  ///
  /// - Parameters:
  ///   - start: the first element of the first row, f32.
  ///   - stride: elements from one row to the next.
  package init(_ start: UnsafePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  /// A row's first element.
  package func row(_ index: Int) -> UnsafePointer<Float> { start + index * stride }
}

/// Rows of floats that are written.
package struct MutableFloatRows {
  /// The first element of the first row.
  package var start: UnsafeMutablePointer<Float>
  /// Elements from one row to the next.
  package var stride: Int

  /// Describes rows.
  ///
  /// - Parameters:
  ///   - start: the first element of the first row, f32; overwritten, and apart from all that a product reads but a
  ///     residual.
  ///   - stride: elements from one row to the next.
  package init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }
}

/// What products compute with: memory to pack operands into, threads, and a processor's kernels.
package struct ProductMeans {
  /// Memory for packed operands.
  package let scratch: ProductScratch
  /// The threads; `nil` for the caller's alone.
  package let pool: ThreadPool?
  /// The kernels; those that packed the weight, of one that is packed.
  package let kernels: KernelTable

  /// Puts means together.
  package init(
    scratch: ProductScratch = ProductScratch(), pool: ThreadPool? = nil, kernels: KernelTable = .current
  ) {
    self.scratch = scratch
    self.pool = pool
    self.kernels = kernels
  }
}
