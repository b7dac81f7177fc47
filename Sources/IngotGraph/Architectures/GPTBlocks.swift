// SPDX-License-Identifier: Apache-2.0
// The parts that GPT-1 and GPT-2 are built of; where the norms stand is each one's own.
import IngotCore

extension GraphBuilder {
  /// Adds the embeddings of tokens and positions, and of types where they are given.
  mutating func addEmbeddings(
    token: String, position: String, _ config: ModelConfig, _ parameters: GPTParameters
  ) -> EdgeID {
    let tokens = add(token, Embedding(), [input(.ids)], [parameters.tokenEmbedding])
    let positions = add(position, Embedding(), [input(.positions)], [parameters.positionEmbedding])
    let sum = add("embed", Add(), [tokens, positions])
    guard config[.addsTokenTypes] else { return sum }
    let types = add("\(token).types", Embedding(), [input(.tokenTypes)], [parameters.tokenEmbedding])
    return add("embed.types", Add(), [sum, types])
  }

  /// Adds the attention of a block: what goes in is projected to queries, keys and values, and what comes out once more.
  ///
  /// - Parameters:
  ///   - hidden: what goes in.
  ///   - block: the block.
  ///   - scale: what scores are multiplied with.
  ///   - config: the numbers.
  ///   - parameters: the parameters.
  /// - Returns: what is to be added to the residual stream.
  mutating func addAttention(
    _ hidden: EdgeID, block: Int, scale: Double, _ config: ModelConfig, _ parameters: GPTParameters
  ) -> EdgeID {
    let name = "h.\(block).attn"
    let attention = Attention.fused(
      headCount: config.headCount, headDimension: config.headDimension, scale: scale, isCausal: true,
      cacheSlot: block)
    let qkv = linear("\(name).c_attn", hidden, parameters.attentionInput(block))
    let attended = addAttention(name, attention, [qkv])
    return linear("\(name).c_proj", attended, parameters.attentionOutput(block))
  }

  /// Adds the feed-forward part of a block.
  ///
  /// - Parameters:
  ///   - hidden: what goes in.
  ///   - block: the block.
  ///   - config: the numbers.
  ///   - parameters: the parameters.
  /// - Returns: what is to be added to the residual stream.
  mutating func addFeedForward(
    _ hidden: EdgeID, block: Int, _ config: ModelConfig, _ parameters: GPTParameters
  ) -> EdgeID {
    let name = "h.\(block).mlp"
    let expanded = linear("\(name).c_fc", hidden, parameters.feedForwardInput(block))
    let activated = add("\(name).act", Activation(config.activation), [expanded])
    return linear("\(name).c_proj", activated, parameters.feedForwardOutput(block))
  }
}
