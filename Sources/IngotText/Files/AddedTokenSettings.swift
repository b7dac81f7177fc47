// SPDX-License-Identifier: Apache-2.0
// What files beside a vocabulary say of added tokens and marks: added_tokens.json, tokenizer_config.json,
// special_tokens_map.json and config.json, as huggingface/transformers reads them (PreTrainedTokenizerBase,
// `_from_pretrained`). Page: formats/tokenizer.md, "Added tokens".
import IngotCore

extension TokenizerFiles {
  /// Adds the tokens that were added by hand: those of added_tokens.json, and those that tokenizer_config.json has by id.
  ///
  /// - Parameter collection: tokens, not finished yet.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-01, TK-03, TK-04 or TK-10, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for a flag that is not known.
  func addTokens(to collection: inout TokenCollection) throws(IngotError) {
    if case .object(let entries)? = try document("tokenizer_config.json")?["added_tokens_decoder"] {
      let location = Location(path("tokenizer_config.json"), key: "added_tokens_decoder")
      for entry in entries.entries {
        var place = location
        place.key = "added_tokens_decoder.\(entry.key)"
        let component = try ComponentObject(entry.value, at: place)
        let token = try AddedTokenReader.token(
          try component.requiredText("content"), id: Int(entry.key), component)
        try collection.add(
          String(decoding: token.content, as: UTF8.self), id: .int64(Int64(token.id)),
          kind: token.isSpecial ? .control : .userDefined)
        collection.note(token)
      }
    }
    if let added = try document("added_tokens.json") {
      for entry in added.entries {
        try collection.add(entry.key, id: entry.value, kind: .userDefined)
        var token = AddedToken(Array(entry.key.utf8), id: 0)
        token.isNormalized = true
        collection.note(token)
      }
    }
  }

  /// Notes special ids, by the tokenizer's own settings first, then by the config; the publisher's own marks last.
  ///
  /// - Parameter collection: finished tokens.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-01, TK-07 or TK-10.
  func addSettings(to collection: inout TokenCollection) throws(IngotError) {
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      guard let settings = try document(name) else { continue }
      for special in TokenizerVocabulary.SpecialToken.allCases {
        if case .bool(let adds)? = settings["add_\(special.rawValue)_token"] {
          collection.vocabulary.adds[special] = adds
        }
        let key = "\(special.rawValue)_token"
        guard let text = try mark(settings[key], Location(path(name), key: key), &collection) else {
          continue
        }
        try collection.setSpecial(special, text: text, path: path(name))
      }
      for key in ["additional_special_tokens", "extra_special_tokens"] {
        for value in settings[key]?.elements ?? [] {
          let place = Location(path(name), key: key)
          guard let text = try mark(value, place, &collection) else { continue }
          try collection.setMark(text, at: place)
        }
      }
      if case .bool(let lowercases)? = settings["do_lower_case"],
        case .wordPieces(nil) = collection.vocabulary.model
      {
        collection.vocabulary.model = .wordPieces(lowercases: lowercases)
      }
      if let template = settings.string("chat_template") { collection.vocabulary.chatTemplate = template }
    }
    // A file of its own since transformers 4.43, which goes before what the settings say.
    if let template = files["chat_template.jinja"].flatMap({ String(validating: $0, as: UTF8.self) }) {
      collection.vocabulary.chatTemplate = template
    }
    if let config = try document("config.json") {
      for special in TokenizerVocabulary.SpecialToken.allCases {
        try collection.setSpecial(
          special, id: config["\(special.rawValue)_token_id"], path: path("config.json"))
      }
    }
    collection.setPublishersMarks(try publishersMarks(of: collection))
  }

  /// The text of a mark, which stands alone or in an object with flags, which are noted.
  private func mark(
    _ value: MetadataValue?, _ place: Location, _ collection: inout TokenCollection
  ) throws(IngotError) -> String? {
    switch value {
    case .string(let text)?: return text
    case .object(let object)?:
      guard let text = object.string("content") else { return nil }
      var token = try AddedTokenReader.token(text, id: 0, ComponentObject(.object(object), at: place))
      token.isSpecial = true
      collection.note(token)
      return text
    default: return nil
    }
  }

  /// The marks that the publisher's code knows by their texts.
  private func publishersMarks(
    of collection: TokenCollection
  ) throws(IngotError) -> [(TokenizerVocabulary.SpecialToken, String)] {
    switch collection.vocabulary.model {
    case .wordPieces: return TokenizerFamily.marksOfBERT
    case .sentencePieces: return []
    case .bytePairs: break
    }
    // tokenizer.json has all of them, by their texts.
    if files["tokenizer.json"] != nil, collection.vocabulary.cut != "gpt-2" { return [] }
    let name = try tokenizerClass()
    if isGPT1(name, collection.vocabulary) { return TokenizerFamily.marksOfGPT1 }
    return (name.flatMap { TokenizerFamily.byClass[$0] } ?? .gpt2).marks
  }

  /// The `tokenizer_class` of tokenizer_config.json, without `Fast`.
  func tokenizerClass() throws(IngotError) -> String? {
    let settings = try document("tokenizer_config.json")
    return settings?.string("tokenizer_class").map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
  }

  /// Whether tokens and merges are GPT-1's, by the class that is named, else by the ends of its words.
  func isGPT1(_ name: String?, _ vocabulary: TokenizerVocabulary) -> Bool {
    name == "OpenAIGPTTokenizer" || (name == nil && vocabulary.tokens.contains { $0.text.hasSuffix("</w>") })
  }
}
