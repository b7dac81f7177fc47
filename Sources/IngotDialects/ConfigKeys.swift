// SPDX-License-Identifier: Apache-2.0
// The keys of config.json, in one table an architecture: which change the arithmetic, which inform, which do nothing.
// Page: formats/config.md.
import IngotCore

/// A key of a config.
public struct ConfigKey: Sendable {
  /// What becomes of a key.
  public enum Effect: Sendable {
    /// It changes the arithmetic, and is honoured.
    case honoured
    /// It changes the arithmetic, and any value but this one is refused.
    case onlyValue(MetadataValue)
    /// It tells of the model's making or use, and changes no output.
    case informational
  }

  /// The key, as the publisher spells it first.
  public let name: String
  /// Other spellings that publishers accept.
  public let aliases: [String]
  /// What becomes of it.
  public let effect: Effect

  init(_ name: String, _ effect: Effect, aliases: [String] = []) {
    self.name = name
    self.aliases = aliases
    self.effect = effect
  }

  /// GPT-2's keys.
  ///
  /// - SeeAlso: `huggingface/transformers: src/transformers/models/gpt2/configuration_gpt2.py`; `openai/gpt-2`:
  ///   `hparams.json`.
  public static let gpt2: [ConfigKey] =
    [
      ConfigKey("vocab_size", .honoured, aliases: ["n_vocab"]),
      ConfigKey("n_positions", .honoured, aliases: ["n_ctx", "max_position_embeddings"]),
      ConfigKey("n_embd", .honoured, aliases: ["hidden_size"]),
      ConfigKey("n_layer", .honoured, aliases: ["num_hidden_layers"]),
      ConfigKey("n_head", .honoured, aliases: ["num_attention_heads"]),
      ConfigKey("n_inner", .honoured),
      ConfigKey("activation_function", .honoured),
      ConfigKey("layer_norm_epsilon", .honoured),
      ConfigKey("scale_attn_weights", .honoured),
      ConfigKey("scale_attn_by_inverse_layer_idx", .honoured),
      ConfigKey("tie_word_embeddings", .honoured),
      ConfigKey("add_cross_attention", .onlyValue(.bool(false))),
      ConfigKey("is_encoder_decoder", .onlyValue(.bool(false))),
      // It orders the same arithmetic differently: a matter of rounding only.
      ConfigKey("reorder_and_upcast_attn", .informational),
    ]
    + [
      "_name_or_path", "architectures", "attn_pdrop", "bias", "bos_token_id", "chunk_size_feed_forward",
      "dtype",
      "embd_pdrop", "eos_token_id", "finetuning_task", "gradient_checkpointing", "id2label",
      "initializer_range",
      "is_decoder", "label2id", "model_type", "output_attentions", "output_hidden_states", "pad_token_id",
      "resid_pdrop", "return_dict", "summary_activation", "summary_first_dropout", "summary_proj_to_labels",
      "summary_type", "summary_use_proj", "task_specific_params", "torch_dtype", "transformers_version",
      "use_cache",
    ].map { ConfigKey($0, .informational) }
}
