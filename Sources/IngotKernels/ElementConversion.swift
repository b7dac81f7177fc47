// SPDX-License-Identifier: Apache-2.0
// Changes the dtype of elements, in one rounding to nearest even from the stored value. Not here: reading tensors tile
// by tile (IngotTransforms), and what to do about an overflow (the caller).
import CIngotKernels
import IngotCore

/// What to put where a finite value's rounding is beyond the largest finite one of the target.
public enum OverflowPolicy: String, CaseIterable, Hashable, Sendable {
  /// The caller refuses the result unless ``CastReport/isInRange``; elements become infinity.
  case refuse
  /// The largest finite value, with the sign; an infinity that the target lacks is NaN all the same.
  case saturate
  /// Infinity, with the sign; NaN in F8_E4M3, which has no infinity.
  case infinity
}

/// What a conversion did to the values.
package struct CastReport: Hashable, Sendable {
  /// Finite values whose rounding is beyond the largest finite one of the target.
  package var overflowCount = 0
  /// The largest magnitude among the overflowing values; 0 when there are none.
  package var largestOverflow = 0.0
  /// Values that the target does not hold exactly, overflowing ones and lost infinities included; NaN never counts.
  package var inexactCount = 0
  /// Infinities that became NaN: only in F8_E4M3, which has no infinity.
  package var lostInfinityCount = 0

  /// Makes a report of nothing.
  package init() {}

  /// Whether every value but NaN is still of its class: finite ones finite, infinities infinite.
  package var isInRange: Bool { overflowCount == 0 && lostInfinityCount == 0 }
  /// Finite values that became other finite ones by rounding alone.
  package var roundedCount: Int { inexactCount - overflowCount - lostInfinityCount }

  /// Adds what another stretch of the same tensor reported.
  package mutating func merge(_ other: CastReport) {
    overflowCount += other.overflowCount
    largestOverflow = max(largestOverflow, other.largestOverflow)
    inexactCount += other.inexactCount
    lostInfinityCount += other.lostInfinityCount
  }
}

/// A conversion between two dtypes, among F64, F32, F16, BF16, F8_E4M3 and F8_E5M2; from F8_E8M0 to
/// all of them; from small integers to F32 and F64.
///
/// NaN stays NaN, with its sign and the upper payload bits that fit, made quiet; infinities stay, but in F8_E4M3,
/// where they become NaN and are counted. Denormals are rounded like all other values.
package struct ElementConversion: Sendable {
  /// The dtype that is read.
  package let source: DType
  /// The dtype that is written.
  package let target: DType
  /// What becomes of values beyond the target's range.
  package let onOverflow: OverflowPolicy
  private let kernels: ingot_convert_kernels
  private let route: Route

  /// Elements converted between two looks at the counts; intermediate values of one block stay in the L1 cache.
  private static let blockElementCount = 2048

  /// Converts `n` elements at `x` to `n` elements at `y`, exactly or by a rule of its own.
  private typealias WidenKernel =
    @convention(c) @Sendable (_ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int) -> Void
  /// Converts `n` elements at `x` to `n` narrower ones at `y`, adding to counts.
  private typealias NarrowKernel =
    @convention(c) @Sendable (
      _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int, _ saturate: Int32,
      _ counts: UnsafeMutablePointer<ingot_cast_counts>
    ) -> Void

  /// The steps from source to target.
  ///
  /// Each but the last is exact, or rounds to odd, so that all together make one rounding.
  private enum Route {
    case copy(byteWidth: Int)
    case widen(WidenKernel)
    case narrow(NarrowKernel)
    case widenThenWiden(WidenKernel, WidenKernel)
    case widenThenNarrow(WidenKernel, NarrowKernel)
  }

  /// Makes a conversion; `nil` when there is none between the two dtypes.
  ///
  /// - Parameters:
  ///   - source: the dtype that is read; I8, U8, I16 and U16 too when the target is F32 or F64.
  ///   - target: the dtype that is written.
  ///   - onOverflow: what becomes of values beyond the target's range.
  ///   - kernels: the kernels to use; the result is the same for all.
  package init?(
    from source: DType, to target: DType, onOverflow: OverflowPolicy = .refuse,
    kernels: KernelTable = .current
  ) {
    guard let route = Self.route(from: source, to: target, kernels: kernels.conversion) else { return nil }
    self.source = source
    self.target = target
    self.onOverflow = onOverflow
    self.kernels = kernels.conversion
    self.route = route
  }

  /// Converts elements of a part.
  ///
  /// - Parameters:
  ///   - input: elements of the source dtype.
  ///   - output: room for as many of the target dtype. Must not overlap `input`.
  /// - Returns: what was lost.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, and for another room.
  package func convert(
    _ input: Elements, to output: UnsafeMutableRawBufferPointer
  ) throws(IngotError) -> CastReport {
    try input.require(.number(source))
    try output.requireRoom(for: input.count, .number(target))
    guard let from = input.bytes.baseAddress, let to = output.baseAddress else { return CastReport() }
    return convert(count: input.count, from: from, to: to)
  }

  /// Converts elements.
  ///
  /// - Parameters:
  ///   - count: elements to convert.
  ///   - input: `count` elements of the source dtype, little-endian; any alignment.
  ///   - output: room for `count` elements of the target dtype; any alignment. Must not overlap `input`.
  /// - Returns: what was lost.
  /// - Complexity: one pass; allocates at most 8 KiB, on the stack.
  package func convert(count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer)
    -> CastReport
  {
    var report = CastReport()
    if case .copy(let byteWidth) = route {
      output.copyMemory(from: input, byteCount: count * byteWidth)
      return report
    }
    let sourceWidth = source.bitWidth / 8
    let targetWidth = target.bitWidth / 8
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.blockElementCount) { scratch in
      guard let base = scratch.baseAddress else { return }
      var start = 0
      while start < count {
        let blockCount = min(Self.blockElementCount, count - start)
        let from = input + start * sourceWidth
        let counts = convertBlock(blockCount, from: from, to: output + start * targetWidth, scratch: base)
        report.merge(self.report(counts, count: blockCount, from: from))
        start += blockCount
      }
    }
    return report
  }

  private func convertBlock(
    _ count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer,
    scratch: UnsafeMutablePointer<Float>
  ) -> ingot_cast_counts {
    var counts = ingot_cast_counts()
    let saturate: Int32 = onOverflow == .saturate ? 1 : 0
    switch route {
    case .copy: break
    case .widen(let step): step(input, output, count)
    case .narrow(let step): step(input, output, count, saturate, &counts)
    case .widenThenWiden(let first, let second):
      first(input, scratch, count)
      second(scratch, output, count)
    case .widenThenNarrow(let first, let second):
      first(input, scratch, count)
      second(scratch, output, count, saturate, &counts)
    }
    return counts
  }

  private func report(_ counts: ingot_cast_counts, count: Int, from input: UnsafeRawPointer) -> CastReport {
    var report = CastReport()
    report.overflowCount = Int(counts.overflow)
    report.inexactCount = Int(counts.inexact)
    report.lostInfinityCount = Int(counts.lost_infinities)
    if counts.overflow > 0 {
      // Rounding is monotone: when any value overflows, the one of largest finite magnitude does.
      report.largestOverflow = largestFiniteMagnitude(count, from: input)
    }
    return report
  }

  private func largestFiniteMagnitude(_ count: Int, from input: UnsafeRawPointer) -> Double {
    var largest = 0.0
    for index in 0..<count {
      let value = ReferenceKernels.decode(input, at: index, as: source)
      if value.isFinite { largest = max(largest, value.magnitude) }
    }
    return largest
  }
}

extension ElementConversion {
  private static func route(from source: DType, to target: DType, kernels: ingot_convert_kernels) -> Route? {
    if source == target {
      return isConvertible(source) ? .copy(byteWidth: source.bitWidth / 8) : nil
    }
    switch (source, target) {
    case (.f64, .f32): return .narrow(kernels.f64_f32)
    case (.f32, .f64): return .widen(kernels.widen_f32_f64)
    case (.f32, _): return narrowing(to: target, kernels: kernels).map { .narrow($0) }
    case (.f64, _):
      return narrowing(to: target, kernels: kernels).map { .widenThenNarrow(kernels.f64_f32_odd, $0) }
    default: break
    }
    guard let widen = widening(from: source, kernels: kernels) else { return nil }
    switch target {
    case .f32: return .widen(widen)
    case .f64: return .widenThenWiden(widen, kernels.widen_f32_f64)
    default:
      guard source.isFloating else { return nil }
      return narrowing(to: target, kernels: kernels).map { .widenThenNarrow(widen, $0) }
    }
  }

  private static func isConvertible(_ dtype: DType) -> Bool {
    switch dtype {
    case .f64, .f32, .f16, .bf16, .f8E4M3, .f8E5M2: true
    default: false
    }
  }

  private static func widening(from source: DType, kernels: ingot_convert_kernels) -> WidenKernel? {
    switch source {
    case .f16: kernels.widen_f16_f32
    case .bf16: kernels.widen_bf16_f32
    case .f8E4M3: kernels.widen_f8e4m3_f32
    case .f8E5M2: kernels.widen_f8e5m2_f32
    case .f8E8M0: kernels.widen_f8e8m0_f32
    case .i8: kernels.widen_i8_f32
    case .u8: kernels.widen_u8_f32
    case .i16: kernels.widen_i16_f32
    case .u16: kernels.widen_u16_f32
    default: nil
    }
  }

  private static func narrowing(to target: DType, kernels: ingot_convert_kernels) -> NarrowKernel? {
    switch target {
    case .f16: kernels.f32_f16
    case .bf16: kernels.f32_bf16
    case .f8E4M3: kernels.f32_f8e4m3
    case .f8E5M2: kernels.f32_f8e5m2
    default: nil
    }
  }
}
