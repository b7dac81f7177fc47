// SPDX-License-Identifier: Apache-2.0
// The names of Llama, Mistral and Qwen in llama.cpp's GGUF files. It has one architecture for the first two, whose rows of
// queries and keys that are turned together stand side by side; the divisors of Llama 3's frequencies are a tensor.
// ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py, conversion/llama.py, src/models/llama.cpp, src/models/qwen2.cpp,
// src/models/qwen3.cpp, src/llama-graph.cpp.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as llama.cpp names it.
  static let llamaCppLlama = llamaCppDecoder("llama", in: "llama", order: .paired, flags: llamaFlags)
  /// Mistral as llama.cpp names it.
  static let llamaCppMistral = llamaCppDecoder("mistral", in: "llama", order: .paired, flags: llamaFlags)
  private static let llamaFlags: [(key: String, kind: TensorRole.Kind)] = [
    ("attention_bias", .queryBias), ("mlp_bias", .feedForwardGateBias),
  ]

  /// Qwen2 as llama.cpp names it.
  static let llamaCppQwen2 = llamaCppDecoder(
    "qwen2", in: "qwen2", order: .asIs, fixed: [FixedValue("head_dim", .null)], flags: [])
  /// Qwen3 as llama.cpp names it.
  static let llamaCppQwen3 = llamaCppDecoder(
    "qwen3", in: "qwen3", order: .asIs,
    rows: [
      (.queryNormGain, "blk.{block}.attn_q_norm.weight", .asIs),
      (.keyNormGain, "blk.{block}.attn_k_norm.weight", .asIs),
    ], fixed: [FixedValue("attention_bias", .bool(false))], flags: [("attention_bias", .queryBias)])

  /// A decoder's names.
  ///
  /// - Parameters:
  ///   - architecture: the architecture.
  ///   - name: the program's.
  ///   - order: how rows of queries and keys stand: by the program's type of rotary embedding.
  ///   - rows: names of further parameters.
  ///   - fixed: what the program has built in beside the gate's function.
  ///   - flags: keys that tensors say.
  /// - Returns: the dialect.
  private static func llamaCppDecoder(
    _ architecture: String, in name: String, order: ParameterLayout, rows: [Parameter] = [],
    fixed: [FixedValue] = [], flags: [(key: String, kind: TensorRole.Kind)]
  ) -> Dialect {
    Dialect(
      id: "gguf",
      architecture: architecture,
      prefixes: [""],
      parameters: [
        (.tokenEmbedding, "token_embd.weight", .asIs),
        (.queryWeight, "blk.{block}.attn_q.weight", order),
        (.queryBias, "blk.{block}.attn_q.bias", order),
        (.keyWeight, "blk.{block}.attn_k.weight", order),
        (.keyBias, "blk.{block}.attn_k.bias", order),
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
      ] + rows + [
        (.finalNormGain, "output_norm.weight", .asIs),
        (.head, "output.weight", .asIs),
      ],
      heads: ["language": "language"],
      buffers: ["blk.{block}.attn_rot_embd", "rope_freqs.weight"],
      rotaryDivisors: "rope_freqs.weight",
      staysFloat32: LlamaCppTypes.staysFloat32,
      computes: [.f32, .f16, .bf16],
      // src/models/llama.cpp: LLM_FFN_SILU, LLM_FFN_PAR.
      fixed: [FixedValue("hidden_act", .string("silu"))] + fixed,
      // It sees all tokens, whatever a file says.
      ignored: [IgnoredValue("sliding_window", unless: .null, where: ConfigField<Bool>.usesWindow)],
      rotary: .llamaCpp,
      ownFormat: "gguf",
      config: ConfigPlace(
        carrier: .keys(sign: "general.architecture"), form: .ggufDecoder(name), format: "gguf",
        facts: [
          ("general.architecture", .architecture), ("general.name", .modelName),
          ("general.file_type", .fileType), ("general.type", .ofContainer),
          ("general.alignment", .ofContainer), ("general.quantization_version", .ofContainer),
        ],
        containerArchitecture: name,
        leavesToTensors: true,
        flagsOfTensors: flags),
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
      kept: ["sliding_window", "use_sliding_window", "max_window_layers", "layer_types"],
      echoes: [("head_dim", "\(prefix).attention.value_length", "v_head_dim")],
      rotary: LlamaCppRotary(prefix: prefix))
  }
}
