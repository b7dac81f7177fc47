// SPDX-License-Identifier: Apache-2.0
// What GPT-1 and GPT-2 may give out: scores of the next token, and those of the heads for fine-tuning.
// huggingface/transformers: src/transformers/models/gpt2/modeling_gpt2.py; openai/finetune-transformer-lm: train.py.
import IngotCore

/// The heads of GPT-1 and GPT-2.
enum GPTHead: String {
  /// Scores of the next token.
  case language
  /// The same, and a score of the whole sequence, by which one of several is chosen.
  case doubleHeads = "double_heads"
  /// One label for the sequence.
  case sequenceClassification = "sequence_classification"

  /// The head whose parameters are there.
  init(of kinds: Set<TensorRole.Kind>) {
    if kinds.contains(.scoreWeight) {
      self = .sequenceClassification
    } else {
      self = kinds.contains(.summaryWeight) ? .doubleHeads : .language
    }
  }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  package static let scoreWeight = Self("score.weight")
  package static let summaryWeight = Self("summary.weight")
  package static let summaryBias = Self("summary.bias")
}

extension ConfigField where Value == Int {
  /// What a classifier chooses from; 0 where the config does not say, which means what is stored, or 2.
  package static let labelCount = ConfigField("labelCount", standard: 0)
  /// The token that fills up rows; −1 for none.
  package static let paddingToken = ConfigField("paddingToken", standard: -1)
}

extension ConfigField where Value == String {
  /// Which token the summary of a sequence is of.
  package static let summaryType = ConfigField("summaryType", standard: "cls_index")
  /// The function behind the summary's projection; empty for none.
  package static let summaryActivation = ConfigField("summaryActivation", standard: "")
}

extension ConfigField where Value == Bool {
  /// Whether types of tokens, which are looked up among the tokens, are added to the embeddings.
  package static let addsTokenTypes = ConfigField("addsTokenTypes", standard: false)
  /// Whether a summary is projected.
  package static let projectsSummary = ConfigField("projectsSummary", standard: true)
  /// Whether it is projected to labels, and not to the width.
  package static let projectsSummaryToLabels = ConfigField("projectsSummaryToLabels", standard: true)
}

extension ModelConfig {
  /// The labels of a classifier.
  var labels: ParameterDeclarations.Dimension { (self[.labelCount] == 0 ? 2 : self[.labelCount], "labels") }

  /// Takes the labels of a stored classifier, `[labels, D]`, where the config does not say how many there are.
  mutating func takeLabels(of classifier: Shape?) {
    if self[.labelCount] == 0, let rows = classifier?.dimensions.first { self[.labelCount] = rows }
  }
}

extension [ConfigKey] {
  /// The sizes of GPT-1 and GPT-2.
  ///
  /// - Parameters:
  ///   - vocabulary: the default of the vocabulary.
  ///   - aliases: other spellings of its key.
  ///   - context: the default of the context.
  /// - Returns: the keys.
  static func gptSizes(vocabulary: Int, aliases: [String] = [], context: Int) -> [ConfigKey] {
    [
      ConfigKey(
        "vocab_size", .count(.vocabularySize, .value(vocabulary), limit: 1 << 28), aliases: aliases),
      ConfigKey(
        "n_positions", .count(.contextLength, .value(context), limit: 1 << 28),
        aliases: ["n_ctx", "max_position_embeddings"]),
      ConfigKey("n_embd", .count(.width, .value(768), limit: 1 << 20), aliases: ["hidden_size"]),
      ConfigKey("n_layer", .count(.blockCount, .value(12), limit: 10_000), aliases: ["num_hidden_layers"]),
      ConfigKey("n_head", .count(.headCount, .value(12), limit: 1 << 20), aliases: ["num_attention_heads"]),
      ConfigKey("layer_norm_epsilon", .fraction(.layerNormEpsilon, .value(1e-5))),
    ]
  }

  /// The keys that the heads of GPT-1 and GPT-2 look at, and what neither is.
  static let gptHeads: [ConfigKey] = [
    ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(true))), ConfigKey("architectures", .head),
    ConfigKey("add_cross_attention", .onlyValue(.bool(false))),
    ConfigKey("is_encoder_decoder", .onlyValue(.bool(false))),
    ConfigKey("id2label", .labels, isOfHead: true), ConfigKey("num_labels", .labels, isOfHead: true),
    ConfigKey("pad_token_id", .token(.paddingToken), isOfHead: true),
    ConfigKey("summary_type", .word(.summaryType), isOfHead: true),
    ConfigKey("summary_activation", .word(.summaryActivation), isOfHead: true),
    ConfigKey("summary_use_proj", .flag(.projectsSummary, .value(true)), isOfHead: true),
    ConfigKey("summary_proj_to_labels", .flag(.projectsSummaryToLabels, .value(true)), isOfHead: true),
  ]
}

extension Architecture {
  /// Sets the head that is stored.
  static let settleGPT: @Sendable (inout ModelConfig, [TensorRole.Kind: Shape]) -> Void = { config, stored in
    let head = GPTHead(of: Set(stored.keys))
    if head != .language { config[.head] = head.rawValue }
    config.takeLabels(of: stored[.scoreWeight])
  }

  /// What contradicts in a config of GPT-1 or GPT-2: heads that have no equal part of the width, and summaries of other
  /// kinds than are built.
  static let gptConflict: @Sendable (ModelConfig) -> ConfigConflict? = { config in
    if let conflict = headsDivideWidth(key: "n_head")(config) { return conflict }
    guard GPTHead(rawValue: config[.head]) == .doubleHeads else { return nil }
    func refusal(_ key: String, _ found: Evidence, _ expected: Evidence) -> ConfigConflict {
      ConfigConflict(
        key: key, found: found, expected: "\(expected), the only value whose arithmetic is built",
        isRefusal: true)
    }
    guard config[.summaryType] == "cls_index" else {
      return refusal("summary_type", .value(config[.summaryType]), .value("cls_index"))
    }
    guard config[.projectsSummary] else { return refusal("summary_use_proj", "false", "true") }
    guard config[.projectsSummaryToLabels] else { return refusal("summary_proj_to_labels", "false", "true") }
    guard ["", "tanh"].contains(config[.summaryActivation]) else {
      return refusal("summary_activation", .value(config[.summaryActivation]), "null or tanh")
    }
    return nil
  }
}

extension GraphBuilder {
  /// Adds the head of a GPT-1 or GPT-2 to its last hidden state.
  mutating func addHead(_ hidden: EdgeID, _ config: ModelConfig, _ parameters: GPTParameters) {
    switch GPTHead(rawValue: config[.head]) ?? .language {
    case .language: addLanguageHead(hidden, config, parameters)
    case .doubleHeads:
      addLanguageHead(hidden, config, parameters)
      let chosen = add("multiple_choice_head.select", SelectToken(.given), [hidden, input(.tokenIndexes)])
      var score = linear("multiple_choice_head.summary", chosen, parameters.summary)
      if config[.summaryActivation] == "tanh" {
        score = add("multiple_choice_head.activation", Activation(.tanh), [score])
      }
      name(score, "mc_logits")
    case .sequenceClassification:
      let last = add(
        "score.select", SelectToken(.lastOther(than: config[.paddingToken])), [hidden, input(.ids)])
      name(linear("score", last, [parameters.score]), "logits")
    }
  }

  private mutating func addLanguageHead(
    _ hidden: EdgeID, _ config: ModelConfig, _ parameters: GPTParameters
  ) {
    let head = config.tiesHead ? parameters.tokenEmbedding : parameters.head
    name(linear("lm_head", hidden, [head]), "logits")
  }
}
