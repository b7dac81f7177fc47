// SPDX-License-Identifier: Apache-2.0
// The names of BERT in llama.cpp's GGUF files. Its program makes embeddings and scores of sequences: it predicts no token and
// relates no sentences, and its pooler is the first layer of a classifier.
// ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py, conversion/bert.py, src/models/bert.cpp, src/llama-graph.cpp.
import IngotCore
import IngotGraph

extension Dialect {
  /// BERT as llama.cpp names it.
  static let llamaCppBERT = Dialect(
    id: "gguf",
    architecture: "bert",
    prefixes: [""],
    parameters: [
      (.tokenEmbedding, "token_embd.weight", .asIs),
      (.positionEmbedding, "position_embd.weight", .asIs),
      (.tokenTypeEmbedding, "token_types.weight", .asIs),
      (.embeddingNormGain, "token_embd_norm.weight", .asIs),
      (.embeddingNormBias, "token_embd_norm.bias", .asIs),
      (.queryWeight, "blk.{block}.attn_q.weight", .asIs),
      (.queryBias, "blk.{block}.attn_q.bias", .asIs),
      (.keyWeight, "blk.{block}.attn_k.weight", .asIs),
      (.keyBias, "blk.{block}.attn_k.bias", .asIs),
      (.valueWeight, "blk.{block}.attn_v.weight", .asIs),
      (.valueBias, "blk.{block}.attn_v.bias", .asIs),
      (.attentionOutputWeight, "blk.{block}.attn_output.weight", .asIs),
      (.attentionOutputBias, "blk.{block}.attn_output.bias", .asIs),
      (.attentionNormGain, "blk.{block}.attn_output_norm.weight", .asIs),
      (.attentionNormBias, "blk.{block}.attn_output_norm.bias", .asIs),
      (.feedForwardInputWeight, "blk.{block}.ffn_up.weight", .asIs),
      (.feedForwardInputBias, "blk.{block}.ffn_up.bias", .asIs),
      (.feedForwardOutputWeight, "blk.{block}.ffn_down.weight", .asIs),
      (.feedForwardOutputBias, "blk.{block}.ffn_down.bias", .asIs),
      (.feedForwardNormGain, "blk.{block}.layer_output_norm.weight", .asIs),
      (.feedForwardNormBias, "blk.{block}.layer_output_norm.bias", .asIs),
      (.poolerWeight, "cls.weight", .asIs),
      (.poolerBias, "cls.bias", .asIs),
      (.classifierWeight, "cls.output.weight", .asIs),
      (.classifierBias, "cls.output.bias", .asIs),
    ],
    doesWithout: headKinds.subtracting([.classifierWeight, .classifierBias]),
    heads: [
      "bare": "bare", "sequence_classification": "sequence_classification",
      "masked_language": "bare", "next_sentence": "bare", "pre_training": "bare",
    ],
    staysFloat32: LlamaCppTypes.staysFloat32,
    computes: [.f32, .f16, .bf16],
    fixed: [FixedValue("hidden_act", .string("gelu"))],
    approximated: [
      ApproximatedValue("hidden_act", .string("gelu"), by: "the formula with tanh, in half precision")
    ],
    ownFormat: "gguf",
    config: ConfigPlace(
      carrier: .keys(sign: "general.architecture"), form: .ggufBERT, format: "gguf",
      facts: [
        ("general.architecture", .architecture), ("general.name", .modelName),
        ("general.file_type", .fileType), ("bert.pooling_type", .pooling),
        ("bert.classifier.output_labels", .labels),
        ("general.alignment", .ofContainer), ("general.quantization_version", .ofContainer),
      ],
      leavesToTensors: true),
    tokenizer: .ggufKeys)
}
