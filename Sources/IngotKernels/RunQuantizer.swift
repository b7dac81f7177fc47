// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 by runs: so many values that follow each other in C order share a scale, also across the ends of rows.
// karpathy/llama2.c: export.py, `quantize_q80`.
import CIngotKernels
import IngotCore

/// How scales are stored, which they are rounded to before values are divided by them.
package enum ScaleType: Hashable, Sendable, CaseIterable {
  case f32, f16, bf16

  /// The type of a dtype; `nil` for those that scales are not stored as.
  package init?(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    default: return nil
    }
  }

  /// The dtype.
  package var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }

  /// Scales as they are stored, little-endian, which they are rounded to already.
  package func bytes(of scales: [Float]) -> [UInt8] {
    guard let conversion = ElementConversion(from: .f32, to: dtype), let width = dtype.byteWidth else {
      return []
    }
    var bytes = [UInt8](repeating: 0, count: scales.count * width)
    scales.withUnsafeBytes { scales in
      bytes.withUnsafeMutableBytes { bytes in
        guard let from = scales.baseAddress, let to = bytes.baseAddress else { return }
        // SAFETY: both hold as many elements of the conversion's types.
        _ = conversion.convert(count: bytes.count / width, from: from, to: to)
      }
    }
    return bytes
  }

  /// The number that kernels know it by.
  var code: Int32 {
    switch self {
    case .f32: Int32(INGOT_SCALE_F32)
    case .f16: Int32(INGOT_SCALE_F16)
    case .bf16: Int32(INGOT_SCALE_BF16)
    }
  }
}

/// How the scales of runs are found.
package struct RunRule: Hashable, Sendable {
  /// Values that share a scale, at least 1.
  package var size: Int
  /// Values from one of a run to the next: of a matrix whose columns are cut into runs its columns; 1 where they follow each
  /// other.
  package var columnCount: Int
  /// How scales are stored.
  package var scaleType: ScaleType
  /// Whether scales are those of least squared error among some, or a run's largest magnitude over 127.
  package var isFitted: Bool

  /// A rule: F32 scales from the largest magnitudes, unless said.
  package init(size: Int, columnCount: Int = 1, scaleType: ScaleType = .f32, isFitted: Bool = false) {
    (self.size, self.columnCount, self.scaleType, self.isFitted) = (size, columnCount, scaleType, isFitted)
  }
}

/// Rounds values to symmetric int8 run by run, each by its own scale, and adds up what that costs.
package struct RunQuantizer: Sendable {
  /// How scales are found.
  package let rule: RunRule
  private let kernels: KernelTable
  /// What rounding cost so far.
  package private(set) var error = QuantizationError()
  /// Values so far that are not finite.
  package private(set) var nonFiniteCount = 0
  /// Runs so far of finite values whose scales are beyond their type.
  package private(set) var overflowCount = 0

  /// Makes a quantizer.
  ///
  /// - Parameters:
  ///   - rule: how scales are found.
  ///   - kernels: the kernels to use; integers, scales and cost are the same for all.
  package init(_ rule: RunRule, kernels: KernelTable = .current) {
    precondition(rule.size > 0, "runs of at least one value")
    self.rule = rule
    self.kernels = kernels
  }

  /// The scales of whole runs: those of least squared error, or ``AbsoluteMaximum/scales``, a run's largest magnitude over 127,
  /// as they are stored.
  ///
  /// - Parameter values: F32, as many as whole runs have.
  /// - Returns: a scale for each run.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, and for a part of a run.
  package mutating func scales(of values: Elements) throws(IngotError) -> [Float] {
    guard values.count > 0 else { return [] }
    if rule.isFitted { return try fittedScales(of: values) }
    var largest = AbsoluteMaximum(try layout(of: values), kernels: kernels)
    largest.add(try values.floats(), from: 0)
    nonFiniteCount += largest.nonFiniteCount
    return rule.scaleType == .f32 ? largest.scales : try stored(largest.scales)
  }

  /// Scales of largest magnitudes in 16 bits: the nearest number of their type, or the next larger one where that is so small
  /// that the largest value would be more than half a step beyond 127 of them.
  private mutating func stored(_ scales: [Float]) throws(IngotError) -> [Float] {
    guard let narrow = ElementConversion(from: .f32, to: rule.scaleType.dtype, onOverflow: .infinity),
      let widen = ElementConversion(from: rule.scaleType.dtype, to: .f32)
    else { throw .internal("scales of a type that there is not") }
    var bits = [UInt16](repeating: 0, count: scales.count)
    narrow.convert(scales, to: &bits)
    var stored = [Float](repeating: 0, count: scales.count)
    widen.convert(bits, to: &stored)
    // Numbers above 0 follow each other as their bits do.
    for index in scales.indices where stored[index] * 127.5 < scales[index] * 127 { bits[index] += 1 }
    widen.convert(bits, to: &stored)
    for index in stored.indices where !stored[index].isFinite {
      if scales[index].isFinite { overflowCount += 1 }
      stored[index] = 0
    }
    return stored
  }

  private mutating func fittedScales(of values: Elements) throws(IngotError) -> [Float] {
    let count = try layout(of: values).channelCount
    let floats = try values.floats()
    guard let x = floats.baseAddress else { return [] }
    let (size, code, fit) = (rule.size, rule.scaleType.code, kernels.quantize.fit_scales)
    var scales = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let target = buffer.baseAddress { fit(x, nil, count, size, code, target) }
      filled = count
    }
    for index in scales.indices where !scales[index].isFinite {
      let bad = floats[(index * size)..<((index + 1) * size)].count { !$0.isFinite }
      nonFiniteCount += bad
      if bad == 0 { overflowCount += 1 }
      scales[index] = 0
    }
    return scales
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
    var quantizer = Int8Quantizer(
      try layout(of: values), scales: scales, coverPeaks: !rule.isFitted, kernels: kernels)
    quantizer.quantize(try values.floats(), from: 0, into: output.bindMemory(to: Int8.self))
    error.merge(quantizer.error)
  }

  /// Adds what other stretches of the same tensor cost.
  package mutating func merge(_ next: RunQuantizer) {
    error.merge(next.error)
    nonFiniteCount += next.nonFiniteCount
    overflowCount += next.overflowCount
  }

  /// The runs of some values, as channels that follow each other.
  private func layout(of values: Elements) throws(IngotError) -> ChannelLayout {
    guard values.count.isMultiple(of: rule.size), let shape = Shape([values.count / rule.size, rule.size])
    else {
      throw .internal("a part of a run of \(rule.size)")
    }
    return ChannelLayout(shape: shape, axis: 0)
  }
}

extension ElementConversion {
  /// Converts as many elements as both arrays have.
  fileprivate func convert<From, To>(_ source: [From], to target: inout [To]) {
    let count = min(source.count, target.count)
    source.withUnsafeBytes { source in
      target.withUnsafeMutableBytes { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        // SAFETY: both hold `count` elements of the conversion's types, by how the arrays are made.
        _ = convert(count: count, from: from, to: to)
      }
    }
  }
}
