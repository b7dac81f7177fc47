// SPDX-License-Identifier: Apache-2.0
// Logits as probabilities, in double precision: the ground that loss, perplexity and divergence stand on.
import CIngotKernels
import IngotCore

/// One row of logits as a distribution over tokens; one that holds NaN is NaN throughout.
package struct LogProbabilities: Sendable {
  /// `log p` of each token, `[V]`, natural logarithm.
  package private(set) var values: [Double]

  /// Normalizes a row: `log p(v) = x(v) − log Σ exp x`, the largest logit taken out first so that nothing overflows.
  ///
  /// - Parameter logits: scores, `[V]`, at least one.
  package init(_ logits: ArraySlice<Double>) {
    values = Array(logits)
    var largest = -Double.infinity
    for value in values where value > largest { largest = value }
    var sum = 0.0
    for value in values { sum += ingot_exp(value - largest) }
    let normalizer = largest + ingot_log(sum)
    for index in values.indices { values[index] -= normalizer }
  }

  /// Normalizes a row of scores, `[V]`.
  package init(_ logits: [Double]) {
    self.init(logits[...])
  }

  /// Normalizes a row of fp32 scores, `[V]`.
  package init(_ logits: [Float]) {
    self.init(logits.map(Double.init))
  }

  /// The likeliest token; the first of several; `nil` when a score is NaN.
  package var likeliest: Int? { Self.greatest(values) }

  /// The index of the largest of some scores; the first of several; `nil` for none, and when one is NaN.
  package static func greatest(_ scores: [some BinaryFloatingPoint]) -> Int? {
    guard var best = scores.indices.first else { return nil }
    for index in scores.indices {
      if scores[index].isNaN { return nil }
      if scores[index] > scores[best] { best = index }
    }
    return best
  }

  /// The likeliest tokens with their `log p`, the likeliest first; ties in the order of ids; none when a score is NaN.
  package func likeliest(_ count: Int) -> [(token: Int, logProbability: Double)] {
    guard likeliest != nil else { return [] }
    // Few are wanted of many: each is put in its place among the best so far.
    var best: [Int] = []
    for index in values.indices
    where best.count < count || values[index] > (best.last.map { values[$0] } ?? .infinity) {
      let place = best.firstIndex { values[$0] < values[index] } ?? best.endIndex
      best.insert(index, at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map { ($0, values[$0]) }
  }

  /// The probability of a token; 0 outside the vocabulary.
  package func probability(of token: Int) -> Double {
    values.indices.contains(token) ? Self.exponential(values[token]) : 0
  }

  /// `exp`, the same on every machine.
  static func exponential(_ value: Double) -> Double { ingot_exp(value) }

  /// The divergence `KL(self ‖ other) = Σ p · (log p − log q)`, in nats; NaN when either holds NaN.
  package func divergence(from other: LogProbabilities) -> Double {
    guard values.count == other.values.count else { return .nan }
    var sum = 0.0
    for index in values.indices where values[index] != -.infinity {
      sum += ingot_exp(values[index]) * (values[index] - other.values[index])
    }
    // Rounding may leave less than nothing; a NaN stays.
    return sum < 0 ? 0 : sum
  }
}
