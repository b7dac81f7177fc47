// SPDX-License-Identifier: Apache-2.0
// Filters of scores against transformers' own, in float64; draws against the distribution that they are from; texts that
// end what is generated.
import IngotEvaluation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SamplingTests {
  /// The chains of fixtures/generate/sampling.py.
  private static let chains: [(name: String, filters: [ScoreFilter])] = [
    ("none", []), ("repetition", [.repetitionPenalty(1.3)]), ("temperature", [.temperature(0.7)]),
    ("top_k", [.topK(5)]), ("top_k_one", [.topK(1)]), ("top_k_all", [.topK(1000)]), ("top_p", [.topP(0.9)]),
    ("top_p_small", [.topP(0.01)]), ("min_p", [.minP(0.05)]), ("min_p_one", [.minP(1)]),
    (
      "all", [.repetitionPenalty(1.2), .temperature(1.4), .topK(40), .topP(0.95), .minP(0.02)]
    ),
  ]

  /// Rows of scores with the tokens that are there already.
  private static func rows() throws -> (checkpoint: Checkpoint, scores: [[Double]], earlier: [Set<Int>]) {
    let checkpoint = try Ingot.open(Fixture.path("sampling/scores.npz"))
    let scores = try checkpoint.values(of: "scores", as: Double.self)
    let earlier = try checkpoint.values(of: "earlier", as: Double.self).map { Int($0) }
    return (
      checkpoint, cut(scores, into: 6), cut(earlier, into: 6).map(Set.init)
    )
  }

  private static func cut<Element>(_ values: [Element], into count: Int) -> [[Element]] {
    let width = values.count / count
    return (0..<count).map { Array(values[($0 * width)..<(($0 + 1) * width)]) }
  }

  @Test(arguments: chains.map(\.name))
  func `what a filter leaves is transformers'`(_ name: String) throws {
    let (checkpoint, scores, earlier) = try Self.rows()
    let expected = Self.cut(try checkpoint.values(of: name, as: Double.self), into: scores.count)
    let filters = try #require(Self.chains.first { $0.name == name }).filters
    for (row, values) in scores.enumerated() {
      var left = values
      for filter in filters { filter.apply(to: &left, earlier: earlier[row]) }
      let probabilities = LogProbabilities(left)
      for token in left.indices {
        let (ours, theirs) = (probabilities.probability(of: token), expected[row][token])
        #expect((ours - theirs).magnitude <= 1e-6, "row \(row), token \(token): \(ours) for \(theirs)")
        // What is left out is left out whole.
        #expect((ours == 0) == (theirs == 0), "row \(row), token \(token)")
      }
    }
  }

  @Test func `options make transformers' chain, in its order`() {
    var options = SamplingOptions()
    #expect(options.filters == [])
    options.repetitionPenalty = 1.2
    options.topK = 40
    #expect(options.filters == [.repetitionPenalty(1.2)], "nothing is drawn without a temperature")
    (options.temperature, options.topP, options.minP) = (1.4, 0.95, 0.02)
    #expect(options.filters == Self.chains.last?.filters)
  }

  @Test func `draws have the distribution that they are from, and equal seeds give equal ones`() throws {
    let scores: [Float] = [1, 3, -.infinity, 2, 0, 2.5]
    var options = SamplingOptions()
    options.temperature = 1
    func counts(seed: UInt64) throws -> [Int] {
      options.seed = seed
      var sampler = TokenSampler(options, prompt: [])
      var counts = scores.map { _ in 0 }
      for _ in 0..<40_000 {
        let token = sampler.next(scores)
        counts[try #require(token)] += 1
      }
      return counts
    }
    let drawn = try counts(seed: 7)
    let (again, others) = (try counts(seed: 7), try counts(seed: 8))
    #expect(drawn == again && drawn != others)
    let expected = LogProbabilities(scores)
    for (token, count) in drawn.enumerated() {
      let share = expected.probability(of: token)
      // Five standard deviations of the binomial distribution.
      let bound = 5 * (40_000 * share * (1 - share)).squareRoot()
      #expect((Double(count) - 40_000 * share).magnitude <= bound, "token \(token): \(count)")
    }
  }

  @Test func `the likeliest is taken without a temperature, and NaN is no score`() {
    var sampler = TokenSampler(SamplingOptions(), prompt: [1])
    #expect(sampler.next([1, 5, 5, 2] as [Double]) == 1)
    #expect(sampler.next([1, .nan, 0] as [Float]) == nil)
    var options = SamplingOptions()
    options.repetitionPenalty = 2
    sampler = TokenSampler(options, prompt: [1])
    // The token of the prompt is less likely, and the one that is taken then, too.
    #expect(sampler.next([1, 5, 4.5, 3] as [Double]) == 2)
    #expect(sampler.next([1, 5, 4.5, 3] as [Double]) == 3)
  }
}
