// SPDX-License-Identifier: Apache-2.0
// A tokenizer of tokens, merges and marks as TokenizerVocabulary has them, and of what the family adds: for vocab.json with
// merges.txt, encoder.json with vocab.bpe, vocab.txt, and GGUF's keys of both kinds. Page: formats/tokenizer.md.
import IngotCore

/// How text is changed and cut where tokens alone are known.
enum TokenizerStyle: Sendable {
  /// Byte-level pairs.
  case byteLevel(TokenizerFamily, addsPrefixSpace: Bool)
  /// GPT-1's: words in small letters, cut as BERT's, that end with `</w>`.
  case wordsWithEnds
  /// BERT's.
  case bert(stripsAccents: Bool?, cutsChinese: Bool)
}

extension TokenizerVocabulary {
  /// Puts a tokenizer together.
  ///
  /// - Parameters:
  ///   - style: what files of this kind leave open.
  ///   - location: the file, for messages.
  ///   - added: how added tokens are looked for, by their texts, where not as they stand.
  ///   - assumption: what was taken for granted.
  /// - Returns: the tokenizer.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-04 to TK-09.
  func tokenizer(
    _ style: TokenizerStyle, at location: Location, added: [[UInt8]: AddedToken] = [:],
    assumption: Evidence? = nil
  ) throws(IngotError) -> Tokenizer {
    var builder = VocabularyBuilder(at: location, count: tokens.count)
    for (id, token) in tokens.enumerated() where token.kind != .unused {
      try builder.add(token.text.utf8, id: id, name: token.text)
    }
    try builder.requireTokens()
    var assembly = TokenizerAssembly(at: location, builder)
    assembly.assumption = assumption
    assembly.added = addedTokens(added)
    assembly.mask = specialIDs[.mask].map { UInt32(truncatingIfNeeded: $0) }
    assembly.postProcessor = marksAround(style)
    switch style {
    case .byteLevel(let family, let addsPrefixSpace):
      var options = BytePairModel.Options()
      options.takesWholePieces = family.takesWholePieces
      assembly.normalizer = family.normalizer
      assembly.preTokenizer = family.preTokenizer(addsPrefixSpace: addsPrefixSpace)
      assembly.decoder = TokenizerAssembly.component("ByteLevel")
      let merges = try merges(builder, at: location)
      return try assembly.tokenizer(
        BytePairModel(tokens: builder.tokensOfBytes, merges: merges, options: options))
    case .wordsWithEnds:
      assembly.normalizer = Self.bertNormalizer(lowercases: true, stripsAccents: nil, cutsChinese: true)
      assembly.preTokenizer = TokenizerAssembly.component("BertPreTokenizer")
      assembly.decoder = TokenizerAssembly.component("BPEDecoder", [("suffix", .string("</w>"))])
      var options = BytePairModel.Options()
      options.isByteLevel = false
      options.suffix = Array("</w>".utf8)
      options.unknown = builder.texts.id(of: "<unk>")
      return try assembly.tokenizer(
        BytePairModel(tokens: builder.texts, merges: try merges(builder, at: location), options: options))
    case .bert(let stripsAccents, let cutsChinese):
      guard case .wordPieces(let lowercases) = model else {
        throw .internal("BERT's way with text for tokens that are no word pieces")
      }
      assembly.normalizer = Self.bertNormalizer(
        lowercases: lowercases ?? true, stripsAccents: stripsAccents, cutsChinese: cutsChinese)
      assembly.preTokenizer = TokenizerAssembly.component("BertPreTokenizer")
      assembly.decoder = TokenizerAssembly.component("WordPiece")
      let unknown = try builder.requiredID(of: "[UNK]", rule: .specialID, at: location)
      return try assembly.tokenizer(
        WordPieceModel(
          tokens: builder.texts, prefix: Array("##".utf8), unknown: unknown, longestWord: 100))
    }
  }

  private func merges(_ builder: VocabularyBuilder, at location: Location) throws(IngotError) -> MergeTable {
    guard case .bytePairs(let merges) = model else {
      throw .internal("merges of tokens that are word pieces")
    }
    let pairs = try MergePairs.pairs(.array(merges.map { .string($0) }), at: location)
    return try builder.merges(pairs, prefix: "", at: location)
  }

  private static func bertNormalizer(
    lowercases: Bool, stripsAccents: Bool?, cutsChinese: Bool
  ) -> MetadataValue {
    TokenizerAssembly.component(
      "BertNormalizer",
      [
        ("clean_text", .bool(true)), ("handle_chinese_chars", .bool(cutsChinese)),
        ("strip_accents", stripsAccents.map { .bool($0) } ?? .null), ("lowercase", .bool(lowercases)),
      ])
  }

  /// The tokens that are looked for first: marks, and those that were added by hand.
  private func addedTokens(_ known: [[UInt8]: AddedToken]) -> [AddedToken] {
    tokens.enumerated().compactMap { id, token in
      guard token.kind == .control || token.kind == .userDefined || token.kind == .unknown,
        !token.text.isEmpty
      else { return nil }
      let text = Array(token.text.utf8)
      var added = known[text] ?? AddedToken(text, id: 0)
      added.id = UInt32(truncatingIfNeeded: id)
      added.isSpecial = token.kind != .userDefined
      return added
    }
  }

  /// What is put around a text, as the files say, else as the family does.
  private func marksAround(_ style: TokenizerStyle) -> PostProcessor {
    func ids(_ special: SpecialToken, _ isAdded: Bool) -> [UInt32] {
      guard isAdded, let id = specialIDs[special] else { return [] }
      return [UInt32(truncatingIfNeeded: id)]
    }
    if style.standsBetweenMarks {
      return PostProcessor(before: ids(.classification, true), behind: ids(.separator, true))
    }
    return PostProcessor(
      before: ids(.beginning, adds[.beginning] ?? style.addsBeginning), behind: ids(.end, adds[.end] ?? false)
    )
  }
}

extension TokenizerStyle {
  fileprivate var addsBeginning: Bool {
    guard case .byteLevel(let family, _) = self else { return false }
    return family.addsBeginning
  }

  fileprivate var standsBetweenMarks: Bool {
    switch self {
    case .byteLevel(let family, _): family.standsBetweenMarks
    case .wordsWithEnds: false
    case .bert: true
    }
  }
}
