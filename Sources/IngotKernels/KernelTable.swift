// SPDX-License-Identifier: Apache-2.0
// The kernels of one CPU level, picked once. Each has a plain twin in ReferenceKernels that tests compare it with.

/// The kernels in use: one set of functions a CPU level.
package struct KernelTable: Sendable, CustomStringConvertible {
  /// The level of all kernels in the table.
  package let level: CPULevel
  let conversion: ConversionKernels
  let product: ProductKernels
  let narrow: NarrowKernels
  let rows: RowKernels
  let statistics: StatisticsKernels
  let transpose: TransposeKernels
  let quantize: QuantizeKernels
  let blocks: BlockKernels

  /// The kernels of a level.
  ///
  /// - Precondition: the processor carries the level: it is one of ``CPUFeatures/available``.
  package init(level: CPULevel) {
    precondition(level <= CPUFeatures.current.highest, "the processor carries the level")
    self.level = level
    conversion = ConversionKernels(level: level)
    product = ProductKernels(level: level)
    narrow = NarrowKernels(level: level)
    rows = RowKernels(level: level)
    statistics = StatisticsKernels(level: level)
    transpose = TransposeKernels(level: level)
    quantize = QuantizeKernels(level: level)
    blocks = BlockKernels(level: level)
  }

  /// The kernels of the level that processor and `INGOT_CPU` decide.
  package static let current = KernelTable(level: CPUFeatures.current.level)

  /// Whether products of bf16 are faster than those of f32: the processor has instructions for them.
  package var multipliesBF16: Bool { narrow.isNative }

  /// The level's name.
  package var description: String { level.name }
}
