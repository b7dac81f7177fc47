// SPDX-License-Identifier: Apache-2.0
// Writes a tokenizer as publishers spell it: files for transformers and OpenAI's code, keys for GGUF; and reads those
// keys back. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

extension TokenizerVocabulary {
  // MARK: - Files

  /// The files that transformers reads: vocab.json and merges.txt, vocab.txt, or tokenizer.json where text is cut otherwise
  /// than the classes of these do it; and tokenizer_config.json.
  package var transformersFiles: [Companion] {
    var settings = Metadata()
    for special in SpecialToken.allCases {
      if let adds = adds[special] { settings["add_\(special.rawValue)_token"] = .bool(adds) }
      guard let id = specialIDs[special], tokens.indices.contains(id) else { continue }
      settings["\(special.rawValue)_token"] = .string(tokens[id].text)
    }
    if let chatTemplate { settings["chat_template"] = .string(chatTemplate) }
    let files: [Companion]
    switch model {
    case .sentencePieces:
      settings["tokenizer_class"] = .string("PreTrainedTokenizerFast")
      files = [pipelineFile].compactMap(\.self)
    case .bytePairs where cut != "gpt-2":
      settings["tokenizer_class"] = .string("PreTrainedTokenizerFast")
      files = [pipelineFile].compactMap(\.self)
    case .bytePairs(let merges):
      settings["tokenizer_class"] = .string("GPT2Tokenizer")
      files = pairFiles(tokens: "vocab.json", merges: ("merges.txt", merges))
    case .wordPieces(let lowercases):
      settings["tokenizer_class"] = .string("BertTokenizer")
      if let lowercases { settings["do_lower_case"] = .bool(lowercases) }
      files = [pieceFile]
    }
    let settingsText = JSONWriter.text(settings, style: .indented) + "\n"
    return files + [
      Companion(kind: .tokenizer, name: "tokenizer_config.json", bytes: Array(settingsText.utf8))
    ]
  }

  /// The files that OpenAI's code reads: encoder.json and vocab.bpe; of word pieces, which it has not, transformers' own.
  package var openAIFiles: [Companion] {
    guard case .bytePairs(let merges) = model, cut == "gpt-2" else { return transformersFiles }
    return pairFiles(tokens: "encoder.json", merges: ("vocab.bpe", merges))
  }

  private func pairFiles(tokens tokensName: String, merges: (name: String, pairs: [String])) -> [Companion] {
    let entries = tokens.enumerated().filter { $1.kind != .unused }
      .map { Metadata.Entry(key: $1.text, value: .int64(Int64($0))) }
    let lines = (["#version: 0.2"] + merges.pairs).joined(separator: "\n") + "\n"
    return [
      Companion(
        kind: .tokenizer, name: tokensName, bytes: Array(JSONWriter.text(Metadata(entries)).utf8)),
      Companion(kind: .tokenizer, name: merges.name, bytes: Array(lines.utf8)),
    ]
  }

  /// vocab.txt: a line a piece, up to the last one that is used.
  private var pieceFile: Companion {
    let count = (tokens.lastIndex { $0.kind != .unused } ?? -1) + 1
    let lines = tokens.prefix(count).map { $0.text + "\n" }.joined()
    return Companion(kind: .tokenizer, name: "vocab.txt", bytes: Array(lines.utf8))
  }

  // MARK: - GGUF

  /// What all of GGUF's keys of tokenizers begin with.
  package static let ggufPrefix = "tokenizer."
  /// GGUF's names of ids by purpose, where they are not `tokenizer.ggml.<purpose>_token_id`.
  private static func ggufKey(of special: SpecialToken) -> String {
    switch special {
    case .unknown: "tokenizer.ggml.unknown_token_id"
    case .separator: "tokenizer.ggml.seperator_token_id"
    case .padding: "tokenizer.ggml.padding_token_id"
    default: "tokenizer.ggml.\(special.rawValue)_token_id"
    }
  }

  /// The vocabulary as GGUF's keys, in the order in which llama.cpp's converter writes them.
  package var ggufMetadata: Metadata {
    var entries = ggufModel
    let specialIDs = ggufSpecialIDs
    for special in SpecialToken.allCases {
      guard let id = specialIDs[special], let number = UInt32(exactly: id) else { continue }
      entries.append(.init(key: Self.ggufKey(of: special), value: .uint32(number)))
    }
    for special in SpecialToken.allCases {
      guard let adds = adds[special] else { continue }
      entries.append(.init(key: "tokenizer.ggml.add_\(special.rawValue)_token", value: .bool(adds)))
    }
    if let chatTemplate {
      entries.append(.init(key: "tokenizer.chat_template", value: .string(chatTemplate)))
    }
    return Metadata(entries)
  }

  /// The keys of the model, its tokens and their types.
  private var ggufModel: [Metadata.Entry] {
    let types: Metadata.Entry = .init(
      key: "tokenizer.ggml.token_type", value: .array(tokens.map { .int32($0.kind.rawValue) }))
    switch model {
    case .bytePairs(let merges):
      return [
        .init(key: GGUFTokenizerKind.key, value: .string(GGUFTokenizerKind.bytePairs.rawValue)),
        .init(key: "tokenizer.ggml.pre", value: .string(cut ?? "default")),
        .init(key: "tokenizer.ggml.tokens", value: .array(tokens.map { .string($0.text) })), types,
        .init(key: "tokenizer.ggml.merges", value: .array(merges.map { .string($0) })),
      ]
    case .sentencePieces(let scores, let addsPrefix):
      return [
        .init(key: GGUFTokenizerKind.key, value: .string(GGUFTokenizerKind.sentencePiece.rawValue)),
        .init(key: "tokenizer.ggml.pre", value: .string("default")),
        .init(key: "tokenizer.ggml.tokens", value: .array(tokens.map { .string($0.text) })),
        .init(key: "tokenizer.ggml.scores", value: .array(scores.map { .float32($0) })), types,
      ] + (addsPrefix ? [] : [.init(key: "tokenizer.ggml.add_space_prefix", value: .bool(false))])
    case .wordPieces:
      return [
        .init(key: GGUFTokenizerKind.key, value: .string(GGUFTokenizerKind.wordPieces.rawValue)),
        .init(key: "tokenizer.ggml.tokens", value: .array(tokens.map { .string(Self.ggufPiece($0)) })), types,
      ]
    }
  }

  /// The ids by purpose; llama.cpp begins and ends a text by BERT's marks under the names of all models.
  private var ggufSpecialIDs: [SpecialToken: Int] {
    guard case .wordPieces = model else { return specialIDs }
    var ids = specialIDs
    ids[.beginning] = ids[.beginning] ?? ids[.classification]
    ids[.end] = ids[.end] ?? ids[.separator]
    return ids
  }

  /// Leaves out the names that ``ggufSpecialIDs`` adds.
  private mutating func removeRenamedMarks() {
    for (added, own) in [(SpecialToken.beginning, SpecialToken.classification), (.end, .separator)]
    where specialIDs[added] == specialIDs[own] {
      specialIDs[added] = nil
    }
  }

  /// A word piece as GGUF has it: a mark before those that begin a word, and none before those that go on one.
  ///
  /// - SeeAlso: `ggml-org/llama.cpp: conversion/bert.py`, `phantom`.
  private static func ggufPiece(_ token: Token) -> String {
    guard token.kind != .control else { return token.text }
    // By code points: a mark that combines with the second # is a piece of its own.
    let scalars = token.text.unicodeScalars
    return scalars.starts(with: "##".unicodeScalars)
      ? String(scalars.dropFirst(2)) : "\u{2581}" + token.text
  }

  /// The word piece that GGUF has so.
  private static func piece(ofGGUF text: String, _ kind: TokenKind) -> String {
    guard kind != .control else { return text }
    return text.unicodeScalars.first == "\u{2581}" ? String(text.unicodeScalars.dropFirst()) : "##" + text
  }

  /// Reads GGUF's keys; `nil` when there are none, or they are of another kind of tokenizer.
  ///
  /// - Parameters:
  ///   - metadata: the keys of a file.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-03, TK-06, TK-07 or TK-08.
  package init?(gguf metadata: Metadata, path: String) throws(IngotError) {
    guard let kind = metadata.string(GGUFTokenizerKind.key).flatMap(GGUFTokenizerKind.init), kind != .none,
      let texts = try Self.strings(metadata, "tokenizer.ggml.tokens", .token, path: path)
    else { return nil }
    let kinds = try Self.kinds(metadata, count: texts.count, path: path)
    switch kind {
    case .bytePairs:
      let merges = try Self.strings(metadata, "tokenizer.ggml.merges", .merge, path: path) ?? []
      self.init(tokens: zip(texts, kinds).map { Token($0, $1) }, model: .bytePairs(merges: merges))
      cut = metadata.string("tokenizer.ggml.pre")
    case .wordPieces:
      let pieces = zip(texts, kinds).map { Token(Self.piece(ofGGUF: $0, $1), $1) }
      self.init(tokens: pieces, model: .wordPieces(lowercases: nil))
      try requireLines(at: Location(path, key: "tokenizer.ggml.tokens"))
    case .sentencePiece:
      let file = try SentencePieceFile(gguf: metadata, path: path)
      self.init(tokens: zip(texts, kinds).map { Token($0, $1) }, model: file.model)
    case .none: return nil
    }
    for special in SpecialToken.allCases {
      if case .bool(let adds)? = metadata["tokenizer.ggml.add_\(special.rawValue)_token"] {
        self.adds[special] = adds
      }
      let key = Self.ggufKey(of: special)
      guard let value = metadata[key] else { continue }
      guard let id = value.integer, tokens.indices.contains(id) else {
        throw .malformed(
          TokenizerRule.specialID.rule, at: Location(path, key: key), found: "something else",
          expected: "an id from 0 to \(tokens.count - 1)")
      }
      specialIDs[special] = id
    }
    if case .wordPieces = model { removeRenamedMarks() }
    chatTemplate = metadata.string("tokenizer.chat_template")
  }

  /// Throws for tokens that are no rows of the embedding.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-03.
  package func requireRows(_ rowCount: Int, path: String) throws(IngotError) {
    guard tokens.count > rowCount else { return }
    throw .malformed(
      TokenizerRule.token.rule, at: Location(path, key: "tokenizer.ggml.tokens"),
      found: "\(tokens.count, "token")",
      expected: "at most \(rowCount), the rows of the embedding")
  }

  private static func strings(
    _ metadata: Metadata, _ key: String, _ rule: TokenizerRule, path: String
  ) throws(IngotError) -> [String]? {
    guard let value = metadata[key] else { return nil }
    guard let values = value.elements else {
      throw .malformed(
        rule.rule, at: Location(path, key: key), found: "no list", expected: "a list of strings")
    }
    var strings: [String] = []
    strings.reserveCapacity(values.count)
    for value in values {
      guard case .string(let text) = value else {
        throw .malformed(
          rule.rule, at: Location(path, key: key), found: "a value of another type", expected: "strings")
      }
      strings.append(text)
    }
    return strings
  }

  static func kinds(
    _ metadata: Metadata, count: Int, path: String
  ) throws(IngotError) -> [TokenKind] {
    let key = "tokenizer.ggml.token_type"
    guard let value = metadata[key] else { return Array(repeating: .normal, count: count) }
    guard let values = value.elements, values.count == count else {
      throw .malformed(
        TokenizerRule.kind.rule, at: Location(path, key: key), found: "another number of types",
        expected: "\(count), one a token")
    }
    var kinds: [TokenKind] = []
    kinds.reserveCapacity(count)
    for value in values {
      guard let number = value.integer, let raw = Int32(exactly: number), let kind = TokenKind(rawValue: raw)
      else {
        throw .malformed(
          TokenizerRule.kind.rule, at: Location(path, key: key), found: "a type that there is not",
          expected: "1 to 6")
      }
      kinds.append(kind)
    }
    return kinds
  }
}
