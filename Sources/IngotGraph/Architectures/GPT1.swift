// SPDX-License-Identifier: Apache-2.0
// GPT-1: a Transformer decoder with layer norm behind the residual addition of each sub-block, and none at the end.
// Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018, section 4.1;
// openai/finetune-transformer-lm: train.py; huggingface/transformers: src/transformers/models/openai.
import IngotCore

extension Architecture {
  /// GPT-1.
  ///
  /// - SeeAlso: `huggingface/transformers: src/transformers/models/openai/configuration_openai.py`.
  package static let gpt1 = Architecture(
    id: "openai-gpt", title: "GPT-1",
    keys: .gptSizes(vocabulary: 40478, context: 512) + [
      // In this model's code, gelu is the tanh form.
      ConfigKey(
        "afn",
        .activation(
          .activation, .value(.geluTanh),
          names: [("gelu", .geluTanh), ("relu", .relu), ("silu", .silu), ("swish", .silu)]))
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
    // Radford et al., 2018, section 4.1; the vocabulary is that of transformers' copy of the release.
    presets: [ModelPreset("openai-gpt")],
    conflict: gptConflict,
    settle: settleGPT,
    optionalInputs: [(.tokenTypes, .addsTokenTypes)],
    build: gpt1Graph)
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
  let norm = LayerNorm(epsilon: config.layerNormEpsilon)

  var hidden = graph.addEmbeddings(token: "tokens_embed", position: "positions_embed", config, parameters)
  graph.name(hidden, "hidden_states.0")

  for block in 0..<config.blockCount {
    let name = "h.\(block)"
    let attended = graph.addAttention(
      hidden, block: block, scale: 1 / Double(config.headDimension).squareRoot(), config, parameters)
    let sum = graph.add("\(name).attn.add", Add(), [hidden, attended])
    let normed = graph.add(
      "\(name).ln_1", norm, [sum], parameters.norm(.attentionNormGain, .attentionNormBias, block))

    let contracted = graph.addFeedForward(normed, block: block, config, parameters)
    let total = graph.add("\(name).mlp.add", Add(), [normed, contracted])
    hidden = graph.add(
      "\(name).ln_2", norm, [total], parameters.norm(.feedForwardNormGain, .feedForwardNormBias, block))
    graph.name(hidden, "hidden_states.\(block + 1)")
  }

  graph.name(hidden, "last_hidden_state")
  graph.addHead(hidden, config, parameters)
  return graph.build(architecture: "openai-gpt", config: config)
}
