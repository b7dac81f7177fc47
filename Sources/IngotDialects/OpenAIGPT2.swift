// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in OpenAI's release, a TensorFlow checkpoint: linear weights are `[1, in, out]`, kernels of
// convolutions of width 1. openai/gpt-2: src/model.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-2 as OpenAI names it.
  static let openAIGPT2 = Dialect(
    id: "openai",
    architecture: "gpt2",
    prefixes: ["model/"],
    parameters: [
      (.tokenEmbedding, "wte", .asIs),
      (.positionEmbedding, "wpe", .asIs),
      (.attentionNormGain, "h{block}/ln_1/g", .asIs),
      (.attentionNormBias, "h{block}/ln_1/b", .asIs),
      (.attentionInputWeight, "h{block}/attn/c_attn/w", .leadingOne),
      (.attentionInputBias, "h{block}/attn/c_attn/b", .asIs),
      (.attentionOutputWeight, "h{block}/attn/c_proj/w", .leadingOne),
      (.attentionOutputBias, "h{block}/attn/c_proj/b", .asIs),
      (.feedForwardNormGain, "h{block}/ln_2/g", .asIs),
      (.feedForwardNormBias, "h{block}/ln_2/b", .asIs),
      (.feedForwardInputWeight, "h{block}/mlp/c_fc/w", .leadingOne),
      (.feedForwardInputBias, "h{block}/mlp/c_fc/b", .asIs),
      (.feedForwardOutputWeight, "h{block}/mlp/c_proj/w", .leadingOne),
      (.feedForwardOutputBias, "h{block}/mlp/c_proj/b", .asIs),
      (.finalNormGain, "ln_f/g", .asIs),
      (.finalNormBias, "ln_f/b", .asIs),
    ],
    leftovers: [
      "*/Adam", "*/Adam_1", "*/adam_m", "*/adam_v", "*/Momentum", "global_step", "beta1_power", "beta2_power",
    ],
    // openai/gpt-2: src/model.py makes its variables in TensorFlow's default type, and its saver casts nothing.
    computes: [.f32],
    fixed: FixedValue.gpt2Code() + [.gpt2Epsilon, .tiedHead],
    config: ConfigPlace(carrier: .file("hparams.json"), form: .openAI),
    tokenizer: .openAIFiles)
}
