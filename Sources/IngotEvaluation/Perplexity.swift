// SPDX-License-Identifier: Apache-2.0
// The objective of a language model: how likely it finds the tokens that come next.
import CIngotKernels
import IngotCore

/// The negative log-likelihood of tokens, summed up.
public struct LanguageModelLoss: Hashable, Sendable {
  /// Tokens predicted.
  public private(set) var tokenCount = 0
  /// The sum of `−log p` of each, in nats.
  public private(set) var sum = 0.0

  /// Makes the loss of no tokens.
  package init() {}

  /// Adds a token that came next.
  ///
  /// - Parameters:
  ///   - token: its id; below the vocabulary's size.
  ///   - probabilities: what the model expected.
  package mutating func add(token: Int, given probabilities: LogProbabilities) {
    guard probabilities.values.indices.contains(token) else { return }
    tokenCount += 1
    sum -= probabilities.values[token]
  }

  /// Adds a token's `−log p`, in nats.
  package mutating func add(_ loss: Double) {
    tokenCount += 1
    sum += loss
  }

  /// The mean of `−log p`, in nats: the cross entropy that training minimizes.
  public var mean: Double { tokenCount > 0 ? sum / Double(tokenCount) : .nan }

  /// `exp` of the mean.
  public var perplexity: Double { ingot_exp(mean) }

  /// Bits for each byte of the text that the tokens stand for.
  package func bitsPerByte(byteCount: Int) -> Double {
    guard byteCount > 0 else { return .nan }
    return sum / ingot_log(2) / Double(byteCount)
  }
}
