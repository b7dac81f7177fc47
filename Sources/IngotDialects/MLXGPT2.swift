// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in Apple's mlx-lm: transformers' own behind `model.`, but linear weights are `[out, in]`, and there
// is no head. ml-explore/mlx-lm: mlx_lm/models/gpt2.py.
import IngotGraph

extension Dialect {
  /// GPT-2 as mlx-lm names it.
  static let mlxGPT2 = Dialect(
    id: "mlx",
    architecture: "gpt2",
    prefixes: ["model."],
    parameters: [
      (.tokenEmbedding, "wte.weight", .asIs),
      (.positionEmbedding, "wpe.weight", .asIs),
      (.attentionNormGain, "h.{block}.ln_1.weight", .asIs),
      (.attentionNormBias, "h.{block}.ln_1.bias", .asIs),
      (.attentionInputWeight, "h.{block}.attn.c_attn.weight", .transposed),
      (.attentionInputBias, "h.{block}.attn.c_attn.bias", .asIs),
      (.attentionOutputWeight, "h.{block}.attn.c_proj.weight", .transposed),
      (.attentionOutputBias, "h.{block}.attn.c_proj.bias", .asIs),
      (.feedForwardNormGain, "h.{block}.ln_2.weight", .asIs),
      (.feedForwardNormBias, "h.{block}.ln_2.bias", .asIs),
      (.feedForwardInputWeight, "h.{block}.mlp.c_fc.weight", .transposed),
      (.feedForwardInputBias, "h.{block}.mlp.c_fc.bias", .asIs),
      (.feedForwardOutputWeight, "h.{block}.mlp.c_proj.weight", .transposed),
      (.feedForwardOutputBias, "h.{block}.mlp.c_proj.bias", .asIs),
      (.finalNormGain, "ln_f.weight", .asIs),
      (.finalNormBias, "ln_f.bias", .asIs),
    ],
    // ml-explore/mlx: mlx/io/safetensors.cpp reads no F64.
    computes: [.f32, .f16, .bf16],
    fixed: FixedValue.arithmetic + [.tiedHead])
}
