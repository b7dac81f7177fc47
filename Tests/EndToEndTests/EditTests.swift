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
    #expect(try IngotProgram.run("edit", path, "--remove", "nothing-of-this-name").exitCode == 0)
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
}
