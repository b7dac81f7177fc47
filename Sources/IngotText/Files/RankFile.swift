// SPDX-License-Identifier: Apache-2.0
// Byte-level vocabularies by rank: tiktoken's files, a token in base64 and its rank a line, and Mistral's tekken.json, which
// has the pattern too. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

/// A byte-level vocabulary by rank.
struct RankFile {
  private var tokens = TokenTable()
  private let location: Location
  private var family: TokenizerFamily
  /// What stands before all ranks: tekken's marks come first.
  private var firstRank = 0
  private var marks: [(id: Int, text: String)] = []
  private var beginning: Int?
  private var assumption: Evidence?

  private static func malformed(_ location: Location, _ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(TokenizerRule.ranks.rule, at: location, found: found, expected: expected)
  }

  // MARK: - tiktoken

  /// Whether bytes begin as tiktoken's files do: a line of base64, a space, a number.
  static func isRankFile(_ bytes: [UInt8]) -> Bool {
    guard let line = bytes.prefix(1024).textLines().first(where: { !$0.isEmpty }) else { return false }
    let parts = line.split(separator: UInt8(ascii: " "))
    return parts.count == 2 && Base64.bytes(of: String(decoding: parts[0], as: UTF8.self)) != nil
      && Int(String(decoding: parts[1], as: UTF8.self)) != nil
  }

  /// Reads tiktoken's file.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-12 or TK-04, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for a number of tokens that no known family has.
  init(tiktoken bytes: [UInt8], path: String) throws(IngotError) {
    location = Location(path)
    let lines = bytes.textLines().filter { !$0.isEmpty }
    var builder = VocabularyBuilder(at: location, count: lines.count)
    for line in lines {
      let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard parts.count == 2, let token = Base64.bytes(of: String(decoding: parts[0], as: UTF8.self)),
        let rank = Int(String(decoding: parts[1], as: UTF8.self)), !token.isEmpty
      else {
        throw Self.malformed(
          Location(path, offset: line.startIndex),
          .value(String(decoding: line.prefix(80), as: UTF8.self)), "a token in base64, a space, its rank")
      }
      try builder.add(token, id: rank, name: String(decoding: parts[0], as: UTF8.self))
    }
    tokens = builder.texts
    guard let known = Self.families[lines.count] else {
      throw .unsupported(
        "ranks of \(lines.count, "token"): no known family has so many, and the file does not say how text is cut",
        at: location)
    }
    family = known.family
    assumption = "text is cut as \(words: known.name) does, which has as many tokens; the file does not say"
    marks = known.marks.enumerated().map { (lines.count + $0, $1) }
    beginning = known.family.addsBeginning ? lines.count : nil
  }

  /// By the number of ranks: openai/tiktoken, tiktoken_ext/openai_public.py; meta-llama/llama-models, models/llama3/tokenizer.py.
  private static let families: [Int: (name: String, family: TokenizerFamily, marks: [String])] = [
    50_256: ("OpenAI's r50k_base", .gpt2, ["<|endoftext|>"]),
    100_256: (
      "OpenAI's cl100k_base",
      TokenizerFamily(patterns: [TokenizerFamily.cl100kPattern], endsWithGPT2: false), []
    ),
    128_000: ("Llama 3", .llama3, llama3Marks),
    151_643: (
      "Qwen", TokenizerFamily(patterns: [TokenizerFamily.qwen2Pattern], endsWithGPT2: false),
      ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    ),
    199_998: ("OpenAI's o200k_base", .o200k, []),
    200_000: ("Llama 4", TokenizerFamily(patterns: [TokenizerFamily.o200kPattern], endsWithGPT2: false), []),
  ]

  private static let llama3Marks: [String] = {
    let named = [
      "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
      "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
      "<|eot_id|>", "<|python_tag|>", "<|image|>",
    ]
    return named + (2..<246).map { "<|reserved_special_token_\($0)|>" }
  }()

  // MARK: - tekken.json

  /// Reads Mistral's file.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-12 or TK-04.
  init(tekken document: Metadata, path: String) throws(IngotError) {
    location = Location(path)
    guard case .object(let config)? = document["config"], let pattern = config.string("pattern"),
      case .array(let vocabulary)? = document["vocab"], let size = config["default_vocab_size"]?.integer,
      let markCount = config["default_num_special_tokens"]?.integer, (0...size).contains(markCount),
      size - markCount <= vocabulary.count, markCount <= 65_536
    else {
      throw Self.malformed(
        Location(path, key: "config"), "other keys", "a pattern, and sizes that the tokens are enough for")
    }
    family = TokenizerFamily(patterns: [pattern], endsWithGPT2: false, takesWholePieces: true)
    firstRank = markCount
    var builder = VocabularyBuilder(at: location, count: size)
    for value in vocabulary.prefix(size - markCount) {
      guard case .object(let entry) = value, let rank = entry["rank"]?.integer, (0..<size).contains(rank),
        let token = entry.string("token_bytes").flatMap({ Base64.bytes(of: $0) }), !token.isEmpty
      else {
        throw Self.malformed(Location(path, key: "vocab"), "another entry", "a rank and bytes in base64")
      }
      try builder.add(token, id: rank + markCount, name: entry.string("token_str") ?? "\(rank)")
    }
    tokens = builder.texts
    marks = try Self.marks(document["special_tokens"], count: markCount, path: path)
    beginning = marks.first { $0.text == "<s>" }?.id
  }

  /// The marks of tekken.json; files before version 7 have none, and code that knows the first twenty.
  private static func marks(
    _ value: MetadataValue?, count: Int, path: String
  ) throws(IngotError) -> [(id: Int, text: String)] {
    var marks = oldMarks.prefix(count).enumerated().map { (id: $0, text: $1) }
    if let value, value != .null {
      marks = []
      for entry in value.elements ?? [] {
        guard case .object(let mark) = entry, let rank = mark["rank"]?.integer, (0..<count).contains(rank),
          let text = mark.string("token_str"), !text.isEmpty
        else {
          throw malformed(
            Location(path, key: "special_tokens"), "another entry", "a rank below \(count) and a text")
        }
        marks.append((rank, text))
      }
    }
    let known = Set(marks.map(\.id))
    return marks + (0..<count).filter { !known.contains($0) }.map { ($0, "<SPECIAL_\($0)>") }
  }

  private static let oldMarks = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
  ]

  // MARK: - The tokenizer

  /// What cuts text: tiktoken's regular expressions are those of Rust's fancy-regex.
  private var cutter: any PreTokenizer {
    get throws(IngotError) {
      var parts: [any PreTokenizer] = []
      for pattern in family.patterns {
        parts.append(
          Split(
            pattern: try TextPattern(pattern, dialect: .fancyRegex, at: location), behavior: .isolated))
      }
      return parts.count == 1 ? parts[0] : PreTokenizerSequence(parts: parts)
    }
  }

  /// Puts the tokenizer together.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-12 where a byte has no token.
  func tokenizer() throws(IngotError) -> Tokenizer {
    guard tokens.longest <= MergeBuilder.longestToken else {
      throw .unsupported("a token of \(tokens.longest, "byte")", at: location)
    }
    for byte in 0..<256 where tokens.id(of: [UInt8(byte)], 0..<1) == nil {
      throw Self.malformed(location, "no token for the byte \(byte)", "one for each")
    }
    let ranks = (0..<tokens.idCount).map { id -> UInt32? in
      tokens.bytes(of: id).map { _ in UInt32(truncatingIfNeeded: id) }
    }
    var options = BytePairModel.Options()
    options.takesWholePieces = true
    let (merges, _) = MergeBuilder.ranked(tokens, ranks: ranks, isByteLevel: true)
    var builder = VocabularyBuilder(at: location, count: tokens.idCount + marks.count)
    for id in 0..<tokens.idCount {
      if let token = tokens.bytes(of: id) { try builder.add(token, id: id, name: "\(id)") }
    }
    var assembly = TokenizerAssembly(at: location, builder)
    for mark in marks {
      var token = AddedToken(Array(mark.text.utf8), id: UInt32(truncatingIfNeeded: mark.id), isSpecial: true)
      // Neither tiktoken nor mistral-common looks for marks unless it is told to.
      token.isSought = false
      assembly.added.append(token)
    }
    assembly.normalizer = family.normalizer
    if family.patterns.isEmpty {
      assembly.preTokenizer = family.preTokenizer()
    } else {
      assembly.cutter = try cutter
    }
    assembly.decoder = TokenizerAssembly.component("Fuse")
    assembly.assumption = assumption
    assembly.postProcessor = PostProcessor(
      before: beginning.map { [UInt32(truncatingIfNeeded: $0)] } ?? [])
    return try assembly.tokenizer(BytePairModel(tokens: tokens, merges: merges, options: options))
  }
}
