// SPDX-License-Identifier: Apache-2.0
// What `ingot quantize` says where a stranger went wrong: names of other formats, rules without effect, numbers below 0, a disk
// without room, weights that a scheme has no scale for; and configs that name no model.
import Foundation
import IngotBytes
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizeRefusalTests {
  private static let model = Fixture.path("models/base")
  private static let llama = Fixture.path("llama/multi-head")

  private static func run(_ arguments: [String], in folder: TemporaryFolder) throws -> ProcessResult {
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    return try process.run()
  }

  private func expectRefusal(_ code: Int32, _ words: String..., arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(arguments, in: folder)
    #expect(run.exitCode == code, "\(arguments): \(run.standardError)")
    for word in words { #expect(run.standardError.contains(word), "\(arguments): \(run.standardError)") }
    #expect(folder.entries().isEmpty)
  }

  @Test(arguments: ["quantize", "convert"]) func `a name of another format is refused`(_ verb: String) throws
  {
    let source = Fixture.path("kjv-gpt2")
    for name in ["o.safetensors", "o.npz", "o.ingot"] {
      try expectRefusal(
        64, "llama.cpp reads gguf", name, arguments: [verb, source, name, "--for", "llama.cpp"])
    }
    let folder = try TemporaryFolder()
    for arguments in [["o.gguf"], ["o.q8"], ["o"], ["o.safetensors", "--to", "gguf"]] {
      let run = try Self.run([verb, source] + arguments + ["--for", "llama.cpp"], in: folder)
      #expect(run.exitCode == 0, "\(arguments): \(run.standardError)")
      #expect(try Ingot.inspect(folder.file(arguments[0])).checkpoint.format == "gguf")
    }
  }

  @Test func `an array's file has no place for a quantized tensor`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[1], np.ones((64, 64), 'f4'))",
      [folder.file("w.npy")])
    let run = try IngotProgram.run("quantize", "w.npy", "q.npy", in: folder.path)
    #expect(
      run.exitCode == 65 && run.standardError.contains("a quantized tensor is several"),
      "\(run.standardError)")
  }

  @Test(arguments: [
    ["quantize", model, "o.ingot", "--calibrate", "t", "--calibration-tokens", "-5"],
    ["quantize", model, "o.ingot", "--shard-size", "-5GB"],
    ["generate", model, "--tokens", "1", "--top-k", "-1"],
    ["generate", model, "--tokens", "1", "--temperature", "-.5"], ["hash", model, "--jobs", "-2"],
    ["verify", model, "--seed", "-7"], ["init", "gpt2", "o/", "--seed", "-7"],
  ])
  func `a number below 0 is named`(_ arguments: [String]) throws {
    let (option, value) = (arguments[arguments.count - 2], arguments[arguments.count - 1])
    try expectRefusal(64, "'\(value)' is invalid for '\(option)", arguments: arguments)
  }

  @Test func `an option without a value is still said to lack one`() throws {
    try expectRefusal(64, "Missing value for '--jobs", arguments: ["hash", Self.model, "--jobs"])
    try expectRefusal(64, "Missing value for '--jobs", arguments: ["hash", Self.model, "--jobs", "--json"])
  }

  @Test func `a rule that names only what a program keeps is refused`() throws {
    let start = ["quantize", Self.llama, "o/", "--for", "transformers", "--rule"]
    try expectRefusal(
      65, "embed_tokens", "embeddings and heads as they are", arguments: start + ["*embed*=int8"])
    try expectRefusal(65, "lm_head", "embeddings and heads as they are", arguments: start + ["lm_head*=int8"])
    let folder = try TemporaryFolder()
    // One that names others too has an effect on those.
    let run = try Self.run(
      ["quantize", Self.llama, "o/", "--for", "transformers", "--rule", "*=int8"], in: folder)
    #expect(run.exitCode == 0, "\(run.standardError)")
  }

  @Test(arguments: [
    ("gpt_oss/grouped", ["o.ingot", "--rule", "*experts*=keep"], "*experts*=keep"),
    ("gpt_oss/square-mxfp4", ["o.gguf", "--for", "llama.cpp"], "--for llama.cpp"),
    ("mixtral/all-experts", ["o.ingot"], "without --for makes int8"),
  ])
  func `what is said to work for experts does`(_ name: String, _ way: [String], _ words: String) throws {
    try expectRefusal(65, words, arguments: ["quantize", Fixture.path(name), "o/", "--for", "transformers"])
    let folder = try TemporaryFolder()
    let run = try Self.run(["quantize", Fixture.path(name)] + way, in: folder)
    #expect(run.exitCode == 0, "\(run.standardError)")
  }

  // MARK: - A disk without room

  /// A disk that has no room for any file of a size.
  private final class FullSystem: ForwardingSystem {
    private static let noSpace: Int32 = 28
    func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
      throw CallFailure(call: "fallocate", errorNumber: Self.noSpace)
    }
  }

  private final class Listener: ProgressObserver, @unchecked Sendable {
    private(set) var activities: [String] = []
    func begin(_ activity: String, count: Int, unit: ProgressUnit) { activities.append(activity) }
    func advance(_ count: Int) {}
    func end() {}
  }

  @Test func `a full disk is found before calibrating`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("kjv-gpt2")
    var options = QuantizeOptions()
    options.calibration = CalibrationOptions(source + "/heldout.npy")
    options.work.system = FullSystem()
    let listener = Listener()
    let error = #expect(throws: IngotError.self) {
      _ = try Ingot.quantize(source, to: folder.file("o.ingot"), options: options, progress: listener)
    }
    guard case .environment(let failure)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(failure.path == folder.path)
    #expect(!listener.activities.contains("calibrating"))
    #expect(folder.entries().isEmpty)
  }

  // MARK: - Weights below the range of scales

  private static let tiny = """
    import sys
    import numpy as np
    from safetensors.numpy import save_file
    w = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)
    save_file({"small": w * np.float32(sys.argv[2]), "usual": w}, sys.argv[1])
    """

  @Test(arguments: [
    ("1e-45", "int8"), ("1e-45", "int8-tensor"), ("1e-12", "int8-group:32"), ("1e-12", "q8_0"),
  ])
  func `weights that vanish are said to, by every scheme`(_ size: String, _ scheme: String) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.tiny, [folder.file("w.safetensors"), size])
    let run = try IngotProgram.run(
      "quantize", "w.safetensors", "q.ingot", "--scheme", scheme, "--json", in: folder.path)
    #expect(run.exitCode == 0, "\(run.standardError)")
    struct Report: Decodable {
      struct Line: Decodable { let kind: String, tensor: String?, detail: String }
      let losses: [Line]
    }
    let losses = try JSONDecoder().decode(Report.self, from: Data(run.standardOutput.utf8)).losses
    #expect(losses.filter { $0.detail.contains("became 0") }.map(\.tensor) == ["small"])
  }

  // MARK: - Configs that name no model

  @Test(arguments: [
    #"{"n_layer": 2, "n_embd": 64, "n_head": 4}"#,
    #"{"type_vocab_size": 2, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}"#,
  ])
  func `keys of a model that the tensors are not of make no model`(_ config: String) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("m"), withIntermediateDirectories: true)
    try PythonPeer.run(code: Self.tiny, [folder.file("m/model.safetensors"), "1"])
    _ = try folder.write(config, to: "m/config.json")
    let report = try Ingot.quantize(folder.file("m"), to: folder.file("q.ingot"))
    #expect(report.tensors.count == 2)
    #expect("\(try #require(report.unknownBecause))".contains("names no architecture"))
    // Where the names are its own it is that model.
    let model = try Ingot.quantize(Self.model, to: folder.file("known.ingot"))
    #expect(model.unknownBecause == nil)
  }

  // MARK: - int8 activations over weights in another program's folder

  @Test(arguments: ["llama/multi-head", "qwen2/grouped"])
  func `integers of a folder for transformers are summed as ours are`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path(name)
    var options = QuantizeOptions()
    (options.scheme, options.program) = (.int8Activations, .transformers)
    _ = try Ingot.quantize(source, to: folder.file("theirs/"), options: options)
    (options.scheme, options.program) = (.int8, nil)
    options.rules = ["*embed_tokens*", "lm_head*"].compactMap { pattern in
      // A tied head has no tensor of its own.
      pattern == "lm_head*" && name == "qwen2/tied" ? nil : (pattern: Glob(pattern), scheme: .keep)
    }
    _ = try Ingot.quantize(source, to: folder.file("ours.ingot"), options: options)
    func perplexity(_ path: String, _ precision: String) throws -> String {
      let run = try IngotProgram.run(
        "eval", path, "--tokens", "1,5,9,2,3,0,7,4", "--precision", precision, "--json", in: folder.path)
      #expect(run.exitCode == 0, "\(run.standardError)")
      struct Report: Decodable { let nll: Double }
      return "\(try JSONDecoder().decode(Report.self, from: Data(run.standardOutput.utf8)).nll)"
    }
    let exact = try perplexity("theirs", "auto")
    #expect(try perplexity("theirs", "w8a8") == perplexity("ours.ingot", "w8a8"))
    #expect(try perplexity("theirs", "w8a8") != exact)
    let run = try IngotProgram.run(
      "generate", "theirs", "--tokens", "1,5,9", "--max-tokens", "4", "--precision", "w8a8", in: folder.path)
    #expect(run.exitCode == 0, "\(run.standardError)")
  }
}
