// SPDX-License-Identifier: Apache-2.0
// What rows of logits make of tokens: a token a row, each row by one thread, sums in double precision and one order.
import IngotEvaluation
import IngotKernels

/// Scores of tokens, and whether the logits behind them are numbers.
package struct ScoredLogits {
  /// The scores in the order of the rows.
  package var scores: [TokenScore]
  /// Whether the model's logits are finite.
  package var isFinite: Bool
  /// Whether the baseline's are, too.
  package var isBaselineFinite: Bool

  /// Scores tokens.
  ///
  /// - Parameters:
  ///   - rows: rows of the logits, with the places in the text of the tokens that they score.
  ///   - ids: the text.
  ///   - logits: the model's.
  ///   - baseline: the baseline's; `nil` without one.
  ///   - width: V.
  ///   - pool: the threads; what comes out does not depend on them.
  ///   - kernels: the kernels.
  /// - Complexity: reads each row of logits twice, and with a baseline once more; in float64 a copy of a row a thread.
  package init(
    _ rows: [(row: Int, index: Int)], of ids: [Int], logits: LogitRows, baseline: LogitRows?, width: Int,
    pool: ThreadPool = .shared, kernels: KernelTable = .current
  ) {
    let scoring = Scoring(logits: logits, baseline: baseline, width: width, kernels: kernels)
    var scores = rows.map { TokenScore(index: $0.index, id: ids[$0.index], loss: .nan) }
    var isFinite = [(model: Bool, baseline: Bool)](repeating: (true, true), count: rows.count)
    scores.withUnsafeMutableBufferPointer { scores in
      isFinite.withUnsafeMutableBufferPointer { isFinite in
        // SAFETY: each chunk writes to its own elements.
        pool.run(chunkCount: rows.count) { _, chunk in
          isFinite[chunk] = scoring.score(&scores[chunk], by: rows[chunk].row)
        }
      }
    }
    self.scores = scores
    self.isFinite = isFinite.allSatisfy(\.model)
    isBaselineFinite = isFinite.allSatisfy(\.baseline)
  }
}

/// The logits that tokens are scored by.
private struct Scoring {
  let logits: LogitRows
  let baseline: LogitRows?
  let width: Int
  let kernels: KernelTable

  /// Scores a token by a row, and says whether the model's and the baseline's logits are finite.
  func score(_ score: inout TokenScore, by row: Int) -> (model: Bool, baseline: Bool) {
    switch (logits, baseline) {
    case (.float(let values), nil):
      return floatRow(row, of: values) { model in
        score.loss = model.loss(of: score.id)
        return (model.sum.isFinite, true)
      }
    case (.float(let values), .float(let others)?):
      return floatRow(row, of: values) { model in
        floatRow(row, of: others) { other in
          score.loss = model.loss(of: score.id)
          score.baselineLoss = other.loss(of: score.id)
          score.divergence = kernels.divergence(of: other.scores, other.sum, from: model.scores, model.sum)
          if let likeliest = model.likeliest, let expected = other.likeliest {
            score.isSameLikeliest = likeliest == expected
          }
          return (model.sum.isFinite, other.sum.isFinite)
        }
      }
    default:
      let (model, other) = (logits.row(row, width: width), baseline?.row(row, width: width))
      score = TokenScore(
        index: score.index, id: score.id, given: LogProbabilities(model),
        against: other.map { LogProbabilities($0) })
      return (model.allSatisfy(\.isFinite), other?.allSatisfy(\.isFinite) ?? true)
    }
  }

  /// Calls `body` with a row of logits in single precision.
  private func floatRow<Result>(_ row: Int, of values: [Float], _ body: (FloatRow) -> Result) -> Result {
    values.withUnsafeBufferPointer { values in
      let scores = UnsafeBufferPointer(rebasing: values[(row * width)..<((row + 1) * width)])
      return body(FloatRow(scores: scores, sum: kernels.sum(scores)))
    }
  }
}

/// A row of logits in single precision, `[V]`, and what it comes to.
private struct FloatRow {
  let scores: UnsafeBufferPointer<Float>
  let sum: ScoreSum

  /// `−log p` of a token.
  func loss(of id: Int) -> Double { sum.normalizer - Double(scores[id]) }

  /// The likeliest token; the first of several; `nil` where there is none.
  var likeliest: Int? {
    sum.normalizer.isNaN ? nil : scores.firstIndex(of: Float(sum.greatest))
  }
}
