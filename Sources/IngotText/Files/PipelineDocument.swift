// SPDX-License-Identifier: Apache-2.0
// tokenizer.json as a tokenizer: its model and added tokens here, components by their readers. TokenizerDocument reads the same
// file as data, for conversions. Page: formats/tokenizer.md.
import IngotCore

/// tokenizer.json, parsed, as a tokenizer.
struct PipelineDocument {
  private let document: Metadata
  private let path: String

  /// Takes the document.
  init(_ document: Metadata, path: String) {
    self.document = document
    self.path = path
  }

  private static let knownKeys: Set<String> = [
    "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
    "decoder", "model",
  ]

  private func place(_ key: String) -> Location { Location(path, key: key) }

  /// Puts the tokenizer together.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for what is not known, by its name.
  func tokenizer() throws(IngotError) -> Tokenizer {
    if let unknown = document.entries.first(where: { !Self.knownKeys.contains($0.key) && $0.value != .null })
    {
      throw .unsupported("the key \(unknown.key) of tokenizer.json", at: place(unknown.key))
    }
    guard case .object? = document["model"] else {
      throw .malformed(
        TokenizerRule.model.rule, at: place("model"), found: "no object",
        expected: "the model with its tokens and merges")
    }
    let component = try ComponentObject(document["model"], at: place("model"))
    var assembly = TokenizerAssembly(
      at: Location(path), try vocabulary(component))
    assembly.normalizer = document["normalizer"] ?? .null
    assembly.preTokenizer = document["pre_tokenizer"] ?? .null
    assembly.decoder = document["decoder"] ?? .null
    assembly.added = try AddedTokenReader.tokens(
      document["added_tokens"], vocabulary: assembly.vocabulary, at: place("added_tokens"))
    assembly.postProcessor = try PostProcessorReader.postProcessor(
      document["post_processor"], at: place("post_processor"))
    let model: any TokenModel
    switch component.type ?? "BPE" {
    case "BPE":
      let isByteLevel =
        ByteLevelComponents.makesBytes(assembly.preTokenizer)
        || ByteLevelComponents.makesBytes(assembly.normalizer)
      model = try bytePairs(component, assembly.vocabulary, isByteLevel: isByteLevel)
    case "WordPiece": model = try wordPieces(component, assembly.vocabulary)
    default: throw component.unknownType("model")
    }
    return try assembly.tokenizer(model)
  }

  private func vocabulary(_ component: ComponentObject) throws(IngotError) -> VocabularyBuilder {
    guard ["BPE", "WordPiece"].contains(component.type ?? "BPE") else { throw component.unknownType("model") }
    guard case .object(let tokens)? = component.object["vocab"] else {
      throw .malformed(
        TokenizerRule.model.rule, at: component.place(of: "vocab"), found: "no object",
        expected: "ids by token")
    }
    var vocabulary = VocabularyBuilder(at: component.location, count: tokens.entries.count)
    for entry in tokens.entries {
      try vocabulary.add(entry.key.utf8, id: entry.value.integer, name: entry.key)
    }
    return vocabulary
  }

  // MARK: - Models

  private func bytePairs(
    _ component: ComponentObject, _ vocabulary: VocabularyBuilder, isByteLevel: Bool
  ) throws(IngotError) -> BytePairModel {
    try component.requireKnown([
      "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
      "ignore_merges", "vocab", "merges",
    ])
    if let dropout = component.object["dropout"], dropout != .null, dropout.real != 0 {
      throw .unsupported("dropout, which draws lots", at: component.place(of: "dropout"))
    }
    var options = BytePairModel.Options()
    options.isByteLevel = isByteLevel
    options.takesWholePieces = try component.flag("ignore_merges", or: false)
    options.fusesUnknown = try component.flag("fuse_unk", or: false)
    options.prefix = Array((try component.text("continuing_subword_prefix") ?? "").utf8)
    options.suffix = Array((try component.text("end_of_word_suffix") ?? "").utf8)
    if let unknown = try component.text("unk_token") {
      options.unknown = try vocabulary.requiredID(
        of: unknown, rule: .specialID, at: component.place(of: "unk_token"))
    }
    if try component.flag("byte_fallback", or: false) {
      options.byteTokens = try vocabulary.byteTokens(at: component.place(of: "byte_fallback"))
    }
    guard !isByteLevel || (options.prefix.isEmpty && options.suffix.isEmpty) else {
      throw .unsupported("ByteLevel with marks at the ends of words", at: component.location)
    }
    let merges = try vocabulary.merges(
      MergePairs.pairs(component.object["merges"], at: component.place(of: "merges")),
      prefix: String(decoding: options.prefix, as: UTF8.self), at: component.place(of: "merges"))
    return BytePairModel(
      tokens: isByteLevel ? vocabulary.tokensOfBytes : vocabulary.texts, merges: merges, options: options)
  }

  private func wordPieces(
    _ component: ComponentObject, _ vocabulary: VocabularyBuilder
  ) throws(IngotError) -> WordPieceModel {
    try component.requireKnown([
      "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab",
    ])
    let longest = try component.number("max_input_chars_per_word", or: 100)
    guard longest <= 1000 else {
      throw .unsupported(
        "words of \(longest, "character")", at: component.place(of: "max_input_chars_per_word"))
    }
    let unknown = try vocabulary.requiredID(
      of: try component.text("unk_token", or: "[UNK]") ?? "[UNK]", rule: .specialID,
      at: component.place(of: "unk_token"))
    return WordPieceModel(
      tokens: vocabulary.texts,
      prefix: Array((try component.text("continuing_subword_prefix", or: "##") ?? "##").utf8),
      unknown: unknown, longestWord: longest)
  }
}

/// Merges as `"Ġ th"`, or as pairs since tokenizers 0.20.
enum MergePairs {
  /// The pairs of a list.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-02 or TK-06.
  static func pairs(
    _ value: MetadataValue?, at location: Location
  ) throws(IngotError) -> [(left: Substring, right: Substring)] {
    guard let entries = value?.elements else {
      throw .malformed(
        TokenizerRule.model.rule, at: location, found: "no list", expected: "a list of merges")
    }
    var pairs: [(left: Substring, right: Substring)] = []
    pairs.reserveCapacity(entries.count)
    for entry in entries {
      switch entry {
      case .string(let text):
        let pieces = text.split(separator: " ", omittingEmptySubsequences: false)
        guard pieces.count == 2, pieces.allSatisfy({ !$0.isEmpty }) else { throw broken(text, location) }
        pairs.append((pieces[0], pieces[1]))
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1],
          !left.isEmpty, !right.isEmpty
        else { throw broken("a pair of something else", location) }
        pairs.append((left[...], right[...]))
      default: throw broken("something else", location)
      }
    }
    return pairs
  }

  private static func broken(_ text: String, _ location: Location) -> IngotError {
    .malformed(
      TokenizerRule.merge.rule, at: location, found: .value(text), expected: "two pieces with a space between"
    )
  }
}
