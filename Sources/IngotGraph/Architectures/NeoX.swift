// SPDX-License-Identifier: Apache-2.0
// GPT-NeoX and Pythia: layer norms with biases, heads that are turned in part, and attention and feed-forward side by side.
// Black et al., "GPT-NeoX-20B", 2022, section 2.1; Biderman et al., "Pythia", 2023; huggingface/transformers:
// src/transformers/models/gpt_neox/modeling_gpt_neox.py, configuration_gpt_neox.py.
import IngotCore

extension ConfigField where Value == Bool {
  /// Whether both parts of a block take the same input, and not one what the other gave.
  package static let isParallel = ConfigField("isParallel", standard: true)
}

extension Architecture {
  /// GPT-NeoX.
  package static let neoX = Architecture(
    id: "gpt_neox", title: "GPT-NeoX",
    keys: [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(50_432), limit: 1 << 28)),
      ConfigKey("max_position_embeddings", .count(.contextLength, .value(2048), limit: 1 << 28)),
      ConfigKey("hidden_size", .count(.width, .value(6144), limit: 1 << 20)),
      ConfigKey("num_hidden_layers", .count(.blockCount, .value(44), limit: 10_000)),
      ConfigKey("num_attention_heads", .count(.headCount, .value(64), limit: 1 << 20)),
      ConfigKey("intermediate_size", .count(.feedForwardWidth, .value(24_576), limit: 1 << 24)),
      ConfigKey("hidden_act", .activation(.activation, .value(.gelu), names: transformersActivations)),
      ConfigKey("layer_norm_eps", .fraction(.layerNormEpsilon, .value(1e-5))),
      ConfigKey("use_parallel_residual", .flag(.isParallel, .value(true))),
      ConfigKey("attention_bias", .flag(.attentionBias, .value(true))),
      ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(false))),
    ]
      + .rotary(
        RotaryRule {
          $0.share = 0.25
          // Its classes saved both names of each for some years, with one value.
          $0.baseKeys = ["rotary_emb_base", "rope_theta"]
          $0.shareKeys = ["rotary_pct", "partial_rotary_factor"]
        })
      // Its class takes the numbers of a head from the width, and those that turn from here.
      + [ConfigKey("head_dim", .onlyValue(.null))]
      + .decoderHeads.filter { $0.name != "partial_rotary_factor" } + .multipliers + .decoderRemarks
      + .informational("classifier_dropout", "is_decoder"),
    statements: [("initializer_range", .float64(0.02))],
    signature: [],
    heads: decoderHeads("GPTNeoX"),
    // Biderman et al., 2023, table 1; EleutherAI/pythia-70m: config.json.
    presets: [
      ModelPreset("gpt-neox-20b"),
      ModelPreset("pythia-70m") { config in
        config[.vocabularySize] = 50_304
        config[.width] = 512
        config[.blockCount] = 6
        config[.headCount] = 8
        config[.feedForwardWidth] = 2048
      },
    ],
    conflict: { headsDivideWidth(key: "num_attention_heads")($0) ?? rotaryConflict($0) },
    settle: settleDecoder,
    build: { config, transposed in
      var builder = NeoXBuilder(config, transposed: transposed)
      builder.addBlocks()
      builder.addHead()
      return builder.graph.build(architecture: "gpt_neox", config: config)
    })
}

/// Builds GPT-NeoX.
///
/// ```
/// h = embed_in[x]
/// for each block:  h = h + attention(norm1(h)) + mlp(norm2(h))
/// logits = norm(h) · embed_outᵀ
/// ```
private struct NeoXBuilder {
  private(set) var graph = GraphBuilder()
  private let config: ModelConfig
  private let declare: ParameterDeclarations
  private let norm: LayerNorm
  /// huggingface/transformers, `GPTNeoXPreTrainedModel._init_weights`.
  private let weight = Initialization.normal(deviation: 0.02)
  private var hidden: EdgeID

  init(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) {
    self.config = config
    declare = ParameterDeclarations(layout: .outIn, transposed: transposed)
    norm = LayerNorm(epsilon: config.layerNormEpsilon)
    hidden = graph.input(.ids)
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "hidden_size") }
  private var triple: ParameterDeclarations.Dimension { (3 * config.width, "3 · hidden_size") }
  private var wide: ParameterDeclarations.Dimension { (config.feedForwardWidth, "intermediate_size") }
  private var vocabulary: ParameterDeclarations.Dimension { (config.vocabularySize, "vocab_size") }

  private var embedding: GraphParameter {
    declare.table(.tokenEmbedding, rows: vocabulary, width: width, isQuantizable: true, weight)
  }

  mutating func addBlocks() {
    hidden = graph.add("embed_in", Embedding(), [hidden], [embedding])
    graph.name(hidden, "hidden_states.0")
    for block in 0..<config.blockCount {
      let name = "layers.\(block)"
      let attended = graph.add(
        "\(name).attention_add", Add(), [hidden, addAttention("\(name).attention", block)])
      let input = config[.isParallel] ? hidden : attended
      hidden = graph.add("\(name).mlp_add", Add(), [attended, addFeedForward(name, input, block)])
      if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
    }
    hidden = graph.add(
      "final_layer_norm", norm, [hidden], declare.norm(.finalNormGain, .finalNormBias, nil, width))
    graph.name(hidden, "hidden_states.\(config.blockCount)")
    graph.name(hidden, "last_hidden_state")
  }

  private mutating func addAttention(_ name: String, _ block: Int) -> EdgeID {
    let input = graph.add(
      "layers.\(block).input_layernorm", norm, [hidden],
      declare.norm(.attentionNormGain, .attentionNormBias, block, width))
    let attention = Attention.fused(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: 1 / Double(config.headDimension).squareRoot(), isCausal: true, cacheSlot: block)
    let projected = graph.linear(
      "\(name).query_key_value", input,
      declare.affine(
        .attentionInputWeight, .attentionInputBias, block, from: width, to: triple,
        hasBias: config[.attentionBias], weight))
    let rotary = Rotary(
      headDimension: config.headDimension, schedule: config.rotarySchedule,
      turnedHeadCount: 2 * config.headCount)
    let turned = graph.add("\(name).rotary", rotary, [projected, graph.input(.positions)])
    let attended = graph.addAttention(name, attention, [turned])
    return graph.linear(
      "\(name).dense", attended,
      declare.affine(
        .attentionOutputWeight, .attentionOutputBias, block, from: width, to: width,
        hasBias: config[.attentionBias], weight))
  }

  private mutating func addFeedForward(_ name: String, _ input: EdgeID, _ block: Int) -> EdgeID {
    let normed = graph.add(
      "\(name).post_attention_layernorm", norm, [input],
      declare.norm(.feedForwardNormGain, .feedForwardNormBias, block, width))
    let expanded = graph.linear(
      "\(name).mlp.dense_h_to_4h", normed,
      declare.affine(.feedForwardInputWeight, .feedForwardInputBias, block, from: width, to: wide, weight))
    let activated = graph.add("\(name).mlp.act", Activation(config.activation), [expanded])
    return graph.linear(
      "\(name).mlp.dense_4h_to_h", activated,
      declare.affine(.feedForwardOutputWeight, .feedForwardOutputBias, block, from: wide, to: width, weight))
  }

  mutating func addHead() {
    graph.addDecoderHead(hidden, config, declare, width: width, embedding: embedding, weight)
  }
}
