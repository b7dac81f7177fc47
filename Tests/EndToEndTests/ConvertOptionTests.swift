// SPDX-License-Identifier: Apache-2.0
// Options of converting: dtypes by name, rules of renaming in a file, spellings that people use, and what is said of it.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ConvertOptionTests {
  private static let weights = Fixture.path("models/base/model.safetensors")

  private static func object(_ arguments: [String]) throws -> [String: Any] {
    let run = try IngotProgram.process(arguments + ["--json"]).run()
    #expect(run.exitCode == 0, "\(arguments): \(run.standardError)")
    return try JSONSerialization.jsonObject(with: Data(run.outputBytes)) as? [String: Any] ?? [:]
  }

  /// The dtypes of a file's tensors, by name.
  private static func dtypes(_ path: String) throws -> [String: String] {
    let tensors = try object(["inspect", path])["tensors"] as? [[String: Any]] ?? []
    return Dictionary(
      uniqueKeysWithValues: tensors.compactMap { tensor in
        (tensor["name"] as? String).flatMap { name in (tensor["dtype"] as? String).map { (name, $0) } }
      })
  }

  // MARK: - Dtypes

  @Test(arguments: ["npz", "safetensors", "ingot"])
  func `a dtype holds for the names that its pattern matches, the last for all others`(_ format: String)
    throws
  {
    let folder = try TemporaryFolder()
    let out = folder.file("m.\(format)")
    let rules = [
      "--dtype", "f16", "--dtype", "*.bias=f64", "--dtype", "*ln_1.*=F32", "--dtype", "*ln_1.bias=float16",
    ]
    _ = try Self.object(["convert", Self.weights, out] + rules)
    let before = try Self.dtypes(Self.weights)
    for (name, dtype) in try Self.dtypes(out) where before[name] == "F32" {
      let expected =
        name.hasSuffix("ln_1.bias")
        ? "F16" : name.contains("ln_1.") ? "F32" : name.hasSuffix(".bias") ? "F64" : "F16"
      #expect(dtype == expected, "\(name)")
    }
  }

  @Test func `names are those of the input or of the output`() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("models/base")
    let out = folder.file("m.gguf")
    _ = try Self.object([
      "convert", model, out, "--dtype", "blk.0.attn_qkv.weight=f16", "--dtype", "*h.1.mlp.c_fc.weight=f16",
    ])
    let found = try Self.dtypes(out).filter { $0.value == "F16" }.keys.sorted()
    #expect(found == ["blk.0.attn_qkv.weight", "blk.1.ffn_up.weight"])
  }

  @Test func `a rule that decides on nothing is refused`() throws {
    let folder = try TemporaryFolder()
    for (rules, words) in [
      (["nothing=f16"], "matches no tensor"), (["*bias=f16", "*=bf16"], "a later rule names"),
    ] {
      let options = rules.flatMap { ["--dtype", $0] }
      let run = try IngotProgram.process(["convert", Self.weights, folder.file("a.npz")] + options).run()
      #expect(run.exitCode == 64 && run.firstErrorLine.contains(words), "\(run.firstErrorLine)")
    }
    let unknown = try IngotProgram.run("convert", Self.weights, folder.file("a.npz"), "--dtype", "*=flaot")
    #expect(unknown.exitCode == 64 && unknown.firstErrorLine.contains("bf16"), "\(unknown.firstErrorLine)")
  }

  @Test func `a merge takes dtypes by name too`() throws {
    let folder = try TemporaryFolder()
    let out = folder.file("m.npz")
    _ = try Self.object(["merge", "--linear", "\(Self.weights)=1", out, "--dtype", "*wpe*=f64"])
    #expect(try Self.dtypes(out).filter { $0.value == "F64" }.keys.allSatisfy { $0.contains("wpe") })
  }

  @Test(arguments: [
    ("half", "F16"), ("torch.bfloat16", "BF16"), ("FP64", "F64"), ("float32", "F32"),
    ("float8_e5m2", "F8_E5M2"),
  ])
  func `dtypes are understood as other programs spell them`(_ spelling: String, _ dtype: String) throws {
    let folder = try TemporaryFolder()
    let out = folder.file("m.safetensors")
    _ = try Self.object(["convert", Self.weights, out, "--dtype", spelling, "--include", "*wpe*"])
    #expect(try Set(Self.dtypes(out).values) == [dtype])
  }

  @Test(arguments: [("torch", "pytorch"), ("pth", "pytorch"), ("tf", "tensorflow"), ("NPZ", "npz")])
  func `formats are understood as people call them`(_ name: String, _ id: String) throws {
    let folder = try TemporaryFolder()
    #expect(
      try Self.object(["convert", Self.weights, folder.file("out"), "--to", name])["format"] as? String == id)
  }

  @Test func `what is not understood is answered with what is`() throws {
    let folder = try TemporaryFolder()
    let out = folder.file("a.npz")
    for (arguments, words) in [
      (["convert", Self.weights, folder.file("a.hdf5")], "\".hdf5\"; known are .ingot, .gguf, "),
      (
        ["convert", Self.weights, folder.file("plain")],
        "has no extension that tells the format; known are .ingot"
      ),
      (["convert", Self.weights, folder.file("plain")], "; a folder ends in a slash: \""),
      (["convert", Self.weights, folder.file("a"), "--to", "tar"], "known are ingot, gguf"),
      (["convert", Self.weights, out, "--shard-size", "2X"], "5GB, 512MiB"),
      (["convert", Self.weights, out, "--npy-dtype", "*=V2"], "there is no dtype \"V2\"; known are"),
      (["quantize", Self.weights, out, "--rule", "*=q5_1"], "there is no scheme \"q5_1\"; known are int8, "),
      (["quantize", Self.weights, out, "--scheme", "q5_1"], "int8-group:32"),
      (["init", "gpt3", out], "There is no architecture gpt3; known are gpt2, "),
    ] {
      let run = try IngotProgram.process(arguments).run()
      #expect(run.exitCode == 64 && run.firstErrorLine.contains(words), "\(run.firstErrorLine)")
    }
    _ = try Self.object([
      "quantize", Self.weights, folder.file("q.ingot"), "--scheme", "INT8", "--rule", "*=KEEP", "--rule",
      "*wte*=Int8-Tensor",
    ])
  }

  // MARK: - Names

  @Test func `rules of renaming are read from a file, and what each has named is counted`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "# layers\n\ntransformer.h.*=blocks.*\ntransformer.wte.*=embedding.*\r\n", to: "names.txt")
    let out = folder.file("m.npz")
    let arguments = [
      "convert", Self.weights, out, "--rename-file", folder.file("names.txt"), "--rename",
      "transformer.wpe.weight=places",
    ]
    let report = try Self.object(arguments)
    let renames = report["renames"] as? [[String: Any]] ?? []
    #expect(
      renames.map { $0["rule"] as? String } == [
        "transformer.wpe.weight=places", "transformer.h.*=blocks.*", "transformer.wte.*=embedding.*",
      ])
    let names = try Self.dtypes(out).keys
    #expect(renames.map { $0["tensors"] as? Int } == [1, names.count { $0.hasPrefix("blocks.") }, 1])
    #expect(names.contains("places") && names.contains("embedding.weight"))
    let text = try IngotProgram.process(arguments + ["--force"]).run().standardOutput
    let total = names.count { $0.hasPrefix("blocks.") } + 2
    #expect(
      text.contains(", \(total) renamed\n")
        && text.contains("renamed   transformer.wte.*=embedding.*: 1 tensor\n"),
      "\(text)")

    for (content, words) in [
      ("a=b\nc\n", "line 2: \"c\" is not of the form OLD=NEW"), ("# none\n", "holds no rule"),
    ] {
      try folder.write(content, to: "names.txt")
      let run = try IngotProgram.run(
        "convert", Self.weights, folder.file("b.npz"), "--rename-file", folder.file("names.txt"))
      #expect(run.exitCode == 65 && run.firstErrorLine.contains(words), "\(run.firstErrorLine)")
    }
  }

  @Test func `two tensors that would have one name are both named`() throws {
    let folder = try TemporaryFolder()
    let run = try IngotProgram.run(
      "convert", Self.weights, folder.file("m.npz"), "--rename", "*.bias=x", "--rename", "*=y")
    #expect(run.exitCode == 65)
    #expect(
      run.firstErrorLine.contains(
        /: "transformer\.h\.0\.[a-z0-9_.]+" and "transformer\.h\.0\.[a-z0-9_.]+" would both have this name/),
      "\(run.firstErrorLine)")
  }

  // MARK: - What is said

  @Test func `tensors of PyTorch's become a safetensors file that says so`() throws {
    let folder = try TemporaryFolder()
    let bare = ["edit", folder.file("bare.safetensors"), "--remove", "*"]
    try folder.copy(Self.weights, as: "bare.safetensors")
    _ = try IngotProgram.process(bare).run()
    _ = try Self.object(["convert", folder.file("bare.safetensors"), folder.file("m.pt")])
    for out in ["m.safetensors", "cut/"] {
      let options = out == "cut/" ? ["--shard-size", "20kB"] : []
      let report = try Self.object(["convert", folder.file("m.pt"), folder.file(out)] + options)
      let losses = report["losses"] as? [[String: Any]] ?? []
      #expect(
        losses.count {
          $0["kind"] as? String == "added" && ($0["detail"] as? String)?.contains("\"format\": pt") == true
        } == 1)
      let metadata = try Self.object(["inspect", folder.file(out)])["metadata"] as? [String: Any]
      #expect(metadata?["format"] as? String == "pt")
    }
    // Arrays are not PyTorch's.
    _ = try Self.object(["convert", folder.file("bare.safetensors"), folder.file("m.npz")])
    _ = try Self.object(["convert", folder.file("m.npz"), folder.file("n.safetensors")])
    let metadata = try Self.object(["inspect", folder.file("n.safetensors")])["metadata"] as? [String: Any]
    #expect(metadata?.isEmpty == true)
  }

  @Test func `what a trainer keeps beside a model is left out as the hint says`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import load_file
        tensors = {"state_dict." + name: value for name, value in load_file(sys.argv[1]).items()}
        tensors["callbacks.Checkpoint.best_score"] = np.float32(0.5)
        tensors["loops.fit_loop.count"] = np.arange(3)
        np.savez(sys.argv[2], **tensors)
        """, [Self.weights, folder.file("last.npz")])
    let config = Fixture.path("models/base/config.json")
    let arguments = [
      "convert", folder.file("last.npz"), folder.file("out/"), "--for", "transformers", "--config", config,
    ]
    let refusal = try IngotProgram.process(arguments).run()
    #expect(refusal.exitCode == 65)
    #expect(
      refusal.firstErrorLine.hasSuffix("; --include 'state_dict.*' takes the model's own tensors alone"),
      "\(refusal.firstErrorLine)")
    _ = try Self.object(arguments + ["--include", "state_dict.*"])
  }

  @Test func `a set of files is one word`() throws {
    let folder = try TemporaryFolder()
    for (format, words) in [
      (
        "safetensors", /files model-\{00001…000\d\d\}-of-000\d\d\.safetensors model\.safetensors\.index\.json/
      ),
      ("tensorflow", /files model\.ckpt\.data-\{00000…000\d\d\}-of-000\d\d model\.ckpt\.index checkpoint/),
    ] {
      let out = folder.file(format + "/")
      let arguments = ["convert", Self.weights, out, "--to", format, "--shard-size", "5k"]
      let run = try IngotProgram.process(arguments).run()
      #expect(
        run.exitCode == 0 && run.standardOutput.contains(words), "\(run.standardOutput)\(run.standardError)")
      let files = try Self.object(arguments + ["--force"])["files"] as? [String] ?? []
      #expect(files.count == folder.entries().count { $0.hasPrefix(format + "/") }, "JSON lists each")
    }
  }

  @Test
  func `a model's name in a GGUF is its file's without the extension, and what else is kept there is said`()
    throws
  {
    let folder = try TemporaryFolder()
    for (input, name) in [
      ("my.v2.safetensors", "my.v2"), ("my.v2/model.safetensors", "model"), ("my.v2", "my.v2"),
    ] {
      try folder.write(
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: Self.weights))), to: "my.v2/model.safetensors")
      try folder.write(
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: Self.weights))), to: "my.v2.safetensors")
      let config = Fixture.path("models/base/config.json")
      let out = folder.file("m.gguf")
      let report = try Self.object([
        "convert", folder.file(input), out, "--config", config, "--dialect", "gguf", "--force",
      ])
      let metadata = try Self.object(["inspect", out])["metadata"] as? [String: Any] ?? [:]
      #expect(metadata["general.name"] as? String == name)
      let losses = (report["losses"] as? [[String: Any]] ?? []).compactMap { $0["detail"] as? String }
      #expect(losses.contains { $0.hasPrefix("\"ingot.config\": ") } == (metadata["ingot.config"] != nil))
    }
  }
}
