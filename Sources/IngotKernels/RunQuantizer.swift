// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 by runs: so many values that follow each other in C order share a scale, also across the ends of rows.
// karpathy/llama2.c: export.py, `quantize_q80`.
import IngotCore

/// Rounds values to symmetric int8 run by run, each by its own largest magnitude, and adds up what that costs.
package struct RunQuantizer: Sendable {
  /// Values that share a scale.
  package let size: Int
  private let kernels: KernelTable
  /// What rounding cost so far.
  package private(set) var error = QuantizationError()
  /// Values so far that are not finite.
  package private(set) var nonFiniteCount = 0

  /// Makes a quantizer.
  ///
  /// - Parameters:
  ///   - size: values that share a scale, at least 1.
  ///   - kernels: the kernels to use; integers, scales and cost are the same for all.
  package init(size: Int, kernels: KernelTable = .current) {
    precondition(size > 0, "a run has values")
    self.size = size
    self.kernels = kernels
  }

  /// The scales of whole runs: ``AbsoluteMaximum/scales``, a run's largest magnitude over 127.
  ///
  /// - Parameter values: F32, as many as whole runs have.
  /// - Returns: a scale for each run.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, and for a part of a run.
  package mutating func scales(of values: Elements) throws(IngotError) -> [Float] {
    guard values.count > 0 else { return [] }
    var largest = AbsoluteMaximum(try layout(of: values), kernels: kernels)
    largest.add(try values.floats(), from: 0)
    nonFiniteCount += largest.nonFiniteCount
    return largest.scales
  }

  /// Rounds whole runs: `q = round(x ÷ scale)`, ties to even; a run of zeros has a scale of 0, and integers of 0.
  ///
  /// - Parameters:
  ///   - values: F32, as many as whole runs have.
  ///   - output: room for as many I8.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, a part of a run, and another room.
  package mutating func quantize(
    _ values: Elements, to output: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    let scales = try scales(of: values)
    try output.requireRoom(for: values.count, .number(.i8))
    guard !scales.isEmpty else { return }
    var quantizer = Int8Quantizer(try layout(of: values), scales: scales, kernels: kernels)
    quantizer.quantize(try values.floats(), from: 0, into: output.bindMemory(to: Int8.self))
    error.merge(quantizer.error)
  }

  /// Adds what other stretches of the same tensor cost.
  package mutating func merge(_ next: RunQuantizer) {
    error.merge(next.error)
    nonFiniteCount += next.nonFiniteCount
  }

  /// The runs of some values, as channels that follow each other.
  private func layout(of values: Elements) throws(IngotError) -> ChannelLayout {
    guard values.count.isMultiple(of: size), let shape = Shape([values.count / size, size]) else {
      throw .internal("a part of a run of \(size)")
    }
    return ChannelLayout(shape: shape, axis: 0)
  }
}
