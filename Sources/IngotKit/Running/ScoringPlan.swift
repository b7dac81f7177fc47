// SPDX-License-Identifier: Apache-2.0
// What is run so that the tokens of a text are scored: batches of rows of equal length, in bounded memory. How a text
// becomes rows is told by NextTokenPlan and MaskPlan; ScoredLogits reads what comes out.
import IngotRuntime

/// What is run so that tokens are scored, batch by batch.
package protocol ScoringPlan {
  /// How many batches there are.
  var batchCount: Int { get }

  /// A batch; those after one another score the tokens in their order.
  func batch(_ index: Int) -> ScoringBatch
}

/// Runs over the same rows, each of which goes on where the one before ended.
package struct ScoringBatch {
  /// The runs.
  package var runs: [ScoringRun]
  /// Rows, B.
  package var rowCount: Int
  /// Tokens of a row over all runs.
  package var tokenCount: Int
}

/// One run, and which tokens of the text its logits score.
package struct ScoringRun {
  /// Tokens, `[B, T]`.
  package var request: RunRequest
  /// Rows of the logits, each with the place in the text of the token that it scores.
  package var scored: [(row: Int, index: Int)]
}

/// How much is run at once.
package struct BatchBounds {
  /// Tokens over all rows: what an executor takes in one pass, so that products are large enough for every thread.
  package var tokenCount = 1024
  /// Rows of logits that are held at once.
  package var logitRowCount: Int

  /// Memory for the logits of one model.
  private static let logitBytes = 256 << 20

  /// The bounds for a model.
  ///
  /// - Parameters:
  ///   - vocabularySize: V.
  ///   - bytesPerLogit: 4, and 8 in float64.
  package init(vocabularySize: Int, bytesPerLogit: Int) {
    logitRowCount = min(tokenCount, max(1, Self.logitBytes / max(1, vocabularySize * bytesPerLogit)))
  }

  /// How many rows of so many tokens are run at once.
  package func rowCount(tokensEach count: Int) -> Int {
    max(1, min(tokenCount / max(1, count), logitRowCount))
  }
}
