// SPDX-License-Identifier: Apache-2.0
// The names of Llama in Karpathy's llama2.c, as its code calls the tensors of a file that has no names: each holds all
// blocks, and rows of queries and keys that are turned together stand side by side. karpathy/llama2.c: run.c, export.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as llama2.c lays it out.
  static let llama2cLlama = Dialect(
    id: "llama2c",
    architecture: "llama",
    prefixes: [""],
    parameters: [
      (.tokenEmbedding, "token_embedding_table", .asIs),
      (.attentionNormGain, "rms_att_weight", .stacked),
      (.queryWeight, "wq", .stackedPaired),
      (.keyWeight, "wk", .stackedPaired),
      (.valueWeight, "wv", .stacked),
      (.attentionOutputWeight, "wo", .stacked),
      (.feedForwardNormGain, "rms_ffn_weight", .stacked),
      (.feedForwardGateWeight, "w1", .stacked),
      (.feedForwardOutputWeight, "w2", .stacked),
      (.feedForwardInputWeight, "w3", .stacked),
      (.finalNormGain, "rms_final_weight", .asIs),
      (.head, "wcls", .asIs),
    ],
    heads: ["language": "language"],
    // Tables of version 0, which its program reads past.
    buffers: ["freq_cis_real", "freq_cis_imag"],
    // karpathy/llama2.c: run.c; runq.c has integers in runs, which export.py makes (`version2_export`).
    computes: [.f32],
    largestRunSize: 64,
    // run.c: `rmsnorm`, `forward`, and `head_size` of `dim` and `n_heads`.
    fixed: [
      FixedValue("hidden_act", .string("silu")), FixedValue("rms_norm_eps", .float64(1e-5)),
      FixedValue("rope_theta", .float64(10_000)), FixedValue("head_dim", .null),
      FixedValue("attention_bias", .bool(false)), FixedValue("mlp_bias", .bool(false)),
    ],
    rotary: .baseOnly,
    ownFormat: "llama2c",
    config: ConfigPlace(
      carrier: .keys(sign: "llama2c.dim"), form: .llama2c, format: "llama2c",
      facts: [("llama2c.version", .ofContainer), ("llama2c.group_size", .ofContainer)],
      leavesToTensors: true))
}

extension ConfigForm {
  /// The words of llama2.c's header, as its reader names them.
  ///
  /// - SeeAlso: `karpathy/llama2.c: run.c`, `Config`.
  static let llama2c = ConfigForm(
    dialect: "llama2c",
    rows: [
      ("hidden_size", "llama2c.dim"), ("intermediate_size", "llama2c.hidden_dim"),
      ("num_hidden_layers", "llama2c.n_layers"), ("num_attention_heads", "llama2c.n_heads"),
      ("num_key_value_heads", "llama2c.n_kv_heads"), ("vocab_size", "llama2c.vocab_size"),
      ("max_position_embeddings", "llama2c.seq_len"),
    ],
    numberType: .int32,
    builtIn: [
      ("hidden_act", .string("silu")), ("rms_norm_eps", .float64(1e-5)), ("rope_theta", .float64(10_000)),
    ])
}
