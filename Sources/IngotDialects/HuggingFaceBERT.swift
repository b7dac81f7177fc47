// SPDX-License-Identifier: Apache-2.0
// The names of BERT in Hugging Face's transformers, with `bert.` (saved with a head) and without (saved from BertModel).
// Linear weights are nn.Linear's, `[out, in]`. huggingface/transformers: src/transformers/models/bert/modeling_bert.py.
import IngotGraph

extension Dialect {
  /// BERT as transformers names it.
  static let huggingFaceBERT = Dialect(
    id: "hf",
    architecture: "bert",
    wrappers: pytorchWrappers,
    prefixes: ["bert.", ""],
    parameters: [
      (.tokenEmbedding, "embeddings.word_embeddings.weight", .asIs),
      (.positionEmbedding, "embeddings.position_embeddings.weight", .asIs),
      (.tokenTypeEmbedding, "embeddings.token_type_embeddings.weight", .asIs),
      (.embeddingNormGain, "embeddings.LayerNorm.weight", .asIs),
      (.embeddingNormBias, "embeddings.LayerNorm.bias", .asIs),
      (.queryWeight, "encoder.layer.{block}.attention.self.query.weight", .asIs),
      (.queryBias, "encoder.layer.{block}.attention.self.query.bias", .asIs),
      (.keyWeight, "encoder.layer.{block}.attention.self.key.weight", .asIs),
      (.keyBias, "encoder.layer.{block}.attention.self.key.bias", .asIs),
      (.valueWeight, "encoder.layer.{block}.attention.self.value.weight", .asIs),
      (.valueBias, "encoder.layer.{block}.attention.self.value.bias", .asIs),
      (.attentionOutputWeight, "encoder.layer.{block}.attention.output.dense.weight", .asIs),
      (.attentionOutputBias, "encoder.layer.{block}.attention.output.dense.bias", .asIs),
      (.attentionNormGain, "encoder.layer.{block}.attention.output.LayerNorm.weight", .asIs),
      (.attentionNormBias, "encoder.layer.{block}.attention.output.LayerNorm.bias", .asIs),
      (.feedForwardInputWeight, "encoder.layer.{block}.intermediate.dense.weight", .asIs),
      (.feedForwardInputBias, "encoder.layer.{block}.intermediate.dense.bias", .asIs),
      (.feedForwardOutputWeight, "encoder.layer.{block}.output.dense.weight", .asIs),
      (.feedForwardOutputBias, "encoder.layer.{block}.output.dense.bias", .asIs),
      (.feedForwardNormGain, "encoder.layer.{block}.output.LayerNorm.weight", .asIs),
      (.feedForwardNormBias, "encoder.layer.{block}.output.LayerNorm.bias", .asIs),
      (.poolerWeight, "pooler.dense.weight", .asIs),
      (.poolerBias, "pooler.dense.bias", .asIs),
      (.headBias, "cls.predictions.bias", .asIs),
      (.predictionWeight, "cls.predictions.transform.dense.weight", .asIs),
      (.predictionBias, "cls.predictions.transform.dense.bias", .asIs),
      (.predictionNormGain, "cls.predictions.transform.LayerNorm.weight", .asIs),
      (.predictionNormBias, "cls.predictions.transform.LayerNorm.bias", .asIs),
      (.head, "cls.predictions.decoder.weight", .asIs),
      (.decoderBias, "cls.predictions.decoder.bias", .asIs),
      (.relationWeight, "cls.seq_relationship.weight", .asIs),
      (.relationBias, "cls.seq_relationship.bias", .asIs),
      (.classifierWeight, "classifier.weight", .asIs),
      (.classifierBias, "classifier.bias", .asIs),
    ],
    unprefixed: headKinds,
    otherSpellings: [
      ("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"),
    ],
    buffers: ["embeddings.position_ids", "embeddings.token_type_ids"],
    leftovers: trainingLeftovers,
    marks: [FileMark("format", "pt", writtenIn: "safetensors")])

  /// What stands beside the encoder.
  static let headKinds: Set<TensorRole.Kind> = [
    .headBias, .decoderBias, .predictionWeight, .predictionBias, .predictionNormGain, .predictionNormBias,
    .head,
    .relationWeight, .relationBias, .classifierWeight, .classifierBias,
  ]
}
