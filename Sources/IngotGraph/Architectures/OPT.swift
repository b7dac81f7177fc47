// SPDX-License-Identifier: Apache-2.0
// OPT: a decoder with learned positions, norms before its sub-blocks, or behind them in one size, and tokens that may be
// narrower than what passes through. Zhang et al., "OPT", 2022, section 2; huggingface/transformers:
// src/transformers/models/opt/modeling_opt.py, configuration_opt.py.
import IngotCore

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  package static let embeddingProjection = Self("embedding.projection.weight")
  package static let finalProjection = Self("final.projection.weight")
}

extension ConfigField where Value == Bool {
  /// Whether norms stand before sub-blocks, and not behind their sums.
  package static let normsFirst = ConfigField("normsFirst", standard: true)
  /// Whether a model with norms before sub-blocks lacks the last one.
  package static let lacksFinalNorm = ConfigField("lacksFinalNorm", standard: false)
}

extension ConfigField where Value == Int {
  /// Numbers of a token's row, P.
  package static let embeddingWidth = ConfigField("embeddingWidth", standard: 0)
}

extension Architecture {
  /// OPT.
  package static let opt = Architecture(
    id: "opt", title: "OPT",
    keys: [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(50_272), limit: 1 << 28)),
      ConfigKey("max_position_embeddings", .count(.contextLength, .value(2048), limit: 1 << 28)),
      ConfigKey("hidden_size", .count(.width, .value(768), limit: 1 << 20)),
      ConfigKey(
        "word_embed_proj_dim",
        .count(.embeddingWidth, .derived("hidden_size") { $0.width }, limit: 1 << 20)),
      ConfigKey("num_hidden_layers", .count(.blockCount, .value(12), limit: 10_000)),
      ConfigKey("num_attention_heads", .count(.headCount, .value(12), limit: 1 << 20)),
      ConfigKey("ffn_dim", .count(.feedForwardWidth, .value(3072), limit: 1 << 24)),
      ConfigKey(
        "activation_function", .activation(.activation, .value(.relu), names: transformersActivations)),
      ConfigKey("do_layer_norm_before", .flag(.normsFirst, .value(true))),
      ConfigKey("_remove_final_layer_norm", .flag(.lacksFinalNorm, .value(false))),
      ConfigKey("enable_bias", .flag(.attentionBias, .value(true))),
      ConfigKey("layer_norm_elementwise_affine", .onlyValue(.bool(true))),
      ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(true))),
    ] + .decoderHeads.filter { $0.name != "partial_rotary_factor" } + .multipliers + .decoderRemarks
      + .informational("dropout", "init_std", "layerdrop", "prefix", "activation_dropout"),
    statements: [("init_std", .float64(0.02))],
    signature: [],
    heads: decoderHeads("OPT"),
    // Zhang et al., 2022, table 1; facebook/opt-125m and opt-350m: config.json.
    presets: [
      ModelPreset("opt-125m"),
      ModelPreset("opt-350m") { config in
        config[.width] = 1024
        config[.embeddingWidth] = 512
        config[.blockCount] = 24
        config[.headCount] = 16
        config[.feedForwardWidth] = 4096
        config[.normsFirst] = false
      },
    ],
    conflict: headsDivideWidth(key: "num_attention_heads"),
    settle: settleDecoder,
    build: { config, transposed in
      var builder = OPTBuilder(config, transposed: transposed)
      builder.addEmbeddings()
      builder.addBlocks()
      builder.addHead()
      return builder.graph.build(architecture: "opt", config: config)
    })
}

extension GraphInput {
  /// Positions, `[B, T]`, that count the tokens which the mask shows; −1 for those it hides.
  ///
  /// - SeeAlso: huggingface/transformers, `OPTLearnedPositionalEmbedding`.
  package static let shownPositions = GraphInput(
    integers: GraphInput.positions.name, [.batch, .tokens], noun: "position", plural: "positions",
    defaultValues: { run in
      (0..<run.batchCount).flatMap { row in
        var shown = -1
        let positions = (0..<run.contextCount).map { token -> Int in
          guard run.isVisible(token, row: row) else { return -1 }
          shown += 1
          return shown
        }
        return positions.suffix(run.tokenCount)
      }
    },
    outOfRange: GraphInput.positions.outOfRange)
}

/// Builds OPT.
///
/// ```
/// h = embed_tokens[x] · projectionᵀ + embed_positions[position + 2]
/// for each block:  h = h + attention(norm1(h));  h = h + mlp(norm2(h))
/// logits = norm(h) · projectionᵀ · embed_tokensᵀ
/// ```
private struct OPTBuilder {
  private(set) var graph = GraphBuilder()
  private let config: ModelConfig
  private let declare: ParameterDeclarations
  private let norm: LayerNorm
  /// huggingface/transformers, `OPTPreTrainedModel._init_weights`.
  private let weight = Initialization.normal(deviation: 0.02)
  /// Rows of the table of positions before the first one's.
  private static let positionOffset = 2
  private var hidden: EdgeID

  init(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) {
    self.config = config
    declare = ParameterDeclarations(layout: .outIn, transposed: transposed)
    norm = LayerNorm(epsilon: config.layerNormEpsilon)
    hidden = graph.input(.ids)
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "hidden_size") }
  private var narrow: ParameterDeclarations.Dimension { (config[.embeddingWidth], "word_embed_proj_dim") }
  private var wide: ParameterDeclarations.Dimension { (config.feedForwardWidth, "ffn_dim") }
  private var vocabulary: ParameterDeclarations.Dimension { (config.vocabularySize, "vocab_size") }
  private var isProjected: Bool { config[.embeddingWidth] != config.width }

  private var embedding: GraphParameter {
    declare.table(.tokenEmbedding, rows: vocabulary, width: narrow, isQuantizable: true, weight)
  }

  mutating func addEmbeddings() {
    var tokens = graph.add("embed_tokens", Embedding(), [hidden], [embedding])
    if isProjected {
      tokens = graph.linear(
        "project_in", tokens, [declare.linear(.embeddingProjection, from: narrow, to: width, weight)])
    }
    let rows = (config.contextLength + Self.positionOffset, "max_position_embeddings + 2")
    let table = declare.table(.positionEmbedding, rows: rows, width: width, isQuantizable: false, weight)
    let positions = graph.add(
      "embed_positions", Embedding(offset: Self.positionOffset), [graph.input(.shownPositions)], [table])
    hidden = graph.add("embed", Add(), [tokens, positions])
    graph.name(hidden, "hidden_states.0")
  }

  mutating func addBlocks() {
    for block in 0..<config.blockCount {
      let name = "layers.\(block)"
      hidden = addSubBlock(
        "\(name).self_attn_layer_norm", .attentionNormGain, .attentionNormBias, block
      ) { builder, input in builder.addAttention("\(name).self_attn", input, block) }
      hidden = addSubBlock("\(name).final_layer_norm", .feedForwardNormGain, .feedForwardNormBias, block) {
        builder, input in builder.addFeedForward(name, input, block)
      }
      if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
    }
    if config[.normsFirst], !config[.lacksFinalNorm] {
      hidden = graph.add(
        "final_layer_norm", norm, [hidden], declare.norm(.finalNormGain, .finalNormBias, nil, width))
    }
    if isProjected {
      hidden = graph.linear(
        "project_out", hidden, [declare.linear(.finalProjection, from: width, to: narrow, weight)])
    }
    graph.name(hidden, "hidden_states.\(config.blockCount)")
    graph.name(hidden, "last_hidden_state")
  }

  /// Adds a sub-block with its norm, before it or behind its sum.
  private mutating func addSubBlock(
    _ name: String, _ gain: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    _ add: (inout OPTBuilder, EdgeID) -> EdgeID
  ) -> EdgeID {
    let parameters = declare.norm(gain, bias, block, width)
    let passing = hidden
    let input = config[.normsFirst] ? graph.add(name, norm, [passing], parameters) : passing
    let sum = graph.add("\(name).add", Add(), [passing, add(&self, input)])
    return config[.normsFirst] ? sum : graph.add(name, norm, [sum], parameters)
  }

  private mutating func addAttention(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let attention = Attention.separate(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: 1 / Double(config.headDimension).squareRoot(), isCausal: true, cacheSlot: block)
    func part(_ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind) -> [GraphParameter] {
      affine(weightKind, bias, block, from: width, to: width)
    }
    let query = graph.linear("\(name).q_proj", input, part(.queryWeight, .queryBias))
    let key = graph.linear("\(name).k_proj", input, part(.keyWeight, .keyBias))
    let value = graph.linear("\(name).v_proj", input, part(.valueWeight, .valueBias))
    let attended = graph.addAttention(name, attention, [query, key, value])
    return graph.linear("\(name).out_proj", attended, part(.attentionOutputWeight, .attentionOutputBias))
  }

  private mutating func addFeedForward(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let expanded = graph.linear(
      "\(name).fc1", input,
      affine(.feedForwardInputWeight, .feedForwardInputBias, block, from: width, to: wide))
    let activated = graph.add("\(name).act", Activation(config.activation), [expanded])
    return graph.linear(
      "\(name).fc2", activated,
      affine(.feedForwardOutputWeight, .feedForwardOutputBias, block, from: wide, to: width))
  }

  private func affine(
    _ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int,
    from input: ParameterDeclarations.Dimension, to output: ParameterDeclarations.Dimension
  ) -> [GraphParameter] {
    declare.affine(
      weightKind, bias, block, from: input, to: output, hasBias: config[.attentionBias], weight)
  }

  mutating func addHead() {
    graph.addDecoderHead(hidden, config, declare, width: narrow, embedding: embedding, weight)
  }
}
