// SPDX-License-Identifier: Apache-2.0
// What a file was before it was replaced: its mode, its owner, its attributes, and what other names lead to.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ReplacementTests {
  private static let model = Fixture.path("kjv-gpt2/model.safetensors")

  private func run(_ arguments: [String]) throws {
    let result = try IngotProgram.process(arguments).run()
    #expect(result.exitCode == 0, "\(result.command): \(result.standardError)")
  }

  /// Mode, owner and extended attributes, as Python sees them.
  private func attributes(_ path: String) throws -> String {
    try PythonPeer.run(
      code: """
        import os, sys
        s = os.stat(sys.argv[1])
        print(oct(s.st_mode & 0o7777), s.st_uid, s.st_gid, {n: os.getxattr(sys.argv[1], n) for n in sorted(os.listxattr(sys.argv[1]))})
        """, [path]
    ).standardOutput
  }

  /// Gives a file another mode, an attribute where the file system has them, and another owner where that is allowed.
  private func mark(_ path: String, mode: String) throws {
    _ = try PythonPeer.run(
      code: """
        import os, sys
        path, mode = sys.argv[1], int(sys.argv[2], 8)
        if os.getuid() == 0: os.chown(path, 12, 34)
        try: os.setxattr(path, "user.origin", b"here\\0\\xff")
        except OSError: pass
        os.chmod(path, mode)
        """, [path, mode])
  }

  /// Every command that replaces a file, as what is put before the output's path, and behind it.
  private static let commands: [(name: String, before: [String], after: [String])] = [
    ("out.npz", ["convert", model], ["--force"]), ("out.ingot", ["convert", model], ["--force", "--check"]),
    ("out.safetensors", ["convert", model], ["--force", "--dtype", "bf16"]),
    ("out.npy", ["convert", model, "--include", "transformer.wte.weight"], ["--force"]),
    ("out.ingot", ["quantize", Fixture.path("kjv-gpt2")], ["--force"]),
    ("out.npz", ["init", "gpt2", "--config", Fixture.path("kjv-gpt2/config.json")], ["--force"]),
    ("out.npz", ["record", Fixture.path("kjv-gpt2"), "--tokens", "1,2", "-o"], ["--force"]),
    ("out.safetensors", ["edit"], ["--set", "a=b"]),
    ("out.safetensors", ["edit"], ["--remove", "*", "--in-place"]),
  ]

  @Test(arguments: commands.indices, ["600", "444", "640"])
  func `a file that is replaced keeps its mode, owner and attributes`(_ command: Int, _ mode: String) throws {
    let (name, before, after) = Self.commands[command]
    let folder = try TemporaryFolder()
    let path = folder.file(name)
    try folder.copy(Fixture.path("golden/safetensors/odd-names.safetensors"), as: name)
    try mark(path, mode: mode)
    let old = try attributes(path)
    let content = try folder.bytes(name)
    try run(before + [path] + after)
    #expect(try attributes(path) == old)
    #expect(try folder.bytes(name) != content)
  }

  @Test func `a folder that is replaced stays private, and its files do`() throws {
    let folder = try TemporaryFolder()
    let command = ["convert", Self.model, folder.file("out") + "/", "--shard-size", "1MB", "--force"]
    try run(command)
    let paths = folder.entries().filter { $0.hasPrefix("out") }
    for path in paths { try mark(folder.file(path), mode: path == "out" ? "700" : "600") }
    let old = try paths.map { try attributes(folder.file($0)) }
    try run(command + ["--dtype", "f64"])
    let kept = try folder.entries().filter { paths.contains($0) }.map { try attributes(folder.file($0)) }
    #expect(kept == Array(old.prefix(kept.count)) && kept.count > 2)
  }

  @Test(arguments: [(["600", "640"], "600"), (["600", "644"], "644")])
  func `weights of other names are as private as those replaced, where all were`(
    _ modes: [String], _ expected: String
  ) throws {
    let folder = try TemporaryFolder()
    for (number, mode) in modes.enumerated() {
      try folder.write(
        Fixture.bytes("models/base/model.safetensors"), to: "out/old-\(number).safetensors")
      try mark(folder.file("out/old-\(number).safetensors"), mode: mode)
    }
    try run(["convert", Self.model, folder.file("out") + "/", "--shard-size", "1MB", "--force"])
    let files = folder.entries().filter { $0.hasSuffix(".safetensors") }
    #expect(files.count > 2)
    for file in files {
      let mode = try #require(
        FileManager.default.attributesOfItem(atPath: folder.file(file))[.posixPermissions] as? Int)
      #expect(String(mode, radix: 8) == expected, "\(file)")
    }
  }

  @Test func `an unfinished output is nobody else's`() throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 4, elementCount: 1 << 26)
    let process = try IngotProgram.process(["convert", source, folder.file("out.npz"), "--force"])
    var instants = KillInstants(seed: 7, over: 0.6)
    var partial: String?
    for _ in 0..<40 where partial == nil {
      guard try instants.run(process).signal != nil else { continue }
      partial = folder.entries().first { $0.hasPrefix(".out") }
    }
    #expect(try attributes(folder.file(try #require(partial))).hasPrefix("0o700 "))
  }

  // MARK: - Links

  /// A file of a hub's cache: a blob that is named by its digest, and a link to it.
  private func hub(in folder: TemporaryFolder, blob: String) throws -> (link: String, blob: String) {
    let blobs = "hub/models--m/blobs/"
    try folder.write(
      Array(Data(contentsOf: URL(fileURLWithPath: Fixture.path("golden/safetensors/odd-names.safetensors")))),
      to: blobs + blob)
    let link = "hub/models--m/snapshots/1/model.safetensors"
    try folder.write("", to: link)
    try FileManager.default.removeItem(atPath: folder.file(link))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file(link), withDestinationPath: "../../blobs/" + blob)
    return (folder.file(link), blobs + blob)
  }

  @Test(arguments: [
    String(repeating: "ab", count: 32), String(repeating: "0d", count: 20),
    "sha256-" + String(repeating: "5e", count: 32), String(repeating: "c3", count: 15),
    "SHA256E-s1048576--\(String(repeating: "9f", count: 32)).safetensors",
  ])
  func `a file named by its digest keeps its bytes, and the link to it gives way`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for command in [["edit", "IN", "--set", "a=b"], ["convert", Self.model, "IN", "--force"]] {
      let (link, blob) = try hub(in: folder, blob: name)
      let old = try folder.bytes(blob)
      for arguments in [
        ["edit", link, "--remove", "*", "--in-place"], ["edit", folder.file(blob), "--set", "a=b"],
      ] {
        let refused = try IngotProgram.process(arguments).run()
        #expect(refused.exitCode == 73, "\(refused.command)")
        #expect(refused.firstErrorLine.contains("digest"), "\(refused.firstErrorLine)")
      }
      try run(command.map { $0 == "IN" ? link : $0 })
      #expect(try folder.bytes(blob) == old)
      let type = try FileManager.default.attributesOfItem(atPath: link)[.type] as? FileAttributeType
      #expect(type == .typeRegular)
      #expect(folder.entries().filter { $0.contains(".ingot-") } == [])
      try FileManager.default.removeItem(atPath: folder.file("hub"))
    }
  }

  @Test func `any other link stays, and its target is edited`() throws {
    let folder = try TemporaryFolder()
    let target = try folder.copy(
      Fixture.path("golden/safetensors/odd-names.safetensors"), as: "a.safetensors")
    let old = try folder.bytes("a.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.safetensors"), withDestinationPath: target)
    try run(["edit", folder.file("link.safetensors"), "--set", "a=b"])
    let type = try FileManager.default.attributesOfItem(atPath: folder.file("link.safetensors"))[.type]
    #expect(type as? FileAttributeType == .typeSymbolicLink)
    #expect(try folder.bytes("a.safetensors") != old)
  }
}
