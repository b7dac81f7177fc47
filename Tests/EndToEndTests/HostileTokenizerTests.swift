// SPDX-License-Identifier: Apache-2.0
// Tokenizers that would take memory or time without bound, or that are another model's: refused in one line.
import Foundation
import IngotTestSupport
import Testing

@Suite struct HostileTokenizerTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// A copy of the model in a folder, whose tokenizer.json was changed.
  private static func model(
    in folder: TemporaryFolder, changing change: (inout [String: Any]) -> Void
  ) throws -> String {
    let data = Data(try Fixture.bytes("kjv-gpt2/tokenizer.json"))
    var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    change(&object)
    let path = folder.path + "/model"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in ["model.safetensors", "config.json"] {
      try FileManager.default.copyItem(atPath: Self.model + "/" + name, toPath: path + "/" + name)
    }
    _ = try folder.write(
      [UInt8](try JSONSerialization.data(withJSONObject: object)), to: "model/tokenizer.json")
    return path
  }

  private static func replace(_ pattern: String, _ content: String) -> [String: Any] {
    ["type": "Replace", "pattern": ["String": pattern], "content": content]
  }

  @Test func `components that blow text up, and very many of them, are refused`() throws {
    let large = String(repeating: "!", count: 2000)
    let many = (0..<129).map { _ in Self.replace("a", "b") }
    let cases: [(key: String, value: [String: Any], words: String)] = [
      ("decoder", Self.replace("!", large), "more than 1024 bytes of one"),
      (
        "decoder",
        ["type": "Sequence", "decoders": (0..<4).map { _ in Self.replace("!", "!!!!!!!!!!") }],
        "more than 1024 bytes of one"
      ),
      ("decoder", ["type": "Sequence", "decoders": many], "a sequence of 129 components"),
      ("normalizer", ["type": "Sequence", "normalizers": many], "a sequence of 129 components"),
      (
        "pre_tokenizer",
        [
          "type": "Sequence",
          "pretokenizers": (0..<129).map { _ in ["type": "Whitespace"] },
        ], "a sequence of 129 components"
      ),
    ]
    for (key, value, words) in cases {
      let folder = try TemporaryFolder()
      let path = try Self.model(in: folder) { $0[key] = value }
      var process = try IngotProgram.process(["detokenize", path])
      process.input = Array("1,2,3".utf8)
      let result = try process.run()
      #expect(result.exitCode == 65, "\(key): \(result.standardError)")
      #expect(result.firstErrorLine.contains(words), "\(result.standardError)")
    }
  }

  @Test func `a baseline whose tokenizer makes other tokens is refused`() throws {
    let folder = try TemporaryFolder()
    let other = try Self.model(in: folder) { object in
      guard var model = object["model"] as? [String: Any], var ids = model["vocab"] as? [String: Int] else {
        return
      }
      let (first, second) = (ids["Ġthe"], ids["Ġand"])
      (ids["Ġthe"], ids["Ġand"]) = (second, first)
      model["vocab"] = ids
      object["model"] = model
    }
    let text = try folder.write("And in the day and the night", to: "text.txt")
    for (model, baseline) in [(other, Self.model), (Self.model, other)] {
      let result = try IngotProgram.run("eval", model, "--text", text, "--against", baseline)
      #expect(result.exitCode == 65, "\(result.standardError)")
      #expect(result.firstErrorLine.contains("makes other tokens of the text"), "\(result.standardError)")
    }
    let same = try IngotProgram.run("eval", Self.model, "--text", text, "--against", Self.model)
    #expect(same.exitCode == 0, "\(same.standardError)")
  }

  @Test func `a check that fails says what was missed`() throws {
    let folder = try TemporaryFolder()
    let int8 = folder.path + "/int8.ingot"
    #expect(try IngotProgram.run("quantize", Self.model, int8).exitCode == 0)
    let text = try folder.write("And in the day and the night", to: "text.txt")
    let result = try IngotProgram.run(
      "eval", int8, "--text", text, "--against", Self.model, "--max-kl", "1e-9")
    #expect(result.exitCode == 1)
    #expect(result.firstErrorLine.contains("over --max-kl 1e-09"), "\(result.standardError)")
  }

  @Test(arguments: [
    ["generate", model, "--prompt"], ["generate", model, "--prompt", "a", "--stop"],
    ["edit", model, "--set"], ["corpus", model, "--field"], ["corpus", model, "--split"],
    ["corpus", model, "--separator"],
  ])
  func `an argument that is no text where text is meant is refused`(_ arguments: [String]) throws {
    // A character that stands for a byte in paths becomes its own bytes on the way in, as a byte that is no UTF-8 does.
    let result = try IngotProgram.process(arguments + ["a=\u{10FFFF}"]).run()
    #expect(result.exitCode == 64, "\(result.standardError)")
    #expect(result.firstErrorLine.contains("is invalid for"), "\(result.standardError)")
  }

  @Test func `a text that is no UTF-8 is named where the tokenizer needs it`() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write([0x61, 0xFF, 0x62], to: "bad.txt")
    let result = try IngotProgram.run("eval", Fixture.path("masked-text"), "--text", text)
    #expect(result.exitCode == 65 && result.firstErrorLine.contains("bad.txt"), "\(result.standardError)")
  }
}
