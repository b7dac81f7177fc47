// SPDX-License-Identifier: Apache-2.0
// Which file of a folder, or which keys of a checkpoint, a tokenizer is read from. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

extension TokenizerFiles {
  /// Names of files that a tokenizer is read from; of several sources the first holds.
  package static let sources = [
    ["tokenizer.json"], ["vocab.json", "merges.txt"], ["encoder.json", "vocab.bpe"], ["vocab.txt"],
    ["tokenizer.model"], ["tekken.json"],
  ]
  /// Names of files that say more of a tokenizer.
  package static let settingNames = [
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json",
  ]
  /// The ending of tiktoken's files of ranks.
  package static let rankExtension = "tiktoken"

  /// The usual name of a file with another name, by how its content begins; `nil` where it is none of a tokenizer's.
  package static func sourceName(ofContent head: [UInt8]) -> String? {
    if RankFile.isRankFile(head) { return "tokenizer.model" }
    let start = head.withoutByteOrderMark.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
    if start.first == UInt8(ascii: "{") {
      let isTekken = String(decoding: head, as: UTF8.self).contains("default_num_special_tokens")
      return isTekken ? "tekken.json" : "tokenizer.json"
    }
    // Field 1 of SentencePiece's model: a piece, which begins with its text.
    return head.count > 3 && head[0] == 0x0A && head[1] < 0x80 && head[2] == 0x0A ? "tokenizer.model" : nil
  }

  /// Puts a tokenizer together from the files.
  ///
  /// - Returns: the tokenizer; `nil` when no file holds one.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of formats/tokenizer.md, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for what is not known, by its name.
  package func tokenizer() throws(IngotError) -> Tokenizer? {
    if let document = try document("tokenizer.json") {
      var tokenizer = try PipelineDocument(document, path: path("tokenizer.json")).tokenizer()
      tokenizer.mask = tokenizer.id(ofMark: try maskToken() ?? "[MASK]")
      return tokenizer
    }
    if let tokenizer = try tokenizerOfVocabulary() { return tokenizer }
    if let bytes = files["tokenizer.model"] {
      let path = path("tokenizer.model")
      if RankFile.isRankFile(bytes) { return try RankFile(tiktoken: bytes, path: path).tokenizer() }
      return try SentencePieceFile(bytes, path: path).tokenizer()
    }
    if let document = try document("tekken.json") {
      return try RankFile(tekken: document, path: path("tekken.json")).tokenizer()
    }
    if let name = files.keys.filter({ $0.hasSuffix(".\(Self.rankExtension)") }).min(), let bytes = files[name]
    {
      return try RankFile(tiktoken: bytes, path: path(name)).tokenizer()
    }
    return nil
  }

  /// The text of the token that hides another, where settings name one.
  private func maskToken() throws(IngotError) -> String? {
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      if let text = Self.content(try document(name)?["mask_token"]) { return text }
    }
    return nil
  }

  /// The tokenizer of files with tokens, and merges where there are, alone.
  private func tokenizerOfVocabulary() throws(IngotError) -> Tokenizer? {
    // No more ids than lines or keys: they leave no gap.
    guard var collected = try collect(rowCount: files.values.map(\.count).max() ?? 0, pads: false) else {
      return nil
    }
    try addSettings(to: &collected)
    let settings = try document("tokenizer_config.json") ?? Metadata()
    let location = Location(path(Self.sources.joined().first { files[$0] != nil } ?? ""))
    let name = try tokenizerClass()
    if case .wordPieces = collected.vocabulary.model {
      return try collected.vocabulary.tokenizer(
        .bert(
          stripsAccents: settings["strip_accents"]?.flag,
          cutsChinese: settings["tokenize_chinese_chars"]?.flag ?? true), at: location,
        added: collected.added,
        assumption: "text is cut as BERT does: files of word pieces don't say how")
    }
    if isGPT1(name, collected.vocabulary) {
      return try collected.vocabulary.tokenizer(
        .wordsWithEnds, at: location, added: collected.added,
        assumption: "text is cut as GPT-1 does: files of tokens and merges don't say how")
    }
    let known = name.map { TokenizerFamily.byClass[$0] } ?? .gpt2
    guard let family = known else {
      throw .unsupported(
        "the tokenizer_class \(name ?? ""), whose files of tokens and merges don't say how text is cut",
        at: Location(path("tokenizer_config.json"), key: "tokenizer_class"))
    }
    let prefix = settings["add_prefix_space"]?.flag ?? false
    return try collected.vocabulary.tokenizer(
      .byteLevel(family, addsPrefixSpace: prefix), at: location, added: collected.added,
      assumption:
        "text is cut as \(words: name == nil ? "GPT-2" : "transformers' \(name ?? "")") does: files of tokens and merges don't say how"
    )
  }
}

extension Tokenizer {
  /// The id of a mark by its text; `nil` where there is none of that text.
  fileprivate func id(ofMark text: String) -> UInt32? {
    addedTokens.first { $0.content.elementsEqual(text.utf8) }?.id ?? texts.id(of: text)
  }

  /// Reads GGUF's keys, which `.ingot` files hold too.
  ///
  /// - Parameters:
  ///   - metadata: the keys of a file.
  ///   - path: the file, for messages.
  /// - Returns: the tokenizer; `nil` where there are no such keys.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of formats/tokenizer.md, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for a kind, or a `pre`, that is not known.
  package static func gguf(_ metadata: Metadata, path: String) throws(IngotError) -> Tokenizer? {
    guard let name = metadata.string(GGUFTokenizerKind.key) else { return nil }
    func place(_ key: String) -> Location { Location(path, key: "tokenizer.ggml.\(key)") }
    guard let kind = GGUFTokenizerKind(rawValue: name) else {
      throw .unsupported(
        "the kind of tokenizer \(name), which is not known", at: Location(path, key: GGUFTokenizerKind.key))
    }
    switch kind {
    case .none: return nil
    case .sentencePiece: return try SentencePieceFile(gguf: metadata, path: path).tokenizer()
    case .bytePairs, .wordPieces:
      guard let vocabulary = try TokenizerVocabulary(gguf: metadata, path: path) else {
        throw .malformed(
          TokenizerRule.token.rule, at: place("tokens"), found: "no list", expected: "a list of strings")
      }
      if kind == .wordPieces {
        return try vocabulary.tokenizer(.bert(stripsAccents: nil, cutsChinese: true), at: place("tokens"))
      }
      guard let name = metadata.string("tokenizer.ggml.pre") else {
        throw .unsupported("a tokenizer without a name for how it cuts text", at: place("pre"))
      }
      guard let family = TokenizerFamily.byGGUFName[name] else {
        throw .unsupported("the way \(name) of cutting text, which is not known", at: place("pre"))
      }
      return try vocabulary.tokenizer(.byteLevel(family, addsPrefixSpace: false), at: place("tokens"))
    }
  }
}

extension MetadataValue {
  /// The value as a truth value, where it is one.
  fileprivate var flag: Bool? {
    guard case .bool(let flag) = self else { return nil }
    return flag
  }
}
