// SPDX-License-Identifier: Apache-2.0
// The names of Llama, Mistral and Qwen in Apple's mlx-lm: transformers' own. ml-explore/mlx-lm: mlx_lm/models/llama.py, qwen2.py,
// qwen3.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as mlx-lm names it.
  static let mlxLlama = mlxDecoder("llama")
  /// Mistral as mlx-lm names it.
  static let mlxMistral = mlxDecoder("mistral")

  /// Qwen2 as mlx-lm names it.
  static let mlxQwen2 = mlxDecoder("qwen2", fixed: [FixedValue("head_dim", .null)])
  /// Qwen3 as mlx-lm names it.
  static let mlxQwen3 = mlxDecoder(
    "qwen3", rows: normedDecoderRows, fixed: [FixedValue("attention_bias", .bool(false))])

  private static func mlxDecoder(
    _ architecture: String, rows: [Parameter] = decoderRows, fixed: [FixedValue] = []
  ) -> Dialect {
    Dialect(
      id: "mlx",
      architecture: architecture,
      prefixes: ["model."],
      parameters: rows + [(.head, "lm_head.weight", .asIs)],
      unprefixed: [.head],
      heads: ["language": "language"],
      buffers: ["layers.{block}.self_attn.rotary_emb.inv_freq"],
      // ml-explore/mlx: mlx/io/safetensors.cpp reads no F64.
      computes: [.f32, .f16, .bf16],
      fixed: [FixedValue("hidden_act", .string("silu"))] + fixed,
      // A window is honoured for the layers that `layer_types` names, which Mistral's configs do not have.
      ignored: [IgnoredValue("sliding_window", unless: .null, where: ConfigField<Bool>.usesWindow)],
      rotary: .mlx,
      // Its class ties heads where the key is missing, and reads the older spelling of rotary embeddings alone.
      config: ConfigPlace(carrier: .file("config.json"), isRewritten: true),
      marks: [FileMark("format", "mlx", writtenIn: "safetensors")])
  }
}
