// SPDX-License-Identifier: Apache-2.0
// Added tokens and their flags: the list of tokenizer.json, and what tokenizer_config.json has by id. Page: formats/tokenizer.md.
import IngotCore

/// Reads added tokens.
enum AddedTokenReader {
  /// The tokens of a list.
  ///
  /// - Parameters:
  ///   - value: the list; absent for none.
  ///   - vocabulary: the model's tokens, which may be among those added.
  ///   - location: the file and its key.
  /// - Returns: the tokens, in the list's order.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-02, TK-03, TK-04 or TK-11.
  static func tokens(
    _ value: MetadataValue?, vocabulary: VocabularyBuilder, at location: Location
  ) throws(IngotError) -> [AddedToken] {
    guard let value, value != .null else { return [] }
    guard case .array(let entries) = value else {
      throw .malformed(
        TokenizerRule.model.rule, at: location, found: "no list", expected: "a list of tokens")
    }
    var all = VocabularyBuilder(at: location, count: vocabulary.texts.idCount + entries.count)
    var tokens: [AddedToken] = []
    for entry in entries {
      let component = try ComponentObject(entry, at: location)
      let content = try component.requiredText("content")
      let token = try token(content, id: component.object["id"]?.integer, component)
      try all.add(token.content, id: component.object["id"]?.integer, name: content)
      try requireUnambiguous(token, name: content, vocabulary, at: location)
      if !token.content.isEmpty { tokens.append(token) }
    }
    return tokens
  }

  /// A token with its flags.
  static func token(
    _ content: String, id: Int?, _ component: ComponentObject
  ) throws(IngotError) -> AddedToken {
    try component.requireKnown([
      "id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type",
    ])
    guard let id, let exact = UInt32(exactly: id) else {
      throw .malformed(
        TokenizerRule.token.rule, at: component.place(of: content), found: "no id", expected: "one from 0 on")
    }
    var token = AddedToken(
      Array(content.utf8), id: exact, isSpecial: try component.flag("special", or: false))
    token.isSingleWord = try component.flag("single_word", or: false)
    token.takesSpaceBefore = try component.flag("lstrip", or: false)
    token.takesSpaceBehind = try component.flag("rstrip", or: false)
    token.isNormalized = try component.flag("normalized", or: !token.isSpecial)
    return token
  }

  /// Throws for a token that the model has with another id, or whose id is another token's of the model.
  static func requireUnambiguous(
    _ token: AddedToken, name: String, _ vocabulary: VocabularyBuilder, at location: Location
  ) throws(IngotError) {
    var place = location
    place.key = name
    if let known = vocabulary.texts.id(of: name), known != token.id {
      throw .malformed(
        TokenizerRule.addedToken.rule, at: place, found: "the id \(token.id)",
        expected: "\(known), which the model has for it")
    }
    if let known = vocabulary.texts.bytes(of: Int(token.id)), !known.elementsEqual(token.content) {
      throw .malformed(
        TokenizerRule.uniqueID.rule, at: place,
        found: "the id \(token.id), which \(String(decoding: known, as: UTF8.self)) has too",
        expected: "an id of its own")
    }
  }
}
