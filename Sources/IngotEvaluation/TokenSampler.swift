// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from a row of scores: the likeliest, or one drawn by the distribution that filters leave.
import IngotCore

/// How the next token is chosen.
public struct SamplingOptions: Hashable, Sendable {
  /// What scores are divided by before a token is drawn; `nil` for the likeliest token each time.
  public var temperature: Double?
  /// How many of the likeliest tokens a token is drawn from.
  public var topK: Int?
  /// The probability that the tokens have together from which one is drawn.
  public var topP: Double?
  /// The share of the likeliest token's probability that a token needs to be drawn.
  public var minP: Double?
  /// How much less likely tokens become that are there already; 1 changes nothing.
  public var repetitionPenalty = 1.0
  /// What the draws begin with: equal seeds give equal texts; `nil` for 0.
  public var seed: UInt64?

  /// Makes options by which the likeliest token is taken each time.
  public init() {}

  /// What is done to scores, in transformers' order.
  package var filters: [ScoreFilter] {
    var filters: [ScoreFilter] = []
    if repetitionPenalty != 1 { filters.append(.repetitionPenalty(repetitionPenalty)) }
    guard let temperature else { return filters }
    if temperature != 1 { filters.append(.temperature(temperature)) }
    if let topK { filters.append(.topK(topK)) }
    if let topP, topP < 1 { filters.append(.topP(topP)) }
    if let minP, minP > 0 { filters.append(.minP(minP)) }
    return filters
  }
}

/// Chooses tokens, one after the other.
package struct TokenSampler: Sendable {
  private let filters: [ScoreFilter]
  private let draws: Bool
  private var random: SplitMix64
  private var earlier: Set<Int>

  /// Begins a text.
  ///
  /// - Parameters:
  ///   - options: how tokens are chosen.
  ///   - prompt: the tokens that are there already.
  package init(_ options: SamplingOptions, prompt: [Int]) {
    filters = options.filters
    draws = options.temperature != nil
    random = SplitMix64(seed: options.seed ?? 0)
    earlier = Set(prompt)
  }

  /// Chooses the next token.
  ///
  /// - Parameter scores: logits, `[V]`, as computed.
  /// - Returns: its id; `nil` for scores that hold NaN.
  package mutating func next<Score: BinaryFloatingPoint>(_ scores: [Score]) -> Int? {
    guard let likeliest = LogProbabilities.greatest(scores) else { return nil }
    var token = likeliest
    if !filters.isEmpty || draws {
      var filtered = scores.map { Double($0) }
      for filter in filters { filter.apply(to: &filtered, earlier: earlier) }
      guard let chosen = draws ? draw(filtered) : LogProbabilities.greatest(filtered) else { return nil }
      token = chosen
    }
    earlier.insert(token)
    return token
  }

  /// Draws a token by its probability.
  private mutating func draw(_ scores: [Double]) -> Int? {
    let probabilities = LogProbabilities(scores).values.map(LogProbabilities.exponential)
    var rest = random.nextUnit() * probabilities.reduce(0, +)
    guard !rest.isNaN else { return nil }
    var last: Int?
    for (token, probability) in probabilities.enumerated() where probability > 0 {
      if rest < probability { return token }
      rest -= probability
      last = token
    }
    // Rounding may leave a little behind the last.
    return last
  }
}
