// SPDX-License-Identifier: Apache-2.0
// Which files of a folder or an archive are its checkpoint: indexes of any name, sets by their files' names, bundles by
// prefix.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct WeightChoiceTests {
  /// A folder with two shards of a set, and an index of a name where there is one.
  private func shards(_ stem: String, _ suffix: String = ".safetensors", index: String?) throws
    -> TemporaryFolder
  {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import json, sys
        import numpy as np
        from safetensors.numpy import save_file
        folder, stem, suffix, index = sys.argv[1:]
        names = {f"t{i}": f"{stem}-0000{i}-of-00002{suffix}" for i in (1, 2)}
        for tensor, name in names.items(): save_file({tensor: np.full(4, int(tensor[1]), np.float32)}, f"{folder}/{name}")
        if index: json.dump({"metadata": {"total_size": 32}, "weight_map": names}, open(f"{folder}/{index}", "w"))
        """, [folder.path, stem, suffix, index ?? ""])
    return folder
  }

  @Test(arguments: [
    ("diffusion_pytorch_model", "diffusion_pytorch_model.safetensors.index.json"),
    ("diffusion_pytorch_model.fp16", "diffusion_pytorch_model.safetensors.index.fp16.json"),
    ("consolidated", "consolidated.index.json"), ("model", "model.safetensors.index.json"),
  ])
  func `an index of any name opens its set, in a folder, by its path and in an archive`(
    _ stem: String, _ index: String
  ) throws {
    let folder = try shards(stem, index: index)
    try folder.write(Array("{\"a\": 1}".utf8), to: "other.index.json")
    for path in [folder.path, folder.file(index)] {
      let checkpoint = try CheckpointOpener().open(path)
      #expect(checkpoint.tensors.map(\.name) == ["t1", "t2"])
      #expect(checkpoint.findings.isEmpty)
    }
    let archive = try TemporaryFolder()
    for (name, mode) in [("a.tar", "w"), ("a.tgz", "w:gz")] {
      try PythonPeer.run(
        code: "import sys, tarfile; tarfile.open(sys.argv[2], sys.argv[3]).add(sys.argv[1], 'm')",
        [folder.path, archive.file(name), mode])
      #expect(try CheckpointOpener().open(archive.file(name)).tensors.map(\.name) == ["t1", "t2"])
    }
  }

  @Test(arguments: ["model", "vae.fp16"])
  func `files named as a set's are one without an index, and one of them alone is noted`(_ stem: String)
    throws
  {
    let folder = try shards(stem, index: nil)
    let checkpoint = try CheckpointOpener().open(folder.path)
    #expect(checkpoint.tensors.map(\.name) == ["t1", "t2"])
    #expect(checkpoint.findings.isEmpty)
    let alone = try CheckpointOpener().open(folder.file("\(stem)-00002-of-00002.safetensors"))
    #expect(alone.tensors.map(\.name) == ["t2"])
    #expect(alone.findings.map(\.kind) == [.partOfSet])
    try PythonPeer.run(
      code: "import os, sys; os.remove(sys.argv[1])", [folder.file("\(stem)-00002-of-00002.safetensors")])
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(folder.path) }
    guard case .missing? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["./a.safetensors", "sub/a.safetensors", "sub//./a.safetensors"])
  func `--from takes a path below the folder`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for place in ["a", "b", "sub/a", "sub/b"] {
      try folder.write(Fixture.bytes("models/base/model.safetensors"), to: "f/\(place).safetensors")
    }
    var options = ReadOptions()
    options.fileName = name
    let opened = try CheckpointOpener(options: options).open(folder.file("f"))
    let expected = name.hasPrefix("sub") ? "f/sub/a.safetensors" : "f/a.safetensors"
    #expect(opened.files.map(\.path) == [folder.file(expected)])
    for (name, why) in [
      ("sub/c.safetensors", "does not exist"), ("nosub/a.safetensors", "does not exist"),
      ("../f/a.safetensors", "is not below"), (folder.file("f/a.safetensors"), "is not below"),
    ] {
      options.fileName = name
      let error = #expect(throws: IngotError.self) {
        _ = try CheckpointOpener(options: options).open(folder.file("f"))
      }
      guard case .missing(_, let text, _)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect("\(text)".contains(why), "\(name): \(text)")
    }
  }

  @Test func `a pipeline of diffusers is named with its parts`() throws {
    let folder = try TemporaryFolder()
    try folder.write("{\"_class_name\": \"StableDiffusionPipeline\"}", to: "model_index.json")
    for part in ["unet", "vae"] {
      try folder.write(
        Fixture.bytes("models/base/model.safetensors"), to: "\(part)/diffusion_pytorch_model.safetensors")
    }
    try folder.write("{}", to: "scheduler/scheduler_config.json")
    let result = try IngotProgram.run("inspect", folder.path)
    #expect(result.exitCode == 65)
    for text in ["is a pipeline of diffusers", "its parts are in \"unet\", \"vae\"", "\(folder.path)/unet"] {
      #expect(result.standardError.contains(text), "\(result.standardError)")
    }
    #expect(try IngotProgram.run("inspect", folder.file("unet")).exitCode == 0)
  }

  @Test func `two sets in a folder are two, and --from chooses`() throws {
    let folder = try shards("a", index: "a.safetensors.index.json")
    let other = try shards("b", index: "b.safetensors.index.json")
    for name in other.entries() { _ = try folder.copy(other.file(name)) }
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(folder.path) }
    guard case .unsuitable? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let options = ReadOptions(fileName: "b.safetensors.index.json")
    #expect(try CheckpointOpener(options: options).open(folder.path).tensors.count == 2)
  }

  @Test func `a bundle is named by its prefix, and a SavedModel opened by its folder`() throws {
    let folder = try TemporaryFolder()
    let names = Fixture.names(in: "golden/tensorflow").filter { $0.hasSuffix(".index") }
    let prefix = String(try #require(names.first).dropLast(".index".count))
    let files = Fixture.names(in: "golden/tensorflow").filter { $0.hasPrefix(prefix + ".") }
    for name in files {
      let bytes = try Fixture.bytes("golden/tensorflow/" + name)
      try folder.write(bytes, to: name)
      try folder.write(bytes, to: "saved/variables/variables" + name.dropFirst(prefix.count))
      try folder.write(bytes, to: "two/a" + name.dropFirst(prefix.count))
      try folder.write(bytes, to: "two/b" + name.dropFirst(prefix.count))
    }
    try folder.write([8, 1], to: "saved/saved_model.pb")
    let expected = try Ingot.hash(folder.file(prefix + ".index")).model
    #expect(try Ingot.hash(folder.file("saved")).model == expected)
    let options = ReadOptions(fileName: "b")
    #expect(
      try CheckpointOpener(options: options).open(folder.file("two")).files[0].path
        == folder.file("two/b.index"))
  }
}
