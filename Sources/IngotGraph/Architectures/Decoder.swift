// SPDX-License-Identifier: Apache-2.0
// The decoder of Llama and those after it: RMS norm at the input of each sub-block, rotary positions, heads of keys and
// values that several of queries share, and a gated feed-forward part.
// Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023, section 2.2; "Llama 2", 2023;
// Jiang et al., "Mistral 7B", 2023; huggingface/transformers: src/transformers/models/llama/modeling_llama.py.
import IngotCore

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  package static let feedForwardGateWeight = Self("feed_forward.gate.weight")
  package static let feedForwardGateBias = Self("feed_forward.gate.bias")
  package static let queryNormGain = Self("attention.query.norm.gain")
  package static let keyNormGain = Self("attention.key.norm.gain")
}

extension ConfigField where Value == Bool {
  /// Whether projections of queries, keys, values and what comes out of attention have biases.
  package static let attentionBias = ConfigField("attentionBias", standard: false)
  /// Whether projections of queries, keys and values have biases, and not what comes out.
  package static let inputBias = ConfigField("inputBias", standard: false)
  /// Whether queries and keys are normalized head by head before they are turned.
  package static let normalizesHeads = ConfigField("normalizesHeads", standard: false)
  /// Whether a window is used that the config has, where only some blocks use it.
  package static let usesWindow = ConfigField("usesWindow", standard: true)
  /// Whether those of the feed-forward part have.
  package static let feedForwardBias = ConfigField("feedForwardBias", standard: false)
}

extension ConfigField where Value == Int {
  /// The first block that sees a window.
  package static let firstWindowBlock = ConfigField("firstWindowBlock", standard: 0)
}

extension ModelConfig {
  /// How fast the pairs of each head turn, all of whose numbers belong to one.
  package var rotarySchedule: RotarySchedule {
    RotarySchedule(self[.rotary], pairCount: headDimension / 2, positionCount: contextLength)
  }

  /// Tokens that a block sees; `nil` for all.
  package func window(ofBlock block: Int) -> Int? {
    guard self[.usesWindow], self[.window] > 0 else { return nil }
    let listed = self[.windowBlocks]
    let seesWindow =
      listed.indices.contains(block) ? listed[block] : block >= self[.firstWindowBlock]
    return seesWindow ? self[.window] : nil
  }
}

/// What a decoder may give out.
enum DecoderHead: String {
  /// Scores of the next token.
  case language
  /// One label for the sequence.
  case sequenceClassification = "sequence_classification"
  /// Hidden states alone.
  case bare
}

/// Builds a decoder.
///
/// ```
/// h = embed[x]
/// for each block:  h = h + attention(norm(h));  h = h + down(act(gate(n)) · up(n)),  n = norm(h)
/// logits = norm(h) · headᵀ
/// ```
///
/// - Parameters:
///   - architecture: the id of the architecture whose numbers they are.
///   - config: its numbers and its head.
///   - transposed: kinds of linear weights that are stored `[in, out]`; transformers has them `[out, in]`.
/// - Returns: the graph.
func decoderGraph(_ architecture: String, _ config: ModelConfig, transposed: Set<TensorRole.Kind>)
  -> ModelGraph
{
  var decoder = DecoderBuilder(config, transposed: transposed)
  decoder.addBlocks()
  decoder.addHead(DecoderHead(rawValue: config[.head]) ?? .language)
  return decoder.graph.build(architecture: architecture, config: config)
}

private struct DecoderBuilder {
  private(set) var graph = GraphBuilder()
  private let config: ModelConfig
  private let declare: ParameterDeclarations
  private let norm: RMSNorm
  /// huggingface/transformers, `LlamaPreTrainedModel._init_weights`.
  private let weight = Initialization.normal(deviation: 0.02)
  private var hidden: EdgeID

  init(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) {
    self.config = config
    declare = ParameterDeclarations(layout: .outIn, transposed: transposed)
    norm = RMSNorm(epsilon: config.layerNormEpsilon)
    hidden = graph.input(.ids)
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "hidden_size") }
  private var wide: ParameterDeclarations.Dimension { (config.feedForwardWidth, "intermediate_size") }
  private var vocabulary: ParameterDeclarations.Dimension { (config.vocabularySize, "vocab_size") }
  private var queries: ParameterDeclarations.Dimension {
    (config.headCount * config.headDimension, "num_attention_heads · head_dim")
  }
  private var keys: ParameterDeclarations.Dimension {
    (config.keyHeadCount * config.headDimension, "num_key_value_heads · head_dim")
  }

  private var embedding: GraphParameter {
    declare.table(.tokenEmbedding, rows: vocabulary, width: width, isQuantizable: true, weight)
  }

  mutating func addBlocks() {
    hidden = graph.add("embed_tokens", Embedding(), [hidden], [embedding])
    graph.name(hidden, "hidden_states.0")
    for block in 0..<config.blockCount {
      hidden = addSum("layers.\(block).attention_add", hidden, addAttention(block))
      hidden = addSum("layers.\(block).mlp_add", hidden, addFeedForward(block))
      if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
    }
    hidden = addNorm("norm", .finalNormGain)
    // As transformers returns them, the last hidden state is the one behind the final norm.
    graph.name(hidden, "hidden_states.\(config.blockCount)")
    graph.name(hidden, "last_hidden_state")
  }

  private mutating func addSum(_ name: String, _ passing: EdgeID, _ added: EdgeID) -> EdgeID {
    graph.add(name, Add(), [passing, added])
  }

  private mutating func addNorm(_ name: String, _ gain: TensorRole.Kind, _ block: Int? = nil) -> EdgeID {
    graph.add(name, norm, [hidden], [declare.vector(gain, block, width, .constant(1))])
  }

  private mutating func addAttention(_ block: Int) -> EdgeID {
    let name = "layers.\(block).self_attn"
    let input = addNorm("layers.\(block).input_layernorm", .attentionNormGain, block)
    let attention = Attention.separate(
      headCount: config.headCount, keyHeadCount: config.keyHeadCount, headDimension: config.headDimension,
      scale: 1 / Double(config.headDimension).squareRoot(), isCausal: true,
      window: config.window(ofBlock: block), cacheSlot: block)
    let projectedQuery = project(
      "\(name).q_proj", input, .queryWeight, .queryBias, block, from: width, to: queries)
    let projectedKey = project("\(name).k_proj", input, .keyWeight, .keyBias, block, from: width, to: keys)
    let query = addRotary(
      "\(name).q", addHeadNorm("\(name).q_norm", projectedQuery, .queryNormGain, block, config.headCount))
    let key = addRotary(
      "\(name).k", addHeadNorm("\(name).k_norm", projectedKey, .keyNormGain, block, config.keyHeadCount))
    let value = project("\(name).v_proj", input, .valueWeight, .valueBias, block, from: width, to: keys)
    let cache = graph.input(.cache(block, width: attention.keys.width))
    let attended = graph.add(name, attention, [query, key, value, graph.input(.mask), cache])
    return project(
      "\(name).o_proj", attended, .attentionOutputWeight, .attentionOutputBias, block, from: queries,
      to: width)
  }

  private mutating func addHeadNorm(
    _ name: String, _ input: EdgeID, _ gain: TensorRole.Kind, _ block: Int, _ headCount: Int
  ) -> EdgeID {
    guard config[.normalizesHeads] else { return input }
    let parameter = declare.vector(gain, block, (config.headDimension, "head_dim"), .constant(1))
    return graph.add(
      name, RMSNorm(epsilon: config.layerNormEpsilon, partCount: headCount), [input], [parameter])
  }

  private mutating func addRotary(_ name: String, _ input: EdgeID) -> EdgeID {
    graph.add(
      "\(name)_rotary", Rotary(headDimension: config.headDimension, schedule: config.rotarySchedule),
      [input, graph.input(.positions)])
  }

  /// A projection in attention, with a bias where the config says so.
  private mutating func project(
    _ name: String, _ input: EdgeID, _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    from: ParameterDeclarations.Dimension, to: ParameterDeclarations.Dimension
  ) -> EdgeID {
    linear(
      name, input, weightKind, bias, block, from, to,
      hasBias: config[.attentionBias] || config[.inputBias] && bias != .attentionOutputBias)
  }

  private mutating func linear(
    _ name: String, _ input: EdgeID, _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    _ from: ParameterDeclarations.Dimension, _ to: ParameterDeclarations.Dimension, hasBias: Bool
  ) -> EdgeID {
    let matrix = declare.linear(weightKind, block, from: from, to: to, weight)
    let vector = hasBias ? [declare.vector(bias, block, to, .constant(0))] : []
    return graph.linear(name, input, [matrix] + vector)
  }

  private mutating func addFeedForward(_ block: Int) -> EdgeID {
    let (name, hasBias) = ("layers.\(block).mlp", config[.feedForwardBias])
    let input = addNorm("layers.\(block).post_attention_layernorm", .feedForwardNormGain, block)
    let gate = linear(
      "\(name).gate_proj", input, .feedForwardGateWeight, .feedForwardGateBias, block, width, wide,
      hasBias: hasBias)
    let opened = graph.add("\(name).act", Activation(config.activation), [gate])
    let up = linear(
      "\(name).up_proj", input, .feedForwardInputWeight, .feedForwardInputBias, block, width, wide,
      hasBias: hasBias)
    let gated = graph.add("\(name).gated", Multiply(), [opened, up])
    return linear(
      "\(name).down_proj", gated, .feedForwardOutputWeight, .feedForwardOutputBias, block, wide, width,
      hasBias: hasBias)
  }

  mutating func addHead(_ head: DecoderHead) {
    switch head {
    case .bare: break
    case .language:
      let table =
        config.tiesHead
        ? embedding : declare.table(.head, rows: vocabulary, width: width, isQuantizable: true, weight)
      graph.name(graph.linear("lm_head", hidden, [table]), "logits")
    case .sequenceClassification:
      let last = graph.add(
        "score.select", SelectToken(.lastOther(than: config[.paddingToken])), [hidden, graph.input(.ids)])
      let parameter = declare.head(.scoreWeight, from: width, to: config.labels, weight)
      graph.name(graph.linear("score", last, [parameter]), "logits")
    }
  }
}
