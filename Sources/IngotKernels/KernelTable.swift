// SPDX-License-Identifier: Apache-2.0
// The kernels of one CPU level, picked once. Each has a plain twin in ReferenceKernels that tests compare it with.
import CIngotKernels

/// The kernels in use: one set of functions a CPU level, as C's headers declare them and say what each does.
package struct KernelTable: Sendable, CustomStringConvertible {
  /// The level of all kernels in the table.
  package let level: CPULevel
  let conversion: ingot_convert_kernels
  let product: ingot_product_kernels
  let narrow: ingot_narrow_kernels
  let rows: ingot_row_kernels
  let random: ingot_random_kernels
  let statistics: ingot_statistics_kernels
  let transpose: ingot_transpose_kernels
  let quantize: ingot_quantize_kernels
  let blocks: ingot_block_kernels
  let minhash: ingot_minhash_kernels
  let feedback: ingot_feedback_kernels

  /// The kernels of a level.
  ///
  /// - Precondition: the processor carries the level: it is one of ``CPUFeatures/available``.
  package init(level: CPULevel) {
    precondition(level <= CPUFeatures.current.highest, "the processor carries the level")
    self.level = level
    let number = Int32(level.rawValue)
    conversion = ingot_convert_kernels_of(number)
    product = ingot_product_kernels_of(number)
    // AVX-512 without VNNI and BF16 takes those of AVX2.
    narrow = ingot_narrow_kernels_of(ingot_cpu_has_narrow_dots() != 0 ? number : min(number, 1))
    rows = ingot_row_kernels_of(number)
    random = ingot_random_kernels_of(number)
    statistics = ingot_statistics_kernels_of(number)
    transpose = ingot_transpose_kernels_of(number)
    quantize = ingot_quantize_kernels_of(number)
    blocks = ingot_block_kernels_of(number)
    minhash = ingot_minhash_kernels_of(number)
    feedback = ingot_feedback_kernels_of(number)
  }

  /// The kernels of the level that processor and `INGOT_CPU` decide.
  package static let current = KernelTable(level: CPUFeatures.current.level)

  /// Whether products of bf16 are faster than those of f32: the processor has instructions for them.
  package var multipliesBF16: Bool { narrow.is_native != 0 }

  /// The level's name.
  package var description: String { level.name }
}
