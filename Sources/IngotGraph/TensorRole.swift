// SPDX-License-Identifier: Apache-2.0
// What a parameter is for, whatever a publisher calls it.

/// What a parameter is for: a kind and, for parameters of a block, which block, and of an expert, which of the block's.
package struct TensorRole: Hashable, Sendable {
  /// A purpose; architectures add their own beside their builders.
  package struct Kind: Hashable, Sendable {
    /// The canonical text, without the block.
    package let name: String

    /// Makes a kind.
    package init(_ name: String) {
      self.name = name
    }
  }

  /// The purpose.
  package let kind: Kind
  /// The block, from 0; `nil` outside blocks.
  package let block: Int?
  /// The expert, from 0; `nil` for what belongs to none.
  package let expert: Int?

  /// Makes a role.
  package init(_ kind: Kind, block: Int? = nil, expert: Int? = nil) {
    self.kind = kind
    self.block = block
    self.expert = expert
  }
}

extension TensorRole: CustomStringConvertible {
  /// The canonical text: `block.3.attention.qkv.weight`, `block.3.expert.5.gate.weight`.
  package var description: String {
    (block.map { "block.\($0)." } ?? "") + (expert.map { "expert.\($0)." } ?? "") + kind.name
  }
}

// What several architectures have; the texts say what each is.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  package static let tokenEmbedding = Self("embedding.token")
  package static let positionEmbedding = Self("embedding.position")
  package static let attentionNormGain = Self("attention.norm.gain")
  package static let attentionNormBias = Self("attention.norm.bias")
  package static let attentionInputWeight = Self("attention.qkv.weight")
  package static let attentionInputBias = Self("attention.qkv.bias")
  package static let attentionOutputWeight = Self("attention.output.weight")
  package static let attentionOutputBias = Self("attention.output.bias")
  package static let feedForwardNormGain = Self("feed_forward.norm.gain")
  package static let feedForwardNormBias = Self("feed_forward.norm.bias")
  package static let feedForwardInputWeight = Self("feed_forward.input.weight")
  package static let feedForwardInputBias = Self("feed_forward.input.bias")
  package static let feedForwardOutputWeight = Self("feed_forward.output.weight")
  package static let feedForwardOutputBias = Self("feed_forward.output.bias")
  package static let finalNormGain = Self("final.norm.gain")
  package static let finalNormBias = Self("final.norm.bias")
  package static let head = Self("head.weight")
}
