// SPDX-License-Identifier: Apache-2.0
// Files beside weights: all small ones go along by rule, each that does not is named, and nothing leads out of the output.
import Foundation
import IngotTestSupport
import Testing

@Suite struct CompanionTests {
  /// Files of models as they are published, and some that nobody has thought of.
  private static let published = [
    "tokenizer.model", "chat_template.jinja", "preprocessor_config.json", "modeling_x.py", "modules.json",
    "LICENSE",
    "README.md", "1_Pooling/config.json",
  ]
  private static let others = [
    "adapter_config.json", "a file without an extension", "größe/tief/ein bild.png", "code/pkg/__init__.py",
    "config.json.bak", "vocab.txt", "docs.zip",
  ]

  /// A folder with a model's weights and these files, each with bytes of its own.
  private func model(_ names: [String], in folder: TemporaryFolder, _ weights: String = "model") throws {
    try folder.write("{\"model_type\": \"unheard-of\"}", to: "in/config.json")
    for (index, name) in names.enumerated() {
      let start: [UInt8] = name.hasSuffix(".zip") ? [0x50, 0x4b, 3, 4] : []
      try folder.write(start + (0..<(index * 37)).map { UInt8($0 & 255) }, to: "in/\(name)")
    }
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        save_file({f"w{i}": np.full((300 + i,), i, "f4") for i in range(4)}, sys.argv[1])
        """, [folder.file("in/\(weights).safetensors")])
  }

  private func convert(_ arguments: String..., in folder: TemporaryFolder) throws -> ProcessResult {
    var process = try IngotProgram.process(["convert"] + arguments)
    process.folder = folder.path
    return try process.run()
  }

  /// What differs between two folders, by Python's own comparison.
  private func difference(_ first: String, _ second: String, in folder: TemporaryFolder) throws -> String {
    try PythonPeer.run(
      code: """
        import os, sys
        def files(top):
            for path, _, names in os.walk(top):
                for name in names:
                    full = os.path.join(path, name)
                    yield os.path.relpath(full, top), open(full, "rb").read()
        a, b = (dict(files(top)) for top in sys.argv[1:])
        print(sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name)))
        """, [folder.file(first), folder.file(second)]
    ).standardOutput.split(separator: "\n").joined()
  }

  @Test(arguments: [published, others])
  func `every file goes along, into .ingot and archives and back`(names: [String]) throws {
    let folder = try TemporaryFolder()
    try model(names, in: folder)
    try PythonPeer.run(
      code: """
        import os, shutil, sys
        os.chdir(sys.argv[1])
        for kind in ("tar", "gztar", "zip"):
            shutil.make_archive("packed", kind, ".", "in")
        """, [folder.path])
    for (input, output) in [
      ("in", "copy/"), ("in/model.safetensors", "by-file/"), ("in", "m.ingot"), ("m.ingot", "back/"),
      ("packed.tar", "tar/"),
      ("packed.tar.gz", "gz/"), ("packed.zip", "zip/"), ("packed.tar", "t.ingot"), ("t.ingot", "again/"),
    ] {
      let result = try convert(input, output, "--json", in: folder)
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(result.standardOutput.contains("\"losses\": []"), "\(result.standardOutput)")
      guard output.hasSuffix("/") else { continue }
      #expect(try difference("in", output, in: folder) == "[]", "\(input) to \(output)")
    }
  }

  @Test func `what stays behind is named`() throws {
    let folder = try TemporaryFolder()
    try model(["LICENSE"], in: folder)
    for name in [
      ".gitattributes", ".cache/x", "a/.git/config", "__pycache__/m.pyc", "model.onnx", "pytorch_model.bin",
      "tf_model.h5",
      "2_Dense/model.safetensors", "pytorch_model.bin.index.json",
    ] { try folder.write("x", to: "in/\(name)") }
    // Weights are known by what they are too.
    try folder.copy(folder.file("in/model.safetensors"), as: "in/second")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("in/elsewhere"), withDestinationPath: folder.path)
    try folder.write("", to: "in/huge.log")
    try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("in/huge.log"))).truncate(
      atOffset: 65 << 20)
    for output in ["out/", "out.ingot", "out.npz"] {
      let result = try convert("in", output, "--json", in: folder)
      #expect(result.exitCode == 0, "\(result.standardError)")
      for name in [
        ".gitattributes", ".cache", "a/.git", "__pycache__", "model.onnx", "pytorch_model.bin", "tf_model.h5",
        "2_Dense/model.safetensors", "pytorch_model.bin.index.json", "second", "elsewhere", "huge.log",
      ] {
        #expect(result.standardOutput.contains("\"detail\": \"\\\"\(name)\\\": "), "\(output): \(name)")
      }
    }
    #expect(
      try difference("in", "out", in: folder)
        == "['.cache/x', '.gitattributes', '2_Dense/model.safetensors', '__pycache__/m.pyc', 'a/.git/config', "
        + "'huge.log', 'model.onnx', 'pytorch_model.bin', 'pytorch_model.bin.index.json', 'second', 'tf_model.h5']"
    )
  }

  @Test func `a link that leads nowhere is named, as in a cache whose files are gone`() throws {
    let folder = try TemporaryFolder()
    try model(["LICENSE"], in: folder)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("in/vocab.txt"), withDestinationPath: "../blobs/gone")
    let result = try convert("in", "out/", "--json", in: folder)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardOutput.contains("\"detail\": \"\\\"vocab.txt\\\": "))
  }

  @Test func `files are followed through links, as hub caches have them`() throws {
    let folder = try TemporaryFolder()
    try model(Self.published, in: folder)
    try PythonPeer.run(
      code: """
        import os, sys
        os.chdir(sys.argv[1])
        os.makedirs("hub/blobs")
        for path, _, names in os.walk("in"):
            for name in names:
                link = os.path.join("hub/snapshots", os.path.relpath(os.path.join(path, name), "in"))
                os.makedirs(os.path.dirname(link), exist_ok=True)
                blob = f"hub/blobs/{len(os.listdir('hub/blobs'))}"
                os.link(os.path.join(path, name), blob)
                os.symlink(os.path.relpath(blob, os.path.dirname(link)), link)
        """, [folder.path])
    #expect(try convert("hub/snapshots", "out/", in: folder).exitCode == 0)
    #expect(try difference("in", "out", in: folder) == "[]")
  }

  @Test func `a file by itself takes nothing that happens to stand beside it`() throws {
    let folder = try TemporaryFolder()
    try model(["diary.txt", "src/main.c"], in: folder)
    try FileManager.default.removeItem(atPath: folder.file("in/config.json"))
    #expect(try convert("in/model.safetensors", "out/", in: folder).exitCode == 0)
    #expect(try difference("in", "out", in: folder) == "['diary.txt', 'src/main.c']")
  }

  @Test func `an output inside its input does not go along with itself`() throws {
    let folder = try TemporaryFolder()
    try model(["README.md"], in: folder)
    for _ in 0..<2 { #expect(try convert("in", "in/out/", "--force", in: folder).exitCode == 0) }
    #expect(folder.entries().filter { $0.hasPrefix("in/out/") }.count == 3)
  }

  @Test func `names in a stranger's file stay among the weights`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        sys.path.insert(0, sys.argv[1])
        from generate.ingot_file import IngotFile, Part, Tensor
        names = [".git/hooks/post-checkout", ".bashrc", "model.safetensors", "model.safetensors.index.json", "fine/x"]
        file = IngotFile(tensors=[Tensor("x", Part("U8", [1], b"1"))], companions=[("other", n, b"evil") for n in names])
        open(sys.argv[2], "wb").write(file.bytes())
        """, [Fixture.path(""), folder.file("evil.ingot")])
    let result = try convert("evil.ingot", "out/", "--json", in: folder)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(
      folder.entries().filter { $0.hasPrefix("out/") } == ["out/fine", "out/fine/x", "out/model.safetensors"])
    for name in [".git/hooks/post-checkout", ".bashrc", "model.safetensors", "model.safetensors.index.json"] {
      #expect(result.standardOutput.contains("\"\\\"\(name)\\\": "), "\(name)")
    }
    #expect(
      try convert("evil.ingot", "same.ingot", "--json", in: folder).standardOutput.contains("\"losses\": []"))
  }

  @Test func `a folder is replaced with the files that went along, and with no others`() throws {
    let folder = try TemporaryFolder()
    try model(Self.published, in: folder)
    #expect(try convert("in", "out/", in: folder).exitCode == 0)
    try folder.write("newer", to: "in/LICENSE")
    #expect(try convert("in", "out/", "--force", in: folder).exitCode == 0)
    #expect(try difference("in", "out", in: folder) == "[]")
    for mine in ["out/1_Pooling/mine", "out/mine.txt", "out/LICENSE.d/x"] {
      try folder.write("mine", to: mine)
      #expect(try convert("in", "out/", "--force", in: folder).exitCode == 73, "\(mine)")
      #expect(try folder.bytes(mine) == Array("mine".utf8))
      try FileManager.default.removeItem(
        atPath: folder.file(String(mine.split(separator: "/").prefix(2).joined(separator: "/"))))
      if mine == "out/1_Pooling/mine" {
        try FileManager.default.copyItem(
          atPath: folder.file("in/1_Pooling"), toPath: folder.file("out/1_Pooling"))
      }
    }
    #expect(!folder.entries().contains { $0.hasPrefix(".") })
  }

  // MARK: - Names of weight files

  @Test(arguments: ["diffusion_pytorch_model", "adapter_model", "diffusion_pytorch_model.fp16", "open_clip"])
  func `a weight file keeps its name from folder to folder`(stem: String) throws {
    let folder = try TemporaryFolder()
    try model([], in: folder, stem)
    for (arguments, expected) in [
      ([], ["\(stem).safetensors"]), (["--to", "pytorch"], ["\(stem).bin"]),
      (["--to", "npz"], ["\(stem).npz"]),
      (["--dialect", "keep"], ["\(stem).safetensors"]),
      (
        ["--shard-size", "3kB"],
        [
          "\(stem)-00001-of-00002.safetensors", "\(stem)-00002-of-00002.safetensors",
          Self.index(of: stem),
        ]
      ),
      (
        ["--to", "tensorflow"],
        ["\(stem).data-00000-of-00001", "\(stem).index", "checkpoint"]
      ),
    ] as [([String], [String])] {
      var process = try IngotProgram.process(["convert", "in", "out/", "--force"] + arguments)
      process.folder = folder.path
      let result = try process.run()
      #expect(result.exitCode == 0, "\(result.standardError)")
      let entries = folder.entries().filter { $0.hasPrefix("out/") }.map { String($0.dropFirst(4)) }
      #expect(entries == (expected + ["config.json"]).sorted(), "\(arguments)")
    }
    // A file that is called otherwise remembers it, as what is copied of it does.
    for (from, output) in [("in", "odd.ingot"), ("odd.ingot", "\(stem).ingot"), ("\(stem).ingot", "back/")] {
      #expect(try convert(from, output, in: folder).exitCode == 0)
    }
    #expect(folder.entries().contains("back/\(stem).safetensors"))
    let index = try convert("in", "set/", "--shard-size", "3kB", in: folder)
    #expect(index.exitCode == 0)
    try PythonPeer.run(
      code: """
        import json, sys
        from safetensors import safe_open
        folder, stem, index = sys.argv[1:]
        index = json.load(open(f"{folder}/{index}"))
        for name, file in index["weight_map"].items():
            assert file.startswith(stem + "-0000"), file
            with safe_open(f"{folder}/{file}", "np") as shard:
                assert name in shard.keys()
        assert sorted(index["weight_map"]) == ["w0", "w1", "w2", "w3"]
        """, [folder.file("set"), stem, Self.index(of: stem)])
    // A set keeps both names from one folder to the next.
    #expect(try convert("set", "next/", "--shard-size", "3kB", in: folder).exitCode == 0)
    #expect(try difference("set", "next", in: folder) == "[]")
  }

  /// What transformers and diffusers call the index of a set: the name of a variant stands behind `index`.
  private static func index(of stem: String) -> String {
    stem.hasSuffix(".fp16")
      ? "\(stem.dropLast(5)).safetensors.index.fp16.json" : "\(stem).safetensors.index.json"
  }

  @Test func `an index that is called after no weight file keeps its name, and gives the files theirs`()
    throws
  {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import json, os, sys
        import numpy as np
        from safetensors.numpy import save_file
        folder = sys.argv[1]
        os.mkdir(folder)
        names = {f"t{i}": f"foo_{i}.safetensors" for i in (1, 2)}
        for tensor, name in names.items(): save_file({tensor: np.full(16, 1, np.float32)}, f"{folder}/{name}")
        json.dump({"weight_map": names}, open(f"{folder}/foo.index.json", "w"))
        """, [folder.file("in")])
    let result = try convert("in", "out/", "--shard-size", "64", in: folder)
    #expect(result.exitCode == 0)
    #expect(!result.standardError.contains("index"), "\(result.standardError)")
    #expect(
      folder.entries().filter { $0.hasPrefix("out/") } == [
        "out/foo-00001-of-00002.safetensors", "out/foo-00002-of-00002.safetensors", "out/foo.index.json",
      ])
    #expect(try convert("out", "one/", in: folder).exitCode == 0)
    #expect(folder.entries().contains("one/foo.safetensors"))
  }

  @Test func `a weight file keeps its name from an archive that is called the same`() throws {
    let folder = try TemporaryFolder()
    try model([], in: folder, "ae")
    try PythonPeer.run(
      code: """
        import sys, tarfile
        with tarfile.open(sys.argv[2], "w") as archive: archive.add(sys.argv[1], "ae")
        """,
      [folder.file("in"), folder.file("ae.tar")])
    #expect(try convert("ae.tar", "out/", in: folder).exitCode == 0)
    #expect(folder.entries().contains("out/ae.safetensors"))
  }

  @Test func `a name that is one library's own becomes the other's`() throws {
    let folder = try TemporaryFolder()
    try model([], in: folder)
    #expect(try convert("in", "torch/", "--to", "pytorch", in: folder).exitCode == 0)
    #expect(try convert("torch", "back/", "--to", "safetensors", in: folder).exitCode == 0)
    #expect(folder.entries().contains("torch/pytorch_model.bin"))
    // What was PyTorch's says so.
    #expect(try difference("in", "back", in: folder) == "['model.safetensors']")
    let digests = try ["in", "back"].map {
      try IngotProgram.run("hash", folder.file($0)).standardOutput.prefix(64)
    }
    #expect(digests[0] == digests[1])
  }

  @Test func `--for gives the name that the program looks for`() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Fixture.bytes("models/base/config.json"), to: "in/config.json")
    try folder.copy(Fixture.path("models/base/model.safetensors"), as: "in/odd_name.safetensors")
    #expect(try convert("in", "kept/", in: folder).exitCode == 0)
    #expect(try convert("in", "tf/", "--for", "transformers", in: folder).exitCode == 0)
    #expect(try convert("in", "hf/", "--dialect", "hf", in: folder).exitCode == 0)
    for path in ["kept/odd_name.safetensors", "tf/model.safetensors", "hf/model.safetensors"] {
      #expect(folder.entries().contains(path), "\(path)")
    }
  }
}
