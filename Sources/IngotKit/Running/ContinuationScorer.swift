// SPDX-License-Identifier: Apache-2.0
// How likely texts are behind a prompt. What a text has in common with the one before is not run again: choices share their
// prompt, and items the examples before it.
import IngotCore
import IngotEvaluation

/// Scores texts behind prompts, one item after the other.
final class ContinuationScorer {
  private let runner: ModelRunner
  private let sequence: GrowingSequence
  /// The tokens that the sequence holds.
  private var held: [Int] = []

  /// Makes a scorer.
  ///
  /// - Parameters:
  ///   - runner: the model.
  ///   - capacity: tokens of the longest text.
  init(_ runner: ModelRunner, capacity: Int) {
    self.runner = runner
    sequence = runner.sequence(capacity: capacity)
  }

  /// The summed natural log-likelihood of each text's scored tokens.
  func scores(of item: TokenizedItem) throws(IngotError) -> [Double] {
    let shared = item.prompt.count
    let next = try scores(behind: item.prompt).probabilities
    return try item.texts.map { (text) throws(IngotError) in
      try score(text, behind: next, shared)
    }
  }

  /// The scores behind some tokens, of which no more are run than the sequence does not hold.
  private func scores(behind tokens: ArraySlice<Int>) throws(IngotError) -> NextScores {
    // The last one has to be run: its scores are not kept.
    let kept = min(zip(held, tokens).prefix { $0 == $1 }.count, tokens.count - 1)
    try forget(behind: kept)
    let new = Array(tokens.dropFirst(kept))
    let scores = try runner.scores(behind: new, in: sequence)
    held += new
    return scores
  }

  private func score(
    _ text: TokenizedItem.Text, behind next: LogProbabilities, _ shared: Int
  ) throws(IngotError) -> Double {
    var sum = text.start == shared ? next.values[text.ids[shared]] : 0
    // What comes last predicts nothing that is asked for.
    let run = Array(text.ids[shared..<(text.ids.count - 1)])
    guard !run.isEmpty else { return sum }
    try forget(behind: shared)
    let scores = try runner.scores(behindEach: run, in: sequence)
    held += run
    for (index, scores) in zip((shared + 1)..., scores) where index >= text.start {
      sum += scores.probabilities.values[text.ids[index]]
    }
    return sum
  }

  private func forget(behind count: Int) throws(IngotError) {
    held.removeLast(held.count - min(count, held.count))
    sequence.truncate(to: held.count)
  }
}
