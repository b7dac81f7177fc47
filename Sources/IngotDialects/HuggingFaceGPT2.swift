// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in Hugging Face's transformers, with `transformer.` (saved from GPT2LMHeadModel) and without
// (saved from GPT2Model). Linear weights are Conv1D's, `[in, out]`.
// huggingface/transformers: src/transformers/models/gpt2/modeling_gpt2.py.
import IngotGraph

extension Dialect {
  /// GPT-2 as transformers names it.
  static let huggingFaceGPT2 = Dialect(
    id: "hf",
    architecture: "gpt2",
    prefixes: ["transformer.", ""],
    names: [
      (.tokenEmbedding, "wte.weight"),
      (.positionEmbedding, "wpe.weight"),
      (.attentionNormGain, "h.{block}.ln_1.weight"),
      (.attentionNormBias, "h.{block}.ln_1.bias"),
      (.attentionInputWeight, "h.{block}.attn.c_attn.weight"),
      (.attentionInputBias, "h.{block}.attn.c_attn.bias"),
      (.attentionOutputWeight, "h.{block}.attn.c_proj.weight"),
      (.attentionOutputBias, "h.{block}.attn.c_proj.bias"),
      (.feedForwardNormGain, "h.{block}.ln_2.weight"),
      (.feedForwardNormBias, "h.{block}.ln_2.bias"),
      (.feedForwardInputWeight, "h.{block}.mlp.c_fc.weight"),
      (.feedForwardInputBias, "h.{block}.mlp.c_fc.bias"),
      (.feedForwardOutputWeight, "h.{block}.mlp.c_proj.weight"),
      (.feedForwardOutputBias, "h.{block}.mlp.c_proj.bias"),
      (.finalNormGain, "ln_f.weight"),
      (.finalNormBias, "ln_f.bias"),
      (.head, "lm_head.weight"),
    ],
    unprefixed: [.head],
    // The causal mask and the number it puts where nothing may be seen; `h.0.attn.c_attn.bias` is no buffer.
    buffers: ["h.{block}.attn.bias", "h.{block}.attn.masked_bias"])
}
