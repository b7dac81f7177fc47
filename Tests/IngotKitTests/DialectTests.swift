// SPDX-License-Identifier: Apache-2.0
// One model in every dialect, written by numpy: recognised, computed, and made from each other with equal digests.
import Foundation
import IngotDialects
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct DialectTests {
  static let ids = ["hf", "openai", "gguf", "llmc", "mlx", "nanogpt"]

  /// The folder that numpy wrote.
  static func golden(_ id: String) -> String { Fixture.path("dialects/" + id) }

  /// The model that a dialect's golden folder holds.
  static func source(_ id: String) -> String {
    Fixture.path("models/" + (id == "nanogpt" ? "activation-gelu" : "base"))
  }

  static func digests(_ path: String, as dialect: String? = nil, config: String? = nil) throws -> [String] {
    var options = HashOptions()
    options.dialect = dialect
    options.config = config
    return try Ingot.hash(path, options: options).tensors.map(\.line)
  }

  @discardableResult
  static func convert(_ input: String, _ output: String, to dialect: String) throws -> ConversionReport {
    var options = ConvertOptions()
    options.dialect = dialect
    options.check = true
    return try Conversion(input, to: output, options: options).run()
  }

  @Test(arguments: ids)
  func `is recognised, and holds the same parameters as in transformers' names`(_ id: String) throws {
    let model = try Model(Self.golden(id))
    #expect(model.recognised.dialect.id == id)
    #expect(try Ingot.validate(Self.golden(id)).isValid)
    #expect(try Self.digests(Self.golden(id), as: "hf") == Self.digests(Self.source(id), as: "hf"))
  }

  @Test(arguments: ids)
  func `is written as numpy wrote it, and back`(_ id: String) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.source(id), folder.file("there/"), to: id)
    #expect(try Self.digests(folder.file("there/")) == Self.digests(Self.golden(id)))
    try Self.convert(folder.file("there/"), folder.file("back/"), to: "hf")
    #expect(try Self.digests(folder.file("back/")) == Self.digests(Self.source(id)))
    let configs = try [folder.file("back/"), Self.source(id)].map {
      try Model($0).recognised.configuration.config
    }
    #expect(configs[0] == configs[1])
  }

  @Test(arguments: ids.filter { $0 != "nanogpt" }, ids.filter { $0 != "nanogpt" })
  func `goes to every other dialect and back with equal digests`(_ first: String, _ second: String) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden(first), folder.file("there/"), to: second)
    #expect(try Self.digests(folder.file("there/")) == Self.digests(Self.golden(second)))
    try Self.convert(folder.file("there/"), folder.file("back/"), to: first)
    #expect(try Self.digests(folder.file("back/")) == Self.digests(Self.golden(first)))
  }

  @Test(arguments: ids, [Precision.reference, .fp32])
  func `computes what two outside implementations compute`(_ id: String, _ precision: Precision) throws {
    var options = VerifyOptions()
    let source = Self.source(id)
    options.fixtures = source + "/expected.safetensors"
    options.run.precision = precision
    #expect(try Ingot.verify(Self.golden(id), options: options).passed)
  }

  @Test(arguments: ids)
  func `kjv-gpt2 goes through every dialect that can express it`(_ id: String) throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("kjv-gpt2")
    guard id != "nanogpt" else {
      #expect(throws: IngotError.self) { try Self.convert(model, folder.file("there/"), to: id) }
      #expect(folder.entries().isEmpty)
      return
    }
    try Self.convert(model, folder.file("there.ingot"), to: id)
    let config = id == "openai" ? nil : model + "/config.json"
    #expect(try Self.digests(folder.file("there.ingot"), as: "hf", config: config) == Self.digests(model))
    var options = VerifyOptions()
    options.fixtures = model + "/expected.npz"
    #expect(try Ingot.verify(folder.file("there.ingot"), options: options).passed)
  }

  @Test(
    arguments: [
      ("untied", "openai", "tie_word_embeddings"), ("untied", "mlx", "tie_word_embeddings"),
      ("untied", "llmc", "tie_word_embeddings"), ("epsilon", "openai", "layer_norm_epsilon"),
      ("epsilon", "llmc", "layer_norm_epsilon"), ("inner-40", "mlx", "n_inner"),
      ("unscaled", "gguf", "scale_attn_weights"),
      ("scaled-by-block", "mlx", "scale_attn_by_inverse_layer_idx"),
      ("activation-relu", "gguf", "activation_function"), ("base", "nanogpt", "activation_function"),
    ] as [(String, String, String)])
  func `a model that the program can't express is refused by the key`(
    _ model: String, _ id: String, _ key: String
  ) throws {
    let folder = try TemporaryFolder()
    let run = try IngotProgram.run(
      "convert", Fixture.path("models/" + model), folder.file("out/"), "--dialect", id)
    #expect(run.exitCode == 65)
    #expect(run.standardError.contains(key))
    #expect(folder.entries().isEmpty)
  }

  @Test func `buffers and copies of the head are left out, and said`() throws {
    let folder = try TemporaryFolder()
    let buffers = try Self.convert(
      Fixture.path("models/mask-buffers"), folder.file("a.safetensors"), to: "gguf")
    #expect(buffers.losses.filter { $0.kind == .dropped }.count == 4)
    #expect(buffers.transposedCount == 8)
    let head = try Self.convert(Fixture.path("models/stored-head"), folder.file("b.safetensors"), to: "mlx")
    #expect(head.losses.filter { $0.kind == .dropped }.map(\.tensor) == ["lm_head.weight"])
  }

  @Test func `a head is untied and tied again`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.head = .untie
    let source = Self.source("hf")
    _ = try Conversion(source, to: folder.file("untied/"), options: options).run()
    let untied = try Model(folder.file("untied/"))
    #expect(!untied.recognised.configuration.config.tiesHead)
    #expect(untied.checkpoint.tensors.count == 29)
    options.head = .tie
    _ = try Conversion(folder.file("untied/"), to: folder.file("tied/"), options: options).run()
    #expect(try Self.digests(folder.file("tied/")) == Self.digests(source))
    #expect(try Model(folder.file("tied/")).recognised.configuration.config.tiesHead)
    let other = Fixture.path("models/untied")
    #expect(throws: IngotError.self) {
      try Conversion(other, to: folder.file("other/"), options: options)
    }
  }

  @Test func `tensors get other names, and no two the same`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.renames = [
      try TensorRename("transformer.h.*.attn.*=block/*/attention/*"), try TensorRename("transformer.*=*"),
    ]
    _ = try Conversion(Self.source("hf"), to: folder.file("a.safetensors"), options: options).run()
    let names = try Ingot.inspect(folder.file("a.safetensors")).checkpoint.tensors.map(\.name)
    #expect(names.contains("block/1/attention/c_attn.weight") && names.contains("h.0.ln_1.bias"))
    #expect(!names.contains { $0.hasPrefix("transformer.") })
    options.renames = [try TensorRename("*.weight=w")]
    #expect(throws: IngotError.self) {
      try Conversion(Self.source("hf"), to: folder.file("b.safetensors"), options: options)
    }
    for rule in ["no-equals", "=x", "a=*", "a="] {
      #expect(throws: IngotError.self) { try TensorRename(rule) }
    }
  }

  @Test func `quantized weights keep their scales when they are turned`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: folder.file("int8/"))
    try Self.convert(folder.file("int8/"), folder.file("turned/"), to: "mlx")
    _ = try Self.convert(Fixture.path("kjv-gpt2"), folder.file("mlx/"), to: "mlx")
    _ = try Ingot.quantize(folder.file("mlx/"), to: folder.file("again/"))
    #expect(try Self.digests(folder.file("turned/")) == Self.digests(folder.file("again/")))
  }

  @Test func `llm.c's own format gets its dialect and its numbers, and they come back`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.format = "llmc"
    let model = Fixture.path("kjv-gpt2")
    _ = try Conversion(model, to: folder.file("model.bin"), options: options).run()
    #expect(try Self.digests(folder.file("model.bin"), as: "hf") == Self.digests(model))
    try Self.convert(folder.file("model.bin"), folder.file("back/"), to: "hf")
    #expect(
      try Model(folder.file("back/")).recognised.configuration.config
        == Model(model).recognised.configuration.config)
  }
}

/// Models across dialects: compared by what parameters are for, and made for programs in one word.
@Suite struct DialectCommandTests {
  @Test(arguments: DialectTests.ids.filter { $0 != "nanogpt" })
  func `two dialects of one model have no difference`(_ id: String) throws {
    let report = try Ingot.diff(DialectTests.source(id), DialectTests.golden(id))
    #expect(report.isEqual && report.equalCount == 28)
    #expect(report.matching?.dialects.1 == (id == "hf" ? nil : id))
    #expect(report.matching?.transposedCount ?? 0 == (["gguf", "llmc", "mlx"].contains(id) ? 8 : 0))
    var options = DiffOptions()
    options.dialect = "keep"
    #expect(
      try Ingot.diff(DialectTests.source(id), DialectTests.golden(id), options: options).isEqual
        == (id == "hf"))
  }

  @Test func `a parameter that differs is named, in the names asked for`() throws {
    var options = DiffOptions()
    options.dialect = "openai"
    options.config = DialectTests.source("hf") + "/config.json"
    let other = Fixture.path("models/labels")
    let report = try Ingot.diff(other, DialectTests.golden("gguf"), options: options)
    #expect(!report.isEqual && report.changed.contains { $0.name == "model/h0/attn/c_attn/w" })
    let buffers = try Ingot.diff(Fixture.path("models/mask-buffers"), DialectTests.golden("hf"))
    #expect(buffers.matching?.ignored.0.count == 4)
  }

  @Test(
    arguments: TargetProgram.allCases.filter { Dialect.named($0.dialect, architecture: "gpt2") != nil })
  func `what a program loads is made by its name`(_ program: TargetProgram) throws {
    let folder = try TemporaryFolder()
    let source = DialectTests.source(program == .nanoGPT ? "nanogpt" : "hf")
    let name =
      program.wantsFolder ? "out" : "out." + (program == .numpy ? "npz" : program == .llmc ? "bin" : "x")
    let run = try IngotProgram.run("convert", source, folder.file(name), "--for", program.rawValue)
    #expect(run.exitCode == 0, "\(run.standardError)")
    let config = program == .numpy ? source + "/config.json" : nil
    #expect(
      try DialectTests.digests(folder.file(name), as: "hf", config: config)
        == DialectTests.digests(source, as: "hf"))
    let clash = try IngotProgram.run(
      "convert", source, folder.file("other/"), "--for", program.rawValue, "--to", "npy")
    #expect(clash.exitCode == 64)
    var options = ConvertOptions()
    options.program = program
    guard program.wantsFolder else { return }
    #expect {
      try Ingot.convert(source, to: folder.file("file.npz"), options: options)
    } throws: {
      guard case .invalidRequest(.program, let why)? = $0 as? IngotError else { return false }
      return "\(why)".contains("name a folder, such as")
    }
    #expect(!folder.entries().contains { $0.hasPrefix("file") })
  }
}
