// SPDX-License-Identifier: Apache-2.0
// The names of Karpathy's nanoGPT: transformers' own, but linear weights are nn.Linear's, `[out, in]`, a model may have
// no biases at all, and the head is stored though tied. karpathy/nanoGPT: model.py, train.py.
import IngotGraph

extension Dialect {
  /// GPT-2 as nanoGPT names it.
  static let nanoGPT = Dialect(
    id: "nanogpt",
    architecture: "gpt2",
    wrappers: pytorchWrappers,
    prefixes: ["transformer."],
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
      (.head, "lm_head.weight", .asIs),
    ],
    unprefixed: [.head],
    buffers: maskBuffers,
    // What train.py keeps beside the model.
    leftovers: trainingLeftovers + ["best_val_loss", "iter_num"],
    // `bias: false` leaves all of them out.
    zeroWhenAbsent: [
      .attentionNormBias, .attentionInputBias, .attentionOutputBias, .feedForwardNormBias,
      .feedForwardInputBias,
      .feedForwardOutputBias, .finalNormBias,
    ],
    storesTiedHead: true,
    // Its checkpoint does not name the activation; its code since 2023 has the exact GELU.
    fixed: [.activation(.gelu), .innerWidth, .scaledAttention, .noScalingByBlock, .epsilon(1e-5), .tiedHead])
}
