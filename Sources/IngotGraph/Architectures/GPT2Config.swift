// SPDX-License-Identifier: Apache-2.0
// GPT-2's config: its keys, published sizes, and what is built of them.
import IngotCore

extension ConfigField where Value == Bool {
  /// Whether scores are divided by √E.
  package static let scalesAttention = ConfigField("scalesAttention", standard: true)
  /// Whether scores of block i are divided by i + 1 too.
  package static let scalesAttentionByBlock = ConfigField("scalesAttentionByBlock", standard: false)
}

extension Architecture {
  /// GPT-2.
  ///
  /// - SeeAlso: `huggingface/transformers: src/transformers/models/gpt2/configuration_gpt2.py`; `openai/gpt-2`:
  ///   `hparams.json`.
  package static let gpt2 = Architecture(
    id: "gpt2", title: "GPT-2",
    keys: .gptSizes(vocabulary: 50257, aliases: ["n_vocab"], context: 1024) + [
      ConfigKey(
        "n_inner", .count(.feedForwardWidth, .derived("4 × n_embd") { 4 * $0.width }, limit: 1 << 24)),
      ConfigKey(
        "activation_function", .activation(.activation, .value(.geluTanh), names: transformersActivations)),
      ConfigKey("scale_attn_weights", .flag(.scalesAttention, .value(true))),
      ConfigKey("scale_attn_by_inverse_layer_idx", .flag(.scalesAttentionByBlock, .value(false))),
    ] + .gptHeads
      // The first orders the same arithmetic differently: a matter of rounding only.
      + .informational(
        "reorder_and_upcast_attn", "_name_or_path", "attn_pdrop", "bias", "bos_token_id",
        "chunk_size_feed_forward", "dtype", "embd_pdrop", "eos_token_id", "finetuning_task",
        "gradient_checkpointing", "initializer_range", "is_decoder", "label2id", "model_type",
        "output_attentions", "output_hidden_states", "problem_type", "resid_pdrop", "return_dict",
        "summary_first_dropout", "task_specific_params", "torch_dtype", "transformers_version", "use_cache"),
    statements: [("initializer_range", .float64(0.02))],
    signature: ["n_layer", "n_embd"],
    heads: [
      ModelHead(GPTHead.language.rawValue, classes: "GPT2LMHeadModel", "GPT2Model"),
      ModelHead(GPTHead.doubleHeads.rawValue, classes: "GPT2DoubleHeadsModel"),
      ModelHead(GPTHead.sequenceClassification.rawValue, classes: "GPT2ForSequenceClassification"),
    ],
    // Radford et al., 2019, table 2, with the heads of the published `hparams.json`.
    presets: [
      ModelPreset("gpt2"), ModelPreset("gpt2-medium", width: 1024, blockCount: 24, headCount: 16),
      ModelPreset("gpt2-large", width: 1280, blockCount: 36, headCount: 20),
      ModelPreset("gpt2-xl", width: 1600, blockCount: 48, headCount: 25),
    ],
    conflict: gptConflict,
    settle: settleGPT,
    optionalInputs: [(.tokenTypes, .addsTokenTypes)],
    build: { gpt2Graph($0, transposed: $1) })

  /// Refuses heads that have no equal part of the width.
  static func headsDivideWidth(key: String) -> @Sendable (ModelConfig) -> ConfigConflict? {
    { config in
      guard !config.width.isMultiple(of: config.headCount) else { return nil }
      return ConfigConflict(
        key: key, found: "\(config.headCount, "head") for a width of \(config.width)",
        expected: "a divisor of it")
    }
  }
}

extension ModelConfig {
  /// GPT-2's numbers; those of the smallest published size unless others are given.
  package static func gpt2(
    vocabularySize: Int = 50257, contextLength: Int = 1024, width: Int = 768, blockCount: Int = 12,
    headCount: Int = 12, feedForwardWidth: Int? = nil, layerNormEpsilon: Double = 1e-5,
    activation: ActivationKind = .geluTanh, scalesAttention: Bool = true,
    scalesAttentionByBlock: Bool = false, tiesHead: Bool = true
  ) -> ModelConfig {
    var config = Architecture.gpt2.defaults
    config[.vocabularySize] = vocabularySize
    config[.contextLength] = contextLength
    config[.width] = width
    config[.blockCount] = blockCount
    config[.headCount] = headCount
    config[.feedForwardWidth] = feedForwardWidth ?? 4 * width
    config[.layerNormEpsilon] = layerNormEpsilon
    config[.activation] = activation
    config[.scalesAttention] = scalesAttention
    config[.scalesAttentionByBlock] = scalesAttentionByBlock
    config[.tiesHead] = tiesHead
    return config
  }
}
