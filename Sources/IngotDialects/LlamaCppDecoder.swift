// SPDX-License-Identifier: Apache-2.0
// The names of Llama and Mistral in llama.cpp's GGUF files, which has one architecture for both: rows of queries and keys
// that are turned together stand side by side, and the divisors of Llama 3's frequencies are a tensor.
// ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py, conversion/llama.py, src/models/llama.cpp, src/llama-graph.cpp.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as llama.cpp names it.
  static let llamaCppLlama = llamaCppDecoder("llama")
  /// Mistral as llama.cpp names it.
  static let llamaCppMistral = llamaCppDecoder("mistral")

  private static func llamaCppDecoder(_ architecture: String) -> Dialect {
    Dialect(
      id: "gguf",
      architecture: architecture,
      prefixes: [""],
      parameters: [
        (.tokenEmbedding, "token_embd.weight", .asIs),
        (.queryWeight, "blk.{block}.attn_q.weight", .paired),
        (.queryBias, "blk.{block}.attn_q.bias", .paired),
        (.keyWeight, "blk.{block}.attn_k.weight", .paired),
        (.keyBias, "blk.{block}.attn_k.bias", .paired),
        (.valueWeight, "blk.{block}.attn_v.weight", .asIs),
        (.valueBias, "blk.{block}.attn_v.bias", .asIs),
        (.attentionOutputWeight, "blk.{block}.attn_output.weight", .asIs),
        (.attentionOutputBias, "blk.{block}.attn_output.bias", .asIs),
        (.attentionNormGain, "blk.{block}.attn_norm.weight", .asIs),
        (.feedForwardNormGain, "blk.{block}.ffn_norm.weight", .asIs),
        (.feedForwardGateWeight, "blk.{block}.ffn_gate.weight", .asIs),
        (.feedForwardGateBias, "blk.{block}.ffn_gate.bias", .asIs),
        (.feedForwardInputWeight, "blk.{block}.ffn_up.weight", .asIs),
        (.feedForwardInputBias, "blk.{block}.ffn_up.bias", .asIs),
        (.feedForwardOutputWeight, "blk.{block}.ffn_down.weight", .asIs),
        (.feedForwardOutputBias, "blk.{block}.ffn_down.bias", .asIs),
        (.finalNormGain, "output_norm.weight", .asIs),
        (.head, "output.weight", .asIs),
      ],
      heads: ["language": "language"],
      buffers: ["blk.{block}.attn_rot_embd", "rope_freqs.weight"],
      rotaryDivisors: "rope_freqs.weight",
      staysFloat32: LlamaCppTypes.staysFloat32,
      computes: [.f32, .f16, .bf16],
      // src/models/llama.cpp: LLM_FFN_SILU, LLM_FFN_PAR.
      fixed: [FixedValue("hidden_act", .string("silu"))],
      // It sees all tokens, whatever a file says.
      ignored: [IgnoredValue("sliding_window", unless: .null)],
      rotary: .llamaCpp,
      ownFormat: "gguf",
      config: ConfigPlace(
        carrier: .keys(sign: "general.architecture"), form: .ggufDecoder("llama"), format: "gguf",
        facts: [
          ("general.architecture", .architecture), ("general.name", .modelName),
          ("general.file_type", .fileType), ("general.type", .ofContainer),
          ("general.alignment", .ofContainer), ("general.quantization_version", .ofContainer),
        ],
        containerArchitecture: "llama",
        leavesToTensors: true,
        flagsOfTensors: [("attention_bias", .queryBias), ("mlp_bias", .feedForwardGateBias)]),
      tokenizer: .ggufKeys)
  }
}

extension ConfigForm {
  /// The keys of llama.cpp's GGUF files of a decoder.
  ///
  /// - Parameter prefix: what stands before them, the id of the program's architecture.
  /// - Returns: the form.
  /// - SeeAlso: `ggml-org/llama.cpp: gguf-py/gguf/constants.py`; `src/llama-model.cpp`, `load_hparams`.
  static func ggufDecoder(_ prefix: String) -> ConfigForm {
    ConfigForm(
      dialect: "gguf",
      rows: [
        ("_name_or_path", "general.name"), ("max_position_embeddings", "\(prefix).context_length"),
        ("hidden_size", "\(prefix).embedding_length"), ("num_hidden_layers", "\(prefix).block_count"),
        ("intermediate_size", "\(prefix).feed_forward_length"),
        ("num_attention_heads", "\(prefix).attention.head_count"),
        ("num_key_value_heads", "\(prefix).attention.head_count_kv"),
        ("head_dim", "\(prefix).attention.key_length"),
        ("rms_norm_eps", "\(prefix).attention.layer_norm_rms_epsilon"),
        ("vocab_size", "\(prefix).vocab_size"), ("num_local_experts", "\(prefix).expert_count"),
      ],
      numberType: .uint32, builtIn: [("hidden_act", .string("silu"))], keeping: "ingot.config",
      kept: ["sliding_window"], echoes: [("head_dim", "\(prefix).attention.value_length", "v_head_dim")],
      rotary: LlamaCppRotary(prefix: prefix))
  }
}
