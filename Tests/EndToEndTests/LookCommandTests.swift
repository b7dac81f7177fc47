// SPDX-License-Identifier: Apache-2.0
// The commands that look: their examples run, values and figures come out as numpy has them, and one shape of JSON serves one
// path and several.
import Foundation
import IngotTestSupport
import Testing

@Suite struct LookCommandTests {
  /// A folder with the files that the examples name.
  private static func examples(in folder: borrowing TemporaryFolder) throws {
    try FileManager.default.copyItem(atPath: Fixture.path("models/base"), toPath: folder.file("gpt2"))
    try folder.copy(Fixture.path("malformed/pytorch/PT-11-os-system.pt"), as: "stranger.pt")
    for arguments in [
      ["convert", "gpt2/", "model.safetensors", "--rename", "transformer.*=*"],
      ["convert", "model.safetensors", "model.npz"], ["convert", "model.safetensors", "before.npz"],
      ["convert", "model.safetensors", "after.npz", "--dtype", "f16"],
      ["convert", "model.safetensors", "model.ingot"],
      ["convert", "gpt2/", "gpt2-bf16/", "--dtype", "bf16"], ["convert", "gpt2/", "gpt2.gguf"],
    ] {
      let result = try run(arguments, in: folder)
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
    }
  }

  private static func run(_ arguments: [String], in folder: borrowing TemporaryFolder) throws -> ProcessResult
  {
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    return try process.run()
  }

  private static func object(_ result: ProcessResult) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(result.outputBytes)) as? [String: Any])
  }

  @Test func `the examples of the help run, and end as they should`() throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    let program = URL(fileURLWithPath: try IngotProgram.path()).deletingLastPathComponent().path
    var count = 0
    for command in ["inspect", "show", "diff", "hash"] {
      let help = try IngotProgram.run("help", command).standardOutput
      let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let start = try #require(lines.firstIndex { $0.hasPrefix("EXAMPLES") })
      for line in lines[(start + 1)...].prefix(while: { $0.hasPrefix("  ingot ") }) {
        var process = ChildProcess("/bin/sh", ["-c", line])
        process.folder = folder.path
        process.environment = ["PATH": "\(program):/usr/bin:/bin"]
        let result = try process.run()
        // What differs, and what is not clean, ends with 1.
        let differs = line.contains("bf16") || line.contains("after.npz") && command == "diff"
        #expect(
          result.exitCode == (differs || line.contains("--security") ? 1 : 0),
          "\(line): \(result.standardError)")
        #expect(!result.standardOutput.isEmpty, "\(line)")
        count += 1
      }
    }
    #expect(count == 19)
  }

  @Test func `values are numpy's, as nested lists and as text`() throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: """
        import json, subprocess, sys, numpy as np
        program, path = sys.argv[1:3]
        random = np.random.default_rng(8)
        arrays = {"w": random.standard_normal((9, 7, 5)).astype(np.float32), "i": random.integers(-9, 9, (3, 0, 2)),
                  "n": np.array([np.nan, np.inf, -np.inf, 0.1]), "s": np.array(4.25, np.float16),
                  "big": np.arange(30000, dtype=np.int32).reshape(300, 100)}
        np.savez(path, **arrays)
        slices = {"w": ["[1:3,::-2]", "[..., -1]", ""], "i": ["", "[0]"], "n": [""], "s": [""], "big": ["", "[7:9,3]"]}
        selectors = [name + s for name, list in slices.items() for s in list]
        done = subprocess.run([program, "show", path, *selectors, "--json"], capture_output=True, check=True)
        document = json.loads(done.stdout)
        assert document["schema"] == 1 and document["path"] == path, document
        expected = [eval("arrays[name]" + (s or "[...]")) for name, list in slices.items() for s in list]
        assert [t["shape"] for t in document["tensors"]] == [list(a.shape) for a in expected]
        for tensor, array in zip(document["tensors"], expected):
            if tensor["name"] != "n":
                assert tensor["values"] == array.tolist(), tensor
            else:
                assert tensor["values"] == ["NaN", "Infinity", "-Infinity", 0.1], tensor
        def text(*arguments):
            return subprocess.run([program, "show", path, *arguments], capture_output=True, check=True, text=True).stdout
        rows = text("w[2,:2]").splitlines()
        assert rows[0] == "w[2,:2]  F32  2 × 5", rows
        read = [list(map(float, row.split())) for row in rows[1:]]
        assert (np.array(read, np.float32) == arrays["w"][2, :2]).all(), rows
        short = text("big")
        assert len(short.splitlines()) == 9 and "…" in short and "29999" in short and "--all shows each of the 30000 values" in short, short
        whole = text("big", "--all").splitlines()[1:]
        assert [list(map(int, row.split())) for row in whole] == arrays["big"].tolist()
        assert text("s") == "s  F16  scalar\\n  4.25\\n", text("s")
        print("ok")
        """, [try IngotProgram.path(), folder.file("m.npz")])
    #expect(answer.standardOutput == "ok\n")
  }

  @Test func `what is not there is a mistake of the caller's, and a reader that goes ends it quietly`() throws
  {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: "import sys, numpy; numpy.savez(sys.argv[1], w=numpy.zeros((3000, 3000)))", [folder.file("m.npz")]
    )
    for (arguments, code, words) in [
      (["m.npz", "w[3000]"], 64, "index 3000 is out of range of dimension 0, of 3000"),
      (["m.npz", "v"], 64, "matches no tensor"), (["missing.npz", "w"], 66, "does not exist"),
      (["m.npz", "w[1,2,3]"], 64, "has 3 indexes, and the tensor 2 dimensions"),
    ] {
      let result = try Self.run(["show"] + arguments, in: folder)
      #expect(result.exitCode == Int32(code) && result.outputBytes.isEmpty)
      #expect(result.firstErrorLine.contains(words), "\(result.standardError)")
    }
    var process = ChildProcess("/bin/sh", ["-c", "\"$0\" show m.npz w --all | head -n 2"])
    process.arguments.append(try IngotProgram.path())
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == 0 && result.standardError.isEmpty, "\(result.standardError)")
  }

  @Test func `inspect says as JSON what it says as text`() throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    let object = try Self.object(Self.run(["inspect", "gpt2/", "--json"], in: folder))
    let model = object["model"] as? [String: Any]
    #expect(model?["architecture"] as? String == "gpt2" && model?["blocks"] as? Int == 2)
    #expect((model?["parameters"] as? Int ?? 0) > 7000 && object["dialect"] as? String == "hf")
    let dtypes = (object["dtypes"] as? [String: [String: Int]])?["F32"]
    #expect(dtypes?["tensors"] == 28 && dtypes?["bytes"] == 4 * (dtypes?["values"] ?? 0))
    let files = object["files"] as? [[String: Any]]
    #expect(files?.count == 1 && (files?.first?["path"] as? String)?.hasSuffix("model.safetensors") == true)
    let companions = object["companions"] as? [[String: Any]] ?? []
    #expect(
      companions.contains { $0["name"] as? String == "config.json" && $0["kind"] as? String == "config" })
    // Offsets are where the bytes are, by Python.
    let answer = try PythonPeer.run(
      code: """
        import json, sys, numpy as np
        from safetensors.numpy import load_file
        path = sys.argv[1]
        data, arrays = open(path, "rb").read(), load_file(path)
        for tensor in json.loads(sys.stdin.read())["tensors"]:
            raw = arrays[tensor["name"]].tobytes()
            assert data[tensor["offset"]:tensor["offset"] + len(raw)] == raw, tensor
        print("ok")
        """, [folder.file("gpt2/model.safetensors")],
      input: Self.run(["inspect", "gpt2/", "--json"], in: folder).outputBytes)
    #expect(answer.standardOutput == "ok\n")
  }

  @Test func `several paths are shown one after the other, a pattern is for all of them`() throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    let text = try Self.run(["inspect", "before.npz", "after.npz", "wte*"], in: folder)
    #expect(text.exitCode == 0)
    for line in ["before.npz  npz", "after.npz  npz", "wte.weight  F32", "wte.weight  F16"] {
      #expect(text.standardOutput.contains(line), "\(text.standardOutput)")
    }
    let object = try Self.object(Self.run(["inspect", "before.npz", "after.npz", "--json"], in: folder))
    let paths = (object["checkpoints"] as? [[String: Any]])?.compactMap { $0["path"] as? String }
    #expect(paths == ["before.npz", "after.npz"])
    let none = try Self.run(["inspect", "before.npz", "aftr.npz"], in: folder)
    #expect(none.exitCode == 64 && none.firstErrorLine.contains("there is no file of that name either"))
    #expect(
      try Self.run(["inspect", "before.npz", "after.npz", "--include", "x"], in: folder).exitCode == 64)
  }

  @Test func `metadata are shown with their types, all of them when asked for`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, gguf, numpy as np
        writer = gguf.GGUFWriter(sys.argv[1], "strange")
        for i in range(12): writer.add_uint32(f"strange.key{i}", i)
        writer.add_array("strange.list", ["a", "b"])
        writer.add_block_count(7); writer.add_embedding_length(96)
        writer.add_tensor("w", np.ones((2, 32), np.float32))
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        """, [folder.file("m.gguf")])
    let short = try Self.run(["inspect", "m.gguf"], in: folder).standardOutput
    #expect(short.contains("more metadata keys (--meta shows all)") && !short.contains("key11"), "\(short)")
    #expect(short.contains("strange: 7 layers, width 96 (not understood:"), "\(short)")
    #expect(short.contains("ggml's order is the other way round"), "\(short)")
    let whole = try Self.run(["inspect", "m.gguf", "--meta"], in: folder).standardOutput
    #expect(
      whole.contains("strange.key11 (uint32): 11") && whole.contains("strange.list (array of 2 string)"),
      "\(whole)")
    let object = try Self.object(Self.run(["inspect", "m.gguf", "--meta", "--json"], in: folder))
    #expect((object["metadata_types"] as? [String: String])?["strange.key3"] == "uint32")
    #expect((object["config"] as? [String: Any])?["understood"] as? Bool == false)
  }

  @Test func `hash has one shape for one path and several`() throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    for paths in [["before.npz"], ["before.npz", "after.npz"]] {
      let object = try Self.object(Self.run(["hash", "--json"] + paths, in: folder))
      let checkpoints = object["checkpoints"] as? [[String: Any]] ?? []
      #expect(checkpoints.compactMap { $0["path"] as? String } == paths)
      #expect(checkpoints.allSatisfy { ($0["model"] as? String)?.count == 64 && $0["tensors"] is [Any] })
    }
    let digest = try Self.run(["hash", "before.npz", "--quiet"], in: folder).standardOutput
    #expect(try digest == Self.run(["hash", "before.npz"], in: folder).standardOutput && digest.count > 64)
  }

  /// The same numbers, beside text that differs, or that is not there.
  private static func makeTexts(in folder: borrowing TemporaryFolder) throws {
    try PythonPeer.run(
      code: """
        import os, sys, numpy as np
        os.chdir(sys.argv[1])
        w = np.arange(4, dtype=np.float32)
        np.savez("a.npz", w=w, n=np.array(["a", "b"]))
        np.savez("b.npz", w=w, n=np.array(["a", "cd"]))
        np.savez("c.npz", w=w)
        """, [folder.path])
  }

  @Test func `diff says which text it does not compare, of either side`() throws {
    let folder = try TemporaryFolder()
    try Self.makeTexts(in: folder)
    func note(_ file: String, _ descr: String) -> String {
      "note  \(file): n is not compared: holds text, no tensor: \"\(descr)\" of 2\n"
    }
    let both = try Self.run(["diff", "a.npz", "b.npz"], in: folder)
    #expect(both.exitCode == 0)
    #expect(
      both.standardOutput == "identical: 1 of 1 tensor\n" + note("a.npz", "<U1") + note("b.npz", "<U2"))
    let one = try Self.run(["diff", "c.npz", "b.npz"], in: folder)
    #expect(one.exitCode == 0)
    #expect(one.standardOutput == "identical: 1 of 1 tensor\n" + note("b.npz", "<U2"))
    let object = try Self.object(Self.run(["diff", "c.npz", "b.npz", "--json"], in: folder))
    #expect((object["findings_a"] as? [Any])?.isEmpty == true)
    let findings = try #require(object["findings_b"] as? [[String: Any]])
    #expect(findings.count == 1 && findings[0]["kind"] as? String == "left_out")
    #expect(findings[0]["subject"] as? String == "n")
  }

  @Test func `what holds text is no tensor to show, and is told apart from what is not there`() throws {
    let folder = try TemporaryFolder()
    try Self.makeTexts(in: folder)
    let result = try Self.run(["show", "a.npz", "n"], in: folder)
    #expect(result.exitCode == 64)
    #expect(result.standardError.contains("\"n\" holds text, no tensor: \"<U1\" of 2"))
  }

  @Test func `hash says on standard error which text is in no digest`() throws {
    let folder = try TemporaryFolder()
    try Self.makeTexts(in: folder)
    let text = try Self.run(["hash", "a.npz", "c.npz"], in: folder)
    #expect(
      text.standardError == "note  a.npz: n is not in the digest: holds text, no tensor: \"<U1\" of 2\n")
    let digests = text.standardOutput.split(separator: "\n").map { $0.prefix(64) }
    #expect(digests.count == 2 && digests[0] == digests[1])
    #expect(try Self.run(["hash", "a.npz", "--quiet"], in: folder).standardError.isEmpty)
    let object = try Self.object(Self.run(["hash", "a.npz", "--json"], in: folder))
    let findings = try #require(object["findings"] as? [[String: Any]])
    #expect(findings.map { $0["subject"] as? String } == ["n"])
  }

  /// `inspect` takes what is no file for a pattern, but in the first place.
  @Test(arguments: [("hash", "missing.npz", 66), ("inspect", "empty.npz", 65)])
  func `each of several paths gets its answer, also behind one that can't be read`(
    command: String, bad: String, code: Int32
  ) throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    try folder.write("{", to: "broken.safetensors")
    if command == "inspect" { try folder.write("", to: bad) }
    let all = try Self.run([command, "before.npz", bad, "broken.safetensors", "after.npz"], in: folder)
    #expect(all.exitCode == code)
    let answers = try ["before.npz", "after.npz"].map {
      try Self.run([command, $0], in: folder).standardOutput
    }
    #expect(command == "inspect" || all.standardOutput == answers.joined())
    #expect(["before.npz", "after.npz"].allSatisfy { all.standardOutput.contains($0) })
    let lines = all.standardError.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].contains(bad) && lines[1].contains("broken.safetensors"))
    let parsed = try Self.run([command, "before.npz", bad, "broken.safetensors", "--json"], in: folder)
    #expect(parsed.exitCode == code && parsed.standardError.contains("broken.safetensors"))
    let checkpoints = try #require(Self.object(parsed)["checkpoints"] as? [[String: Any]])
    #expect(checkpoints.map { $0["path"] as? String } == ["before.npz"])
    let none = try Self.run([command, "broken.safetensors", bad], in: folder)
    #expect(none.exitCode == 65 && none.standardOutput.isEmpty)
  }

  @Test func `a digest of a tensor is checked by itself, and a failure names the tensor`() throws {
    let folder = try TemporaryFolder()
    try Self.examples(in: folder)
    let manifest = try Self.run(["hash", "before.npz", "after.npz", "--json"], in: folder).standardOutput
    try folder.write(manifest, to: "DIGESTS")
    let holding = try Self.run(["hash", "--manifest", "DIGESTS"], in: folder)
    #expect(holding.exitCode == 0 && holding.standardOutput == "before.npz: OK\nafter.npz: OK\n")
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        arrays = dict(np.load(sys.argv[1]))
        arrays["wte.weight"][3, 4] += 1
        arrays["h.1.new"] = arrays.pop("h.0.ln_1.bias")
        np.savez(sys.argv[1], **arrays)
        """, [folder.file("before.npz")])
    let failing = try Self.run(["hash", "--manifest", "DIGESTS"], in: folder)
    #expect(failing.exitCode == 1)
    #expect(
      failing.standardOutput
        == "before.npz: FAILED: wte.weight differs; h.0.ln_1.bias is missing; h.1.new is new\nafter.npz: OK\n"
    )
    let object = try Self.object(Self.run(["hash", "--manifest", "DIGESTS", "--json"], in: folder))
    let first = (object["checked"] as? [[String: Any]])?.first
    #expect(
      first?["changed"] as? [String] == ["wte.weight"] && first?["missing"] as? [String] == ["h.0.ln_1.bias"])
  }
}
