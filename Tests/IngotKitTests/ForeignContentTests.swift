// SPDX-License-Identifier: Apache-2.0
// What stands in a weight file's place is named, whatever the file is called and wherever it stands.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ForeignContentTests {
  private static let pointer = """
    version https://git-lfs.github.com/spec/v1
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
    size 12345

    """

  /// What the error of opening a path says.
  private func refusal(of path: String, _ options: ReadOptions = ReadOptions()) -> String {
    do throws(IngotError) {
      _ = try CheckpointOpener(options: options).open(path)
      return "opened"
    } catch {
      switch error {
      case .unsuitable(_, let why, let hint): return words(why) + words(hint ?? "")
      case .unsupported(let what, _): return words(what)
      case .malformed(_, _, let found, let expected): return words(found) + words(expected)
      default: return "\(error)"
      }
    }
  }

  private func words(_ evidence: Evidence) -> String {
    evidence.description
  }

  @Test(arguments: [
    "bin", "safetensors", "pt", "pth", "ckpt", "npz", "npy", "gguf", "ingot", "index", "h5", "", "xyz",
  ])
  func `text in a file's place is named whatever the file is called`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let texts: [(text: String, word: String)] = [
      (Self.pointer, "git-lfs pointer"), ("\u{FEFF}\n \t" + Self.pointer, "git-lfs pointer"),
      ("<!DOCTYPE html>\n<html></html>", "web page"), ("\r\n<HTML lang=en>", "web page"),
      ("{\"error\":\"Repository not found\"}", "error message"), ("Entry not found", "error message"),
      ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code></Error>", "error message"),
      ("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n", "answer with its headers"),
      ("Nothing to see here, grüße", "is text"),
    ]
    for (index, (text, word)) in texts.enumerated() {
      let path = try folder.write(Array(text.utf8), to: name.isEmpty ? "w\(index)" : "w\(index).\(name)")
      #expect(refusal(of: path).contains(word))
    }
  }

  @Test(arguments: [
    ("ggml", "before GGUF"), ("pte", "ExecuTorch"), ("ort", "ONNX Runtime"), ("mat", "MATLAB"),
    ("msgpack", "Flax"),
  ])
  func `a format without a mark is known by its extension`(_ name: String, _ word: String) throws {
    let folder = try TemporaryFolder()
    #expect(refusal(of: try folder.write([1, 2, 3] as [UInt8], to: "w." + name)).contains(word))
  }

  @Test(
    arguments: [
      ("h5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "HDF5"), ("bin", Array("tjgg".utf8), "GGJT"),
      ("bin", Array("lmgg".utf8), "before GGUF"),
      ("tflite", [28, 0, 0, 0] + Array("TFL3".utf8), "TensorFlow Lite"),
      ("safetensors", [0x28, 0xB5, 0x2F, 0xFD], "zstd"),
      ("bin", [8, 8, 18, 7] + Array("pytorch".utf8), "ONNX"),
      ("bin", [0x4D, 0x5A, 0x90, 0, 3, 0, 0, 0], "Windows"),
      ("pt", [0x5D, 0, 0, 0x80, 0] + [UInt8](repeating: 0xFF, count: 8), "lzma"),
    ] as [(String, [UInt8], String)])
  func `a format that is not read is known by its first bytes`(
    _ name: String, _ head: [UInt8], _ word: String
  ) throws {
    let folder = try TemporaryFolder()
    let bytes = head + [UInt8](repeating: 0xF7, count: 600)
    for file in ["m.\(name)", "m", "m.safetensors", "m.gguf", "m.pt"] {
      #expect(refusal(of: try folder.write(bytes, to: file)).contains(word), "\(file)")
    }
  }

  @Test(arguments: ["onnx", "mlmodel", "msgpack", "pb", "distcp", "pdparams", "t7", "joblib"])
  func `one without a mark is known by its extension`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 0xF7, count: 600), to: "m." + name)
    #expect(refusal(of: path).contains("by its name"))
  }

  @Test(arguments: ["safetensors", "npz", "npy", "gguf", "ingot", "index", "pt", "ckpt", "bin", "tar", ""])
  func `an empty file is empty whatever it is called`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](), to: name.isEmpty ? "m" : "m." + name)
    #expect(refusal(of: path) == "is empty")
  }

  @Test(arguments: 2...5) func `a bare pickle is named whatever it is called`(_ version: Int) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import pickle, sys
        for name in sys.argv[2:]:
            open(name, "wb").write(pickle.dumps({"a": [1, 2.5, "x" * 300]}, int(sys.argv[1])))
        """,
      ["\(version)"]
        + ["m.safetensors", "m.gguf", "m.npz", "m.bin", "m.pkl", "m", "m.pt"].map { folder.file($0) })
    for name in ["m.safetensors", "m.gguf", "m.npz", "m.bin", "m.pkl", "m"] {
      #expect(refusal(of: folder.file(name)).contains("is a pickle that torch.save did not write"), "\(name)")
    }
    #expect(refusal(of: folder.file("m.pt")).contains("a pickle without torch's magic number"))
  }

  @Test func `a shard, a part, an index and a folder's only file are looked at too`() throws {
    let folder = try TemporaryFolder()
    let pointer = Array(Self.pointer.utf8)
    for (name, kind) in [("model", "safetensors"), ("pytorch_model", "bin")] {
      let shard = "\(name)-00001-of-00001.\(kind)"
      try folder.write(pointer, to: shard)
      let index = try folder.write(
        Array("{\"weight_map\":{\"a\":\"\(shard)\"}}".utf8), to: "\(name).\(kind).index.json")
      #expect(refusal(of: index).contains("git-lfs pointer"))
    }
    let other = try TemporaryFolder()
    try other.write(pointer, to: "model.safetensors.index.json")
    #expect(refusal(of: other.path).contains("git-lfs pointer"))
    let single = try TemporaryFolder()
    try single.write(pointer, to: "weights.npz")
    #expect(refusal(of: single.path).contains("git-lfs pointer"))
  }

  @Test func `TensorFlow's list of checkpoints names what to open`() throws {
    let folder = try TemporaryFolder()
    let text = "model_checkpoint_path: \"model.ckpt-3\"\nall_model_checkpoint_paths: \"model.ckpt-3\"\n"
    #expect(refusal(of: try folder.write(Array(text.utf8), to: "checkpoint")).contains("model.ckpt-3"))
  }

  @Test func `the raw weights of an OpenVINO model are named by the graph beside them`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 0xF7, count: 600), to: "m.bin")
    #expect(!refusal(of: path).contains("OpenVINO"))
    try folder.write(Array("<net name=\"m\"/>".utf8), to: "m.xml")
    #expect(refusal(of: path).contains("OpenVINO"))
  }

  @Test func `bytes in front of a zip and a zip cut off are told apart`() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("golden/npz/stored.npz")
    for name in ["a.npz", "a.pt", "a.bin", "a"] {
      let front = try folder.write(Array("HEADER01".utf8) + whole, to: name)
      #expect(refusal(of: front).contains("8 bytes in front of a zip archive"))
      let cut = try folder.write(Array(whole[..<(whole.count / 2)]), to: name)
      #expect(refusal(of: cut).contains("cut off"))
    }
  }

  @Test(arguments: [
    (["[Content_Types].xml", "word/document.xml"], "office document"),
    (["config.json", "metadata.json", "model.weights.h5"], "Keras"), (["inner.zip"], "archives within"),
    (["data.pkl", "byteorder", "data/0", "version"], "unpacked and packed again"),
    (["notes.txt"], "notes.txt"),
    (["a/_CHECKPOINT_METADATA", "a/d/0"], "Orbax"), (["x/model.onnx"], "ONNX"),
    (["__0_0.distcp", ".metadata"], "DCP"), (["latest", "global_step10"], "DeepSpeed"),
    (["latest_checkpointed_iteration.txt", "iter_0000100"], "Megatron"), (["mp_rank_00"], "Megatron"),
    (["mlc-chat-config.json", "ndarray-cache.json", "params_shard_0.bin", "params_shard_1.bin"], "MLC"),
    (["params_shard_0.bin", "tensor-cache.json"], "MLC"),
  ])
  func `an archive or a folder without a weight file is named by what is in it`(
    _ names: [String], _ word: String
  ) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import io, os, sys, tarfile, zipfile
        folder, names = sys.argv[1], sys.argv[2:]
        for kind in ("zip", "npz", "pt"):
            with zipfile.ZipFile(f"{folder}/a.{kind}", "w") as archive:
                for name in names: archive.writestr(name, b"x" * 9)
        for kind, mode in (("tar", "w"), ("tgz", "w:gz")):
            with tarfile.open(f"{folder}/a.{kind}", mode) as archive:
                for name in names:
                    member = tarfile.TarInfo(name)
                    member.size = 9
                    archive.addfile(member, io.BytesIO(b"x" * 9))
        for name in names:
            os.makedirs(os.path.dirname(f"{folder}/f/{name}"), exist_ok=True)
            open(f"{folder}/f/{name}", "w").write("x" * 9)
        """, [folder.path] + names)
    for file in ["a.zip", "a.npz", "a.pt", "a.tar", "a.tgz"] {
      #expect(refusal(of: folder.file(file)).contains(word), "\(file)")
    }
    // A folder is looked at, not those in it.
    if !names.contains(where: { $0.contains("/") }) { #expect(refusal(of: folder.file("f")).contains(word)) }
  }

  @Test func `a shard of MLC is named by the list beside it`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 0xF7, count: 600), to: "params_shard_0.bin")
    #expect(!refusal(of: path).contains("MLC"))
    try folder.write(Array("{}".utf8), to: "ndarray-cache.json")
    #expect(refusal(of: path).contains("MLC"))
  }

  @Test func `a zip of folders alone is no npz`() throws {
    let folder = try TemporaryFolder()
    let write = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('folder/', b'')"
    try PythonPeer.run(code: write, [folder.file("a.npz")])
    #expect(refusal(of: folder.file("a.npz")).contains("folder/"))
  }

  @Test func `an archive of nothing stays an empty npz`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18), to: "a.npz")
    #expect(try CheckpointOpener().open(path).tensors.isEmpty)
  }

  @Test func `a gzipped file that is no tar is named, gzip in gzip too`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import gzip, sys
        folder, model = sys.argv[1:]
        content = open(model, "rb").read()
        for name, data in {"model.gz": content, "twice.gz": gzip.compress(content), "text.gz": b"some text " * 99}.items():
            open(f"{folder}/{name}", "wb").write(gzip.compress(data))
        """, [folder.path, Fixture.path("models/base/model.safetensors")])
    #expect(refusal(of: folder.file("model.gz")).contains("safetensors"))
    #expect(refusal(of: folder.file("twice.gz")).contains("gzip once more"))
    #expect(refusal(of: folder.file("text.gz")).contains("text"))
  }
}
