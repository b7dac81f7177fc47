// SPDX-License-Identifier: Apache-2.0
// `ingot edit` on `.ingot` files: a reader that was written from the format's page alone finds the new metadata, everything
// else as it was, and every digest right. And values that are read from files.
import Foundation
import IngotTestSupport
import Testing

@Suite struct EditIngotTests {
  /// What the reader in Python prints.
  private func contents(_ path: String) throws -> [String: Any] {
    let text = try PythonPeer.run("fixtures/readers/ingot_reader.py", [path]).standardOutput
    return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  private func same(_ left: [String: Any], _ right: [String: Any]) -> Bool {
    NSDictionary(dictionary: left) == NSDictionary(dictionary: right)
  }

  @Test(arguments: [
    "alias", "blocks", "companions", "companions-in-folders", "dtypes", "empty", "empty-dim", "metadata",
    "nested-64",
    "notes", "provenance", "quantized", "scalar",
  ])
  func `metadata are other ones, and nothing else is`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/ingot/\(name).ingot"))
    let before = try folder.bytes("\(name).ingot")
    var old = try contents(path)
    let long = String(repeating: "long ", count: 40)
    // Shorter and longer than what stands there: the data moves, and comes back.
    let run = try IngotProgram.run(
      "edit", path, "--set", "an.answer=42", "--set", "words=\(long)", "--set", "list=[1.5,2]")
    #expect(run.exitCode == 0, "\(run.standardError)")
    var new = try contents(path)
    let metadata = String(describing: new.removeValue(forKey: "metadata") ?? "")
    old["metadata"] = nil
    #expect(metadata.contains("an.answer") && metadata.contains(long))
    #expect(same(old, new), "all but the metadata is as it was")
    #expect(folder.entries() == ["\(name).ingot"])

    let keys = ["--remove", "an.answer", "--remove", "words", "--remove", "list"]
    #expect(try IngotProgram.process(["edit", path] + keys).run().exitCode == 0)
    #expect(try folder.bytes("\(name).ingot") == before, "the same content has the same bytes")
  }

  @Test func `a value keeps the type of its key`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.ingot")
    let weights = Fixture.path("models/base/model.safetensors")
    #expect(try IngotProgram.run("convert", weights, path).exitCode == 0)
    for (value, code) in [("n=7", 0), ("n=-1", 64), ("n=word", 64), ("n=8", 0)] as [(String, Int32)] {
      #expect(try IngotProgram.run("edit", path, "--set", value).exitCode == code, "\(value)")
    }
    let shown = try IngotProgram.run("inspect", path, "--json").standardOutput
    #expect(shown.contains("\"n\": 8"))
  }

  @Test func `what would be lost, or has no room, is refused`() throws {
    let folder = try TemporaryFolder()
    for name in ["optional-section", "unknown-companion"] {
      let path = try folder.copy(Fixture.path("golden/ingot/\(name).ingot"))
      let before = try folder.bytes("\(name).ingot")
      let run = try IngotProgram.run("edit", path, "--set", "a=b")
      #expect(run.exitCode == 65 && run.firstErrorLine.contains("would lose"), "\(run.firstErrorLine)")
      #expect(try folder.bytes("\(name).ingot") == before)
    }
    let path = try folder.copy(Fixture.path("golden/ingot/metadata.ingot"))
    let run = try IngotProgram.run("edit", path, "--set", "a=b", "--in-place")
    #expect(run.exitCode == 65 && run.standardError.split(separator: "\n").count == 1)
  }

  // MARK: - Values in files

  @Test func `a value is read from a file, whatever the format`() throws {
    let folder = try TemporaryFolder()
    let template = "{% for m in messages %}\n\"{{ m }}\" = [1]\n{% endfor %}"
    try folder.write(template + "\n", to: "chat.jinja")
    let weights = Fixture.path("models/base/model.safetensors")
    for format in ["safetensors", "gguf", "ingot"] {
      let path = folder.file("m.\(format)")
      #expect(try IngotProgram.run("convert", weights, path, "--dialect", "keep").exitCode == 0)
      let run = try IngotProgram.run(
        "edit", path, "--set", "chat=@chat.jinja", "--set", "sign=@@home", in: folder.path)
      #expect(run.exitCode == 0, "\(run.standardError)")
      let text = try IngotProgram.run("inspect", path, "--json").standardOutput
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      let metadata = object?["metadata"] as? [String: Any]
      #expect(metadata?["chat"] as? String == template)
      #expect(metadata?["sign"] as? String == "@home")
      #expect(try IngotProgram.run("edit", path, "--set", "a=@nowhere", in: folder.path).exitCode == 66)
      try folder.write([0xff, 0xfe], to: "bytes")
      #expect(try IngotProgram.run("edit", path, "--set", "a=@bytes", in: folder.path).exitCode == 65)
    }
  }
}
