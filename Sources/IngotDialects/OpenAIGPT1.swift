// SPDX-License-Identifier: Apache-2.0
// The names of GPT-1 in OpenAI's release: the variables of openai/finetune-transformer-lm: train.py, whose one variable
// of positions and tokens, `model/we`, is two arrays in the files. Linear weights are `[1, in, out]`.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-1 as OpenAI names it, in the order in which it lists the arrays.
  static let openAIGPT1 = Dialect(
    id: "openai",
    architecture: "openai-gpt",
    prefixes: ["model/"],
    parameters: [
      (.positionEmbedding, "we/positions", .asIs),
      (.tokenEmbedding, "we/tokens", .asIs),
      (.attentionInputWeight, "h{block}/attn/c_attn/w", .leadingOne),
      (.attentionInputBias, "h{block}/attn/c_attn/b", .asIs),
      (.attentionOutputWeight, "h{block}/attn/c_proj/w", .leadingOne),
      (.attentionOutputBias, "h{block}/attn/c_proj/b", .asIs),
      (.attentionNormGain, "h{block}/ln_1/g", .asIs),
      (.attentionNormBias, "h{block}/ln_1/b", .asIs),
      (.feedForwardInputWeight, "h{block}/mlp/c_fc/w", .leadingOne),
      (.feedForwardInputBias, "h{block}/mlp/c_fc/b", .asIs),
      (.feedForwardOutputWeight, "h{block}/mlp/c_proj/w", .leadingOne),
      (.feedForwardOutputBias, "h{block}/mlp/c_proj/b", .asIs),
      (.feedForwardNormGain, "h{block}/ln_2/g", .asIs),
      (.feedForwardNormBias, "h{block}/ln_2/b", .asIs),
    ],
    // train.py makes its variables in TensorFlow's default type.
    computes: [.f32],
    // `_norm` has its epsilon as a default that nobody overrides; `model` multiplies by its one table at the end.
    fixed: [.gpt2Epsilon, .tiedHead],
    ownFormat: "openai-params",
    // What else there is to say, train.py is told by its options: --n_head 12, --afn gelu unless told otherwise.
    config: ConfigPlace(
      carrier: .file("config.json"),
      shapes: ShapeConfig(
        sizes: [
          ("n_positions", .positionEmbedding, 0), ("vocab_size", .tokenEmbedding, 0),
          ("n_embd", .tokenEmbedding, 1),
        ],
        blockCountKey: "n_layer", defaults: [("n_head", .int64(12)), ("afn", .string("gelu"))])))
}
