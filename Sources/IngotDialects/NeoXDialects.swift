// SPDX-License-Identifier: Apache-2.0
// The names of GPT-NeoX: transformers', whose rows of queries, keys and values stand head by head; llama.cpp's, where all
// queries stand before all keys; and mlx-lm's.
// huggingface/transformers: src/transformers/models/gpt_neox/modeling_gpt_neox.py; ggml-org/llama.cpp: conversion/gptneox.py,
// src/models/gptneox.cpp; ml-explore/mlx-lm: mlx_lm/models/gpt_neox.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-NeoX as transformers names it.
  static let huggingFaceNeoX = Dialect(
    id: "hf",
    architecture: "gpt_neox",
    wrappers: pytorchWrappers,
    prefixes: ["gpt_neox.", ""],
    parameters: [(.tokenEmbedding, "embed_in.weight", .asIs)] + neoXRows("layers") + [
      (.finalNormGain, "final_layer_norm.weight", .asIs), (.finalNormBias, "final_layer_norm.bias", .asIs),
      (.head, "embed_out.weight", .asIs), (.scoreWeight, "score.weight", .asIs),
    ],
    unprefixed: [.head, .scoreWeight],
    // Its class in memory calls the head so.
    otherSpellings: [("lm_head.weight", "embed_out.weight")],
    buffers: [
      "layers.{block}.attention.bias", "layers.{block}.attention.masked_bias",
      "layers.{block}.attention.rotary_emb.inv_freq", "rotary_emb.inv_freq",
    ],
    leftovers: trainingLeftovers,
    marks: [FileMark("format", "pt", writtenIn: "safetensors")])

  /// GPT-NeoX as mlx-lm names it.
  static let mlxNeoX = Dialect(
    id: "mlx",
    architecture: "gpt_neox",
    prefixes: ["model."],
    parameters: [(.tokenEmbedding, "embed_in.weight", .asIs)] + neoXRows("h") + [
      (.finalNormGain, "final_layer_norm.weight", .asIs), (.finalNormBias, "final_layer_norm.bias", .asIs),
      (.head, "embed_out.weight", .asIs),
    ],
    heads: ["language": "language"],
    // Its head is a matrix of its own.
    storesTiedHead: true,
    computes: [.f32, .f16, .bf16],
    fixed: [FixedValue("attention_bias", .bool(true)), FixedValue("hidden_act", .string("gelu"))],
    approximated: [ApproximatedValue("hidden_act", .string("gelu"), by: "the formula with tanh")],
    refusal: { config in
      config.feedForwardWidth == 4 * config.width
        ? nil : ("intermediate_size", "is \(config.feedForwardWidth), not 4 × hidden_size")
    },
    rotary: .baseOnly,
    config: ConfigPlace(carrier: .file("config.json"), isRewritten: true),
    marks: [FileMark("format", "mlx", writtenIn: "safetensors")])

  private static func neoXRows(_ blocks: String) -> [Parameter] {
    func name(_ rest: String) -> NamePattern { NamePattern(stringLiteral: "\(blocks).{block}.\(rest)") }
    return [
      (.attentionNormGain, name("input_layernorm.weight"), .asIs),
      (.attentionNormBias, name("input_layernorm.bias"), .asIs),
      (.attentionInputWeight, name("attention.query_key_value.weight"), .byHead),
      (.attentionInputBias, name("attention.query_key_value.bias"), .byHead),
      (.attentionOutputWeight, name("attention.dense.weight"), .asIs),
      (.attentionOutputBias, name("attention.dense.bias"), .asIs),
      (.feedForwardNormGain, name("post_attention_layernorm.weight"), .asIs),
      (.feedForwardNormBias, name("post_attention_layernorm.bias"), .asIs),
      (.feedForwardInputWeight, name("mlp.dense_h_to_4h.weight"), .asIs),
      (.feedForwardInputBias, name("mlp.dense_h_to_4h.bias"), .asIs),
      (.feedForwardOutputWeight, name("mlp.dense_4h_to_h.weight"), .asIs),
      (.feedForwardOutputBias, name("mlp.dense_4h_to_h.bias"), .asIs),
    ]
  }

  /// GPT-NeoX as llama.cpp names it.
  static let llamaCppNeoX = Dialect(
    id: "gguf",
    architecture: "gpt_neox",
    prefixes: [""],
    parameters: [
      (.tokenEmbedding, "token_embd.weight", .asIs),
      (.attentionInputWeight, "blk.{block}.attn_qkv.weight", .asIs),
      (.attentionInputBias, "blk.{block}.attn_qkv.bias", .asIs),
      (.attentionOutputWeight, "blk.{block}.attn_output.weight", .asIs),
      (.attentionOutputBias, "blk.{block}.attn_output.bias", .asIs),
      (.attentionNormGain, "blk.{block}.attn_norm.weight", .asIs),
      (.attentionNormBias, "blk.{block}.attn_norm.bias", .asIs),
      (.feedForwardNormGain, "blk.{block}.ffn_norm.weight", .asIs),
      (.feedForwardNormBias, "blk.{block}.ffn_norm.bias", .asIs),
      (.feedForwardInputWeight, "blk.{block}.ffn_up.weight", .asIs),
      (.feedForwardInputBias, "blk.{block}.ffn_up.bias", .asIs),
      (.feedForwardOutputWeight, "blk.{block}.ffn_down.weight", .asIs),
      (.feedForwardOutputBias, "blk.{block}.ffn_down.bias", .asIs),
      (.finalNormGain, "output_norm.weight", .asIs), (.finalNormBias, "output_norm.bias", .asIs),
      (.head, "output.weight", .asIs),
    ],
    heads: ["language": "language"],
    // Its program asks for a head.
    storesTiedHead: true,
    staysFloat32: LlamaCppTypes.staysFloat32,
    computes: [.f32, .f16, .bf16],
    fixed: [FixedValue("attention_bias", .bool(true)), FixedValue("hidden_act", .string("gelu"))],
    approximated: [
      ApproximatedValue("hidden_act", .string("gelu"), by: "the formula with tanh, in half precision")
    ],
    rotary: .llamaCppBases,
    ownFormat: "gguf",
    config: ConfigPlace(
      carrier: .keys(sign: "general.architecture"), form: .ggufNeoX, format: "gguf",
      facts: LlamaCppTypes.facts, containerArchitecture: "gptneox", leavesToTensors: true),
    tokenizer: .ggufKeys)
}

extension ConfigForm {
  /// The keys of llama.cpp's GGUF files of GPT-NeoX.
  ///
  /// - SeeAlso: `ggml-org/llama.cpp: conversion/gptneox.py`; `src/models/gptneox.cpp`, `load_arch_hparams`.
  fileprivate static let ggufNeoX = ConfigForm(
    dialect: "gguf",
    rows: [
      ("_name_or_path", "general.name"), ("max_position_embeddings", "gptneox.context_length"),
      ("hidden_size", "gptneox.embedding_length"), ("num_hidden_layers", "gptneox.block_count"),
      ("intermediate_size", "gptneox.feed_forward_length"),
      ("num_attention_heads", "gptneox.attention.head_count"),
      ("layer_norm_eps", "gptneox.attention.layer_norm_epsilon"),
      ("use_parallel_residual", "gptneox.use_parallel_residual"), ("vocab_size", "gptneox.vocab_size"),
    ],
    numberType: .uint32, builtIn: [("hidden_act", .string("gelu"))], keeping: ConfigForm.keptKey,
    kept: ["tie_word_embeddings"], rotary: LlamaCppRotary(prefix: "gptneox", statesShare: true))
}
