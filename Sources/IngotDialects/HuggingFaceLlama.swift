// SPDX-License-Identifier: Apache-2.0
// The names of Llama, Mistral and Qwen in Hugging Face's transformers, with `model.` (saved from a class with a head) and without.
// Matrices are `[out, in]`, and the numbers that are turned together stand half a head apart: the order that others are held
// against. huggingface/transformers: src/transformers/models/llama/modeling_llama.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as transformers names it.
  static let huggingFaceLlama = huggingFaceDecoder("llama")
  /// Mistral as transformers names it.
  static let huggingFaceMistral = huggingFaceDecoder("mistral")
  /// Qwen2 as transformers names it.
  static let huggingFaceQwen2 = huggingFaceDecoder("qwen2")
  /// Qwen3 as transformers names it.
  static let huggingFaceQwen3 = huggingFaceDecoder("qwen3", rows: normedDecoderRows)

  private static func huggingFaceDecoder(
    _ architecture: String, rows: [Parameter] = decoderRows
  ) -> Dialect {
    Dialect(
      id: "hf",
      architecture: architecture,
      wrappers: pytorchWrappers.filter { $0 != "model." },
      prefixes: ["model.", ""],
      parameters: rows + [(.head, "lm_head.weight", .asIs), (.scoreWeight, "score.weight", .asIs)],
      unprefixed: [.head, .scoreWeight],
      // Files of older versions keep the frequencies.
      buffers: ["layers.{block}.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
      leftovers: trainingLeftovers,
      marks: [FileMark("format", "pt", writtenIn: "safetensors")])
  }

  /// The same with norms of heads, in which Qwen3 differs; rows of blocks stand together.
  static let normedDecoderRows: [Parameter] =
    decoderRows.dropLast() + headNormRows + decoderRows.suffix(1)

  private static let headNormRows: [Parameter] = [
    (.queryNormGain, "layers.{block}.self_attn.q_norm.weight", .asIs),
    (.keyNormGain, "layers.{block}.self_attn.k_norm.weight", .asIs),
  ]

  /// The rows of all parameters but the head, which mlx-lm shares.
  static let decoderRows: [Parameter] = [
    (.tokenEmbedding, "embed_tokens.weight", .asIs),
    (.attentionNormGain, "layers.{block}.input_layernorm.weight", .asIs),
    (.queryWeight, "layers.{block}.self_attn.q_proj.weight", .asIs),
    (.queryBias, "layers.{block}.self_attn.q_proj.bias", .asIs),
    (.keyWeight, "layers.{block}.self_attn.k_proj.weight", .asIs),
    (.keyBias, "layers.{block}.self_attn.k_proj.bias", .asIs),
    (.valueWeight, "layers.{block}.self_attn.v_proj.weight", .asIs),
    (.valueBias, "layers.{block}.self_attn.v_proj.bias", .asIs),
    (.attentionOutputWeight, "layers.{block}.self_attn.o_proj.weight", .asIs),
    (.attentionOutputBias, "layers.{block}.self_attn.o_proj.bias", .asIs),
    (.feedForwardNormGain, "layers.{block}.post_attention_layernorm.weight", .asIs),
    (.feedForwardGateWeight, "layers.{block}.mlp.gate_proj.weight", .asIs),
    (.feedForwardGateBias, "layers.{block}.mlp.gate_proj.bias", .asIs),
    (.feedForwardInputWeight, "layers.{block}.mlp.up_proj.weight", .asIs),
    (.feedForwardInputBias, "layers.{block}.mlp.up_proj.bias", .asIs),
    (.feedForwardOutputWeight, "layers.{block}.mlp.down_proj.weight", .asIs),
    (.feedForwardOutputBias, "layers.{block}.mlp.down_proj.bias", .asIs),
    (.finalNormGain, "norm.weight", .asIs),
  ]
}
