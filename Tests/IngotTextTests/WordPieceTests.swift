// SPDX-License-Identifier: Apache-2.0
// BERT's tokenizer in three spellings, against those of the tokenizers library and of llama.cpp's converter.
import IngotCore
import IngotEncodings
import IngotTestSupport
import IngotText
import Testing

@Suite struct WordPieceTests {
  private static let names = ["uncased", "cased"]

  private static func read(_ name: String, _ files: [String], rowCount: Int = 200) throws
    -> TokenizerVocabulary
  {
    let companions = try files.map {
      Companion(kind: .tokenizer, name: $0, bytes: try Fixture.bytes("wordpiece/\(name)/\($0)"))
    }
    return try #require(try TokenizerFiles(companions, folder: name).vocabulary(rowCount: rowCount))
  }

  private static func read(_ files: [(String, String)], rowCount: Int = 8) throws -> TokenizerVocabulary? {
    let companions = files.map { Companion(kind: .tokenizer, name: $0, bytes: Array($1.utf8)) }
    return try TokenizerFiles(companions, folder: "made").vocabulary(rowCount: rowCount)
  }

  /// The rule that an error names.
  private static func rule(of error: IngotError?) -> Rule? {
    if case .malformed(let rule, _, _, _)? = error { rule } else { nil }
  }

  /// The keys that llama.cpp's converter makes, each value as a number or text.
  private static func expected(_ name: String) throws -> Metadata {
    try JSONDocument.object(Fixture.bytes("wordpiece/\(name)/gguf.json"))
  }

  private static func plain(_ metadata: Metadata) -> [String: [String]] {
    var values: [String: [String]] = [:]
    for entry in metadata.entries {
      values[entry.key] = (entry.value.elements ?? [entry.value]).map { value in
        value.integer.map(String.init) ?? value.text ?? "\(value)"
      }
    }
    return values
  }

  @Test(arguments: names) func `tokenizer.json and vocab.txt say the same`(_ name: String) throws {
    let document = try Self.read(name, ["tokenizer.json", "tokenizer_config.json"])
    #expect(try Self.read(name, ["vocab.txt", "tokenizer_config.json"]) == document)
    // Without settings BERT's own marks are taken by their texts.
    #expect(try Self.read(name, ["tokenizer.json"]) == document)
    #expect(document.model == .wordPieces(lowercases: name == "uncased"))
    #expect(document.specialIDs == [.padding: 0, .unknown: 1, .classification: 2, .separator: 3, .mask: 4])
  }

  @Test(arguments: names) func `GGUF's keys are those of llama.cpp's converter`(_ name: String) throws {
    let vocabulary = try Self.read(name, ["tokenizer.json", "tokenizer_config.json"])
    #expect(Self.plain(vocabulary.ggufMetadata) == Self.plain(try Self.expected(name)))
  }

  @Test(arguments: names) func `GGUF's keys give the pieces back`(_ name: String) throws {
    var vocabulary = try Self.read(name, ["vocab.txt", "tokenizer_config.json"])
    // GGUF has no key for it.
    vocabulary.model = .wordPieces(lowercases: nil)
    #expect(try TokenizerVocabulary(gguf: Self.expected(name), path: "model.gguf") == vocabulary)
  }

  @Test(arguments: names) func `transformers' files give back what was written`(_ name: String) throws {
    let vocabulary = try Self.read(name, ["tokenizer.json", "tokenizer_config.json"])
    let files = vocabulary.transformersFiles
    #expect(files.map(\.name) == ["vocab.txt", "tokenizer_config.json"])
    #expect(files.first?.bytes == (try Fixture.bytes("wordpiece/\(name)/vocab.txt")))
    #expect(try TokenizerFiles(files, folder: "written").vocabulary(rowCount: 200) == vocabulary)
    // OpenAI's code has no word pieces.
    #expect(vocabulary.openAIFiles == files)
  }

  @Test func `lines of vocab.txt are ids, whatever ends them`() throws {
    let plain = try #require(try Self.read([("vocab.txt", "[UNK]\na\n##b\n\n▁c\n")]))
    #expect(plain.tokens.prefix(5).map(\.text) == ["[UNK]", "a", "##b", "", "▁c"])
    #expect(plain.usedTokenCount == 5 && plain.tokens.count == 8)
    #expect(try Self.read([("vocab.txt", "[UNK]\r\na\r\n##b\r\n\r\n▁c")]) == plain)
    #expect(try Self.read([("vocab.txt", "[UNK]\ra\r##b\r\r▁c\r")]) == plain)
    #expect(try Self.read([("vocab.txt", "\u{FEFF}[UNK]\na\n##b\n\n▁c\n")]) == plain)
    // There and back, with a piece of its own that begins as GGUF marks the start of a word.
    let back = try #require(try TokenizerVocabulary(gguf: plain.ggufMetadata, path: "model.gguf"))
    #expect(back == plain)
    #expect(back.transformersFiles.first?.bytes == Array("[UNK]\na\n##b\n\n▁c\n".utf8))
  }

  /// Against Python, whose strings are code points: a mark that combines with the second # is a piece all the same.
  @Test func `pieces that begin with a combining mark are cut as llama.cpp's converter cuts them`() throws {
    let pieces = [
      "[UNK]", "##\u{64B}", "\u{64B}", "##\u{301}a", "##", "#", "###", "##\u{200D}", "▁\u{301}", "é",
    ]
    let vocabulary = try #require(
      try Self.read([("vocab.txt", pieces.map { $0 + "\n" }.joined())], rowCount: pieces.count))
    let code = """
      import sys
      for token in sys.argv[1:]:
          text = token if token == "[UNK]" else token[2:] if token.startswith("##") else "\\u2581" + token
          print(text.encode().hex())
      """
    let expected = try PythonPeer.run(code: code, pieces).standardOutput.split(separator: "\n")
    let found = vocabulary.ggufMetadata["tokenizer.ggml.tokens"]?.elements?.compactMap(\.text) ?? []
    // Of an empty piece print writes an empty line.
    #expect(found.filter { !$0.isEmpty }.map(Self.hexadecimal) == expected.map(String.init))
    #expect(found.count == pieces.count)
    #expect(try TokenizerVocabulary(gguf: vocabulary.ggufMetadata, path: "model.gguf") == vocabulary)
  }

  private static func hexadecimal(_ text: String) -> String {
    text.utf8.map { String($0, radix: 16).count == 1 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
      .joined()
  }

  @Test func `do_lower_case is the settings' to say where no normalizer does`() throws {
    let settings = ("tokenizer_config.json", #"{"do_lower_case": false}"#)
    #expect(try Self.read([("vocab.txt", "a"), settings])?.model == .wordPieces(lowercases: false))
    #expect(try Self.read([("vocab.txt", "a")])?.model == .wordPieces(lowercases: nil))
    let document = #"{"model": {"type": "WordPiece", "vocab": {"a": 0}}, "normalizer": {"lowercase": true}}"#
    #expect(
      try Self.read([("tokenizer.json", document), settings])?.model == .wordPieces(lowercases: true))
  }

  @Test(arguments: [
    ("vocab.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\n", TokenizerRule.token),
    ("vocab.txt", "", .dense),
    ("tokenizer.json", #"{"model": {"type": "WordPiece"}}"#, .model),
    ("tokenizer.json", #"{"model": {"type": "WordPiece", "vocab": {"a": 8}}}"#, .token),
    ("tokenizer.json", #"{"model": {"type": "WordPiece", "vocab": {"a\nb": 0}}}"#, .token),
  ])
  func `what is no vocabulary is refused by rule`(_ name: String, _ text: String, _ rule: TokenizerRule)
    throws
  {
    let error = #expect(throws: IngotError.self) { try Self.read([(name, text)]) }
    #expect(Self.rule(of: error) == rule.rule)
  }

  @Test func `bytes that are no text, and pieces with a line break, are refused`() throws {
    let bytes = Companion(kind: .tokenizer, name: "vocab.txt", bytes: [0x61, 0x0A, 0xFF, 0x0A])
    let bad = #expect(throws: IngotError.self) {
      try TokenizerFiles([bytes], folder: "made").vocabulary(rowCount: 8)
    }
    #expect(Self.rule(of: bad) == TokenizerRule.token.rule)
    var metadata = Metadata()
    metadata["tokenizer.ggml.model"] = .string("bert")
    metadata["tokenizer.ggml.tokens"] = .array([.string("▁a\nb")])
    let broken = #expect(throws: IngotError.self) {
      try TokenizerVocabulary(gguf: metadata, path: "model.gguf")
    }
    #expect(Self.rule(of: broken) == TokenizerRule.token.rule)
  }

  @Test(arguments: [
    #"{"model": {"type": "WordPiece", "continuing_subword_prefix": "@@", "vocab": {"a": 0}}}"#,
    #"{"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}"#,
    #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "decoder": {"type": "Metaspace"}}"#,
    #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#,
  ])
  func `another kind of tokenizer is refused by name`(_ document: String) throws {
    let error = #expect(throws: IngotError.self) { try Self.read([("tokenizer.json", document)]) }
    guard case .unsupported? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
