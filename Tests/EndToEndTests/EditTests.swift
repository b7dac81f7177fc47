// SPDX-License-Identifier: Apache-2.0
// `ingot edit` changes metadata and nothing else: the format's own library reads the same tensors afterwards.
import Foundation
import IngotTestSupport
import Testing

@Suite struct EditTests {
  private static let names = [
    "every-dtype", "odd-names", "header-out-of-order", "white-space", "unknown-keys",
  ]

  /// What the safetensors library reads: `__metadata__`, then each tensor with its digest.
  private func contents(_ path: String) throws -> String {
    try PythonPeer.run(
      code: """
        import hashlib, json, sys, safetensors
        raw = open(sys.argv[1], "rb").read()
        header = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])
        print(json.dumps(header.get("__metadata__", {}), sort_keys=True))
        for name, tensor in sorted(dict(safetensors.deserialize(raw)).items()):
            print([name], tensor["dtype"], tensor["shape"], hashlib.sha256(tensor["data"]).hexdigest())
        """, [path]
    ).standardOutput
  }

  @Test(arguments: names)
  func `the library reads the new metadata and the old tensors`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/safetensors/\(name).safetensors"))
    let old = try contents(path).split(separator: "\n").dropFirst()
    let result = try IngotProgram.run(
      "edit", path, "--remove", "*", "--set", "format=pt", "--set", "größe=a=\"b\"")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let new = try contents(path).split(separator: "\n")
    #expect(new.first == #"{"format": "pt", "gr\u00f6\u00dfe": "a=\"b\""}"#)
    #expect(new.dropFirst() == old)
    #expect(folder.entries().count == 1)
  }

  @Test func `another name of a tensor is no metadata: it stays, and none is made`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("tied.safetensors")
    try PythonPeer.run(
      code: """
        import sys, numpy
        from safetensors.numpy import save_file
        save_file({"e": numpy.ones(2, numpy.float32)}, sys.argv[1], metadata={"head": "e", "format": "pt"})
        """, [path])
    for refused in ["x=e", "head=other"] {
      #expect(try IngotProgram.run("edit", path, "--set", refused).exitCode == 64)
    }
    let result = try IngotProgram.run("edit", path, "--remove", "*", "--set", "a=b")
    #expect(result.exitCode == 0 && !result.standardOutput.contains("head"), "\(result.standardOutput)")
    #expect(try contents(path).hasPrefix("{\"a\": \"b\", \"head\": \"e\"}\n"))
    #expect(try IngotProgram.run("inspect", path).standardOutput.contains("= e"))
  }

  @Test func `in place, the file keeps its length and its inode`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/safetensors/odd-names.safetensors"))
    let before = try FileManager.default.attributesOfItem(atPath: path)
    let old = try contents(path).split(separator: "\n").dropFirst()
    #expect(try IngotProgram.run("edit", path, "--remove", "*", "--in-place").exitCode == 0)
    let after = try FileManager.default.attributesOfItem(atPath: path)
    #expect(after[.systemFileNumber] as? Int == before[.systemFileNumber] as? Int)
    #expect(after[.size] as? Int == before[.size] as? Int)
    #expect(try contents(path).split(separator: "\n").dropFirst() == old)
    #expect(folder.entries().count == 1)
  }

  @Test func `a head without room is refused in place, and nothing is changed`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/safetensors/odd-names.safetensors"))
    let old = try folder.bytes("odd-names.safetensors")
    let long = String(repeating: "x", count: 500)
    let result = try IngotProgram.run("edit", path, "--set", "a=\(long)", "--in-place")
    #expect(result.exitCode == 65)
    #expect(result.standardError.split(separator: "\n").count == 1)
    #expect(try folder.bytes("odd-names.safetensors") == old)
  }

  @Test func `a head that an interrupted edit has torn is put back first`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/safetensors/odd-names.safetensors"))
    let whole = try folder.bytes("odd-names.safetensors")
    let headerEnd = 8 + Int(whole[0]) + Int(whole[1]) << 8
    try folder.write(whole[..<headerEnd], to: ".odd-names.safetensors.ingot-head")
    try folder.write([UInt8](repeating: 0, count: 20) + whole[20...], to: "odd-names.safetensors")
    #expect(try IngotProgram.run("inspect", path).exitCode == 65)
    #expect(try IngotProgram.run("edit", path, "--remove", "nothing-of-this-name").exitCode == 64)
    #expect(try folder.bytes("odd-names.safetensors") == whole)
    #expect(folder.entries() == ["odd-names.safetensors"])
  }

  @Test func `a plan writes nothing, and another format is refused by name`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/safetensors/odd-names.safetensors"))
    let old = try folder.bytes("odd-names.safetensors")
    let plan = try IngotProgram.run("edit", path, "--set", "format=x", "--plan")
    #expect(plan.exitCode == 0)
    #expect(plan.standardOutput.contains("would write"))
    #expect(try folder.bytes("odd-names.safetensors") == old)
    let refused = try IngotProgram.run("edit", Fixture.path("golden/npz/stored.npz"), "--set", "a=b")
    #expect(refused.exitCode == 65)
    #expect(refused.firstErrorLine.contains("NumPy archive"))
  }

  // MARK: - GGUF

  /// What gguf-py reads: each key with its types and value, then each tensor with its digest.
  private func fields(_ path: String) throws -> [Substring] {
    try PythonPeer.run(
      code: """
        import hashlib, sys, gguf
        reader = gguf.GGUFReader(sys.argv[1])
        for key, field in reader.fields.items():
            if not key.startswith("GGUF."):
                try:
                    value = field.contents()
                except UnicodeDecodeError:
                    value = [field.parts[index].tobytes() for index in field.data]
                print(key, [kind.name for kind in field.types], repr(value))
        print("--", reader.alignment, reader.data_offset % reader.alignment)
        for tensor in reader.tensors:
            print([tensor.name], tensor.tensor_type.name, list(tensor.shape), hashlib.sha256(tensor.data).hexdigest())
        """, [path]
    ).standardOutput.split(separator: "\n")
  }

  private static let goldenGGUF = [
    "every-type", "alignment-64", "blocks", "k-quants", "empty-arrays", "shapes", "no-tensors",
    "last-not-padded", "version-2", "split/tiny-00001-of-00003",
  ]

  @Test(arguments: goldenGGUF)
  func `gguf-py reads the new keys, the old ones with their types, and the old tensors`(_ name: String) throws
  {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/gguf/\(name).gguf"), as: "a.gguf")
    let old = try fields(path)
    let result = try IngotProgram.run(
      "edit", path, "--set", "my.count=7", "--set", "my.below=-7", "--set", "my.many=5000000000",
      "--set", "my.part=1e-05", "--set", "my.truth=true", "--set", "my.text=größe=\"1\"", "--set",
      "my.quoted=\"12\"",
      "--set", "my.words=[\"a\",\"\"]", "--set", "my.counts=[1,-2]", "--set", "my.parts=[1,0.5]")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let new = try fields(path)
    let added: [Substring] = [
      "my.count ['UINT32'] 7", "my.below ['INT32'] -7", "my.many ['INT64'] 5000000000",
      "my.part ['FLOAT32'] 9.999999747378752e-06", "my.truth ['BOOL'] True",
      "my.text ['STRING'] 'größe=\"1\"'",
      "my.quoted ['STRING'] '12'", "my.words ['ARRAY', 'STRING'] ['a', '']",
      "my.counts ['ARRAY', 'INT32'] [1, -2]",
      "my.parts ['ARRAY', 'FLOAT32'] [1.0, 0.5]",
    ]
    #expect(new.filter { !$0.hasPrefix("my.") } == old)
    #expect(new.filter { $0.hasPrefix("my.") } == added)
    // Back to the bytes of before, but for padding that was missing behind the last tensor.
    #expect(try IngotProgram.run("edit", path, "--remove", "my.*").exitCode == 0)
    #expect(try folder.bytes("a.gguf") == Fixture.bytes("golden/gguf/\(name).gguf"))
    #expect(folder.entries() == ["a.gguf"])
  }

  @Test func `a value keeps the type that its key has`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/gguf/every-type.gguf"))
    let before = try fields(path).prefix { !$0.hasPrefix("--") }.filter { !$0.contains("general.alignment") }
    var arguments = ["edit", path]
    for line in before {
      let value = line.contains("STRING") ? "x" : line.contains("BOOL") ? "true" : "1"
      let list = line.contains("STRING") ? "[\"x\"]" : "[\(value),\(value)]"
      arguments += ["--set", "\(Self.key(line))=\(line.contains("ARRAY") ? list : value)"]
      guard !line.contains("['STRING']") else { continue }
      let wrong = try IngotProgram.run("edit", path, "--set", "\(Self.key(line))=300.5x")
      #expect(wrong.exitCode == 64 && wrong.standardError.contains(Self.key(line)), "\(wrong.standardError)")
    }
    let result = try IngotProgram.process(arguments).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let after = try fields(path).prefix { !$0.hasPrefix("--") }
    #expect(after.map(Self.keyAndTypes) == before.map(Self.keyAndTypes))
    #expect(zip(after, before).allSatisfy { $0 != $1 || $0.hasSuffix("True") })
  }

  private static func key(_ line: Substring) -> Substring { line.prefix { $0 != " " } }
  private static func keyAndTypes(_ line: Substring) -> Substring { line.prefix { $0 != "]" } }

  @Test func `a stranger's alignment takes no memory, and a NaN stays what it is`() throws {
    let folder = try TemporaryFolder()
    // No tensors; an alignment of 2 GiB, and a number that is none.
    var bytes: [UInt8] =
      Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + [2, 0, 0, 0, 0, 0, 0, 0]
    for (key, value) in [
      ("general.alignment", [4, 0, 0, 0, 0, 0, 0, 0x80]), ("nan", [6, 0, 0, 0, 1, 0, 0xC0, 0x7F]),
    ]
      as [(String, [UInt8])]
    {
      bytes += [UInt8(key.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(key.utf8) + value
    }
    let path = try folder.write(bytes, to: "a.gguf")
    let result = try IngotProgram.run("edit", path, "--set", "key=value")
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardOutput.contains("added    key") && !result.standardOutput.contains("changed"))
    #expect(try result.peakResidentBytes - IngotProgram.run("--version").peakResidentBytes < 64 << 20)
    #expect(try IngotProgram.run("edit", path, "--remove", "key").exitCode == 0)
    #expect(try folder.bytes("a.gguf") == bytes)
  }

  @Test func `what says where tensors stand must stay, and a head is written in place where it fits`() throws
  {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("golden/gguf/alignment-64.gguf"))
    let old = try folder.bytes("alignment-64.gguf")
    for change in [["--set", "general.alignment=32"], ["--remove", "*"], ["--set", "general.alignment=x"]] {
      let result = try IngotProgram.process(["edit", path] + change).run()
      #expect([64, 65].contains(result.exitCode) && result.standardError.contains("general.alignment"))
    }
    let part = try folder.copy(Fixture.path("golden/gguf/split/tiny-00001-of-00003.gguf"))
    #expect(try IngotProgram.run("edit", part, "--remove", "split.*").exitCode == 65)
    #expect(try folder.bytes("alignment-64.gguf") == old)
    let swapped = try IngotProgram.run("edit", Fixture.path("golden/gguf/big-endian.gguf"), "--set", "a=b")
    #expect(swapped.exitCode == 65 && swapped.firstErrorLine.contains("big-endian"))
    // Padding takes the place of what is shorter.
    #expect(try IngotProgram.run("edit", path, "--set", "general.architecture=x", "--in-place").exitCode == 0)
    let new = try folder.bytes("alignment-64.gguf")
    #expect(new.count == old.count && new != old)
    #expect(try fields(path).contains("general.architecture ['STRING'] 'x'"))
  }
}
