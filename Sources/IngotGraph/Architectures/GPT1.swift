// SPDX-License-Identifier: Apache-2.0
// GPT-1: a Transformer decoder with layer norm behind the residual addition of each sub-block, and none at the end.
// Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018, section 4.1;
// openai/finetune-transformer-lm: train.py; huggingface/transformers: src/transformers/models/openai.
import IngotCore

extension Architecture {
  /// GPT-1.
  ///
  /// - SeeAlso: `huggingface/transformers: src/transformers/models/openai/configuration_openai.py`.
  public static let gpt1 = Architecture(
    id: "openai-gpt", title: "GPT-1",
    keys: [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(40478), limit: 1 << 28)),
      ConfigKey(
        "n_positions", .count(.contextLength, .value(512), limit: 1 << 28),
        aliases: ["n_ctx", "max_position_embeddings"]),
      ConfigKey("n_embd", .count(.width, .value(768), limit: 1 << 20), aliases: ["hidden_size"]),
      ConfigKey("n_layer", .count(.blockCount, .value(12), limit: 10_000), aliases: ["num_hidden_layers"]),
      ConfigKey("n_head", .count(.headCount, .value(12), limit: 1 << 20), aliases: ["num_attention_heads"]),
      ConfigKey("layer_norm_epsilon", .fraction(.layerNormEpsilon, .value(1e-5))),
      // In this model's code, gelu is the tanh form.
      ConfigKey(
        "afn",
        .activation(
          .activation, .value(.geluTanh),
          names: [("gelu", .geluTanh), ("relu", .relu), ("silu", .silu), ("swish", .silu)])),
      ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(true))),
      ConfigKey("architectures", .head),
      ConfigKey("add_cross_attention", .onlyValue(.bool(false))),
      ConfigKey("is_encoder_decoder", .onlyValue(.bool(false))),
    ] + .gptHeads
      + .informational(
        "_name_or_path", "attn_pdrop", "bos_token_id", "chunk_size_feed_forward", "dtype", "embd_pdrop",
        "eos_token_id", "finetuning_task", "initializer_range", "is_decoder", "label2id",
        "model_type", "n_special", "output_attentions", "output_hidden_states", "problem_type",
        "predict_special_tokens", "resid_pdrop", "return_dict", "summary_first_dropout",
        "task_specific_params", "torch_dtype",
        "transformers_version", "use_cache"),
    statements: [("initializer_range", .float64(0.02))],
    signature: [],
    heads: [
      ModelHead(GPTHead.language.rawValue, classes: "OpenAIGPTLMHeadModel", "OpenAIGPTModel"),
      ModelHead(GPTHead.doubleHeads.rawValue, classes: "OpenAIGPTDoubleHeadsModel"),
      ModelHead(GPTHead.sequenceClassification.rawValue, classes: "OpenAIGPTForSequenceClassification"),
    ],
    presets: [ModelPreset("openai-gpt", .gpt1)],
    conflict: gptConflict,
    settle: settleGPT,
    optionalInputs: [(.tokenTypes, .addsTokenTypes)],
    build: gpt1Graph)
}

extension ModelConfig {
  /// GPT-1's numbers.
  ///
  /// - SeeAlso: Radford et al., 2018, section 4.1; the vocabulary is that of transformers' copy of the release.
  static let gpt1: ModelConfig = {
    var config = ModelConfig()
    config[.head] = GPTHead.language.rawValue
    config[.vocabularySize] = 40478
    config[.contextLength] = 512
    config[.width] = 768
    config[.blockCount] = 12
    config[.headCount] = 12
    config[.layerNormEpsilon] = 1e-5
    config[.activation] = .geluTanh
    return config
  }()
}

/// Builds GPT-1.
///
/// ```
/// h = tokens[x] + positions[position]
/// for each block:  n = ln_1(h + attention(h));  h = ln_2(n + mlp(n))
/// logits = h · tokensᵀ
/// ```
///
/// - Parameters:
///   - config: its numbers; the context is 512 in the paper.
///   - transposed: kinds of linear weights that are stored `[out, in]`; they are `[in, out]` in the paper's code.
/// - Returns: the graph.
@Sendable
private func gpt1Graph(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) -> ModelGraph {
  var graph = GraphBuilder()
  let parameters = GPTParameters(
    config, transposed: transposed, feedForwardWidth: 4 * config.width, residualDeviation: 0.02)
  let mask = graph.input(.mask)
  let norm = LayerNorm(epsilon: config.layerNormEpsilon)

  var hidden = graph.addEmbeddings(token: "tokens_embed", position: "positions_embed", config, parameters)
  graph.name(hidden, "hidden_states.0")

  for block in 0..<config.blockCount {
    let name = "h.\(block)"
    let attention = Attention.fused(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: 1 / Double(config.headDimension).squareRoot(), isCausal: true, cacheSlot: block)
    let cache = graph.input(.cache(block, width: attention.keys.width))

    let qkv = graph.linear("\(name).attn.c_attn", hidden, parameters.attentionInput(block))
    let attended = graph.add("\(name).attn", attention, [qkv, mask, cache])
    let projected = graph.linear("\(name).attn.c_proj", attended, parameters.attentionOutput(block))
    let sum = graph.add("\(name).attn.add", Add(), [hidden, projected])
    let normed = graph.add(
      "\(name).ln_1", norm, [sum], parameters.norm(.attentionNormGain, .attentionNormBias, block))

    let expanded = graph.linear("\(name).mlp.c_fc", normed, parameters.feedForwardInput(block))
    let activated = graph.add("\(name).mlp.act", Activation(config.activation), [expanded])
    let contracted = graph.linear("\(name).mlp.c_proj", activated, parameters.feedForwardOutput(block))
    let total = graph.add("\(name).mlp.add", Add(), [normed, contracted])
    hidden = graph.add(
      "\(name).ln_2", norm, [total], parameters.norm(.feedForwardNormGain, .feedForwardNormBias, block))
    graph.name(hidden, "hidden_states.\(block + 1)")
  }

  graph.name(hidden, "last_hidden_state")
  graph.addHead(hidden, config, parameters)
  return graph.build(architecture: "openai-gpt", config: config)
}
