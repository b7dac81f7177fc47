// SPDX-License-Identifier: Apache-2.0
// A git-lfs pointer in the place of a small file, or of a file that another names, is called that by whatever reads it.
import Foundation
import IngotTestSupport
import Testing

@Suite struct PointerTests {
  private static let pointer = Array(
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n".utf8)

  /// A model whose file of a name is a pointer, in a folder or in a tar archive.
  private static func model(
    without name: String, in folder: borrowing TemporaryFolder, isArchive: Bool
  ) throws -> String {
    try folder.write(pointer, to: "m/" + name)
    for other in ["model.safetensors", "config.json", "tokenizer.json"] where other != name {
      try FileManager.default.copyItem(
        atPath: Fixture.path("kjv-gpt2/" + other), toPath: folder.file("m/" + other))
    }
    guard isArchive else { return folder.file("m") }
    let pack = "import shutil, sys; shutil.make_archive(sys.argv[1], 'tar', sys.argv[1])"
    try PythonPeer.run(code: pack, [folder.file("m")])
    return folder.file("m.tar")
  }

  @Test(arguments: [false, true])
  func `a pointer in the place of a config is named by whatever reads it`(_ isArchive: Bool) throws {
    let folder = try TemporaryFolder()
    let path = try Self.model(without: "config.json", in: folder, isArchive: isArchive)
    for command in [
      ["validate", path], ["graph", path], ["quantize", path, folder.file("q.ingot")],
      ["convert", path, folder.file("o/"), "--to", "safetensors"], ["convert", path, folder.file("o.gguf")],
      ["convert", path, folder.file("d/"), "--for", "llama.cpp"], ["eval", path, "--tokens", "1,2,3"],
    ] {
      let result = try IngotProgram.process(command).run()
      #expect(result.exitCode == 65, "\(command)")
      #expect(
        result.firstErrorLine.contains("config.json: is a git-lfs pointer, not the file itself"), "\(command)"
      )
    }
    // What needs no config does without it, and says so.
    let inspected = try IngotProgram.run("inspect", path)
    #expect(inspected.exitCode == 0 && inspected.standardOutput.contains("is a git-lfs pointer"))
    for command in [["hash", path], ["convert", path, folder.file("o.npz")]] {
      #expect(try IngotProgram.process(command).run().exitCode == 0, "\(command)")
    }
  }

  @Test(arguments: [false, true])
  func `a pointer in the place of a tokenizer is not taken along`(_ isArchive: Bool) throws {
    let folder = try TemporaryFolder()
    let path = try Self.model(without: "tokenizer.json", in: folder, isArchive: isArchive)
    for options in [["--to", "safetensors"], ["--for", "transformers"]] {
      let result = try IngotProgram.process(["convert", path, folder.file("o/")] + options).run()
      #expect(result.exitCode == 65)
      #expect(result.firstErrorLine.contains("tokenizer.json: is a git-lfs pointer, not the file itself"))
    }
  }

  @Test func `a pointer in the place of a bundle's data is named`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/tensorflow/every-dtype")
    try FileManager.default.copyItem(atPath: source + ".index", toPath: folder.file("m.index"))
    try folder.write(Self.pointer, to: "m.data-00000-of-00001")
    for path in [folder.path, folder.file("m.index"), folder.file("m"), folder.file("m.data-00000-of-00001")]
    {
      let result = try IngotProgram.run("inspect", path)
      #expect(result.exitCode == 65)
      #expect(result.firstErrorLine.contains("m.data-00000-of-00001: is a git-lfs pointer"))
    }
  }

  @Test(arguments: ["init", "hash", "verify"])
  func `a pointer in the place of a file that an option names is named`(_ command: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.pointer, to: "file")
    let model = Fixture.path("kjv-gpt2")
    let arguments =
      switch command {
      case "init": ["init", "gpt2", folder.file("o.safetensors"), "--config", file]
      case "hash": ["hash", "--manifest", file]
      default: ["verify", model, "--fixtures", file]
      }
    let result = try IngotProgram.process(arguments).run()
    #expect(result.exitCode == 65 && result.firstErrorLine.contains("is a git-lfs pointer"))
  }
}
