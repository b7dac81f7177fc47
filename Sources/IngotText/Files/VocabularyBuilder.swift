// SPDX-License-Identifier: Apache-2.0
// Tokens by id as files have them, held against bounds, and the models that are made of them: the way of all kinds of files
// to a model. Page: formats/tokenizer.md.
import IngotCore

/// Tokens by id, while they are being collected.
struct VocabularyBuilder {
  /// The tokens as the file spells them.
  private(set) var texts: TokenTable
  private let location: Location
  private var count = 0
  private let announced: Int

  /// Begins.
  ///
  /// - Parameters:
  ///   - location: the file and its key, for messages.
  ///   - announced: how many tokens the file has, read already: no id is far beyond.
  init(at location: Location, count announced: Int) {
    self.location = location
    self.announced = announced
    texts = TokenTable(capacity: announced)
  }

  /// Ids leave gaps at the most: a table by id is not sized by a number in a file.
  private var idLimit: Int { announced * 16 + 65_536 }

  /// Adds a token.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-03 or TK-04.
  mutating func add(_ bytes: some Collection<UInt8>, id: Int?, name: String) throws(IngotError) {
    var place = location
    place.key = name
    guard let id, id >= 0, id < idLimit else {
      throw .malformed(
        TokenizerRule.token.rule, at: place, found: id.map { "the id \($0)" } ?? "no id",
        expected: "an id from 0 to \(idLimit - 1), for \(announced, "token")")
    }
    if let known = texts.bytes(of: id), !known.elementsEqual(bytes) {
      throw .malformed(
        TokenizerRule.uniqueID.rule, at: place,
        found: "the id \(id), which \(String(decoding: known, as: UTF8.self)) has too",
        expected: "an id of its own")
    }
    texts.set(id, to: bytes)
    count += 1
  }

  /// Throws where there is no token.
  func requireTokens() throws(IngotError) {
    guard count == 0 else { return }
    throw .malformed(TokenizerRule.dense.rule, at: location, found: "no token", expected: "some")
  }

  /// Tokens as bytes, where their letters stand for bytes; others are left out, as no text becomes them.
  var tokensOfBytes: TokenTable {
    var table = TokenTable(capacity: texts.idCount)
    for id in 0..<texts.idCount {
      guard let text = texts.bytes(of: id), let bytes = ByteLetters.bytes(of: text) else { continue }
      table.set(id, to: bytes)
    }
    return table
  }

  /// Tokens as decoders that take bytes want them: a token with a letter that stands for none is its UTF-8.
  var decodedBytes: TokenTable {
    var table = TokenTable(capacity: texts.idCount)
    for id in 0..<texts.idCount {
      guard let text = texts.bytes(of: id) else { continue }
      table.set(id, to: ByteLetters.bytes(of: text) ?? Array(text))
    }
    return table
  }

  /// The id of a token that has to be there.
  func requiredID(of text: String, rule: TokenizerRule, at location: Location) throws(IngotError) -> UInt32 {
    if let id = texts.id(of: text) { return id }
    throw .malformed(rule.rule, at: location, found: .value(text), expected: "a token of the vocabulary")
  }

  /// The merges of a list.
  ///
  /// - Parameters:
  ///   - pairs: the texts of both, the first to be joined first; of a pair that is there twice the latter holds.
  ///   - prefix: what a token begins with that goes on with a word, and loses when it is joined.
  ///   - location: the file and its key.
  /// - Returns: a table of all pairs.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-09 for a piece that is no token.
  func merges(
    _ pairs: [(left: Substring, right: Substring)], prefix: String, at location: Location
  ) throws(IngotError) -> MergeTable {
    var table = MergeTable(capacity: pairs.count)
    for (rank, pair) in pairs.enumerated() {
      var bytes = Array(pair.left.utf8)
      let cut = bytes.count
      bytes += pair.right.utf8
      guard let left = texts.id(of: bytes, 0..<cut), let right = texts.id(of: bytes, cut..<bytes.count) else {
        let part = texts.id(of: bytes, 0..<cut) == nil ? pair.left : pair.right
        throw .malformed(
          TokenizerRule.mergeToken.rule, at: location, found: .value(String(part)),
          expected: "a token of the vocabulary")
      }
      if !prefix.isEmpty, pair.right.utf8.starts(with: prefix.utf8) {
        bytes.removeSubrange(cut..<cut + prefix.utf8.count)
      }
      guard let merged = texts.id(of: bytes, bytes.indices) else {
        throw .malformed(
          TokenizerRule.mergeToken.rule, at: location, found: .value(String(decoding: bytes, as: UTF8.self)),
          expected: "a token of the vocabulary")
      }
      table.set(left, right, to: MergeTable.Merge(rank: UInt32(truncatingIfNeeded: rank), symbol: merged))
    }
    return table
  }

  /// The tokens of single bytes, `<0x00>` to `<0xFF>`: all or none of them.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for some only.
  func byteTokens(at location: Location) throws(IngotError) -> [UInt32] {
    let ids = (0..<256).compactMap { texts.id(of: ByteToken.text(of: UInt8($0))) }
    guard ids.count == 256 || ids.isEmpty else {
      throw .unsupported("byte fallback with \(ids.count, "token") of bytes, not 256", at: location)
    }
    return ids
  }
}
