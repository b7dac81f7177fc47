// SPDX-License-Identifier: Apache-2.0
// Tokens scored by rows of logits: in single precision as the plain way in double, and the same whatever the threads.
import IngotEvaluation
import IngotKernels
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ScoredLogitsTests {
  private static let (width, rowCount) = (257, 40)
  private static let ids = (0..<rowCount).map { $0 * 31 % width }

  private static func logits(seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    return random.floats(width * rowCount).map { $0 * 6 }
  }

  private static func scored(
    _ logits: LogitRows, _ baseline: LogitRows?, pool: ThreadPool = .shared
  ) -> ScoredLogits {
    ScoredLogits(
      (0..<rowCount).map { ($0, $0) }, of: ids, logits: logits, baseline: baseline, width: width, pool: pool)
  }

  /// Powers to 1e-14, and sums of a few hundred terms.
  private static let tolerance = 1e-12

  @Test(arguments: [false, true])
  func `single precision is scored as double is, by any number of threads`(_ hasBaseline: Bool) {
    let (model, other) = (Self.logits(seed: 1), Self.logits(seed: 2))
    let plain = Self.scored(
      .double(model.map(Double.init)), hasBaseline ? .double(other.map(Double.init)) : nil)
    let all = [1, 2, 5].map { count in
      Self.scored(
        .float(model), hasBaseline ? .float(other) : nil, pool: ThreadPool(threadCount: count)
      ).scores
    }
    #expect(all.allSatisfy { $0 == all[0] })
    for (found, expected) in zip(all[0], plain.scores) {
      #expect(found.index == expected.index && found.id == expected.id)
      #expect((found.loss - expected.loss).magnitude < Self.tolerance)
      #expect(((found.baselineLoss ?? 0) - (expected.baselineLoss ?? 0)).magnitude < Self.tolerance)
      #expect(((found.divergence ?? 0) - (expected.divergence ?? 0)).magnitude < Self.tolerance)
      #expect((found.divergence != nil) == hasBaseline && found.isSameLikeliest == expected.isSameLikeliest)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `what is not finite is told of the model that has it`(_ bad: Float) {
    let good = Self.logits(seed: 1)
    var broken = good
    broken[7 * Self.width + 3] = bad
    for (model, other) in [(good, broken), (broken, good)] {
      for scored in [
        Self.scored(.float(model), .float(other)),
        Self.scored(.double(model.map(Double.init)), .double(other.map(Double.init))),
      ] {
        #expect(scored.isFinite == (model == good) && scored.isBaselineFinite == (other == good))
        // A row with NaN has no shares; what is ruled out takes nothing from the others.
        #expect(scored.scores[7].divergence?.isFinite == (bad == -.infinity && other == broken))
        #expect((scored.scores[7].isSameLikeliest == nil) == (bad != -.infinity))
        #expect(scored.scores[6].divergence == 0 && scored.scores[6].isSameLikeliest == true)
      }
    }
  }
}
