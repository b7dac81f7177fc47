// SPDX-License-Identifier: Apache-2.0
// What is done to a row of scores before a token is drawn by them: each as transformers defines it, in float64.

/// A change of a row of scores.
///
/// - SeeAlso: huggingface/transformers, `generation/logits_process.py`.
package enum ScoreFilter: Hashable, Sendable {
  /// Scores of tokens that are there already are divided by it where they are above 0, and multiplied where not (Keskar et
  /// al., "CTRL", 2019, section 4.1).
  case repetitionPenalty(Double)
  /// All scores are divided by it.
  case temperature(Double)
  /// Only so many of the largest scores stay, and those that equal the last of them (Fan et al., "Hierarchical Neural
  /// Story Generation", 2018).
  case topK(Int)
  /// Only the likeliest tokens stay that have this probability together, one at the least (Holtzman et al., "The Curious
  /// Case of Neural Text Degeneration", 2020).
  case topP(Double)
  /// Only tokens stay that have this share of the likeliest one's probability (Nguyen et al., "Turning Up the Heat: Min-p
  /// Sampling", 2024).
  case minP(Double)

  /// Changes a row of scores; what does not stay becomes minus infinity.
  ///
  /// - Parameters:
  ///   - scores: `[V]`, none of them NaN.
  ///   - earlier: the tokens of the prompt and those added since.
  /// - Complexity: O(V), and O(V log V) for ``topK(_:)`` and ``topP(_:)``.
  package func apply(to scores: inout [Double], earlier: Set<Int>) {
    switch self {
    case .repetitionPenalty(let penalty):
      for token in earlier where scores.indices.contains(token) {
        scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty
      }
    case .temperature(let temperature):
      for index in scores.indices { scores[index] /= temperature }
    case .topK(let count):
      guard count < scores.count else { return }
      let least = scores.sorted(by: >)[max(count, 1) - 1]
      Self.drop(from: &scores) { $0 < least }
    case .topP(let share): Self.keepLikeliest(share, of: &scores)
    case .minP(let share):
      let probabilities = LogProbabilities(scores)
      let greatest = probabilities.values.max() ?? 0
      for index in scores.indices
      where LogProbabilities.exponential(probabilities.values[index])
        < share * LogProbabilities.exponential(greatest) && probabilities.values[index] < greatest
      {
        scores[index] = -.infinity
      }
    }
  }

  private static func drop(from scores: inout [Double], where isDropped: (Double) -> Bool) {
    for index in scores.indices where isDropped(scores[index]) { scores[index] = -.infinity }
  }

  /// Drops the least likely tokens as long as they have no more than `1 − share` together.
  private static func keepLikeliest(_ share: Double, of scores: inout [Double]) {
    let probabilities = LogProbabilities(scores)
    // Of equal ones the last stays longest, as a stable sort has it.
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    var sum = 0.0
    for index in order.dropLast() {
      sum += LogProbabilities.exponential(probabilities.values[index])
      guard sum <= 1 - share else { return }
      scores[index] = -.infinity
    }
  }
}
