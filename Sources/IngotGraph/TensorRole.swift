// SPDX-License-Identifier: Apache-2.0
// What a parameter is for, whatever a publisher calls it.

/// What a parameter is for: a kind and, for parameters of a block, which block.
public struct TensorRole: Hashable, Sendable {
  /// The purposes that parameters have.
  ///
  /// The raw value is the canonical text, without the block.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    case tokenEmbedding = "embedding.token"
    case positionEmbedding = "embedding.position"
    case attentionNormGain = "attention.norm.gain"
    case attentionNormBias = "attention.norm.bias"
    case attentionInputWeight = "attention.qkv.weight"
    case attentionInputBias = "attention.qkv.bias"
    case attentionOutputWeight = "attention.output.weight"
    case attentionOutputBias = "attention.output.bias"
    case feedForwardNormGain = "feed_forward.norm.gain"
    case feedForwardNormBias = "feed_forward.norm.bias"
    case feedForwardInputWeight = "feed_forward.input.weight"
    case feedForwardInputBias = "feed_forward.input.bias"
    case feedForwardOutputWeight = "feed_forward.output.weight"
    case feedForwardOutputBias = "feed_forward.output.bias"
    case finalNormGain = "final.norm.gain"
    case finalNormBias = "final.norm.bias"
    case head = "head.weight"
  }

  /// The purpose.
  public let kind: Kind
  /// The block, from 0; `nil` outside blocks.
  public let block: Int?

  /// Makes a role.
  public init(_ kind: Kind, block: Int? = nil) {
    self.kind = kind
    self.block = block
  }
}

extension TensorRole: CustomStringConvertible {
  /// The canonical text: `block.3.attention.qkv.weight`.
  public var description: String {
    (block.map { "block.\($0)." } ?? "") + kind.rawValue
  }
}
