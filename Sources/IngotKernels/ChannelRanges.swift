// SPDX-License-Identifier: Apache-2.0
// How large the channels of rows are, of activations or of weights, and powers of two that bring those of the ones and of the
// others together. Xiao et al., "SmoothQuant", 2023, equation 4; its factors are rounded to powers of two here, by which
// nothing is rounded.
import Glibc
import IngotCore

/// What the channels of some rows are like.
package struct ChannelRanges: Sendable {
  /// Each channel's largest magnitude; NaN and infinity stay.
  package private(set) var peaks: [Float]
  /// The sum of each channel's squares.
  package private(set) var squares: [Double]
  /// Rows that were seen.
  package private(set) var rowCount = 0

  /// Starts with nothing.
  package init(width: Int) {
    peaks = [Float](repeating: 0, count: width)
    squares = [Double](repeating: 0, count: width)
  }

  /// Adds a row of as many numbers as there are channels.
  package mutating func add(_ row: UnsafeBufferPointer<Float>) {
    rowCount += 1
    for channel in 0..<min(row.count, peaks.count) {
      let magnitude = row[channel].magnitude
      // Of NaN, too.
      if !(magnitude <= peaks[channel]) { peaks[channel] = magnitude }
      squares[channel] += Double(magnitude) * Double(magnitude)
    }
  }

  /// The largest magnitude of a row once each channel is multiplied by its factor.
  package static func peak(of row: UnsafeBufferPointer<Float>, times factors: [Float]) -> Float {
    factors.withUnsafeBufferPointer { factors in
      var peak: Float = 0
      for channel in 0..<min(row.count, factors.count) {
        let magnitude = (row[channel] * factors[channel]).magnitude
        if !(magnitude <= peak) { peak = magnitude }
      }
      return peak
    }
  }
}

/// Powers of two, one a channel.
package struct ChannelPowers: Sendable {
  /// The exponents.
  package let exponents: [Int]

  /// Powers of these exponents, within those of F32.
  package init(exponents: [Int]) { self.exponents = exponents }

  /// Powers next to `inputs^α / weights^(1 − α)`, whose geometric mean is about 1.
  ///
  /// - Parameters:
  ///   - inputs: each channel's largest magnitude in what products take, finite.
  ///   - weights: the same of what multiplies it.
  ///   - share: α, the share of the inputs' ranges that goes over into the weights.
  ///   - limit: the largest exponent, either way.
  package init(smoothing inputs: [Float], against weights: [Float], share: Double, limit: Int) {
    let logarithms = zip(inputs, weights).map { input, weight -> Double? in
      // What is always 0 needs no steps.
      input > 0 && weight > 0 ? share * log2(Double(input)) - (1 - share) * log2(Double(weight)) : nil
    }
    let known = logarithms.compactMap(\.self)
    let mean = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
    exponents = logarithms.map { logarithm in
      guard let logarithm else { return 0 }
      return Int(max(Double(-limit), min(Double(limit), (logarithm - mean).rounded(.toNearestOrEven))))
    }
  }

  /// The powers.
  package var factors: [Float] { exponents.map { Float(sign: .plus, exponent: $0, significand: 1) } }
  /// One over each.
  package var inverses: [Float] { exponents.map { Float(sign: .plus, exponent: -$0, significand: 1) } }
}
