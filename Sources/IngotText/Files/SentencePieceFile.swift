// SPDX-License-Identifier: Apache-2.0
// SentencePiece's models of byte pairs: tokenizer.model, a protobuf (google/sentencepiece, src/sentencepiece_model.proto), and
// GGUF's keys of the kind `llama`. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

/// A SentencePiece model of byte pairs.
struct SentencePieceFile {
  /// A piece: its text, score and kind.
  struct Piece {
    var text: [UInt8]
    var score: Float
    var kind: TokenizerVocabulary.TokenKind
  }

  /// The pieces by id.
  var pieces: [Piece] = []
  /// Whether a space is put before a text.
  var addsPrefix = true
  /// Whether runs of spaces become one.
  var removesSpaces = false
  /// Whether characters that no piece covers become bytes.
  var fallsBackToBytes = false
  /// How characters are normalized, as SentencePiece compiles it; empty for not at all.
  var charactersMap: [UInt8] = []
  var unknown: Int?
  var beginning: Int?
  var end: Int?
  var addsBeginning = true
  var addsEnd = false
  /// Whether marks and pieces added by hand are looked for in text before it is normalized, as llama.cpp does.
  var seeksMarks = false
  let path: String

  /// What it makes of a text before it is cut, and GGUF has no key for.
  var changes: [Evidence] {
    var changes: [Evidence] = []
    if !charactersMap.isEmpty { changes.append("characters are normalized") }
    if removesSpaces { changes.append("runs of spaces become one") }
    return changes
  }

  /// How its pieces are joined.
  var model: TokenizerVocabulary.Model {
    .sentencePieces(scores: pieces.map(\.score), addsPrefix: addsPrefix)
  }

  private func malformed(_ found: Evidence, _ expected: Evidence, key: String? = nil) -> IngotError {
    .malformed(TokenizerRule.pieces.rule, at: Location(path, key: key), found: found, expected: expected)
  }

  // MARK: - tokenizer.model

  /// Reads a protobuf.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - path: its path, for messages.
  ///   - isData: whether its pieces are wanted alone, and not what it makes of a text.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-13 or a rule of protobuf's, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for what is not read, by its name.
  init(_ bytes: [UInt8], path: String, isData: Bool = false) throws(IngotError) {
    self.path = path
    var modelType: Int64 = 1
    var message = ProtobufReader(bytes[...], at: Location(path), repeatable: [1])
    while let field = try message.next() {
      switch field.number {
      case 1: pieces.append(try piece(field.message()))
      case 2: modelType = try readTrainer(field.message().repeating(Set(1..<64)))
      case 3: try readNormalizer(field.message(), isData: isData)
      default: continue
      }
    }
    guard modelType == 2 else {
      let name = [1: "unigrams", 3: "words", 4: "characters"][modelType] ?? "another kind"
      throw .unsupported("a SentencePiece model of \(words: name)", at: Location(path, key: "model_type"))
    }
    guard pieces.contains(where: { $0.kind == .normal }) else { throw malformed("no piece", "some") }
    unknown = pieces.firstIndex { $0.kind == .unknown }
  }

  private func piece(_ message: ProtobufReader) throws(IngotError) -> Piece {
    var message = message
    var piece = Piece(text: [], score: 0, kind: .normal)
    while let field = try message.next() {
      switch field.number {
      case 1: piece.text = Array(try field.bytes())
      case 2: piece.score = Float(bitPattern: try field.fixed32())
      case 3:
        guard
          let kind = TokenizerVocabulary.TokenKind(rawValue: Int32(truncatingIfNeeded: try field.integer()))
        else { throw malformed("a piece of another kind", "1 to 6", key: "type") }
        piece.kind = kind
      default: continue
      }
    }
    guard piece.score.isFinite else { throw malformed("a score that is not a number", "a finite one") }
    guard !piece.text.isEmpty, piece.text.firstInvalidUTF8 == nil else {
      throw malformed("a piece that is not text", "one in UTF-8")
    }
    return piece
  }

  private mutating func readTrainer(_ message: ProtobufReader) throws(IngotError) -> Int64 {
    var message = message
    var modelType: Int64 = 1
    while let field = try message.next() {
      switch field.number {
      case 3: modelType = try field.integer()
      case 24 where try field.integer() != 0:
        throw .unsupported("white space as a suffix", at: Location(path, key: "treat_whitespace_as_suffix"))
      case 35: fallsBackToBytes = try field.integer() != 0
      case 41: beginning = Int(exactly: try field.integer())
      case 42: end = Int(exactly: try field.integer())
      default: continue
      }
    }
    beginning = beginning ?? 1
    end = end ?? 2
    return modelType
  }

  private mutating func readNormalizer(_ message: ProtobufReader, isData: Bool) throws(IngotError) {
    var message = message
    var (removesSpaces, escapesSpaces) = (true, true)
    while let field = try message.next() {
      switch field.number {
      case 2: charactersMap = Array(try field.bytes())
      case 3: addsPrefix = try field.integer() != 0
      case 4: removesSpaces = try field.integer() != 0
      case 5: escapesSpaces = try field.integer() != 0
      default: continue
      }
    }
    self.removesSpaces = removesSpaces
    guard !removesSpaces || isData else {
      throw .unsupported(
        "runs of spaces that become one", at: Location(path, key: "remove_extra_whitespaces"))
    }
    guard escapesSpaces else {
      throw .unsupported("spaces that are not escaped", at: Location(path, key: "escape_whitespaces"))
    }
  }

  // MARK: - GGUF

  /// Reads GGUF's keys of the kind `llama`.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-07, TK-08 or TK-13.
  init(gguf metadata: Metadata, path: String) throws(IngotError) {
    self.path = path
    guard let texts = metadata["tokenizer.ggml.tokens"]?.elements, !texts.isEmpty else {
      throw malformed("no token", "some", key: "tokenizer.ggml.tokens")
    }
    guard let scores = metadata["tokenizer.ggml.scores"]?.elements, scores.count == texts.count else {
      throw malformed("another number of scores", "one a token", key: "tokenizer.ggml.scores")
    }
    let kinds = try TokenizerVocabulary.kinds(metadata, count: texts.count, path: path)
    pieces.reserveCapacity(texts.count)
    for (index, kind) in kinds.enumerated() {
      guard case .string(let text) = texts[index], let score = scores[index].real, score.isFinite else {
        throw malformed("a token without text or score", "both", key: "tokenizer.ggml.tokens")
      }
      pieces.append(Piece(text: Array(text.utf8), score: Float(score), kind: kind))
    }
    fallsBackToBytes = kinds.contains(.byte)
    seeksMarks = true
    unknown = try id("unknown_token_id", metadata) ?? kinds.firstIndex(of: .unknown)
    beginning = try id("bos_token_id", metadata) ?? 1
    end = try id("eos_token_id", metadata) ?? 2
    addsBeginning = metadata["tokenizer.ggml.add_bos_token"] != .bool(false)
    addsEnd = metadata["tokenizer.ggml.add_eos_token"] == .bool(true)
    addsPrefix = metadata["tokenizer.ggml.add_space_prefix"] != .bool(false)
  }

  private func id(_ name: String, _ metadata: Metadata) throws(IngotError) -> Int? {
    guard let value = metadata["tokenizer.ggml.\(name)"] else { return nil }
    guard let id = value.integer, pieces.indices.contains(id) else {
      throw .malformed(
        TokenizerRule.specialID.rule, at: Location(path, key: "tokenizer.ggml.\(name)"),
        found: "something else", expected: "an id from 0 to \(pieces.count - 1)")
    }
    return id
  }

  // MARK: - The tokenizer

  /// Puts the tokenizer together.
  func tokenizer() throws(IngotError) -> Tokenizer {
    let location = Location(path)
    var builder = VocabularyBuilder(at: location, count: pieces.count)
    var tokens = TokenTable()
    var scores: [Float?] = []
    for (id, piece) in pieces.enumerated() {
      try builder.add(piece.text, id: id, name: String(decoding: piece.text, as: UTF8.self))
      let isJoined = piece.kind == .normal
      if isJoined { tokens.set(id, to: piece.text) }
      scores.append(isJoined ? piece.score : nil)
    }
    guard tokens.longest <= MergeBuilder.longestToken else {
      throw .unsupported("a piece of \(tokens.longest, "byte")", at: location)
    }
    var options = BytePairModel.Options()
    options.isByteLevel = false
    options.fusesUnknown = true
    options.unknown = unknown.map { UInt32(truncatingIfNeeded: $0) }
    if fallsBackToBytes { options.byteTokens = try builder.byteTokens(at: location) }
    let (merges, inner) = MergeBuilder.ranked(
      tokens, ranks: MergeBuilder.ranks(of: scores), isByteLevel: false)
    var assembly = TokenizerAssembly(at: location, builder)
    assembly.added = addedTokens
    assembly.normalizer = normalizer
    assembly.decoder = decoder
    assembly.postProcessor = PostProcessor(
      before: addsBeginning ? ids(beginning) : [], behind: addsEnd ? ids(end) : [])
    return try assembly.tokenizer(
      BytePairModel(tokens: tokens, merges: merges, innerSymbols: inner, options: options))
  }

  private func ids(_ id: Int?) -> [UInt32] {
    id.flatMap { pieces.indices.contains($0) ? [UInt32(truncatingIfNeeded: $0)] : nil } ?? []
  }

  private var addedTokens: [AddedToken] {
    pieces.enumerated().compactMap { id, piece in
      guard piece.kind == .control || piece.kind == .userDefined || piece.kind == .unknown else { return nil }
      var token = AddedToken(
        piece.text, id: UInt32(truncatingIfNeeded: id), isSpecial: piece.kind != .userDefined)
      token.isSought = seeksMarks || piece.kind == .userDefined
      if !seeksMarks {
        // SentencePiece looks for them in text that is normalized already.
        token.isNormalized = true
        token.normalizedContent = piece.text
      }
      return token
    }
  }

  private static let mark = "\u{2581}"

  private var normalizer: MetadataValue {
    let map = TokenizerAssembly.component(
      "Precompiled", [("precompiled_charsmap", .string(Base64.text(of: charactersMap)))])
    return Self.normalizer(addsPrefix: addsPrefix, before: charactersMap.isEmpty ? [] : [map])
  }

  /// SentencePiece's way to change text, as tokenizer.json has it.
  static func normalizer(addsPrefix: Bool, before: [MetadataValue] = []) -> MetadataValue {
    let prefix = TokenizerAssembly.component("Prepend", [("prepend", .string(mark))])
    return TokenizerAssembly.sequence(
      "normalizers", before + (addsPrefix ? [prefix] : []) + [replacement(" ", mark)])
  }

  private var decoder: MetadataValue { Self.decoder(addsPrefix: addsPrefix) }

  /// The way back, as tokenizer.json has it.
  static func decoder(addsPrefix: Bool) -> MetadataValue {
    let strip = TokenizerAssembly.component(
      "Strip", [("content", .string(" ")), ("start", .int64(1)), ("stop", .int64(0))])
    return TokenizerAssembly.sequence(
      "decoders",
      [
        replacement(mark, " "), TokenizerAssembly.component("ByteFallback"),
        TokenizerAssembly.component("Fuse"),
      ] + (addsPrefix ? [strip] : []))
  }

  private static func replacement(_ pattern: String, _ content: String) -> MetadataValue {
    TokenizerAssembly.component(
      "Replace",
      [
        ("pattern", .object(Metadata([.init(key: "String", value: .string(pattern))]))),
        ("content", .string(content)),
      ])
  }
}
