// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in Hugging Face's transformers, with `transformer.` (saved from GPT2LMHeadModel) and without
// (saved from GPT2Model). Linear weights are Conv1D's, `[in, out]`: the layout that others are held against.
// huggingface/transformers: src/transformers/models/gpt2/modeling_gpt2.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-2 as transformers names it.
  static let huggingFaceGPT2 = Dialect(
    id: "hf",
    architecture: "gpt2",
    wrappers: pytorchWrappers,
    prefixes: ["transformer.", ""],
    parameters: huggingFaceRows(linear: .asIs) + [(.head, "lm_head.weight", .asIs)] + gptHeadRows,
    unprefixed: gptHeadKinds,
    // The causal mask and the number it puts where nothing may be seen; `h.0.attn.c_attn.bias` is no buffer.
    buffers: maskBuffers,
    leftovers: trainingLeftovers,
    // transformers asks a safetensors file for it.
    marks: [FileMark("format", "pt", writtenIn: "safetensors")])

  /// The rows of all parameters but the head, which others share.
  ///
  /// - Parameter linear: the layout of linear weights.
  /// - Returns: the rows, in the order in which they are written.
  static func huggingFaceRows(linear: ParameterLayout) -> [Parameter] {
    [
      (.tokenEmbedding, "wte.weight", .asIs),
      (.positionEmbedding, "wpe.weight", .asIs),
      (.attentionNormGain, "h.{block}.ln_1.weight", .asIs),
      (.attentionNormBias, "h.{block}.ln_1.bias", .asIs),
      (.attentionInputWeight, "h.{block}.attn.c_attn.weight", linear),
      (.attentionInputBias, "h.{block}.attn.c_attn.bias", .asIs),
      (.attentionOutputWeight, "h.{block}.attn.c_proj.weight", linear),
      (.attentionOutputBias, "h.{block}.attn.c_proj.bias", .asIs),
      (.feedForwardNormGain, "h.{block}.ln_2.weight", .asIs),
      (.feedForwardNormBias, "h.{block}.ln_2.bias", .asIs),
      (.feedForwardInputWeight, "h.{block}.mlp.c_fc.weight", linear),
      (.feedForwardInputBias, "h.{block}.mlp.c_fc.bias", .asIs),
      (.feedForwardOutputWeight, "h.{block}.mlp.c_proj.weight", linear),
      (.feedForwardOutputBias, "h.{block}.mlp.c_proj.bias", .asIs),
      (.finalNormGain, "ln_f.weight", .asIs),
      (.finalNormBias, "ln_f.bias", .asIs),
    ]
  }

  /// The rows of heads for fine-tuning, which GPT-1 and GPT-2 share.
  static let gptHeadRows: [Parameter] = [
    (.summaryWeight, "multiple_choice_head.summary.weight", .asIs),
    (.summaryBias, "multiple_choice_head.summary.bias", .asIs),
    (.scoreWeight, "score.weight", .asIs),
  ]

  /// What stands beside the decoder.
  static let gptHeadKinds = Set([TensorRole.Kind.head] + gptHeadRows.map(\.kind))

  /// What training scripts and Lightning keep beside the model.
  static let trainingLeftovers = ["optimizer.*", "optimizer_state_dict.*", "optimizer_states.*"]

  /// What training scripts, and in it DistributedDataParallel, torch.compile and Lightning, put before every name.
  static let pytorchWrappers: [String] = {
    let keys = ["", "model.", "state_dict.", "model_state_dict."]
    let wrappers = [
      "", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "model._orig_mod.",
      "model.module.",
    ]
    var all: [String] = []
    for key in keys {
      for wrapper in wrappers where !all.contains(key + wrapper) { all.append(key + wrapper) }
    }
    return all
  }()

  /// Constants that PyTorch's implementations store with each block.
  static let maskBuffers: [NamePattern] = ["h.{block}.attn.bias", "h.{block}.attn.masked_bias"]
}

extension FixedValue {
  /// The arithmetic of GPT-2 that nearly every program but transformers has built in.
  ///
  /// - Parameter activation: the feed-forward activation.
  /// - Returns: the values.
  static func gpt2Code(activation: String = "gelu_new") -> [FixedValue] {
    [
      FixedValue("activation_function", .string(activation)), FixedValue("n_inner", .null),
      FixedValue("scale_attn_weights", .bool(true)),
      FixedValue("scale_attn_by_inverse_layer_idx", .bool(false)),
    ]
  }

  /// What is added to the variance.
  static let gpt2Epsilon = FixedValue("layer_norm_epsilon", .float64(1e-5))
  /// The head is the token embedding.
  static let tiedHead = FixedValue("tie_word_embeddings", .bool(true))
}
