// SPDX-License-Identifier: Apache-2.0
// Reads a tokenizer from the files that publishers put beside weights: tokenizer.json, vocab.json with merges.txt,
// OpenAI's encoder.json with vocab.bpe, and BERT's vocab.txt. AddedTokenSettings has what stands beside them. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

/// A tokenizer's files, by plain name.
package struct TokenizerFiles {
  private let folder: String
  private let names: [String: String]
  let files: [String: [UInt8]]

  /// Takes the companions of a checkpoint.
  ///
  /// - Parameters:
  ///   - companions: all of them; those that tell nothing of a tokenizer are passed over.
  ///   - folder: where they stand, for messages.
  ///   - names: what files are called in messages, where not by their usual name.
  package init(_ companions: [Companion], folder: String, calling names: [String: String] = [:]) {
    self.folder = folder
    self.names = names
    files = Dictionary(companions.map { ($0.name, $0.bytes) }) { first, _ in first }
  }

  /// Files that hold tokens and merges, in the order of preference.
  static let pairs = [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")]

  /// Reads the tokenizer.
  ///
  /// - Parameter rowCount: rows of the token embedding, which ids must stay below.
  /// - Returns: the vocabulary, ids that no token has padded; `nil` when no file holds one.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-01 to TK-07.
  package func vocabulary(rowCount: Int) throws(IngotError) -> TokenizerVocabulary? {
    guard var collected = try collect(rowCount: rowCount) else { return nil }
    try addSettings(to: &collected)
    return collected.vocabulary
  }

  func collect(rowCount: Int, pads: Bool = true) throws(IngotError) -> TokenCollection? {
    if let bytes = files["tokenizer.model"], !RankFile.isRankFile(bytes), pads {
      return try pieces(of: bytes, rowCount: rowCount)
    }
    if let document = try document("tokenizer.json") {
      return try TokenizerDocument(document, path: path("tokenizer.json")).collection(rowCount: rowCount)
    }
    for (tokens, merges) in Self.pairs {
      guard let document = try document(tokens), let text = files[merges] else { continue }
      let merges = try MergeList(text, path: path(merges)).merges
      var collection = TokenCollection(.bytePairs(merges: merges), path: path(tokens), rowCount: rowCount)
      try collection.add(document)
      // Classes whose files say nothing of it are cut as GPT-2's.
      if let name = try tokenizerClass(), let family = TokenizerFamily.byClass[name] {
        collection.vocabulary.cut = TextCutting(family).ggufName
      }
      try addTokens(to: &collection)
      try collection.finish(pads: pads)
      return collection
    }
    return try files["vocab.txt"].map { (bytes) throws(IngotError) in
      try pieces(bytes, rowCount: rowCount, pads: pads)
    }
  }

  /// SentencePiece's model, with the tokens that stand beside it.
  private func pieces(of bytes: [UInt8], rowCount: Int) throws(IngotError) -> TokenCollection {
    let file = try SentencePieceFile(bytes, path: path("tokenizer.model"), isData: true)
    var collection = TokenCollection(file.model, path: path("tokenizer.model"), rowCount: rowCount)
    for (id, piece) in file.pieces.enumerated() {
      try collection.add(
        String(decoding: piece.text, as: UTF8.self), id: .int64(Int64(id)), kind: piece.kind)
    }
    collection.vocabulary.changes = file.changes
    try addTokens(to: &collection)
    try collection.finish()
    for (special, id) in [
      (TokenizerVocabulary.SpecialToken.beginning, file.beginning), (.end, file.end),
      (.unknown, file.unknown),
    ] {
      if let id, file.pieces.indices.contains(id) { collection.vocabulary.specialIDs[special] = id }
    }
    return collection
  }

  /// BERT's vocab.txt: a line a piece, its number the id.
  private func pieces(_ bytes: [UInt8], rowCount: Int, pads: Bool) throws(IngotError) -> TokenCollection {
    let path = path("vocab.txt")
    var collection = TokenCollection(.wordPieces(lowercases: nil), path: path, rowCount: rowCount)
    for (id, line) in bytes.withoutByteOrderMark.textLines().enumerated() {
      guard let text = String(validating: line, as: UTF8.self) else {
        throw .malformed(
          TokenizerRule.token.rule, at: Location(path, offset: line.startIndex),
          found: "bytes that are not UTF-8",
          expected: "a piece of text")
      }
      try collection.add(text, id: .int64(Int64(id)), kind: .normal)
    }
    try addTokens(to: &collection)
    try collection.finish(pads: pads)
    return collection
  }

  /// A token that stands as text or as an object with its text.
  static func content(_ value: MetadataValue?) -> String? {
    switch value {
    case .string(let text)?: text
    case .object(let object)?: object.string("content")
    default: nil
    }
  }

  func path(_ name: String) -> String {
    let name = names[name] ?? name
    return folder.isEmpty || folder == "." ? name : "\(folder)/\(name)"
  }

  func document(_ name: String) throws(IngotError) -> Metadata? {
    guard let bytes = files[name] else { return nil }
    do throws(JSONFailure) {
      return try JSONDocument.object(bytes, limit: .tokenizerValues)
    } catch {
      throw IngotError(error, rule: TokenizerRule.json.rule, at: Location(path(name)))
    }
  }
}

/// merges.txt and vocab.bpe: a line a merge, behind a byte order mark, where an editor put one, and a line that begins with `#version`.
struct MergeList {
  let merges: [String]

  init(_ bytes: [UInt8], path: String) throws(IngotError) {
    var merges: [String] = []
    let text = bytes.withoutByteOrderMark
    for line in text.textLines() {
      if line.isEmpty || (line.startIndex == text.startIndex && line.starts(with: "#version".utf8)) {
        continue
      }
      let pieces = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard pieces.count == 2, pieces.allSatisfy({ !$0.isEmpty }),
        let text = String(validating: line, as: UTF8.self)
      else {
        throw .malformed(
          TokenizerRule.merge.rule, at: Location(path, offset: line.startIndex),
          found: .value(String(decoding: line.prefix(80), as: UTF8.self)),
          expected: "two pieces with a space between")
      }
      merges.append(text)
    }
    self.merges = merges
  }
}
