// SPDX-License-Identifier: Apache-2.0
// Symmetric int8: scales from the largest magnitudes, values from scales, and what that costs.
import CIngotKernels
import IngotCore

/// The largest magnitude of each channel, collected tile by tile.
public struct AbsoluteMaximum: Sendable {
  private let layout: ChannelLayout
  /// The largest magnitude of each channel so far; NaN values do not count.
  public private(set) var values: [Float]
  /// Elements that are not finite.
  public private(set) var nonFiniteCount = 0

  /// Makes a collector for a tensor's channels.
  public init(_ layout: ChannelLayout) {
    self.layout = layout
    values = [Float](repeating: 0, count: layout.channelCount)
  }

  /// Adds elements.
  ///
  /// - Parameters:
  ///   - tile: the elements, F32, any number of them.
  ///   - start: the index of the first, in C order.
  public mutating func add(_ tile: UnsafeBufferPointer<Float>, from start: Int) {
    layout.forEachRun(from: start, count: tile.count) { positions, channel, advances in
      if advances {
        for position in positions {
          let index = channel + position - positions.lowerBound
          values[index] = max(values[index], magnitude(tile[position]))
        }
      } else {
        var largest: Float = 0
        for position in positions { largest = max(largest, magnitude(tile[position])) }
        values[channel] = max(values[channel], largest)
      }
    }
  }

  private mutating func magnitude(_ value: Float) -> Float {
    guard value.isFinite else {
      nonFiniteCount += 1
      return 0
    }
    return value.magnitude
  }

  /// The scales: a channel's largest magnitude over 127, so that the grid just covers it; 0 for an all-zero channel.
  public var scales: [Float] { values.map { $0 / 127 } }
}

/// What rounding to int8 costs one tensor.
public struct QuantizationError: Hashable, Sendable {
  /// Elements.
  public private(set) var count = 0
  /// The sum of the squared values.
  public private(set) var signal = 0.0
  /// The sum of the squared differences.
  public private(set) var noise = 0.0
  /// The largest absolute difference.
  public private(set) var largest = 0.0

  /// Makes the cost of no elements.
  public init() {}

  /// The signal-to-noise ratio in decibels, `10 · log₁₀(Σ x² ÷ Σ (x − q·s)²)`; infinite when nothing was lost.
  public var signalToNoise: Double {
    guard noise > 0 else { return .infinity }
    return 10 * ingot_log10(signal / noise)
  }

  /// Adds elements and what they became.
  fileprivate mutating func add(_ value: Float, _ approximation: Float) {
    let difference = Double(value) - Double(approximation)
    count += 1
    signal += Double(value) * Double(value)
    noise += difference * difference
    largest = max(largest, difference.magnitude)
  }

  /// Adds the cost of other tensors: sums add, the largest stays.
  public mutating func merge(_ other: QuantizationError) {
    count += other.count
    signal += other.signal
    noise += other.noise
    largest = max(largest, other.largest)
  }
}

/// Rounds a tensor's values to symmetric int8 with given scales.
public struct Int8Quantizer: Sendable {
  private let layout: ChannelLayout
  private let scales: [Float]
  /// What it cost so far.
  public private(set) var error = QuantizationError()

  /// Makes a quantizer.
  ///
  /// - Parameters:
  ///   - layout: the tensor's channels.
  ///   - scales: one for each channel.
  public init(_ layout: ChannelLayout, scales: [Float]) {
    precondition(scales.count == layout.channelCount, "a scale for each channel")
    self.layout = layout
    self.scales = scales
  }

  /// Rounds elements: `q = clamp(round(x ÷ scale), −127, 127)`, ties to even; a scale of 0 gives 0.
  ///
  /// - Parameters:
  ///   - input: the elements, F32.
  ///   - start: the index of the first, in C order.
  ///   - output: room for as many I8.
  public mutating func quantize(
    _ input: UnsafeBufferPointer<Float>, from start: Int, into output: UnsafeMutableBufferPointer<Int8>
  ) {
    layout.forEachRun(from: start, count: input.count) { positions, channel, advances in
      for position in positions {
        let scale = scales[advances ? channel + position - positions.lowerBound : channel]
        let value = Self.quantize(input[position], scale: scale)
        output[position] = value
        error.add(input[position], Float(value) * scale)
      }
    }
  }

  private static func quantize(_ value: Float, scale: Float) -> Int8 {
    guard scale > 0 else { return 0 }
    let quotient = max(-127, min(127, value / scale))
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer, ties to even.
    let magic: Float = 12_582_912
    return Int8((quotient + magic) - magic)
  }
}
