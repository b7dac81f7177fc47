// SPDX-License-Identifier: Apache-2.0
// What a parameter is for, whatever a publisher calls it.

/// What a parameter is for: a kind and, for parameters of a block, which block.
public struct TensorRole: Hashable, Sendable {
  /// A purpose; architectures add their own beside their builders.
  public struct Kind: Hashable, Sendable {
    /// The canonical text, without the block.
    public let name: String

    /// Makes a kind.
    public init(_ name: String) {
      self.name = name
    }
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
    (block.map { "block.\($0)." } ?? "") + kind.name
  }
}

// What several architectures have; the texts say what each is.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  public static let tokenEmbedding = Self("embedding.token")
  public static let positionEmbedding = Self("embedding.position")
  public static let attentionNormGain = Self("attention.norm.gain")
  public static let attentionNormBias = Self("attention.norm.bias")
  public static let attentionInputWeight = Self("attention.qkv.weight")
  public static let attentionInputBias = Self("attention.qkv.bias")
  public static let attentionOutputWeight = Self("attention.output.weight")
  public static let attentionOutputBias = Self("attention.output.bias")
  public static let feedForwardNormGain = Self("feed_forward.norm.gain")
  public static let feedForwardNormBias = Self("feed_forward.norm.bias")
  public static let feedForwardInputWeight = Self("feed_forward.input.weight")
  public static let feedForwardInputBias = Self("feed_forward.input.bias")
  public static let feedForwardOutputWeight = Self("feed_forward.output.weight")
  public static let feedForwardOutputBias = Self("feed_forward.output.bias")
  public static let finalNormGain = Self("final.norm.gain")
  public static let finalNormBias = Self("final.norm.bias")
  public static let head = Self("head.weight")
}
