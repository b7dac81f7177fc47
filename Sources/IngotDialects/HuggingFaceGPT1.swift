// SPDX-License-Identifier: Apache-2.0
// The names of GPT-1 in Hugging Face's transformers, with `transformer.` (saved from OpenAIGPTLMHeadModel) and without.
// Linear weights are Conv1D's, `[in, out]`. huggingface/transformers: src/transformers/models/openai/modeling_openai.py.
import IngotGraph

extension Dialect {
  /// GPT-1 as transformers names it.
  static let huggingFaceGPT1 = Dialect(
    id: "hf",
    architecture: "openai-gpt",
    wrappers: pytorchWrappers,
    prefixes: ["transformer.", ""],
    parameters: [
      (.tokenEmbedding, "tokens_embed.weight", .asIs),
      (.positionEmbedding, "positions_embed.weight", .asIs),
      (.attentionInputWeight, "h.{block}.attn.c_attn.weight", .asIs),
      (.attentionInputBias, "h.{block}.attn.c_attn.bias", .asIs),
      (.attentionOutputWeight, "h.{block}.attn.c_proj.weight", .asIs),
      (.attentionOutputBias, "h.{block}.attn.c_proj.bias", .asIs),
      (.attentionNormGain, "h.{block}.ln_1.weight", .asIs),
      (.attentionNormBias, "h.{block}.ln_1.bias", .asIs),
      (.feedForwardInputWeight, "h.{block}.mlp.c_fc.weight", .asIs),
      (.feedForwardInputBias, "h.{block}.mlp.c_fc.bias", .asIs),
      (.feedForwardOutputWeight, "h.{block}.mlp.c_proj.weight", .asIs),
      (.feedForwardOutputBias, "h.{block}.mlp.c_proj.bias", .asIs),
      (.feedForwardNormGain, "h.{block}.ln_2.weight", .asIs),
      (.feedForwardNormBias, "h.{block}.ln_2.bias", .asIs),
      (.head, "lm_head.weight", .asIs),
    ] + gptHeadRows,
    unprefixed: gptHeadKinds,
    buffers: maskBuffers + ["position_ids"],
    leftovers: trainingLeftovers,
    marks: [FileMark("format", "pt", writtenIn: "safetensors")])
}
