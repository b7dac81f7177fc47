// SPDX-License-Identifier: Apache-2.0
// Text in and text out as processes: streams in bounded memory, exit codes, JSON, and what a terminal's user reads.
import Foundation
import IngotTestSupport
import Testing

@Suite struct TextTests {
  private static let model = Fixture.path("kjv-gpt2")

  private static func run(_ arguments: String..., input: [UInt8] = []) throws -> ProcessResult {
    var process = try IngotProgram.process(arguments)
    process.input = input
    return try process.run()
  }

  private static func json(_ result: ProcessResult) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(result.outputBytes))
    return try #require(object as? [String: Any])
  }

  @Test func `tokens of any bytes come back as these bytes`() throws {
    var random = SeededRandom(seed: 3)
    let text = random.bytes(50_000)
    let tokens = try Self.run("tokenize", Self.model, input: text)
    #expect(tokens.exitCode == 0, "\(tokens.standardError)")
    let back = try Self.run("detokenize", Self.model, input: tokens.outputBytes)
    #expect(back.exitCode == 0 && back.outputBytes == text)
  }

  /// A text beyond the longest piece that is held, by a tokenizer that changes text and by one that does not.
  @Test(arguments: ["kjv-gpt2", "wordpiece/uncased"])
  func `a stream of any length takes bounded memory`(_ tokenizer: String) throws {
    let page = try Fixture.bytes("kjv-gpt2/heldout.txt")
    let text = [UInt8]((0..<80).map { _ in page }.joined())
    #expect(text.count > 1 << 24)
    let own = try IngotProgram.run("--version").peakResidentBytes
    let result = try Self.run("tokenize", Fixture.path(tokenizer), input: text)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.peakResidentBytes - own < 32 << 20, "\((result.peakResidentBytes - own) >> 20) MiB")
  }

  @Test func `a pipe that is named is waited for`() throws {
    let folder = try TemporaryFolder()
    let script = """
      mkfifo "$2/pipe"; { sleep 0.2; printf 'In the '; sleep 0.2; printf beginning; } > "$2/pipe" &
      exec "$0" tokenize "$1" "$2/pipe"
      """
    let named = try ChildProcess(
      "sh", ["-c", script, try IngotProgram.path(), Self.model, folder.path]
    ).run()
    let streamed = try Self.run("tokenize", Self.model, input: Array("In the beginning".utf8))
    #expect(named.exitCode == 0 && named.outputBytes == streamed.outputBytes, "\(named.standardError)")
  }

  @Test func `places in the text are bytes`() throws {
    let result = try Self.run("tokenize", Self.model, "--json", input: Array("In thé end".utf8))
    let object = try Self.json(result)
    let (ids, offsets) = (object["ids"] as? [Int] ?? [], object["offsets"] as? [[Int]] ?? [])
    #expect(ids.count == offsets.count && ids.count > 2)
    #expect(offsets.first?.first == 0 && offsets.last?.last == 11)
  }

  /// Of word pieces and of byte pairs; the latter have no token for `h` and none for what is unknown.
  @Test func `what was taken for granted, and what is in no token, stands in JSON too`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(#"{"c": 0, "a": 1, "t": 2, "ca": 3, "ct": 4}"#, to: "vocab.json")
    _ = try folder.write("#version: 0.2\nc t\nc a\n", to: "merges.txt")
    let text = Array("chatcat".utf8)
    let told = try Self.run("tokenize", folder.path, input: text)
    #expect(told.standardError.contains("cut as GPT-2") && told.standardError.contains("1 byte of the text"))
    let object = try Self.json(Self.run("tokenize", folder.path, "--json", input: text))
    #expect(object["left_out_bytes"] as? Int == 1)
    #expect((object["assumption"] as? String)?.contains("cut as GPT-2") == true)
    let whole = try Self.json(Self.run("tokenize", Self.model, "--json", input: text))
    #expect(whole["left_out_bytes"] as? Int == 0 && whole["assumption"] is NSNull)
  }

  @Test func `what is wrong is said in one line, with its exit code`() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write("In the beginning", to: "text.txt")
    let cases: [(arguments: [String], code: Int32)] = [
      (["generate", Self.model, "--prompt", ""], 64), (["generate", Self.model], 64),
      (["generate", Self.model, "--prompt", "a", "--tokens", "1"], 64),
      (["generate", Self.model, "--prompt", "a", "--temperature", "0", "--top-k", "5"], 64),
      (["generate", Self.model, "--prompt", "a", "--top-p", "0"], 64),
      (["generate", Self.model, "--prompt", "a", "--temperature", "-1"], 64),
      (["generate", Self.model, "--prompt", String(repeating: "And ", count: 300)], 65),
      (["generate", Fixture.path("openai-gpt/language-model"), "--prompt", "a"], 66),
      (["generate", Fixture.path("bert/masked-lm"), "--tokens", "1"], 65),
      (["eval", Self.model], 64), (["eval", Self.model, "--text", text, "--tokens", "1,2"], 64),
      (["eval", Self.model, "--text", folder.file("none.txt")], 66),
      (["eval", Self.model, "--text", text, "--stride", "257"], 64),
      (["tokenize", Self.model, folder.file("none.txt")], 66), (["tokenize", folder.path, text], 66),
    ]
    for given in cases {
      let result = try IngotProgram.process(given.arguments).run()
      #expect(result.exitCode == given.code, "\(given.arguments): \(result.standardError)")
      #expect(result.outputBytes.isEmpty && result.standardError.hasSuffix("\n"))
    }
    let id = try Self.run("detokenize", Self.model, input: Array("1 99999".utf8))
    #expect(id.exitCode == 65 && id.outputBytes.isEmpty)
  }

  @Test func `a full context is said beside the text, and JSON says what ended it`() throws {
    let long = try IngotProgram.run(
      "generate", Self.model, "--tokens", "1", "--max-tokens", "300", "--ignore-end")
    #expect(long.exitCode == 0 && long.standardError.contains("the context of 256 tokens is full"))
    let text = try IngotProgram.run(
      "generate", Self.model, "--prompt", "In the beginning", "--max-tokens", "8")
    let object = try Self.json(
      IngotProgram.run("generate", Self.model, "--prompt", "In the beginning", "--max-tokens", "8", "--json"))
    #expect(object["stopped_by"] as? String == "length")
    #expect((object["ids"] as? [Int])?.count == 8 && (object["logprobs"] as? [Double])?.count == 8)
    #expect(String(decoding: text.outputBytes, as: UTF8.self) == (object["text"] as? String ?? "") + "\n")
  }

  @Test func `the likeliest next pieces are shown as text`() throws {
    let result = try IngotProgram.run(
      "generate", Self.model, "--prompt", "The LORD is my", "--max-tokens", "1", "--top", "3", "--json")
    let top = try #require(Self.json(result)["top"] as? [[String: Any]])
    #expect(top.count == 3 && top.allSatisfy { $0["text"] is String && $0["probability"] is Double })
  }
}
