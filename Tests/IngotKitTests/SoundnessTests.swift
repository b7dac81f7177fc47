// SPDX-License-Identifier: Apache-2.0
// Models that `validate` rejects: what computes with them, quantizes or rewrites them stops with the finding, and no check
// passes what is not a number. Inputs are numpy's.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SoundnessTests {
  /// Commands over a model and a sound one of the same shapes, each of which would compute with it.
  private static func runs(_ model: String, _ good: String, _ folder: TemporaryFolder) -> [[String]] {
    [
      ["eval", model, "--tokens", "1,2,3"],
      ["eval", model, "--tokens", "1,2,3", "--against", good, "--max-kl", "1e-3"],
      ["eval", good, "--tokens", "1,2,3", "--against", model, "--max-kl", "1e-3", "--min-top1", "0.1"],
      ["eval", model, "--tokens", "1,2,3", "--against", model, "--max-kl", "1"],
      ["verify", model, "--against", good, "--tolerance", "10"],
      ["verify", good, "--against", model, "--tolerance", "10"],
      ["verify", model, "--against", model, "--precision", "reference"],
      ["record", model, "--tokens", "1,2,3", "-o", folder.file("record.npz")],
      ["generate", model, "--tokens", "1,2", "--max-tokens", "3"],
      ["generate", model, "--tokens", "1,2", "--precision", "reference"],
      ["generate", model, "--tokens", "1,2", "--top", "3"],
    ]
  }

  /// Runs each and expects 65, nothing printed, no file left, and all of some words in the message.
  private func expectRefusals(_ runs: [[String]], naming words: [String], in folder: TemporaryFolder) throws {
    let before = folder.entries()
    for arguments in runs {
      var process = try IngotProgram.process(arguments + ["-v"])
      process.folder = folder.path
      let result = try process.run()
      #expect(result.exitCode == 65, "\(arguments): \(result.standardError)")
      #expect(result.standardOutput.isEmpty, "\(arguments)")
      for word in words {
        #expect(result.standardError.contains(word), "\(arguments): \(result.standardError)")
      }
    }
    #expect(folder.entries() == before)
  }

  private func exitCode(_ arguments: String...) throws -> Int32? {
    try IngotProgram.process(arguments).run().exitCode
  }

  // MARK: - NaN and infinities

  /// One broken value: in a norm, a matrix, a bias, the embedding of a token that occurs, and infinities.
  private static let broken: [(change: String, tensor: String)] = [
    ("w[p + 'ln_1.weight'][2] = np.nan", "transformer.h.0.ln_1.weight"),
    ("w[p + 'mlp.c_proj.weight'][3, 4] = -np.inf", "transformer.h.0.mlp.c_proj.weight"),
    ("w[p + 'attn.c_attn.bias'][70] = np.nan", "transformer.h.0.attn.c_attn.bias"),
    ("w['transformer.wte.weight'][2, 5] = np.inf", "transformer.wte.weight"),
  ]

  @Test(arguments: broken)
  func `no command computes with weights that are not finite`(change: String, tensor: String) throws {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good")
    let bad = try TinyModel.make(in: folder, "bad", change: change)
    #expect(try exitCode("validate", bad) == 1)
    try expectRefusals(Self.runs(bad, good, folder), naming: [tensor, "first at"], in: folder)
    try expectRefusals(
      [
        ["quantize", bad, folder.file("q.ingot")],
        ["quantize", bad, folder.file("q.gguf"), "--scheme", "q8_0"],
        ["quantize", bad, folder.file("q/"), "--scheme", "int8-tensor"],
      ], naming: [], in: folder)
  }

  @Test func `what is allowed is computed, printed as NaN, and passes no bound`() throws {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good")
    let bad = try TinyModel.make(in: folder, "bad", change: Self.broken[0].change)
    for pair in [(bad, good), (good, bad), (bad, bad)] {
      for bound in [["--max-kl", "1e9"], ["--min-top1", "0"]] {
        let result = try IngotProgram.process(
          ["eval", pair.0, "--against", pair.1, "--tokens", "1,2,3", "--allow-nonfinite", "--json"] + bound
        ).run()
        #expect(result.exitCode == 1)
        // The figures in words too.
        let missed = result.standardError + result.standardOutput
        #expect(missed.contains(" is NaN, ") && !missed.contains("nan,"), "\(missed)")
        let figures = try #require(
          JSONSerialization.jsonObject(with: Data(result.outputBytes)) as? [String: Any])
        for key in ["kl", "kl_p99", "top1_agreement"] { #expect(figures[key] as? String == "NaN", "\(key)") }
      }
      let text = try IngotProgram.run(
        "eval", pair.0, "--against", pair.1, "--tokens", "1,2", "--allow-nonfinite")
      #expect(
        text.exitCode == 0 && text.standardOutput.contains("NaN") && !text.standardOutput.contains("NaN %"))
      let verified = try IngotProgram.process(
        ["verify", pair.0, "--against", pair.1, "--allow-nonfinite", "--json", "--tolerance", "1e300"]
      ).run()
      #expect(verified.exitCode == 1)
      #expect(verified.standardOutput.contains("\"max_abs\": \"NaN\""))
      #expect(verified.standardOutput.contains("\"max_rel\": \"NaN\""))
      #expect(verified.standardOutput.contains("\"first_failure\": \"hidden_states.1\""))
    }
    // A token is never taken from scores that are none.
    try expectRefusals(
      [["generate", bad, "--tokens", "1", "--allow-nonfinite"]], naming: ["ln_1", "choose no token"],
      in: folder)
    // What is kept may be NaN, what is quantized may not.
    #expect(try exitCode("quantize", bad, folder.file("q.ingot"), "--allow-nonfinite") == 0)
  }

  @Test func `a NaN among scales, of int8 or of blocks, is one of the weights`() throws {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good")
    #expect(try exitCode("quantize", good, folder.file("int8/")) == 0)
    #expect(try exitCode("quantize", good, folder.file("blocks.gguf"), "--scheme", "q8_0") == 0)
    try PythonPeer.run(
      code: """
        import sys
        import numpy as np
        import gguf
        from safetensors import safe_open
        from safetensors.numpy import save_file
        with safe_open(sys.argv[1], "np") as f:
            tensors, metadata = {name: f.get_tensor(name) for name in f.keys()}, f.metadata()
        tensors["transformer.h.0.mlp.c_fc.weight_scale"][7] = np.nan
        save_file(tensors, sys.argv[1], metadata)
        reader = gguf.GGUFReader(sys.argv[2], "r+")
        data = next(t for t in reader.tensors if t.name == "blk.0.ffn_up.weight").data
        data[3, 0:2] = np.array([np.nan], np.float16).view(np.uint8)
        reader.data.flush()
        """, [folder.file("int8/model.safetensors"), folder.file("blocks.gguf")])
    for (model, name) in [
      (folder.file("int8"), "mlp.c_fc.weight"), (folder.file("blocks.gguf"), "blk.0.ffn_up.weight"),
    ] {
      #expect(try exitCode("validate", model) == 1)
      try expectRefusals(
        [
          ["eval", model, "--tokens", "1,2,3", "--against", good, "--max-kl", "9"],
          ["verify", model, "--against", good], ["generate", model, "--tokens", "1"],
          ["eval", model, "--tokens", "1,2", "--precision", "bf16"],
        ], naming: [name], in: folder)
    }
    try expectRefusals(
      [["generate", folder.file("int8"), "--tokens", "1", "--precision", "w8a8"]],
      naming: ["mlp.c_fc.weight"],
      in: folder)
  }

  @Test func `one broken position of many is enough`() throws {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good")
    // The position of the last token alone.
    let bad = try TinyModel.make(in: folder, "bad", change: "w['transformer.wpe.weight'][9, 0] = np.nan")
    let tokens = (1...11).map(String.init).joined(separator: ",")
    try expectRefusals(
      [["eval", bad, "--against", good, "--tokens", tokens, "--max-kl", "9"]], naming: ["[9, 0]"], in: folder)
    let result = try IngotProgram.run(
      "eval", bad, "--against", good, "--tokens", tokens, "--min-top1", "0.5", "--allow-nonfinite")
    #expect(result.exitCode == 1)
    // Tokens that do not come so far don't meet it.
    #expect(try exitCode("eval", bad, "--against", good, "--tokens", "1,2,3", "--max-kl", "1e-9") == 0)
  }

  @Test func `a value of F64 that single precision lacks is computed with in float64 only`() throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(
      in: folder, "m",
      change: "w = {k: v.astype(np.float64) for k, v in w.items()}\nw[p + 'mlp.c_fc.weight'][0, 0] = -1e39")
    try expectRefusals(
      [["eval", model, "--tokens", "1,2"], ["generate", model, "--tokens", "1"]],
      naming: ["mlp.c_fc.weight", "--precision reference"], in: folder)
    #expect(try exitCode("eval", model, "--tokens", "1,2", "--precision", "reference") == 0)
    try expectRefusals(
      [
        ["quantize", model, folder.file("q.ingot")],
        ["quantize", model, folder.file("q.gguf"), "--scheme", "q8_0"],
      ],
      naming: ["--on-overflow"], in: folder)
    for (output, scheme) in [("q.ingot", "int8"), ("q.gguf", "q8_0")] {
      let result = try IngotProgram.run(
        "quantize", model, folder.file(output), "--scheme", scheme, "--on-overflow", "saturate")
      // Half precision has no scale for what is left, so that blocks of it are refused all the same.
      guard scheme == "int8" else {
        #expect(result.exitCode == 65 && result.standardError.contains("half precision"))
        continue
      }
      #expect(result.exitCode == 0)
      #expect(result.standardOutput.contains("1 value beyond the range of F32"), "\(result.standardOutput)")
    }
    #expect(try exitCode("quantize", model, folder.file("q2.ingot"), "--on-overflow", "infinity") == 64)
  }

  // MARK: - Integers without scales

  /// A matrix, the embedding and a norm as plain int8, in models narrow and wide.
  private static let integers: [(name: String, width: Int)] = [
    ("transformer.h.0.mlp.c_fc.weight", 32), ("transformer.h.0.mlp.c_fc.weight", 768),
    ("transformer.wte.weight", 32),
    ("transformer.h.0.ln_2.weight", 32),
  ]

  @Test(arguments: integers)
  func `integers without scales are no weights`(name: String, width: Int) throws {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good", width: width)
    let bad = try TinyModel.make(
      in: folder, "bad", width: width,
      change: "w['\(name)'] = r.integers(-100, 100, w['\(name)'].shape).astype(np.int8)")
    let validation = try IngotProgram.run("validate", bad)
    #expect(validation.exitCode == 1)
    #expect(validation.standardOutput.contains("is I8 without scales"))
    try expectRefusals(
      Self.runs(bad, good, folder) + [
        ["quantize", bad, folder.file("q.ingot")],
        ["quantize", bad, folder.file("q.gguf"), "--scheme", "q8_0"],
        ["convert", bad, folder.file("c.gguf"), "--for", "llama.cpp"], ["hash", bad, "--as", "openai"],
      ], naming: [name, "is I8 without scales"], in: folder)
    // As tensors they are what they are.
    #expect(try exitCode("convert", bad, folder.file("c.npz"), "--check") == 0)
  }

  // MARK: - Two heads

  /// A head beside a config that ties it: other values, one other value, another dtype, another shape.
  private static let heads = [
    "w['lm_head.weight'] = n(V, D)",
    "w['lm_head.weight'] = w['transformer.wte.weight'].copy()\nw['lm_head.weight'][63, 31] += 1",
    "w['lm_head.weight'] = w['transformer.wte.weight'].astype(np.float16)",
    "w['lm_head.weight'] = w['transformer.wte.weight'][:60].copy()",
  ]

  @Test(arguments: heads, ["{}", "{\"tie_word_embeddings\": true}"])
  func `a model with two heads is not computed with until one is named`(change: String, config: String) throws
  {
    let folder = try TemporaryFolder()
    let good = try TinyModel.make(in: folder, "good")
    let bad = try TinyModel.make(in: folder, "bad", change: change, config: config)
    #expect(try exitCode("validate", bad) == 1)
    try expectRefusals(
      Self.runs(bad, good, folder) + [
        ["quantize", bad, folder.file("q.ingot")],
        ["quantize", bad, folder.file("q.gguf"), "--scheme", "q8_0"],
        ["convert", bad, folder.file("c.gguf")],
        ["convert", bad, folder.file("c.npz"), "--dialect", "openai"],
        ["convert", bad, folder.file("c.pt"), "--for", "nanogpt"], ["hash", bad, "--as", "mlx"],
      ], naming: ["lm_head.weight", "transformer.wte.weight", "--tie", "--untie"], in: folder)
    // Tensors that are only copied are both there.
    #expect(try exitCode("convert", bad, folder.file("plain.npz"), "--check") == 0)
    #expect(try exitCode("eval", bad, "--tokens", "1,2", "--tie", "--against", good, "--max-kl", "0") == 0)
  }

  @Test func `the head that is named is the one that is used, kept and written`() throws {
    let folder = try TemporaryFolder()
    let head = "w['lm_head.weight'] = n(V, D)"
    let bad = try TinyModel.make(in: folder, "bad", change: head, config: "{\"tie_word_embeddings\": true}")
    let tied = try TinyModel.make(in: folder, "tied")
    let own = try TinyModel.make(in: folder, "own", change: head, config: "{\"tie_word_embeddings\": false}")
    for (option, meant) in [("--tie", tied), ("--untie", own)] {
      for precision in ["auto", "reference"] {
        #expect(
          try exitCode(
            "verify", bad, "--against", meant, "--precision", precision, option) == 0)
      }
      // What is written says which head it has, and has no other.
      for (command, output) in [
        ("quantize", "\(option)-q.ingot"), ("quantize", "\(option)-q/"), ("convert", "\(option)-c/"),
        ("convert", "\(option)-c.gguf"), ("convert", "\(option)-c.pt"),
      ] {
        let arguments = [command, bad, folder.file(output), option]
        let result = try IngotProgram.process(arguments).run()
        #expect(result.exitCode == 0, "\(output): \(result.standardError)")
        #expect(result.standardOutput.contains("--tie takes") == (option == "--tie"), "\(output)")
        let check = try IngotProgram.process([
          "verify", folder.file(output), "--against", meant, "--config", meant + "/config.json",
          // Int8 costs a hundredth; another head would change all.
          "--tolerance", command == "quantize" ? "0.05" : "2e-5",
        ]).run()
        #expect(check.exitCode == 0, "\(output): \(check.standardError)\(check.standardOutput)")
      }
    }
    // Without a stored head there is none to take, and an own head is not tied away.
    #expect(try exitCode("eval", tied, "--tokens", "1,2", "--untie") == 64)
    #expect(try exitCode("eval", own, "--tokens", "1,2", "--tie") == 65)
    #expect(try exitCode("eval", own, "--tokens", "1,2", "--tie", "--untie") == 64)
  }

  @Test func `a head of the embedding's values is a copy, whatever its dtype`() throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(
      in: folder, "m", change: "w['lm_head.weight'] = w['transformer.wte.weight'].astype(np.float64)")
    #expect(try exitCode("validate", model) == 0)
    #expect(try exitCode("eval", model, "--tokens", "1,2") == 0)
    #expect(try exitCode("quantize", model, folder.file("q.ingot")) == 0)
  }

  @Test func `models that differ in a stored head differ`() throws {
    let folder = try TemporaryFolder()
    let bad = try TinyModel.make(in: folder, "bad", change: "w['lm_head.weight'] = n(V, D)")
    let tied = try TinyModel.make(in: folder, "tied")
    #expect(try exitCode("convert", tied, folder.file("t.npz"), "--dialect", "openai") == 0)
    let report = try Ingot.diff(
      bad, folder.file("t.npz"),
      options: {
        var options = DiffOptions()
        options.config = tied + "/config.json"
        return options
      }())
    #expect(report.onlyFirst == ["lm_head.weight"] && !report.isEqual)
  }

  // MARK: - A config of another model

  @Test(arguments: ["safetensors", "npz", "pt", "ingot"])
  func `a config that is another model's is noted`(format: String) throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(in: folder, "m")
    let other = try TinyModel.make(in: folder, "other", width: 64)
    #expect(try Ingot.inspect(model).findings.isEmpty)
    try FileManager.default.removeItem(atPath: model + "/config.json")
    try FileManager.default.createDirectory(atPath: folder.file("f"), withIntermediateDirectories: true)
    #expect(try exitCode("convert", model + "/model.safetensors", folder.file("f/m.\(format)")) == 0)
    try FileManager.default.copyItem(atPath: other + "/config.json", toPath: folder.file("f/config.json"))
    try expectConflict(
      folder.file("f/m.\(format)"), "config.json", "\"transformer.wte.weight\" is 64 × 32, expected 64 × 64")
  }

  @Test func `metadata that are another model's are noted`() throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(in: folder, "m")
    #expect(try exitCode("convert", model, folder.file("m.gguf")) == 0)
    #expect(try Ingot.inspect(folder.file("m.gguf")).findings.isEmpty)
    #expect(
      try exitCode("edit", folder.file("m.gguf"), "--set", "gpt2.block_count=2", "--in-place") == 0)
    try expectConflict(
      folder.file("m.gguf"), "m.gguf", "\"n_layer\" is 2 in the config, and the weights have 1 block")
  }

  private func expectConflict(_ path: String, _ subject: String, _ detail: String) throws {
    let findings = try Ingot.inspect(path).findings
    #expect(findings.map(\.kind) == [.configConflict] && findings.map(\.subject) == [subject])
    let text = try IngotProgram.run("inspect", path).standardOutput
    #expect(text.contains("\(subject)  and the weights disagree: \(detail)"), "\(text)")
    let json = try IngotProgram.run("inspect", path, "--json").standardOutput
    #expect(json.contains("\"config_conflict\""))
  }
}
