// SPDX-License-Identifier: Apache-2.0
// Losses and divergences against the same formulas in numpy, in double precision.
import Foundation
import IngotEvaluation
import IngotTestSupport
import Testing

@Suite struct EvaluationTests {
  /// Two rows of logits for five positions, and what numpy makes of them.
  private struct Answer: Decodable {
    let nll: Double
    let bitsPerByte: Double
    let kl: Double
    let klP99: Double
    let klMedian: Double
    let klMax: Double
    let difference: Double
    let differenceError: Double
    let top1: Double
    let first: [Double]
  }

  private static let vocabularySize = 37
  private static let positionCount = 50

  private static func logits(seed: UInt64) -> [[Double]] {
    var random = SeededRandom(seed: seed)
    return (0..<positionCount).map { _ in random.floats(vocabularySize).map { Double($0) * 4 } }
  }

  private static let script = """
    import json, sys
    import numpy as np
    a, b, tokens = (np.array(x) for x in json.load(sys.stdin))
    def logp(x):
        x = x - x.max(-1, keepdims=True)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))
    p, q = logp(a), logp(b)
    kl = (np.exp(p) * (p - q)).sum(-1)
    rank = int(np.ceil(len(kl) * 0.99)) - 1
    nll = -q[np.arange(len(tokens)), tokens]
    base = -p[np.arange(len(tokens)), tokens]
    slope = np.exp([nll.mean(), base.mean()]) * [1, -1]
    error = np.sqrt(slope @ np.cov(nll, base) @ slope / len(tokens))
    print(json.dumps({"nll": nll.mean(), "bitsPerByte": nll.sum() / np.log(2) / 123, "kl": kl.mean(),
                      "klP99": np.sort(kl)[rank], "klMedian": np.sort(kl)[(len(kl) + 1) // 2 - 1], "klMax": kl.max(),
                      "difference": np.exp(nll.mean()) - np.exp(base.mean()), "differenceError": error, "top1": float((p.argmax(-1) == q.argmax(-1)).mean()),
                      "first": list(p[0])}))
    """

  /// Sums of a few dozen terms, each rounded to 2⁻⁵³.
  private static let tolerance = 1e-12

  @Test func `loss, divergence and agreement are numpy's`() throws {
    let (baseline, candidate) = (Self.logits(seed: 1), Self.logits(seed: 2))
    let tokens = (0..<Self.positionCount).map { $0 * 7 % Self.vocabularySize }
    let input = try JSONSerialization.data(withJSONObject: [baseline, candidate, tokens])
    let output = try PythonPeer.run(code: Self.script, input: Array(input)).outputBytes
    let answer = try JSONDecoder().decode(Answer.self, from: Data(output))

    var loss = LanguageModelLoss()
    var divergence = ModelDivergence()
    var paired = PairedLosses()
    for (index, token) in tokens.enumerated() {
      let (p, q) = (LogProbabilities(baseline[index]), LogProbabilities(candidate[index]))
      loss.add(token: token, given: q)
      divergence.add(TokenScore(index: 0, id: 0, given: q, against: p))
      paired.add(model: -q.values[token], baseline: -p.values[token])
    }
    #expect((loss.mean - answer.nll).magnitude < Self.tolerance)
    #expect((loss.bitsPerByte(byteCount: 123) - answer.bitsPerByte).magnitude < Self.tolerance)
    #expect((divergence.mean - answer.kl).magnitude < Self.tolerance)
    #expect((divergence.percentile99 - answer.klP99).magnitude < Self.tolerance)
    #expect((divergence.median - answer.klMedian).magnitude < Self.tolerance)
    #expect((divergence.largest - answer.klMax).magnitude < Self.tolerance)
    #expect(divergence.top1Agreement == answer.top1)
    // Of perplexities near a thousand.
    #expect((paired.perplexityDifference / answer.difference - 1).magnitude < 1e-11)
    #expect((paired.standardError / answer.differenceError - 1).magnitude < 1e-11)
    #expect(PairedLosses().standardError.isNaN)
    for (ours, theirs) in zip(LogProbabilities(baseline[0]).values, answer.first) {
      #expect((ours - theirs).magnitude < Self.tolerance)
    }
  }

  @Test func `large logits do not overflow`() {
    let values = LogProbabilities([1e4, 1e4, -1e4]).values
    #expect(values.allSatisfy { !$0.isNaN })
    #expect((values[0] + 0.693147180559945).magnitude < Self.tolerance)
  }

  @Test func `the likeliest tokens are in order, ties by id`() {
    let probabilities = LogProbabilities([1.0, 3.0, 3.0, 2.0])
    #expect(probabilities.likeliest == 1)
    #expect(probabilities.likeliest(3).map(\.token) == [1, 2, 3])
  }

  /// Rows of which one of two holds NaN, or an infinity that makes it none; and numpy's mean over all.
  @Test(arguments: [Double.nan, .infinity])
  func `one position that is no number makes the figures none`(bad: Double) {
    var broken = Self.logits(seed: 1)[0]
    broken[5] = bad
    let sound = Self.logits(seed: 2)
    for (baseline, candidate) in [(broken, sound[0]), (sound[0], broken), (broken, broken)] {
      var divergence = ModelDivergence()
      var loss = LanguageModelLoss()
      for row in sound {
        divergence.add(
          TokenScore(index: 0, id: 0, given: LogProbabilities(row), against: LogProbabilities(row)))
        loss.add(token: 1, given: LogProbabilities(row))
      }
      #expect(divergence.mean == 0 && divergence.top1Agreement == 1 && loss.mean.isFinite)
      divergence.add(
        TokenScore(index: 0, id: 0, given: LogProbabilities(candidate), against: LogProbabilities(baseline)))
      loss.add(token: 1, given: LogProbabilities(broken))
      #expect(divergence.mean.isNaN && divergence.percentile99.isNaN && divergence.top1Agreement.isNaN)
      #expect(loss.mean.isNaN && loss.perplexity.isNaN)
    }
    #expect(LogProbabilities(broken).likeliest == nil && LogProbabilities(broken).likeliest(3).isEmpty)
  }

  @Test func `a token that the model rules out is infinitely far, not none`() {
    let (sure, unsure) = (LogProbabilities([0, -Double.infinity]), LogProbabilities([0.0, 0.0]))
    #expect(sure.divergence(from: unsure) > 0.69 && sure.divergence(from: unsure) < 0.7)
    #expect(unsure.divergence(from: sure) == .infinity)
    #expect(sure.likeliest == 0)
    #expect(ModelDivergence().mean.isNaN && ModelDivergence().top1Agreement.isNaN)
  }
}
