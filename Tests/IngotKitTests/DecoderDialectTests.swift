// SPDX-License-Identifier: Apache-2.0
// Llama and Mistral in other programs' files: against what the programs themselves wrote (fixtures/llama-golden), and from
// each form to every other and back.
import Foundation
import IngotDialects
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct DecoderDialectTests {
  /// Models that differ in what a config says or in what is stored.
  static let models = Fixture.models.filter { name in
    ["llama/", "mistral/", "qwen2/", "qwen3/"].contains { name.hasPrefix($0) }
  }
  /// Folders with what llama.cpp's converter made of the model beside it.
  static let converted = ["biases-linear", "grouped", "llama3", "mistral-window", "yarn"]

  static func golden(_ name: String) -> String { Fixture.path("llama-golden/\(name)") }

  private static func convert(
    _ input: String, to output: String, _ program: TargetProgram, dtype: DType? = nil
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    (options.program, options.dtype, options.check) = (program, dtype, true)
    return try Ingot.convert(input, to: output, options: options)
  }

  static func config(_ path: String) throws -> ModelConfig {
    try Model(path).recognised.configuration.config
  }

  /// The key that a program has no arithmetic for; `nil` where it has all.
  private static func refusal(of model: String, by program: TargetProgram) throws -> String? {
    let config = try config(Fixture.path(model))
    if config.activation != .silu { return "hidden_act" }
    switch config[.rotary].scaling {
    case .dynamic, .longrope: return "rope_scaling"
    case .yarn(let yarn):
      if !yarn.truncates { return "rope_scaling.truncate" }
      if program == .llamaCpp, yarn.fast != 32 || yarn.slow != 1 { return "rope_scaling.beta" }
      if program == .mlx, yarn.attentionFactor != nil { return "rope_scaling.attention_factor" }
      if program == .mlx, yarn.factor == nil { return "rope_scaling.factor" }
      if program == .mlx, (yarn.mscale == nil) != (yarn.mscaleAllDimensions == nil) {
        return "rope_scaling.mscale"
      }
    case .none, .linear, .llama3, .divisors: break
    }
    if model.hasPrefix("qwen3/"), config[.attentionBias] { return "attention_bias" }
    if model.hasPrefix("qwen2/"), config.headDimension * config.headCount != config.width {
      return "head_dim"
    }
    return config[.head] == "language" ? nil : "architectures"
  }

  @Test(arguments: models, [TargetProgram.llamaCpp, .mlx, .numpy])
  func `goes to a program and back, or is refused by the key`(_ model: String, _ program: TargetProgram)
    throws
  {
    let (source, folder) = (Fixture.path(model), try TemporaryFolder())
    let there = folder.file(program == .llamaCpp ? "model.gguf" : program == .numpy ? "model.npz" : "there/")
    if program != .numpy, let key = try Self.refusal(of: model, by: program) {
      let error = #expect(throws: IngotError.self) { try Self.convert(source, to: there, program) }
      guard case .unrepresentable(_, _, let why, _)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect("\(why)".contains(key), "\(why)")
      #expect(folder.entries().isEmpty)
      return
    }
    let report = try Self.convert(source, to: there, program)
    guard program != .numpy else { return }
    let config = try Self.config(source)
    let says = report.losses.filter { $0.kind == .readers }.map { "\($0.detail)" }
    #expect(says.contains { $0.contains("sliding_window") } == (config[.window] != 0 && config[.usesWindow]))
    let digests = try DialectTests.digests(source, as: "hf")
    #expect(try DialectTests.digests(there, as: "hf") == digests)
    #expect(try Self.config(there) == config)
    _ = try Self.convert(there, to: folder.file("back/"), .transformers)
    #expect(try DialectTests.digests(folder.file("back"), as: "hf") == digests)
    #expect(try Self.config(folder.file("back")) == config)
    // What was written is what is computed: rows that are turned together stand otherwise in it.
    var options = VerifyOptions()
    options.fixtures = source + "/expected.safetensors"
    options.run.precision = .reference
    #expect(try Ingot.verify(there, options: options).passed)
  }

  // MARK: - llama.cpp

  @Test(arguments: converted)
  func `its converter's file has the same tensors, but for roundings of divisors`(_ name: String) throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.golden(name) + "/hf", to: folder.file("model.gguf"), .llamaCpp)
    let theirs = Self.golden(name) + "/llama.cpp.gguf"
    var options = DiffOptions()
    // It makes the divisors of frequencies in F32.
    options.tolerance = name == "llama3" ? 1e-6 : nil
    #expect(try Ingot.diff(folder.file("model.gguf"), theirs, options: options).isEqual)
    #expect(
      try DialectTests.digests(Self.golden(name) + "/hf", as: "hf") == DialectTests.digests(theirs, as: "hf"))
  }

  @Test func `in half precision too`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(
      Self.golden("grouped") + "/hf", to: folder.file("model.gguf"), .llamaCpp, dtype: .f16)
    let theirs = Self.golden("grouped") + "/llama.cpp.f16.gguf"
    #expect(try DialectTests.digests(folder.file("model.gguf")) == DialectTests.digests(theirs))
  }

  @Test(arguments: converted)
  func `its keys are ours, and the config comes back`(_ name: String) throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.golden(name) + "/hf", to: folder.file("model.gguf"), .llamaCpp)
    let ours = try Model(folder.file("model.gguf")).checkpoint.metadata
    let theirs = try Model(Self.golden(name) + "/llama.cpp.gguf").checkpoint.metadata
    // What says nothing of the model's arithmetic or tokens: a name, kinds, and what quantizing would need.
    let others = ["general.name", "general.size_label", "general.type", "general.quantization_version"]
    for entry in theirs.entries where !others.contains(entry.key) {
      #expect(ours[entry.key]?.elements ?? [] == entry.value.elements ?? [], "\(entry.key)")
      if entry.value.elements == nil { #expect(ours[entry.key] == entry.value, "\(entry.key)") }
    }
    var expected = try Self.config(Self.golden(name) + "/hf")
    // Its files have no window, and of this model's scaling the divisors alone.
    expected[.window] = 0
    if name == "llama3" { return }
    #expect(try Self.config(Self.golden(name) + "/llama.cpp.gguf") == Self.resolved(expected))
  }

  /// A config as a file says it that resolves a formula's number.
  private static func resolved(_ config: ModelConfig) -> ModelConfig {
    var config = config
    if case .yarn(var yarn) = config[.rotary].scaling {
      yarn.factor = yarn.factor ?? Double(config.contextLength) / Double(yarn.original)
      config[.rotary].scaling = .yarn(yarn)
    }
    return config
  }

  @Test func `divisors that no published scaling makes are computed with, and go nowhere else`() throws {
    let folder = try TemporaryFolder()
    let source = Self.golden("llama3")
    let theirs = source + "/llama.cpp.gguf"
    guard case .divisors(let divisors) = try Self.config(theirs)[.rotary].scaling else {
      Issue.record("a scaling is found")
      return
    }
    #expect(divisors.count == 8 && divisors[0] == 1 && divisors[7] == 8)
    #expect(abs(divisors[1] - 3.2995) < 1e-4)
    let error = #expect(throws: IngotError.self) {
      try Self.convert(theirs, to: folder.file("back/"), .transformers)
    }
    guard case .unrepresentable(_, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains("rope_scaling"))
    var options = VerifyOptions()
    options.against = source + "/hf"
    options.tokens = (0..<40).map(String.init).joined(separator: ",")
    // Divisors are F32 there.
    options.tolerance = 1e-6
    options.run.precision = .reference
    #expect(try Ingot.verify(theirs, options: options).passed)
  }

  @Test func `a file whose divisors are not the config's is refused`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.golden("llama3") + "/hf", to: folder.file("model.gguf"), .llamaCpp)
    let config = try Fixture.bytes("llama-golden/llama3/hf/config.json")
    let text = String(decoding: config, as: UTF8.self)
    for (old, new) in [("\"factor\": 8", "\"factor\": 4"), ("\"llama3\"", "\"linear\"")] {
      let other = try folder.write(Array(text.replacing(old, with: new).utf8), to: "config.json")
      #expect(text.contains(old))
      #expect(throws: IngotError.self) {
        var options = ValidateOptions()
        options.config = other
        _ = try Ingot.validate(folder.file("model.gguf"), options: options)
      }
    }
  }

  // MARK: - Tokenizers

  @Test(arguments: converted)
  func `the tokenizer goes along, and gives the same ids on each side`(_ name: String) throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.golden(name) + "/hf", to: folder.file("model.gguf"), .llamaCpp)
    _ = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    let text = "  The quick brown fox, é 漢 \u{1F600}\n\tends.  "
    let paths = [
      Self.golden(name) + "/hf", Self.golden(name) + "/llama.cpp.gguf", folder.file("model.gguf"),
      folder.file("back"),
    ]
    let ids = try paths.map { try Ingot.tokenize($0, text: Array(text.utf8)).ids }
    #expect(Set(ids).count == 1 && ids[0].count > 20)
  }
}
