// SPDX-License-Identifier: Apache-2.0
// The names of OPT in Hugging Face's transformers, with `model.` (saved from a class with a head) and without, as the oldest
// files have them. Neither llama.cpp nor mlx-lm computes OPT.
// huggingface/transformers: src/transformers/models/opt/modeling_opt.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// OPT as transformers names it.
  static let huggingFaceOPT = Dialect(
    id: "hf",
    architecture: "opt",
    wrappers: pytorchWrappers.filter { $0 != "model." },
    prefixes: ["model.decoder.", "decoder."],
    parameters: [
      (.tokenEmbedding, "embed_tokens.weight", .asIs),
      (.positionEmbedding, "embed_positions.weight", .asIs),
      (.embeddingProjection, "project_in.weight", .asIs),
    ] + projectionRows + [
      (.attentionOutputWeight, "layers.{block}.self_attn.out_proj.weight", .asIs),
      (.attentionOutputBias, "layers.{block}.self_attn.out_proj.bias", .asIs),
      (.attentionNormGain, "layers.{block}.self_attn_layer_norm.weight", .asIs),
      (.attentionNormBias, "layers.{block}.self_attn_layer_norm.bias", .asIs),
      (.feedForwardInputWeight, "layers.{block}.fc1.weight", .asIs),
      (.feedForwardInputBias, "layers.{block}.fc1.bias", .asIs),
      (.feedForwardOutputWeight, "layers.{block}.fc2.weight", .asIs),
      (.feedForwardOutputBias, "layers.{block}.fc2.bias", .asIs),
      (.feedForwardNormGain, "layers.{block}.final_layer_norm.weight", .asIs),
      (.feedForwardNormBias, "layers.{block}.final_layer_norm.bias", .asIs),
      (.finalNormGain, "final_layer_norm.weight", .asIs), (.finalNormBias, "final_layer_norm.bias", .asIs),
      (.finalProjection, "project_out.weight", .asIs), (.head, "lm_head.weight", .asIs),
      (.scoreWeight, "score.weight", .asIs),
    ],
    unprefixed: [.head, .scoreWeight],
    // fairseq's number of its format.
    buffers: ["version"],
    leftovers: trainingLeftovers,
    marks: [FileMark("format", "pt", writtenIn: "safetensors")])
}
