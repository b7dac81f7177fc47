// SPDX-License-Identifier: Apache-2.0
// What stands beside the weights of a CTranslate2 model: config.json with three tokens and the epsilon of norms, and
// vocabulary.json with the text of each id, without which its program loads nothing.
// - SeeAlso: `OpenNMT/CTranslate2: python/ctranslate2/specs/model_spec.py`, `src/models/language_model.cc`,
//   `src/vocabulary.cc`.
import IngotCore
import IngotDialects
import IngotEncodings
import IngotGraph
import IngotText

/// The companions of a CTranslate2 model.
struct CTranslate2Companions {
  /// The names of what is made here.
  private static let (config, vocabulary) = ("config.json", "vocabulary.json")

  /// All companions: what is made, and what travels.
  private(set) var companions: [Companion]
  /// What is made otherwise than a reader may expect.
  private(set) var losses: [Loss] = []

  /// Makes the companions of a model.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - travelling: its own.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` for a tokenizer that is none.
  init(_ model: Model, travelling: [Companion]) throws(IngotError) {
    let numbers = model.recognised.configuration.config
    let vocabulary = try TokenizerTravel(model, companions: travelling).vocabulary
    var tokens = (vocabulary?.tokens ?? []).prefix(numbers.vocabularySize).map { token in
      token.kind == .unused ? nil : token.text
    }
    if vocabulary == nil {
      losses.append(
        Loss(
          .readers,
          detail:
            "\(words: Self.vocabulary): no tokenizer is there that is read, so that tokens are called by their numbers"
        ))
    }
    tokens += [String?](repeating: nil, count: max(0, numbers.vocabularySize - tokens.count))
    let texts = tokens.enumerated().map { id, text in
      text ?? (vocabulary == nil ? "\(id)" : "<extra_id_\(id)>")
    }
    let document = model.recognised.configuration.document
    func text(_ special: TokenizerVocabulary.SpecialToken) -> String? {
      let id = vocabulary?.specialIDs[special] ?? document["\(special.rawValue)_token_id"]?.integer
      return id.flatMap { texts.indices.contains($0) ? texts[$0] : nil }
    }
    let end = text(.end)
    // A token that there is not is one that no id gives, which CTranslate2 puts behind the others.
    let words = Metadata([
      .init(key: "bos_token", value: .string(text(.beginning) ?? text(.padding) ?? end ?? "")),
      .init(key: "eos_token", value: .string(end ?? "")),
      .init(key: "layer_norm_epsilon", value: .float64(numbers.layerNormEpsilon)),
      .init(key: "multi_query_attention", value: .bool(numbers.keyHeadCount != numbers.headCount)),
      .init(key: "unk_token", value: .string(text(.unknown) ?? "")),
    ])
    let list = JSONWriter.text(.array(texts.map { .string($0) }), style: .indented) + "\n"
    companions =
      [
        Companion(
          kind: .config, name: Self.config,
          bytes: Array((JSONWriter.text(words, style: .indented) + "\n").utf8)),
        Companion(kind: .other, name: Self.vocabulary, bytes: Array(list.utf8)),
      ] + travelling.filter { $0.kind != .config && ![Self.config, Self.vocabulary].contains($0.name) }
    losses.append(
      Loss(
        .metadata,
        detail: "\(words: Self.config): is made anew; CTranslate2 has a model's numbers among its weights"))
  }
}
