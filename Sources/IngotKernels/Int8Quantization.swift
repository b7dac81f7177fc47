// SPDX-License-Identifier: Apache-2.0
// Symmetric int8: scales from the largest magnitudes, values from scales, and what that costs.
import CIngotKernels
import IngotCore

/// The largest magnitude of each channel, collected tile by tile.
package struct AbsoluteMaximum: Sendable {
  private let layout: ChannelLayout
  private let kernels: ingot_quantize_kernels
  /// Magnitudes as bits, whose order is that of the numbers, with what is not finite above all.
  private var peaks: [UInt32]
  /// Elements that are not finite.
  package private(set) var nonFiniteCount = 0

  /// Makes a collector for a tensor's channels.
  package init(_ layout: ChannelLayout, kernels: KernelTable = .current) {
    self.layout = layout
    self.kernels = kernels.quantize
    peaks = [UInt32](repeating: 0, count: layout.channelCount)
  }

  /// The largest magnitude of each channel so far; of use when all elements are finite.
  package var values: [Float] { peaks.map { Float(bitPattern: $0) } }

  /// Adds elements.
  ///
  /// - Parameters:
  ///   - tile: the elements, F32, any number of them.
  ///   - start: the index of the first, in C order.
  package mutating func add(_ tile: UnsafeBufferPointer<Float>, from start: Int) {
    guard let input = tile.baseAddress else { return }
    let kernels = kernels
    var (hasNonFinite, isInterleaved) = (false, false)
    peaks.withUnsafeMutableBufferPointer { peaks in
      guard let target = peaks.baseAddress else { return }
      layout.forEachRun(from: start, count: tile.count) { positions, channel, advances in
        let (x, count) = (input + positions.lowerBound, positions.count)
        if advances {
          kernels.peak_columns(x, count, target + channel)
          isInterleaved = true
        } else {
          target[channel] = max(target[channel], kernels.peak(x, count))
          hasNonFinite = hasNonFinite || Self.isNonFinite(target[channel])
        }
      }
      if isInterleaved { hasNonFinite = peaks.contains(where: Self.isNonFinite) }
    }
    if hasNonFinite { nonFiniteCount += tile.count { !$0.isFinite } }
  }

  private static func isNonFinite(_ peak: UInt32) -> Bool { peak >= Float.infinity.bitPattern }

  /// Adds what was collected of another stretch of the same tensor.
  package mutating func merge(_ next: AbsoluteMaximum) {
    for (channel, peak) in next.peaks.enumerated() { peaks[channel] = max(peaks[channel], peak) }
    nonFiniteCount += next.nonFiniteCount
  }

  /// The scales: a channel's largest magnitude over 127, so that the grid just covers it; 0 for an all-zero channel.
  ///
  /// Where 127 steps of that are beyond the largest number there is, it is the next smaller one.
  package var scales: [Float] {
    values.map { peak in
      let scale = peak / 127
      return (127 * scale).isFinite ? scale : scale.nextDown
    }
  }
}

/// What rounding to small integers costs one tensor.
public struct QuantizationError: Hashable, Sendable {
  /// Elements.
  public private(set) var count = 0
  /// The sum of the squared values.
  public private(set) var signal = 0.0
  /// The sum of the squared differences.
  public private(set) var noise = 0.0
  /// The largest absolute difference.
  public private(set) var largest = 0.0
  /// Elements whose rounded quotient is beyond the integers that there are, which became the last of them.
  ///
  /// Scales of least squared error make such on purpose; those of largest magnitudes only where they are subnormal.
  public private(set) var clippedCount = 0

  /// Makes the cost of no elements.
  package init() {}

  /// Whether every value is kept exactly.
  public var isExact: Bool { noise == 0 }

  /// Whether values that are not all zeros became zeros.
  package var isAllLost: Bool { signal > 0 && noise == signal }

  /// The share of elements that are clipped, from 0 to 1; 0 of none.
  public var clippedShare: Double { count > 0 ? Double(clippedCount) / Double(count) : 0 }

  /// The signal-to-noise ratio in decibels, `10 · log₁₀(Σ x² ÷ Σ (x − q·s)²)`; infinite when nothing was lost.
  public var signalToNoise: Double { isExact ? .infinity : 10 * ingot_log10(signal / noise) }

  /// Adds elements whose cost a kernel has summed, and of which it has counted those that are clipped.
  mutating func add(_ rounding: ingot_rounding, count: Int, clippedCount: Int = 0) {
    self.count += count
    self.clippedCount += clippedCount
    signal += rounding.signal
    noise += rounding.noise
    // The kernel's largest passes over NaN, its sum does not.
    largest = rounding.noise.isNaN ? .nan : largest.orLarger(rounding.largest)
  }

  /// Adds the cost of other tensors: sums add, the largest stays.
  package mutating func merge(_ other: QuantizationError) {
    count += other.count
    clippedCount += other.clippedCount
    signal += other.signal
    noise += other.noise
    largest = largest.orLarger(other.largest)
  }
}

/// Rounds a tensor's values to symmetric int8 with given scales.
package struct Int8Quantizer: Sendable {
  private let layout: ChannelLayout
  private let scales: [Float]
  /// Whether values may be beyond what their scale reaches.
  private let mayClip: Bool
  private let kernels: ingot_quantize_kernels
  /// What it cost so far.
  package private(set) var error = QuantizationError()

  /// Makes a quantizer.
  ///
  /// - Parameters:
  ///   - layout: the tensor's channels.
  ///   - scales: one for each channel.
  ///   - coverPeaks: whether they are ``AbsoluteMaximum/scales``: nothing is beyond one of them that is not subnormal.
  ///   - kernels: the kernels to use; values and cost are the same for all.
  package init(
    _ layout: ChannelLayout, scales: [Float], coverPeaks: Bool = false, kernels: KernelTable = .current
  ) {
    precondition(scales.count == layout.channelCount, "a scale for each channel")
    mayClip = !coverPeaks || scales.contains { $0.isSubnormal }
    self.layout = layout
    self.scales = scales
    self.kernels = kernels.quantize
  }

  /// Rounds elements: `q = clamp(round(x ÷ scale), −127, 127)`, ties to even; a scale of 0 gives 0.
  ///
  /// - Parameters:
  ///   - input: the elements, F32, finite.
  ///   - start: the index of the first, in C order.
  ///   - output: room for as many I8.
  package mutating func quantize(
    _ input: UnsafeBufferPointer<Float>, from start: Int, into output: UnsafeMutableBufferPointer<Int8>
  ) {
    guard let x = input.baseAddress, let q = output.baseAddress else { return }
    let (kernels, mayClip) = (kernels, mayClip)
    var (rounding, clippedCount) = (ingot_rounding(), 0)
    scales.withUnsafeBufferPointer { scales in
      guard let scales = scales.baseAddress else { return }
      layout.forEachRun(from: start, count: input.count) { positions, channel, advances in
        let (first, count) = (positions.lowerBound, positions.count)
        if advances {
          kernels.quantize_i8_columns(x + first, count, scales + channel, q + first, &rounding)
        } else {
          kernels.quantize_i8(x + first, count, scales[channel], q + first, &rounding)
        }
        guard mayClip else { return }
        clippedCount += Int(
          clamping: advances
            ? kernels.clipped_columns(x + first, count, scales + channel)
            : kernels.clipped(x + first, count, scales[channel]))
      }
    }
    error.add(rounding, count: input.count, clippedCount: clippedCount)
  }

  /// Adds what another stretch of the same tensor cost.
  package mutating func merge(_ next: Int8Quantizer) { error.merge(next.error) }
}
