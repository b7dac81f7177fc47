// SPDX-License-Identifier: Apache-2.0
// Tokens while they are being collected by id: no id twice, none beyond the embedding, none missing.
import IngotCore

/// Tokens while they are being collected.
struct TokenCollection {
  /// What was collected; complete behind ``finish()``.
  var vocabulary: TokenizerVocabulary
  /// How added tokens are looked for, by their texts, where a file says.
  private(set) var added: [[UInt8]: AddedToken] = [:]
  private let path: String
  private let rowCount: Int
  private var tokens: [Int: TokenizerVocabulary.Token] = [:]
  private var ids: [ExactName: Int] = [:]

  init(_ model: TokenizerVocabulary.Model, path: String, rowCount: Int) {
    vocabulary = TokenizerVocabulary(tokens: [], model: model)
    self.path = path
    self.rowCount = rowCount
  }

  private func malformed(_ rule: TokenizerRule, _ key: String?, _ found: Evidence, _ expected: Evidence)
    -> IngotError
  {
    .malformed(rule.rule, at: Location(path, key: key), found: found, expected: expected)
  }

  /// Adds a document's tokens.
  mutating func add(_ document: Metadata) throws(IngotError) {
    for entry in document.entries { try add(entry.key, id: entry.value, kind: .normal) }
  }

  /// Adds a token; one that is there already with the same id gets the kind.
  mutating func add(_ text: String, id value: MetadataValue, kind: TokenizerVocabulary.TokenKind)
    throws(IngotError)
  {
    guard case .int64(let number) = value, let id = Int(exactly: number), id >= 0, id < rowCount else {
      throw malformed(.token, text, "an id that is no row of the embedding", "one from 0 to \(rowCount - 1)")
    }
    if let known = tokens[id], ExactName(known.text) != ExactName(text) {
      throw malformed(.uniqueID, text, "the id \(id), which \(known.text) has too", "an id of its own")
    }
    tokens[id] = TokenizerVocabulary.Token(text, kind)
    ids[ExactName(text)] = id
  }

  /// Notes how an added token is looked for, unless it is known.
  mutating func note(_ token: AddedToken) { if added[token.content] == nil { added[token.content] = token } }

  /// Gives a token that is there another kind.
  mutating func mark(_ text: String, as kind: TokenizerVocabulary.TokenKind) {
    guard let id = ids[ExactName(text)], vocabulary.tokens.indices.contains(id) else { return }
    vocabulary.tokens[id].kind = kind
  }

  /// Puts the tokens in the order of their ids: TK-05.
  ///
  /// - Parameter pads: whether rows of the embedding that no token has are filled.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-03 or TK-05.
  mutating func finish(pads: Bool = true) throws(IngotError) {
    guard !tokens.isEmpty else { throw malformed(.dense, nil, "no token", "some") }
    for id in 0..<tokens.count {
      guard let token = tokens[id] else {
        throw malformed(.dense, nil, "no token with the id \(id)", "\(tokens.count, "id") without a gap")
      }
      vocabulary.tokens.append(token)
    }
    try vocabulary.requireLines(at: Location(path))
    if pads { vocabulary.pad(to: rowCount) }
  }

  /// Notes the id of a mark by its text, unless one is known.
  mutating func setSpecial(
    _ special: TokenizerVocabulary.SpecialToken, text: String, path: String
  ) throws(IngotError) {
    guard vocabulary.specialIDs[special] == nil else { return }
    guard let id = ids[ExactName(text)] else {
      throw .malformed(
        TokenizerRule.specialID.rule, at: Location(path, key: "\(special.rawValue)_token"),
        found: .value(text),
        expected: "a token of the vocabulary")
    }
    vocabulary.specialIDs[special] = id
    mark(text, as: .control)
  }

  /// Notes the id of a mark, unless one is known.
  mutating func setSpecial(
    _ special: TokenizerVocabulary.SpecialToken, id value: MetadataValue?, path: String
  ) throws(IngotError) {
    guard let value, value != .null, vocabulary.specialIDs[special] == nil else { return }
    guard case .int64(let number) = value, let id = Int(exactly: number),
      vocabulary.tokens.indices.contains(id)
    else {
      throw .malformed(
        TokenizerRule.specialID.rule, at: Location(path, key: "\(special.rawValue)_token_id"),
        found: "something else", expected: "an id from 0 to \(vocabulary.tokens.count - 1)")
    }
    vocabulary.specialIDs[special] = id
    mark(vocabulary.tokens[id].text, as: .control)
  }

  /// Notes the marks of publishers whose own files don't name them.
  ///
  /// - Parameter marks: texts by purpose, as the publisher's code has them; those that are no tokens are passed over.
  mutating func setPublishersMarks(_ marks: [(TokenizerVocabulary.SpecialToken, String)]) {
    for (special, text) in marks { setMark(special, text: text) }
  }

  /// Notes a mark without a purpose.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-07 for a text that is no token.
  mutating func setMark(_ text: String, at location: Location) throws(IngotError) {
    guard ids[ExactName(text)] != nil else {
      throw .malformed(
        TokenizerRule.specialID.rule, at: location, found: .value(text), expected: "a token of the vocabulary"
      )
    }
    mark(text, as: .control)
  }

  private mutating func setMark(_ special: TokenizerVocabulary.SpecialToken, text: String) {
    guard let id = ids[ExactName(text)] else { return }
    mark(text, as: .control)
    if vocabulary.specialIDs[special] == nil { vocabulary.specialIDs[special] = id }
  }
}
