// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in Karpathy's llm.c, as its code calls the tensors of a file that has no names: each holds all
// blocks, linear weights are `[out, in]`, the vocabulary is padded. karpathy/llm.c: train_gpt2.py, train_gpt2.c.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-2 as llm.c lays it out.
  static let llmcGPT2 = Dialect(
    id: "llmc",
    architecture: "gpt2",
    prefixes: [""],
    parameters: [
      (.tokenEmbedding, "wte", .padded),
      (.positionEmbedding, "wpe", .asIs),
      (.attentionNormGain, "ln1w", .stacked),
      (.attentionNormBias, "ln1b", .stacked),
      (.attentionInputWeight, "qkvw", .stackedTransposed),
      (.attentionInputBias, "qkvb", .stacked),
      (.attentionOutputWeight, "attprojw", .stackedTransposed),
      (.attentionOutputBias, "attprojb", .stacked),
      (.feedForwardNormGain, "ln2w", .stacked),
      (.feedForwardNormBias, "ln2b", .stacked),
      (.feedForwardInputWeight, "fcw", .stackedTransposed),
      (.feedForwardInputBias, "fcb", .stacked),
      (.feedForwardOutputWeight, "fcprojw", .stackedTransposed),
      (.feedForwardOutputBias, "fcprojb", .stacked),
      (.finalNormGain, "lnfw", .asIs),
      (.finalNormBias, "lnfb", .asIs),
    ],
    // karpathy/llm.c: train_gpt2.cu, versions 3 and 5 of its files.
    computes: [.f32, .bf16],
    fixed: FixedValue.gpt2Code() + [.gpt2Epsilon, .tiedHead],
    ownFormat: "llmc",
    config: ConfigPlace(
      carrier: .keys(sign: "llmc.n_layer"), form: .llmc, format: "llmc",
      facts: [("llmc.version", .ofContainer), ("llmc.padded_vocab_size", .ofContainer)]))
}
