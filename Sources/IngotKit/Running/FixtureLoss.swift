// SPDX-License-Identifier: Apache-2.0
// What a set of fixtures asks of a model: the run, and the loss on its labels.
import IngotCore
import IngotEvaluation
import IngotGraph
import IngotModels
import IngotRuntime

extension FixtureSet {
  /// The metadata key under which recording keeps the model's digest.
  static let modelKey = "ingot.model"

  /// The inputs as a run takes them, those that its graph does not take left out.
  package func request(of graph: ModelGraph, wanting names: Set<String>) -> RunRequest {
    var request = RunRequest(
      batchCount: batchCount, tokenCount: tokenCount, ids: inputIDs.values, wanted: names)
    for (_, input, array) in otherInputs where graph.edge(of: input) != nil {
      request.integers[input] = array.values
    }
    request.mask = attentionMask?.values.map { $0 != 0 }
    return request
  }

  /// The value of a label that does not count, as in PyTorch.
  private static let ignoredLabel = -100

  /// Throws for a label or target that is no token: left out in silence, the loss would be another.
  ///
  /// - Parameter vocabularySize: tokens that there are.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` naming the id.
  func requireLabels(below vocabularySize: Int) throws(IngotError) {
    for (name, array) in [("labels", labels), ("targets", targets)] {
      let isToken = { (id: Int) in id == Self.ignoredLabel || (0..<vocabularySize).contains(id) }
      guard let id = array?.values.first(where: { !isToken($0) }) else { continue }
      throw .unsuitable(
        Location(path, tensor: name), why: "token id \(id) is outside the vocabulary of \(vocabularySize)",
        hint: nil)
    }
  }

  /// The mean of `−log p`: logits at t against `targets` at t, or against `labels` (else the ids) at t + 1, where the
  /// model predicts the next token; −100 does not count.
  ///
  /// - Parameters:
  ///   - logits: `[B, T, V]`.
  ///   - vocabularySize: V.
  ///   - predictsNext: whether the model predicts the next token, and not the one in its place.
  /// - Returns: the mean over all labels that count; NaN when none does.
  func loss(of logits: [Double], vocabularySize: Int, predictsNext: Bool) -> Double {
    var loss = LanguageModelLoss()
    let shift = targets == nil && predictsNext ? 1 : 0
    let labels = (targets ?? labels ?? inputIDs).values
    for row in 0..<batchCount {
      for token in 0..<max(0, tokenCount - shift) {
        let label = labels[row * tokenCount + token + shift]
        guard label >= 0, label < vocabularySize else { continue }
        let start = (row * tokenCount + token) * vocabularySize
        loss.add(token: label, given: LogProbabilities(logits[start..<(start + vocabularySize)]))
      }
    }
    return loss.mean
  }
}
