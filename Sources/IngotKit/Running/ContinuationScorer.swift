// SPDX-License-Identifier: Apache-2.0
// How likely texts are behind a prompt. What a text has in common with the one before is not run again: choices share their
// prompt, and items the examples before it.
import IngotCore
import IngotEvaluation
import IngotRuntime

/// Scores texts behind prompts, one item after the other.
final class ContinuationScorer {
  private let runner: ModelRunner
  private let sequence: GrowingSequence
  /// The tokens that the sequence holds.
  private var held: [Int] = []
  private let width: Int

  /// Makes a scorer.
  ///
  /// - Parameters:
  ///   - runner: the model.
  ///   - capacity: tokens of the longest text, written or generated.
  init(_ runner: ModelRunner, capacity: Int) {
    self.runner = runner
    width = runner.model.recognised.graph.config.vocabularySize
    sequence = runner.sequence(capacity: capacity)
  }

  /// The summed natural log-likelihood of each text's scored tokens.
  ///
  /// - Throws: the executor's errors, and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for logits that are not finite.
  func scores(of item: TokenizedItem) throws(IngotError) -> [Double] {
    let shared = item.prompt.count
    forget(behind: sharedCount(with: item.prompt))
    let next = try logits(of: item.prompt[held.count...], lastOnly: true)
    return try item.texts.map { (text) throws(IngotError) in
      var sum = 0.0
      if text.start == shared { sum += try score([(0, shared)], of: text.ids, by: next) }
      // What comes last predicts nothing that is asked for.
      let new = text.ids[shared..<(text.ids.count - 1)]
      guard !new.isEmpty else { return sum }
      forget(behind: shared)
      let logits = try logits(of: new, lastOnly: false)
      let rows = new.indices.map { (row: $0 - shared, index: $0 + 1) }.filter { $0.index >= text.start }
      return sum + (try score(rows, of: text.ids, by: logits))
    }
  }

  /// Generates a text behind a prompt.
  func text(behind prompt: ArraySlice<Int>, by generation: Generation) throws(IngotError) -> GenerationReport
  {
    forget(behind: sharedCount(with: prompt))
    defer { sequence.truncate(to: held.count) }
    return try generation.run(Array(prompt), in: sequence, holding: held.count)
  }

  /// Tokens of a prompt that the sequence holds already, but the last: its logits are not kept.
  private func sharedCount(with prompt: ArraySlice<Int>) -> Int {
    min(zip(held, prompt).prefix { $0 == $1 }.count, prompt.count - 1)
  }

  /// Runs tokens behind those that the sequence holds.
  private func logits(of tokens: ArraySlice<Int>, lastOnly: Bool) throws(IngotError) -> LogitRows {
    var request = RunRequest(batchCount: 1, tokenCount: tokens.count, ids: Array(tokens))
    request.lastLogitsOnly = lastOnly
    let logits = try runner.logits(of: request, in: sequence, memory: &sequence.outputs)
    held += tokens
    return logits
  }

  /// The summed log-likelihood of tokens by the rows of logits behind the tokens before them.
  private func score(
    _ rows: [(row: Int, index: Int)], of ids: [Int], by logits: LogitRows
  ) throws(IngotError) -> Double {
    let scored = ScoredLogits(rows, of: ids, logits: logits, baseline: nil, width: width)
    try runner.requireFiniteLogits(scored.isFinite)
    return scored.scores.reduce(0) { $0 - $1.loss }
  }

  private func forget(behind count: Int) {
    held.removeLast(max(0, held.count - count))
    sequence.truncate(to: held.count)
  }
}
