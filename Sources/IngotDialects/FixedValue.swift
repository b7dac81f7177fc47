// SPDX-License-Identifier: Apache-2.0
// What a program has built in: configs of other values can't be expressed there, and are refused by the key's name.
import IngotCore
import IngotGraph

/// A key of the config whose value a program has built in.
public enum FixedValue: Hashable, Sendable {
  /// The feed-forward activation.
  case activation(ActivationKind)
  /// The feed-forward width is four times the width.
  case innerWidth
  /// Scores are divided by √E.
  case scaledAttention
  /// Scores are not divided by the block's number.
  case noScalingByBlock
  /// What is added to the variance.
  case epsilon(Double)
  /// The head is the token embedding.
  case tiedHead

  /// The arithmetic that nearly every program but transformers has built in.
  static let arithmetic: [FixedValue] = [
    .activation(.geluTanh), .innerWidth, .scaledAttention, .noScalingByBlock,
  ]

  /// The config's key.
  public var key: String {
    switch self {
    case .activation: "activation_function"
    case .innerWidth: "n_inner"
    case .scaledAttention: "scale_attn_weights"
    case .noScalingByBlock: "scale_attn_by_inverse_layer_idx"
    case .epsilon: "layer_norm_epsilon"
    case .tiedHead: "tie_word_embeddings"
    }
  }

  /// What a config has instead; `nil` when it has this value.
  ///
  /// - Parameter config: the config.
  /// - Returns: what was found and what the program has built in.
  public func conflict(with config: ModelConfig) -> (found: Evidence, expected: Evidence)? {
    switch self {
    case .activation(let kind):
      guard config.activation != kind else { return nil }
      return ("\(words: config.activation.rawValue)", "\(words: kind.rawValue)")
    case .innerWidth:
      guard config.feedForwardWidth != 4 * config.width else { return nil }
      return ("\(config.feedForwardWidth)", "4 × \(words: "n_embd"), \(4 * config.width)")
    case .scaledAttention: return config.scalesAttention ? nil : ("false", "true")
    case .noScalingByBlock: return config.scalesAttentionByBlock ? ("true", "false") : nil
    case .epsilon(let value):
      guard config.layerNormEpsilon != value else { return nil }
      return ("\(config.layerNormEpsilon)", "\(value)")
    case .tiedHead: return config.tiesHead ? nil : ("false", "true")
    }
  }
}

extension Dialect {
  /// Throws for a model that the publisher's program can't express.
  ///
  /// - Parameter config: the model's numbers.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` naming the key.
  public func requireExpressible(_ config: ModelConfig) throws(IngotError) {
    for value in fixed {
      guard let (found, expected) = value.conflict(with: config) else { continue }
      throw .unrepresentable(
        tensor: nil, target: id,
        why:
          "\(words: value.key) is \(found), and the program of this dialect computes with \(expected) only",
        hint: nil)
    }
  }
}
