// SPDX-License-Identifier: Apache-2.0
// The names of BERT in Google's release, a TensorFlow checkpoint: dense layers have kernels `[in, out]`, those of two heads
// are matrices `[out, in]`. google-research/bert: modeling.py, run_pretraining.py, run_classifier.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// BERT as Google names it.
  static let googleBERT = Dialect(
    id: "google",
    architecture: "bert",
    prefixes: ["bert/"],
    parameters: [
      (.tokenEmbedding, "embeddings/word_embeddings", .asIs),
      (.positionEmbedding, "embeddings/position_embeddings", .asIs),
      (.tokenTypeEmbedding, "embeddings/token_type_embeddings", .asIs),
      (.embeddingNormBias, "embeddings/LayerNorm/beta", .asIs),
      (.embeddingNormGain, "embeddings/LayerNorm/gamma", .asIs),
      (.queryWeight, "encoder/layer_{block}/attention/self/query/kernel", .transposed),
      (.queryBias, "encoder/layer_{block}/attention/self/query/bias", .asIs),
      (.keyWeight, "encoder/layer_{block}/attention/self/key/kernel", .transposed),
      (.keyBias, "encoder/layer_{block}/attention/self/key/bias", .asIs),
      (.valueWeight, "encoder/layer_{block}/attention/self/value/kernel", .transposed),
      (.valueBias, "encoder/layer_{block}/attention/self/value/bias", .asIs),
      (.attentionOutputWeight, "encoder/layer_{block}/attention/output/dense/kernel", .transposed),
      (.attentionOutputBias, "encoder/layer_{block}/attention/output/dense/bias", .asIs),
      (.attentionNormBias, "encoder/layer_{block}/attention/output/LayerNorm/beta", .asIs),
      (.attentionNormGain, "encoder/layer_{block}/attention/output/LayerNorm/gamma", .asIs),
      (.feedForwardInputWeight, "encoder/layer_{block}/intermediate/dense/kernel", .transposed),
      (.feedForwardInputBias, "encoder/layer_{block}/intermediate/dense/bias", .asIs),
      (.feedForwardOutputWeight, "encoder/layer_{block}/output/dense/kernel", .transposed),
      (.feedForwardOutputBias, "encoder/layer_{block}/output/dense/bias", .asIs),
      (.feedForwardNormBias, "encoder/layer_{block}/output/LayerNorm/beta", .asIs),
      (.feedForwardNormGain, "encoder/layer_{block}/output/LayerNorm/gamma", .asIs),
      (.poolerWeight, "pooler/dense/kernel", .transposed),
      (.poolerBias, "pooler/dense/bias", .asIs),
      (.predictionWeight, "cls/predictions/transform/dense/kernel", .transposed),
      (.predictionBias, "cls/predictions/transform/dense/bias", .asIs),
      (.predictionNormBias, "cls/predictions/transform/LayerNorm/beta", .asIs),
      (.predictionNormGain, "cls/predictions/transform/LayerNorm/gamma", .asIs),
      (.headBias, "cls/predictions/output_bias", .asIs),
      (.relationWeight, "cls/seq_relationship/output_weights", .asIs),
      (.relationBias, "cls/seq_relationship/output_bias", .asIs),
      (.classifierWeight, "output_weights", .asIs),
      (.classifierBias, "output_bias", .asIs),
    ],
    unprefixed: headKinds,
    // run_squad.py's head has other names, and none of its programs labels tokens.
    heads: [
      "bare": "bare", "masked_language": "masked_language", "next_sentence": "next_sentence",
      "pre_training": "pre_training", "sequence_classification": "sequence_classification",
    ],
    leftovers: ["*/adam_m", "*/adam_v", "global_step"],
    // google-research/bert: modeling.py makes its variables in TensorFlow's default type, and its saver casts nothing.
    computes: [.f32],
    fixed: [
      FixedValue("layer_norm_eps", .float64(1e-12)), .tiedHead,
      FixedValue("hidden_act", .string("gelu"), .string("relu"), .string("tanh"), .string("linear")),
    ],
    // Since its commit bee6030; before it computed the exact one.
    approximated: [ApproximatedValue("hidden_act", .string("gelu"), by: "the formula with tanh")],
    config: ConfigPlace(carrier: .file("bert_config.json"), form: .googleBERT))
}
