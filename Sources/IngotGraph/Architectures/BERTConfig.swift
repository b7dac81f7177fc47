// SPDX-License-Identifier: Apache-2.0
// BERT's config: its keys, heads, and which head a file has.
import IngotCore

extension ConfigField where Value == Int {
  /// Kinds of tokens, of which texts of a pair have one each.
  package static let tokenTypeCount = ConfigField("tokenTypeCount", standard: 2)
}

extension ConfigField where Value == Bool {
  /// Whether the first token's state passes a pooler.
  package static let hasPooler = ConfigField("hasPooler", standard: true)
}

/// BERT's heads.
enum BERTHead: String {
  /// Hidden states alone, pooled too where there is a pooler.
  case bare
  /// Tokens for masked ones.
  case maskedLanguage = "masked_language"
  /// Whether the second text follows the first.
  case nextSentence = "next_sentence"
  /// Both.
  case preTraining = "pre_training"
  /// One label for the sequence.
  case sequenceClassification = "sequence_classification"
  /// One label for each token.
  case tokenClassification = "token_classification"

  /// Whether the head works on the pooled state.
  var needsPooler: Bool {
    switch self {
    case .nextSentence, .preTraining, .sequenceClassification: true
    case .bare, .maskedLanguage, .tokenClassification: false
    }
  }
  /// Whether it predicts tokens.
  var predictsTokens: Bool { self == .maskedLanguage || self == .preTraining }
  /// Whether it tells if the second text follows.
  var relatesSentences: Bool { self == .nextSentence || self == .preTraining }
  /// Whether it classifies.
  var classifies: Bool { self == .sequenceClassification || self == .tokenClassification }

  /// The head whose parameters are there.
  init(of kinds: Set<TensorRole.Kind>) {
    switch (kinds.contains(.predictionWeight), kinds.contains(.relationWeight)) {
    case (true, true): self = .preTraining
    case (true, false): self = .maskedLanguage
    case (false, true): self = .nextSentence
    case (false, false):
      guard kinds.contains(.classifierWeight) else {
        self = .bare
        return
      }
      self = kinds.contains(.poolerWeight) ? .sequenceClassification : .tokenClassification
    }
  }
}

extension Architecture {
  /// BERT.
  ///
  /// - SeeAlso: `huggingface/transformers: src/transformers/models/bert/configuration_bert.py`; `google-research/bert`:
  ///   `modeling.py`, `BertConfig`, whose `bert_config.json` has the same keys.
  package static let bert = Architecture(
    id: "bert", title: "BERT",
    keys: [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(30522), limit: 1 << 28)),
      ConfigKey("max_position_embeddings", .count(.contextLength, .value(512), limit: 1 << 28)),
      ConfigKey("type_vocab_size", .count(.tokenTypeCount, .value(2), limit: 1 << 20)),
      ConfigKey("hidden_size", .count(.width, .value(768), limit: 1 << 20)),
      ConfigKey("num_hidden_layers", .count(.blockCount, .value(12), limit: 10_000)),
      ConfigKey("num_attention_heads", .count(.headCount, .value(12), limit: 1 << 20)),
      ConfigKey("intermediate_size", .count(.feedForwardWidth, .value(3072), limit: 1 << 24)),
      ConfigKey("layer_norm_eps", .fraction(.layerNormEpsilon, .value(1e-12))),
      ConfigKey("hidden_act", .activation(.activation, .value(.gelu), names: transformersActivations)),
      ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(true))),
      ConfigKey("architectures", .head),
      ConfigKey("id2label", .labels, isOfHead: true),
      ConfigKey("num_labels", .labels, isOfHead: true),
      // Relative positions add to the scores what no parameter here holds.
      ConfigKey("position_embedding_type", .onlyValue(.string("absolute"))),
      ConfigKey("is_decoder", .onlyValue(.bool(false))),
      ConfigKey("add_cross_attention", .onlyValue(.bool(false))),
      ConfigKey("is_encoder_decoder", .onlyValue(.bool(false))),
    ]
      + .informational(
        "_name_or_path", "attention_probs_dropout_prob", "bos_token_id", "chunk_size_feed_forward",
        "classifier_dropout", "directionality", "dtype", "eos_token_id", "finetuning_task",
        "gradient_checkpointing", "hidden_dropout_prob", "initializer_range", "label2id", "model_type",
        "output_attentions", "output_hidden_states", "pad_token_id", "pooler_fc_size",
        "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type",
        "problem_type", "return_dict", "task_specific_params", "torch_dtype", "transformers_version",
        "use_cache"),
    statements: [("initializer_range", .float64(0.02))],
    signature: ["type_vocab_size", "hidden_size"],
    heads: [
      ModelHead(BERTHead.bare.rawValue, classes: "BertModel"),
      ModelHead(BERTHead.maskedLanguage.rawValue, classes: "BertForMaskedLM"),
      ModelHead(BERTHead.nextSentence.rawValue, classes: "BertForNextSentencePrediction"),
      ModelHead(BERTHead.preTraining.rawValue, classes: "BertForPreTraining"),
      ModelHead(BERTHead.sequenceClassification.rawValue, classes: "BertForSequenceClassification"),
      ModelHead(BERTHead.tokenClassification.rawValue, classes: "BertForTokenClassification"),
    ],
    // Devlin et al., 2019, section 3; with the heads of pre-training.
    presets: [
      ModelPreset("bert-base", head: BERTHead.preTraining.rawValue),
      ModelPreset(
        "bert-large", head: BERTHead.preTraining.rawValue, width: 1024, blockCount: 24, headCount: 16,
        feedForwardWidth: 4096),
    ],
    conflict: headsDivideWidth(key: "num_attention_heads"),
    settle: { config, stored in
      // What is stored says more than the name of a class: files hold heads that a class would pass over.
      let head = BERTHead(of: Set(stored.keys))
      if head != .bare { config[.head] = head.rawValue }
      let needsPooler = BERTHead(rawValue: config[.head])?.needsPooler ?? false
      config[.hasPooler] = needsPooler || stored[.poolerWeight] != nil
      config.takeLabels(of: stored[.classifierWeight])
    },
    tiedKinds: [(.headBias, .decoderBias)],
    build: bertGraph)
}
