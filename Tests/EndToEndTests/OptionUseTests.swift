// SPDX-License-Identifier: Apache-2.0
// Options that are given and have no effect: each ends with 64 and the reason, or is said in the report.
import Foundation
import IngotTestSupport
import Testing

@Suite struct OptionUseTests {
  private static let model = Fixture.path("models/base")
  private static let weights = Fixture.path("models/base/model.safetensors")
  /// A task of choices, of which none is generated.
  private static let zeroShot = [
    "zero-shot", Fixture.path("kjv-gpt2"), "--task", Fixture.path("zero-shot/cloze.jsonl"), "--template",
    "childrens-books",
  ]
  private static let story = Fixture.packagePath("README.md")

  @Test(
    arguments: [
      ["convert", weights, "o.safetensors", "--compress"],
      ["convert", weights, "o.gguf", "--dialect", "keep", "--compress"],
      ["convert", weights, "o.ingot", "--npy-bits"], ["convert", weights, "o.npz", "--digests", "sha256"],
      ["convert", weights, "o.npz", "--on-overflow", "saturate"],
      ["convert", weights, "o.npz", "--config", "\(model)/config.json"],
      ["convert", weights, "o.gguf", "--dialect", "keep", "--config", "\(model)/config.json"],
      ["convert", weights, "o.npz", "--from", "model.safetensors"],
      ["convert", weights, "o.npz", "--npy-dtype", "*=BF16"],
      ["convert", weights, "o.npz", "--include", "*", "--exclude", "*"],
      ["convert", weights, "o.npz", "--include", "*ln_1*", "--exclude", "*ln_2*"],
      ["convert", weights, "o.npz", "--include", "wte"],
      ["convert", weights, "o.npz", "--rename", "*wte*=a*", "--rename", "*wte.w*=b*"],
      ["convert", model, "o.npz", "--dialect", "openai", "--untie", "--tie"],
      ["convert", model, "o.npz", "--model-parallel", "2"],
      ["convert", model, "o/", "--for", "meta", "--model-parallel", "0"],
      ["convert", model, "o/", "--for", "meta", "--embedding-cut", "rows"],
      ["inspect", weights, "--from", "x"], ["inspect", weights, "--jobs", "2"],
      ["inspect", weights, "--security", "--hash"],
      ["inspect", weights, "*", "--security"], ["inspect", weights, "--security", "--stats"],
      ["inspect", weights, "--npy-dtype", "w=F8_E5M2"],
      ["hash", weights, "--config", "\(model)/config.json"], ["hash", weights, "--from", "x"],
      ["diff", weights, weights, "--dialect", "keep", "--config", "\(model)/config.json"],
      ["diff", weights, weights, "--from", "x"],
      ["graph", model, "--format", "dot", "--json"],
      ["eval", model, "--tokens", "1,2,3", "--stride", "100000"],
      ["eval", model, "--tokens", "1,2,3", "--stride", "0"],
      ["eval", model, "--tokens", "1,2,3", "--per-token"],
      ["eval", model, "--tokens", "1,2,3", "--against", model, "--min-top1", "99"],
      ["eval", model, "--tokens", "1,2,3", "--against", model, "--max-kl", "nan"],
      ["verify", model, "--against", model, "--tokens", "1,2", "--seed", "3"],
      ["verify", model, "--fixtures", "\(model)/expected.safetensors", "--seed", "3"],
      ["verify", model, "--fixtures", "\(model)/expected.safetensors", "--against", model, "--tokens", "1"],
      [
        "verify", model, "--fixtures", "\(model)/expected.safetensors", "--nodes", "--precision", "reference",
      ],
      ["quantize", model, "o.ingot", "--scheme", "keep"],
      ["quantize", model, "o.ingot", "--npy-bits"],
      ["quantize", model, "-", "--to", "ingot", "--measure", "\(model)/config.json"],
      ["quantize", model, "o.ingot", "--on-overflow", "infinity"],
      ["generate", model, "--tokens", "1", "--cache", "f16", "--precision", "reference"],
      ["quantize", model, "o.ingot", "--on-overflow", "saturate"], ["quantize", model, "o.ingot", "--tie"],
      ["eval", model, "--tokens", "1,2,3", "--tie"], ["generate", model, "--tokens", "1", "--tie"],
      ["verify", model, "--against", model, "--tie"], ["hash", model, "--as", "gguf", "--tie"],
      ["record", model, "--tokens", "1,2", "-o", "f.npz", "--tie"],
      ["eval", model, "--tokens", "1,2,3", "--precision", "w8a8"],
      ["verify", model, "--against", model, "--precision", "w8a8"],
      ["record", model, "--tokens", "1,2", "-o", "f.npz", "--precision", "w8a8"],
      ["generate", model, "--tokens", "1", "--precision", "w8a8"],
      ["quantize", model, "o.ingot", "--rule", "wte=keep"],
      ["quantize", model, "o.ingot", "--rule", "no such*=int8"],
      ["quantize", model, "o.ingot", "--rule", "*wte*=keep", "--rule", "*=int8"],
      ["edit", weights, "--remove", "nokey"],
      ["report", model, "-o", "o.html", "--stride", "5"], ["report", model, "-o", "o.html", "--tie"],
      ["report", model, "-o", "o.html", "--precision", "reference"],
      ["report", model, "-o", "o.html", "--text", "a", "--tokens", "1,2"],
      ["report", weights, "-o", "o.html", "--from", "x"],
      ["edit", weights, "--set", "a=b", "--remove", "nokey*", "--plan"],
      ["corpus", story, "--exact-only", "--threshold", "0.9"],
      ["corpus", story, "--exact-only", "--hash", "sha1"], ["corpus", story, "--separator", "x"],
      ["corpus", story, "-o", "o.jsonl", "--separator", "x"], ["corpus", story, "--force"],
      ["corpus", story, "--to", "text"], ["corpus", story, "--from", "text", "--field", "x"],
      ["sensitivity", model, "--tokens", "1,2,3", "--force"],
      zeroShot + ["--seed", "0"], zeroShot + ["--seed", "7"], zeroShot + ["--temperature", "0.5"],
      zeroShot + ["--top-k", "3"], zeroShot + ["--top-p", "0.5"], zeroShot + ["--min-p", "0.1"],
      zeroShot + ["--repetition-penalty", "1.5"], zeroShot + ["--max-tokens", "9"],
      ["tokenize", Fixture.path("kjv-gpt2"), story, "--from", "nosuch"],
      ["tokenize", Fixture.path("kjv-gpt2"), story, "--npy-dtype", "*=BF16"],
    ])
  func `an option without effect is 64`(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == 64, "\(result.command): \(result.standardError)")
    #expect(result.outputBytes.isEmpty)
    #expect(folder.entries().isEmpty)
  }

  @Test func `the reason says what would match`() throws {
    let folder = try TemporaryFolder()
    for arguments in [
      ["quantize", Self.model, folder.file("o.ingot"), "--rule", "wte=keep"],
      ["convert", Self.weights, folder.file("o.npz"), "--include", "wte"], ["inspect", Self.weights, "wte"],
      ["inspect", Self.weights, "wte*"],
    ] {
      let result = try IngotProgram.process(arguments).run()
      #expect(result.firstErrorLine.contains("\"*wte*\" matches 1"), "\(result.standardError)")
    }
  }

  @Test func `what would match is counted by names, of which two checkpoints have one`() throws {
    let result = try IngotProgram.run("diff", Self.weights, Self.weights, "--include", "wte")
    #expect(result.exitCode == 64)
    #expect(result.firstErrorLine.contains("\"*wte*\" matches 1"), "\(result.standardError)")
  }

  @Test(arguments: ["transformer.h.{0…9}.ln_1=y", "*.h.?.ln_1.bias=*.y"])
  func `a rule of renaming is not told of patterns that it does not take`(rule: String) throws {
    let folder = try TemporaryFolder()
    let result = try IngotProgram.run("convert", Self.weights, folder.file("o.npz"), "--rename", rule)
    #expect(result.exitCode == 64)
    #expect(
      result.firstErrorLine.hasSuffix("matches no tensor; --rename takes * only, no ? and no braces"),
      "\(result.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test func `an option of one value that is given twice is 64, in whatever command`() throws {
    let folder = try TemporaryFolder()
    for (arguments, option) in [
      (["inspect", Self.weights, "--from", "a", "--from=b"], "--from"),
      (["convert", Self.weights, folder.file("o.npz"), "--to", "npz", "--to", "npz"], "--to"),
      (
        ["record", Self.model, "--tokens", "1,2", "-o", folder.file("a.npz"), "-o", folder.file("b.npz")],
        "-o"
      ),
      (["report", Self.model, "-o", folder.file("a.html"), "--output", folder.file("b.html")], "-o"),
      (["eval", Self.model, "--tokens", "1,2", "--tokens", "3,4"], "--tokens"),
    ] {
      let result = try IngotProgram.process(arguments).run()
      #expect(result.exitCode == 64, "\(result.command)")
      #expect(
        result.firstErrorLine == "ingot: \(option) takes one value, and is given twice.",
        "\(result.command): \(result.standardError)")
    }
    let diff = try IngotProgram.run("diff", Self.weights, Self.weights, "--from", "x", "--from", "y")
    #expect(diff.exitCode == 64)
    #expect(
      diff.firstErrorLine.hasSuffix("given twice; the second's is --second-from."), "\(diff.standardError)")
    #expect(folder.entries().isEmpty)
    // Flags and options of many values are not meant, and nothing behind the mark that ends options.
    for arguments in [
      ["inspect", Self.weights, "--all", "--all"],
      ["inspect", Self.weights, "--include", "*wte*", "--include", "*wpe*"],
      ["hash", "--color", "never", "--", Self.weights],
      ["inspect", "--color", "always", Self.weights, "--color", "never"],
    ] {
      let result = try IngotProgram.process(arguments).run()
      #expect(result.exitCode == 0, "\(result.command): \(result.standardError)")
    }
  }

  @Test func `a pattern with a slip in it is told the name that it is like`() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("o.npz")
    for (arguments, name) in [
      (["inspect", Self.weights, "transformer.wte.wieght"], "transformer.wte.weight"),
      (["inspect", Self.weights, "--include", "*.wte.wieght"], "transformer.wte.weight"),
      (["show", Self.weights, "transformer.wpe.weigth[:1]"], "transformer.wpe.weight"),
      (
        ["diff", Self.weights, Self.weights, "--exclude", "transformer.h.?.ln_1.biass"],
        "transformer.h.0.ln_1.bias"
      ),
      (
        ["convert", Self.weights, output, "--include", "transformer.h.{0…9}.ln_1.biaz"],
        "transformer.h.0.ln_1.bias"
      ),
      (["convert", Self.weights, output, "--dtype", "transformer.wte.weigt=f16"], "transformer.wte.weight"),
      (["convert", Self.weights, output, "--rename", "transfomer.wte.weight=w"], "transformer.wte.weight"),
      (["quantize", Self.model, output, "--rule", "transformer.wte.weihgt=keep"], "transformer.wte.weight"),
    ] {
      let result = try IngotProgram.process(arguments).run()
      #expect(result.exitCode == 64, "\(result.command)")
      #expect(
        result.firstErrorLine.contains("; did you mean \"\(name)\"?"),
        "\(result.command): \(result.standardError)")
    }
    #expect(folder.entries().isEmpty)
  }

  @Test func `--tie and --untie want a head to act on`() throws {
    let folder = try TemporaryFolder()
    #expect(try IngotProgram.run("convert", Self.model, folder.file("u/"), "--untie").exitCode == 0)
    #expect(try IngotProgram.run("convert", folder.file("u"), folder.file("v/"), "--untie").exitCode == 64)
    #expect(try IngotProgram.run("convert", folder.file("u"), folder.file("t/"), "--tie").exitCode == 0)
    #expect(try IngotProgram.run("convert", folder.file("t"), folder.file("w/"), "--tie").exitCode == 64)
    // Without a model to be recognised nothing is tied but what the file itself says.
    #expect(try IngotProgram.run("convert", Self.weights, folder.file("x.npz"), "--tie").exitCode != 0)
  }

  @Test func `quantize wants a head to act on, too`() throws {
    let folder = try TemporaryFolder()
    #expect(try IngotProgram.run("convert", Self.model, folder.file("own/"), "--untie").exitCode == 0)
    for (option, why) in [
      ("--tie", "is for a change of dialect"), ("--untie", "no head or other tensor is tied"),
    ] {
      let result = try IngotProgram.run("quantize", folder.file("own"), folder.file("q.ingot"), option)
      #expect(result.exitCode == 64)
      #expect(
        result.firstErrorLine.contains(option) && result.firstErrorLine.contains(why), "\(result.command)")
    }
    #expect(!folder.entries().contains { $0.hasPrefix("q") })
  }

  @Test func `--config is the baseline's too, where it has none of its own`() throws {
    let folder = try TemporaryFolder()
    let bare = folder.file("bare.safetensors")
    try FileManager.default.copyItem(atPath: Self.weights, toPath: bare)
    for arguments in [["eval", Self.model, "--tokens", "1,2,3"], ["verify", Self.model, "--seed", "1"]] {
      let with = try IngotProgram.process(
        arguments + ["--against", bare, "--config", "\(Self.model)/config.json"]
      ).run()
      #expect(with.exitCode == 0, "\(with.standardError)")
      #expect(try IngotProgram.process(arguments + ["--against", bare]).run().exitCode == 66)
      // Its own comes first: with the other's number of heads the outputs would differ.
      let other = folder.file("other.json")
      try folder.write(
        String(contentsOfFile: "\(Self.model)/config.json", encoding: .utf8)
          .replacing(#/"n_head": \d+/#, with: #""n_head": 1"#), to: "other.json")
      let own = try IngotProgram.process(
        arguments + ["--against", Self.model, "--config", other, "--json"]
      ).run()
      #expect(own.exitCode == (arguments[0] == "verify" ? 1 : 0), "\(own.standardError)")
      #expect(!own.standardOutput.contains("\"mean\": 0,"))
    }
  }

  // MARK: - Rules of quantize

  @Test(arguments: ["*ln_1.weight=int8", "*bias=q8_0", "*wpe*=int8"])
  func `a rule whose tensors can't be quantized is 65`(rule: String) throws {
    let folder = try TemporaryFolder()
    let result = try IngotProgram.run("quantize", Self.model, folder.file("o.ingot"), "--rule", rule)
    #expect(result.exitCode == 65, "\(result.standardError)")
    #expect(result.firstErrorLine.contains("positions, norms, biases and buffers are not quantized"))
    #expect(folder.entries().isEmpty)
  }

  @Test func `of a rule's tensors, those that keep their type are named`() throws {
    let folder = try TemporaryFolder()
    let result = try IngotProgram.run(
      "quantize", Self.model, folder.file("o.ingot"), "--json", "--rule", "*h.0.*=int8-tensor")
    #expect(result.exitCode == 0, "\(result.standardError)")
    try PythonPeer.run(
      code: """
        import json, sys
        from safetensors import safe_open
        report = json.loads(sys.argv[2])
        kept = {x["tensor"] for x in report["losses"] if x["kind"] == "kept"}
        small = {x["name"] for x in report["tensors"]}
        with safe_open(sys.argv[1], "np") as file:
            block = {n for n in file.keys() if "h.0." in n}
        assert block and kept == block - small, (kept, block - small)
        """, [Self.weights, result.standardOutput])
  }

  @Test func `a rule matches the names of the output too, which the table shows`() throws {
    let folder = try TemporaryFolder()
    let config =
      #"{"model_type": "gpt2", "n_embd": 64, "n_layer": 1, "n_head": 4, "n_positions": 16, "vocab_size": 96}"#
    try folder.write(config, to: "c.json")
    #expect(
      try IngotProgram.run("init", "gpt2", "--config", folder.file("c.json"), folder.file("m/")).exitCode == 0
    )
    for rule in ["token_embd.weight=keep", "*wte.weight=keep"] {
      let result = try IngotProgram.run(
        "quantize", folder.file("m"), folder.file("\(rule.prefix(2)).gguf"), "--scheme", "q8_0", "--rule",
        rule, "--json")
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(!result.standardOutput.contains("\"name\": \"token_embd.weight\""))
      #expect(result.standardOutput.contains("\"name\": \"blk.0.attn_qkv.weight\""))
    }
  }

  @Test func `a model that is quantized already is refused, and one that is so in part is named`() throws {
    let folder = try TemporaryFolder()
    #expect(try IngotProgram.run("quantize", Self.model, folder.file("q.ingot")).exitCode == 0)
    let again = try IngotProgram.run(
      "quantize", folder.file("q.ingot"), folder.file("o.ingot"), "--scheme", "q8_0")
    #expect(again.exitCode == 65 && again.standardError.contains("already"), "\(again.standardError)")
    #expect(
      try IngotProgram.run("quantize", Self.model, folder.file("p.ingot"), "--rule", "*wte*=keep").exitCode
        == 0)
    let rest = try IngotProgram.run("quantize", folder.file("p.ingot"), folder.file("o.ingot"), "--json")
    #expect(rest.exitCode == 0, "\(rest.standardError)")
    #expect(rest.standardOutput.contains("\"kind\": \"kept\""))
    #expect(rest.standardOutput.contains("not int8: it is quantized already"))
  }

  // MARK: - Names that tables show

  @Test func `folded names of a table are patterns`() throws {
    let table = try IngotProgram.run("inspect", Self.weights)
    let names = table.standardOutput.split(separator: "\n").compactMap { line in
      line.split(separator: " ").first { $0.contains("{") }.map(String.init)
    }
    #expect(!names.isEmpty)
    for name in names {
      let result = try IngotProgram.run("inspect", Self.weights, name)
      #expect(result.exitCode == 0 && result.standardOutput.contains(name), "\(name)")
    }
  }

  @Test func `--npy-dtype has to name raw bytes, and --from something to choose from`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        np.savez(sys.argv[1] + "/a.npz", raw=np.zeros(3, "V2"), plain=np.zeros(3, "f4"))
        np.savez(sys.argv[1] + "/b.npz", plain=np.zeros(3, "f4"))
        """, [folder.path])
    func code(_ arguments: String...) throws -> Int32 {
      try IngotProgram.process(["inspect"] + arguments).run().exitCode ?? -1
    }
    let a = folder.file("a.npz")
    #expect(try code(a, "--npy-dtype", "raw=BF16") == 0)
    #expect(try code(a, "--npy-dtype", "*=BF16") == 0)
    #expect(try code(a, "--npy-dtype", "raw=BF16", "--npy-dtype", "gone=BF16") == 64)
    #expect(try code(a, "--npy-dtype", "raw=BF16", "--npy-dtype", "plain=F16") == 64)
    #expect(try code(folder.path, "--from", "b.npz") == 0)
    let pair = try IngotProgram.run("diff", folder.path, folder.file("b.npz"), "--from", "b.npz")
    #expect(pair.exitCode == 0, "\(pair.standardError)")
  }
}
