// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in llama.cpp's GGUF files: linear weights are `[out, in]`, and a head of its own is optional.
// ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py, conversion/gpt2.py, src/models/gpt2.cpp.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-2 as llama.cpp names it.
  static let llamaCppGPT2 = Dialect(
    id: "gguf",
    architecture: "gpt2",
    prefixes: [""],
    parameters: [
      (.tokenEmbedding, "token_embd.weight", .asIs),
      (.positionEmbedding, "position_embd.weight", .asIs),
      (.attentionNormGain, "blk.{block}.attn_norm.weight", .asIs),
      (.attentionNormBias, "blk.{block}.attn_norm.bias", .asIs),
      (.attentionInputWeight, "blk.{block}.attn_qkv.weight", .transposed),
      (.attentionInputBias, "blk.{block}.attn_qkv.bias", .asIs),
      (.attentionOutputWeight, "blk.{block}.attn_output.weight", .transposed),
      (.attentionOutputBias, "blk.{block}.attn_output.bias", .asIs),
      (.feedForwardNormGain, "blk.{block}.ffn_norm.weight", .asIs),
      (.feedForwardNormBias, "blk.{block}.ffn_norm.bias", .asIs),
      (.feedForwardInputWeight, "blk.{block}.ffn_up.weight", .transposed),
      (.feedForwardInputBias, "blk.{block}.ffn_up.bias", .asIs),
      (.feedForwardOutputWeight, "blk.{block}.ffn_down.weight", .transposed),
      (.feedForwardOutputBias, "blk.{block}.ffn_down.bias", .asIs),
      (.finalNormGain, "output_norm.weight", .asIs),
      (.finalNormBias, "output_norm.bias", .asIs),
      (.head, "output.weight", .asIs),
    ],
    staysFloat32: LlamaCppTypes.staysFloat32,
    // ggml-org/ggml: src/ggml-cpu/ggml-cpu.c, `type_traits_cpu`: there is no product with F64.
    computes: [.f32, .f16, .bf16],
    // It takes the feed-forward width from its key; only its usual converter writes 4 × n_embd there.
    fixed: FixedValue.gpt2Code().filter { $0.key != "n_inner" },
    ownFormat: "gguf",
    config: ConfigPlace(
      carrier: .keys(sign: "general.architecture"), form: .gguf, format: "gguf",
      facts: [
        ("general.architecture", .architecture), ("general.name", .modelName),
        ("general.file_type", .fileType),
        ("general.alignment", .ofContainer), ("general.quantization_version", .ofContainer),
      ],
      leavesToTensors: true),
    tokenizer: .ggufKeys)
}
