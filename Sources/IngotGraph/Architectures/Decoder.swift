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
  package static let attentionOutputNormGain = Self("attention.output.norm.gain")
  package static let feedForwardOutputNormGain = Self("feed_forward.output.norm.gain")
  package static let attentionSinks = Self("attention.sinks")
  package static let routerWeight = Self("feed_forward.router.weight")
  package static let routerBias = Self("feed_forward.router.bias")
  package static let expertGateWeight = Self("gate.weight")
  package static let expertGateBias = Self("gate.bias")
  package static let expertUpWeight = Self("up.weight")
  package static let expertUpBias = Self("up.bias")
  package static let expertDownWeight = Self("down.weight")
  package static let expertDownBias = Self("down.bias")
  package static let sharedGateWeight = Self("feed_forward.shared.gate.weight")
  package static let sharedUpWeight = Self("feed_forward.shared.up.weight")
  package static let sharedDownWeight = Self("feed_forward.shared.down.weight")
  package static let sharedShareWeight = Self("feed_forward.shared.share.weight")
  package static let feedForwardGateUpWeight = Self("feed_forward.gate_up.weight")
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
  /// How fast the pairs of each head turn, all of whose numbers belong to one, or the first ones.
  package var rotarySchedule: RotarySchedule { schedule(of: self[.rotary]) }

  /// How fast the pairs of a block's heads turn; `nil` where they do not.
  package func rotarySchedule(ofBlock block: Int) -> RotarySchedule? {
    guard turns(inBlock: block) else { return nil }
    let hasOwn = self[.hasWindowRotary] && isWindowBlock(block)
    return schedule(of: hasOwn ? self[.windowRotary] : self[.rotary])
  }

  private func schedule(of parameters: RotaryParameters) -> RotarySchedule {
    RotarySchedule(
      parameters, pairCount: parameters.turnedCount(of: headDimension) / 2, positionCount: contextLength)
  }

  /// Tokens that a block sees; `nil` for all.
  package func window(ofBlock block: Int) -> Int? {
    guard self[.window] > 0 else { return nil }
    return isWindowBlock(block) ? self[.window] : nil
  }

  /// Whether a block is one of those that see a window, where there is one.
  package func isWindowBlock(_ block: Int) -> Bool {
    guard self[.usesWindow] else { return false }
    let listed = self[.windowBlocks]
    if listed.indices.contains(block) { return listed[block] }
    if self[.windowsUnturned] { return !turns(inBlock: block) }
    if self[.windowPeriod] > 0 {
      return !(block + 1).isMultiple(of: self[.windowPeriod]) && block < self[.windowEndBlock]
    }
    return block >= self[.firstWindowBlock]
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
  decoder.addHead()
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
    norm = RMSNorm(epsilon: config.layerNormEpsilon, offset: config[.normOffset])
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
    if config[.scalesEmbedding] {
      hidden = graph.add("embed_scale", Scale(Double(config.width).squareRoot()), [hidden])
    }
    graph.name(hidden, "hidden_states.0")
    for block in 0..<config.blockCount {
      let name = "layers.\(block)"
      let attended = addOutputNorm(
        "\(name).attention_norm", addAttention(block), .attentionOutputNormGain, block)
      hidden = graph.add("\(name).attention_add", Add(), [hidden, attended])
      let contracted = addOutputNorm(
        "\(name).mlp_norm", addFeedForward(block), .feedForwardOutputNormGain, block)
      hidden = graph.add("\(name).mlp_add", Add(), [hidden, contracted])
      if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
    }
    hidden = addNorm("norm", hidden, .finalNormGain)
    // As transformers returns them, the last hidden state is the one behind the final norm.
    graph.name(hidden, "hidden_states.\(config.blockCount)")
    graph.name(hidden, "last_hidden_state")
  }

  private mutating func addNorm(
    _ name: String, _ input: EdgeID, _ gain: TensorRole.Kind, _ block: Int? = nil
  ) -> EdgeID {
    graph.add(name, norm, [input], [declare.vector(gain, block, width, .constant(1 - config[.normOffset]))])
  }

  /// The norm of what comes out of a sub-block, where there is one.
  private mutating func addOutputNorm(
    _ name: String, _ input: EdgeID, _ gain: TensorRole.Kind, _ block: Int
  ) -> EdgeID {
    config[.normalizesOutputs] ? addNorm(name, input, gain, block) : input
  }

  private mutating func addAttention(_ block: Int) -> EdgeID {
    let name = "layers.\(block).self_attn"
    let input = addNorm("layers.\(block).input_layernorm", hidden, .attentionNormGain, block)
    let attended =
      config[.fusesProjections]
      ? addFusedAttention(name, input, block) : addSeparateAttention(name, input, block)
    return project(
      "\(name).o_proj", attended, .attentionOutputWeight, .attentionOutputBias, block, from: queries,
      to: width)
  }

  /// What scores are multiplied with.
  private var scale: Double {
    let scalar = config[.queryScalar] == 0 ? Double(config.headDimension) : config[.queryScalar]
    return 1 / scalar.squareRoot()
  }

  private mutating func addSeparateAttention(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    var attention = Attention.separate(
      headCount: config.headCount, keyHeadCount: config.keyHeadCount, headDimension: config.headDimension,
      scale: scale, isCausal: true, window: config.window(ofBlock: block),
      softcap: config[.attentionSoftcap] == 0 ? nil : config[.attentionSoftcap], cacheSlot: block)
    let projectedQuery = project(
      "\(name).q_proj", input, .queryWeight, .queryBias, block, from: width, to: queries)
    let projectedKey = project("\(name).k_proj", input, .keyWeight, .keyBias, block, from: width, to: keys)
    let query = addRotary(
      "\(name).q", addHeadNorm("\(name).q_norm", projectedQuery, .queryNormGain, block, config.headCount),
      block)
    let key = addRotary(
      "\(name).k", addHeadNorm("\(name).k_norm", projectedKey, .keyNormGain, block, config.keyHeadCount),
      block)
    let value = project("\(name).v_proj", input, .valueWeight, .valueBias, block, from: width, to: keys)
    attention.hasSinks = config[.hasSinks]
    let heads: ParameterDeclarations.Dimension = (config.headCount, "num_attention_heads")
    return graph.addAttention(
      name, attention, [query, key, value],
      config[.hasSinks] ? [declare.vector(.attentionSinks, block, heads, weight)] : [])
  }

  /// Attention whose queries, keys and values are one projection.
  private mutating func addFusedAttention(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let attention = Attention.fused(
      headCount: config.headCount, keyHeadCount: config.keyHeadCount, headDimension: config.headDimension,
      scale: scale, isCausal: true, window: config.window(ofBlock: block), cacheSlot: block)
    let fused: ParameterDeclarations.Dimension = (
      attention.queries.rowStride, "(num_attention_heads + 2 · num_key_value_heads) · head_dim"
    )
    let projected = graph.linear(
      "\(name).qkv_proj", input,
      [declare.linear(.attentionInputWeight, block, from: width, to: fused, weight)])
    let turned = addRotary(
      "\(name).qk", projected, block, turnedHeadCount: config.headCount + config.keyHeadCount)
    return graph.addAttention(name, attention, [turned])
  }

  private mutating func addHeadNorm(
    _ name: String, _ input: EdgeID, _ gain: TensorRole.Kind, _ block: Int, _ headCount: Int
  ) -> EdgeID {
    guard config[.normalizesHeads] else { return input }
    let offset = config[.normOffset]
    let parameter = declare.vector(gain, block, (config.headDimension, "head_dim"), .constant(1 - offset))
    return graph.add(
      name, RMSNorm(epsilon: config.layerNormEpsilon, offset: offset, partCount: headCount), [input],
      [parameter])
  }

  private mutating func addRotary(
    _ name: String, _ input: EdgeID, _ block: Int, turnedHeadCount: Int? = nil
  ) -> EdgeID {
    guard let schedule = config.rotarySchedule(ofBlock: block) else { return input }
    let rotary = Rotary(
      headDimension: config.headDimension, schedule: schedule, turnedHeadCount: turnedHeadCount)
    return graph.add("\(name)_rotary", rotary, [input, graph.input(.positions)])
  }

  /// A projection in attention, with a bias where the config says so.
  private mutating func project(
    _ name: String, _ input: EdgeID, _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    from: ParameterDeclarations.Dimension, to: ParameterDeclarations.Dimension
  ) -> EdgeID {
    let hasBias = config[.attentionBias] || config[.inputBias] && bias != .attentionOutputBias
    return graph.linear(
      name, input, declare.affine(weightKind, bias, block, from: from, to: to, hasBias: hasBias, weight))
  }

  private mutating func addFeedForward(_ block: Int) -> EdgeID {
    let name = "layers.\(block).mlp"
    let input = addNorm("layers.\(block).post_attention_layernorm", hidden, .feedForwardNormGain, block)
    if config.hasExperts(inBlock: block) { return addExperts(name, input, block) }
    let gated = config[.fusesProjections] ? addFusedGate(name, input, block) : addGate(name, input, block)
    return graph.linear(
      "\(name).down_proj", gated,
      feedForward(.feedForwardOutputWeight, .feedForwardOutputBias, block, from: wide, to: width))
  }

  private func feedForward(
    _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    from input: ParameterDeclarations.Dimension, to output: ParameterDeclarations.Dimension
  ) -> [GraphParameter] {
    declare.affine(
      weightKind, bias, block, from: input, to: output, hasBias: config[.feedForwardBias], weight)
  }

  private mutating func addGate(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let gate = graph.linear(
      "\(name).gate_proj", input,
      feedForward(.feedForwardGateWeight, .feedForwardGateBias, block, from: width, to: wide))
    let opened = graph.add("\(name).act", Activation(config.activation), [gate])
    let up = graph.linear(
      "\(name).up_proj", input,
      feedForward(.feedForwardInputWeight, .feedForwardInputBias, block, from: width, to: wide))
    return graph.add("\(name).gated", Multiply(), [opened, up])
  }

  /// A mixture of experts, and the one that all tokens take, where there is one.
  private mutating func addExperts(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let count: ParameterDeclarations.Dimension = (config[.expertCount], "experts")
    // A router is small, and what it chooses by is close: as elsewhere it stays as it is.
    let scores = graph.linear(
      "\(name).router", input,
      declare.affine(
        .routerWeight, .routerBias, block, from: width, to: count, hasBias: config[.expertBias],
        isQuantizable: false, weight))
    let parameters = (0..<config[.expertCount]).flatMap { expertParameters(block, $0) }
    let experts = Experts(
      expertCount: config[.expertCount], chosenCount: config[.chosenExpertCount],
      shares: config[.normalizesShares] ? .ofChosen : .ofAll, gate: expertGate,
      weightLayout: parameters.first?.weightLayout ?? .outIn, hasBias: config[.expertBias])
    let mixed = graph.add("\(name).experts", experts, [input, scores], parameters)
    guard config[.sharedExpertWidth] > 0 else { return mixed }
    return graph.add(
      "\(name).shared_add", Add(), [addSharedExpert("\(name).shared_expert", input, block), mixed])
  }

  private var expertGate: Experts.Gate {
    let bound = config[.expertBound]
    return bound == 0 ? .plain(config.activation) : .clamped(alpha: config[.expertAlpha], bound: bound)
  }

  private func expertParameters(_ block: Int, _ expert: Int) -> [GraphParameter] {
    let inner: ParameterDeclarations.Dimension = (config.expertWidth, "expert_intermediate_size")
    func part(
      _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, from input: ParameterDeclarations.Dimension,
      to output: ParameterDeclarations.Dimension
    ) -> [GraphParameter] {
      declare.affine(
        weightKind, bias, block, expert: expert, from: input, to: output, hasBias: config[.expertBias], weight
      )
    }
    return part(.expertGateWeight, .expertGateBias, from: width, to: inner)
      + part(.expertUpWeight, .expertUpBias, from: width, to: inner)
      + part(.expertDownWeight, .expertDownBias, from: inner, to: width)
  }

  /// The expert that all tokens take, as much of it as its own gate says.
  private mutating func addSharedExpert(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let inner: ParameterDeclarations.Dimension = (
      config[.sharedExpertWidth], "shared_expert_intermediate_size"
    )
    let gate = graph.linear(
      "\(name).gate_proj", input, [declare.linear(.sharedGateWeight, block, from: width, to: inner, weight)])
    let opened = graph.add("\(name).act", Activation(config.activation), [gate])
    let up = graph.linear(
      "\(name).up_proj", input, [declare.linear(.sharedUpWeight, block, from: width, to: inner, weight)])
    let gated = graph.add("\(name).gated", Multiply(), [opened, up])
    let result = graph.linear(
      "\(name).down_proj", gated, [declare.linear(.sharedDownWeight, block, from: inner, to: width, weight)])
    let score = graph.linear(
      "\(name)_gate", input,
      [
        declare.linear(
          .sharedShareWeight, block, from: width, to: (1, "1"), isQuantizable: false, weight)
      ])
    let share = graph.add("\(name)_gate.act", Activation(.sigmoid), [score])
    return graph.add("\(name).share", Multiply(), [result, share])
  }

  /// A gate and what it lets through that are one projection.
  private mutating func addFusedGate(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let fused = (2 * config.feedForwardWidth, "2 · intermediate_size")
    let both = graph.linear(
      "\(name).gate_up_proj", input,
      [declare.linear(.feedForwardGateUpWeight, block, from: width, to: fused, weight)])
    return graph.add("\(name).gated", Gate(config.activation), [both])
  }

  mutating func addHead() {
    graph.addDecoderHead(hidden, config, declare, width: width, embedding: embedding, weight)
  }
}

extension GraphBuilder {
  /// Adds what a decoder gives out.
  ///
  /// - Parameters:
  ///   - hidden: what comes out of the last block, normalized.
  ///   - config: the numbers, with the head.
  ///   - declare: declares parameters.
  ///   - width: the numbers of a token's row.
  ///   - embedding: the token embedding, which may be the head too.
  ///   - initialization: how weights start out.
  mutating func addDecoderHead(
    _ hidden: EdgeID, _ config: ModelConfig, _ declare: ParameterDeclarations,
    width: ParameterDeclarations.Dimension, embedding: GraphParameter, _ initialization: Initialization
  ) {
    switch DecoderHead(rawValue: config[.head]) ?? .language {
    case .bare: break
    case .language:
      let vocabulary: ParameterDeclarations.Dimension = (config.vocabularySize, "vocab_size")
      let table =
        config.tiesHead
        ? embedding
        : declare.table(.head, rows: vocabulary, width: width, isQuantizable: true, initialization)
      let scores = linear("lm_head", hidden, [table])
      let bound = config[.headSoftcap]
      name(bound == 0 ? scores : add("softcap", Softcap(bound), [scores]), "logits")
    case .sequenceClassification:
      let last = add(
        "score.select", SelectToken(.lastOther(than: config[.paddingToken])), [hidden, input(.ids)])
      let parameter = declare.head(.scoreWeight, from: width, to: config.labels, initialization)
      name(linear("score", last, [parameter]), "logits")
    }
  }
}
