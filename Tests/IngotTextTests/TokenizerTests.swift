// SPDX-License-Identifier: Apache-2.0
// One tokenizer in four spellings: what one of them says, all of them say.
import IngotCore
import IngotTestSupport
import IngotText
import Testing

@Suite struct TokenizerTests {
  private static let rowCount = 2048

  /// Files of the trained model, as companions.
  private static func files(_ names: [String]) throws -> [Companion] {
    try names.map {
      Companion(kind: .tokenizer, name: $0, bytes: try Fixture.bytes("kjv-gpt2/\($0)"))
    }
  }

  private static func read(_ files: [Companion], rowCount: Int = rowCount) throws -> TokenizerVocabulary? {
    try TokenizerFiles(files, folder: "kjv-gpt2").vocabulary(rowCount: rowCount)
  }

  private static func trained() throws -> TokenizerVocabulary {
    try #require(try read(files(["tokenizer.json", "config.json"])))
  }

  @Test func `tokenizer.json and vocab.json with merges.txt say the same`() throws {
    let separate = try #require(try Self.read(Self.files(["vocab.json", "merges.txt", "config.json"])))
    #expect(separate == (try Self.trained()))
    #expect(separate.tokens.count == Self.rowCount)
    #expect(separate.tokens[0] == .init("<|endoftext|>", .control))
    #expect(separate.specialIDs == [.beginning: 0, .end: 0])
  }

  @Test(arguments: ["merges.txt", "vocab.bpe"])
  func `a byte order mark before merges is no part of them`(_ name: String) throws {
    let isOpenAI = name == "vocab.bpe"
    var files = try Self.files(["vocab.json", "merges.txt", "config.json"])
    if isOpenAI { files[0].name = "encoder.json" }
    files[1].name = name
    let plain = try #require(try Self.read(files))
    files[1].bytes = [0xEF, 0xBB, 0xBF] + files[1].bytes
    #expect(try Self.read(files) == plain)
    // A document that is to be JSON is refused by its first byte, as Python refuses it.
    files[0].bytes = [0xEF, 0xBB, 0xBF] + files[0].bytes
    #expect(throws: IngotError.self) { _ = try Self.read(files) }
  }

  /// As Python's text mode has them.
  @Test(arguments: ["\r\n", "\r"])
  func `lines of merges end as any system ends them`(_ end: String) throws {
    var files = try Self.files(["vocab.json", "merges.txt", "config.json"])
    let plain = try #require(try Self.read(files))
    files[1].bytes = files[1].bytes.flatMap { $0 == UInt8(ascii: "\n") ? Array(end.utf8) : [$0] }
    #expect(try Self.read(files) == plain)
  }

  @Test func `transformers' files give back what was written`() throws {
    let trained = try Self.trained()
    #expect(try Self.read(trained.transformersFiles) == trained)
  }

  @Test func `OpenAI's files give back what was written`() throws {
    let trained = try Self.trained()
    #expect(trained.openAIFiles.map(\.name) == ["encoder.json", "vocab.bpe"])
    #expect(try Self.read(trained.openAIFiles) == trained)
  }

  @Test func `vocab.json and merges.txt are written as the tokenizers library writes them`() throws {
    let files = try Self.trained().transformersFiles
    for name in ["vocab.json", "merges.txt"] {
      let written = try #require(files.first { $0.name == name })
      #expect(written.bytes == (try Fixture.bytes("kjv-gpt2/\(name)")), "\(name)")
    }
  }

  @Test func `GGUF's keys give back what was written, rows without a token too`() throws {
    var vocabulary = try Self.trained()
    vocabulary.adds[.beginning] = false
    vocabulary.chatTemplate = "{{ messages }}"
    vocabulary.specialIDs[.separator] = 3
    vocabulary.pad(to: Self.rowCount + 2)
    let back = try TokenizerVocabulary(gguf: vocabulary.ggufMetadata, path: "model.gguf")
    #expect(back == vocabulary)
    #expect(back?.usedTokenCount == Self.rowCount)
  }

  @Test func `rows that no token has are left out of files`() throws {
    let trained = try Self.trained()
    let padded = try #require(
      try Self.read(Self.files(["vocab.json", "merges.txt", "config.json"]), rowCount: Self.rowCount + 3))
    #expect(padded.tokens.last == .init("[PAD2050]", .unused))
    #expect(padded.transformersFiles.first == trained.transformersFiles.first)
  }

  @Test func `keys of GGUF that make no vocabulary are refused by rule`() throws {
    let trained = try Self.trained().ggufMetadata
    let changes: [(key: String, value: MetadataValue, rule: TokenizerRule)] = [
      ("tokenizer.ggml.token_type", .array([.int32(1)]), .kind),
      ("tokenizer.ggml.token_type", .array(Array(repeating: .int32(7), count: Self.rowCount)), .kind),
      ("tokenizer.ggml.tokens", .string("a"), .token),
      ("tokenizer.ggml.merges", .array([.bool(true)]), .merge),
      ("tokenizer.ggml.eos_token_id", .uint32(2048), .specialID),
    ]
    for (key, value, rule) in changes {
      var metadata = trained
      metadata[key] = value
      let error = #expect(throws: IngotError.self) {
        try TokenizerVocabulary(gguf: metadata, path: "model.gguf")
      }
      guard case .malformed(let found, _, _, _)? = error else {
        Issue.record("\(key): \(String(describing: error))")
        continue
      }
      #expect(found == rule.rule, "\(key)")
    }
  }

  /// As llama.cpp's converter reads them: special ones are control tokens, the others are the user's.
  @Test func `added tokens are special, or not, as tokenizer.json says`() throws {
    let document = """
      {"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
       "added_tokens": [{"id": 2, "content": "<s>", "special": true}, {"id": 3, "content": "<x>", "special": false}]}
      """
    let file = Companion(kind: .tokenizer, name: "tokenizer.json", bytes: Array(document.utf8))
    let vocabulary = try #require(try Self.read([file], rowCount: 4))
    #expect(vocabulary.tokens.map(\.kind) == [.normal, .normal, .control, .userDefined])
  }
}
