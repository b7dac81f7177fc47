// SPDX-License-Identifier: Apache-2.0
// What a model, and perhaps a baseline beside it, make of one token of a text.
import IngotCore

/// How likely a token of a text was found.
public struct TokenScore: Hashable, Sendable {
  /// Its place among the text's tokens, from 0.
  public var index: Int
  /// Its id.
  public var id: Int
  /// `−log p` by the model, in nats.
  public var loss: Double
  /// `−log p` by the baseline; `nil` without one.
  public var baselineLoss: Double?
  /// `KL(baseline ‖ model)` of what both expected in its place, in nats; `nil` without a baseline.
  public var divergence: Double?
  /// Whether both found the same token likeliest; `nil` without a baseline, and where one has no likeliest.
  public var isSameLikeliest: Bool?
  /// The stretch of the text that it stands for; `nil` where there is no text.
  public var text: String?

  /// Makes the score of a token by a model alone.
  package init(index: Int, id: Int, loss: Double) {
    (self.index, self.id, self.loss) = (index, id, loss)
  }
}

extension TokenScore {
  /// Scores a token by rows of logits in double precision.
  ///
  /// - Parameters:
  ///   - index: its place.
  ///   - id: its id, below V.
  ///   - probabilities: what the model expects, `[V]`.
  ///   - expected: what the baseline expects; `nil` without one.
  package init(
    index: Int, id: Int, given probabilities: LogProbabilities, against expected: LogProbabilities?
  ) {
    self.init(index: index, id: id, loss: -probabilities.values[id])
    guard let expected else { return }
    baselineLoss = -expected.values[id]
    divergence = expected.divergence(from: probabilities)
    guard let likeliest = probabilities.likeliest, let other = expected.likeliest else { return }
    isSameLikeliest = likeliest == other
  }
}
