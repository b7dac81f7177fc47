// SPDX-License-Identifier: Apache-2.0
// llama2.c's files through the verbs: against what its own export.py wrote of models in transformers' names beside
// (fixtures/llama-golden/llama2.c), there and back, quantized, computed with, and refused by the key.
import Foundation
import IngotCore
import IngotDialects
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct Llama2CFileTests {
  /// Models with as many heads of keys as of queries and with fewer, with a head of their own and without.
  static let names = ["multi-head", "grouped", "multi-head-untied", "grouped-untied"]

  private static func golden(_ name: String, _ file: String) -> String {
    Fixture.path("llama-golden/llama2.c/\(name)/\(file)")
  }

  @discardableResult
  private static func convert(
    _ input: String, to output: String, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    options.check = true
    change(&options)
    return try Ingot.convert(input, to: output, options: options)
  }

  private static func config(_ path: String) throws -> ModelConfig {
    try Model(path).recognised.configuration.config
  }

  private func expectUnrepresentable(_ word: String, _ body: () throws -> Void) {
    let error = #expect(throws: IngotError.self) { try body() }
    guard case .unrepresentable(_, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains(word), "\(why)")
  }

  // MARK: - What export.py wrote

  @Test(arguments: names, ["v0.bin", "v1.bin"])
  func `holds the parameters and the config of the model that it was made of`(
    _ name: String, _ file: String
  ) throws {
    let (theirs, source) = (Self.golden(name, file), Self.golden(name, "hf"))
    #expect(try Ingot.validate(theirs).isValid)
    #expect(try Model(theirs).recognised.dialect.id == "llama2c")
    #expect(try DialectTests.digests(theirs, as: "hf") == DialectTests.digests(source, as: "hf"))
    #expect(try Self.config(theirs) == Self.config(source))
  }

  @Test(arguments: names)
  func `version 1 is written byte for byte`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.golden(name, "hf"), to: folder.file("model.bin")) {
      $0.format = "llama2c"
    }
    #expect(try folder.bytes("model.bin") == Fixture.bytes("llama-golden/llama2.c/\(name)/v1.bin"))
    #expect(report.dialects?.to == "llama2c")
  }

  /// How far a cosine or sine may be from export.py's, in steps of F32: torch's own are within one of the nearest.
  private static let stepsOfTables = 1

  @Test(arguments: names)
  func `version 0 is what its program is given, byte for byte but for tables that it reads past`(
    _ name: String
  ) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden(name, "hf"), to: folder.file("model.bin")) {
      $0.program = .llama2c
    }
    let (ours, theirs) = try (
      folder.bytes("model.bin"), Fixture.bytes("llama-golden/llama2.c/\(name)/v0.bin")
    )
    let tables = try Model(Self.golden(name, "v0.bin")).checkpoint.tensors.filter {
      $0.name.hasPrefix("freq_cis")
    }.flatMap { $0.storage.segments.all }
    #expect(ours.count == theirs.count && tables.count == 2)
    let inTables = Set(tables.flatMap { $0.offset..<($0.offset + $0.byteCount) })
    #expect(ours.indices.allSatisfy { inTables.contains($0) || ours[$0] == theirs[$0] })
    for offset in inTables where offset % 4 == 0 {
      func bits(_ bytes: [UInt8]) -> Int {
        Int(
          (0..<4).reduce(Int32(0)) {
            $0 | Int32(truncatingIfNeeded: UInt32(bytes[offset + $1]) << UInt32(8 * $1))
          })
      }
      #expect(abs(bits(ours) - bits(theirs)) <= Self.stepsOfTables, "byte \(offset)")
    }
  }

  // MARK: - There and back

  @Test(arguments: names, ["v0.bin", "v1.bin"])
  func `goes to transformers' names and back`(_ name: String, _ file: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.golden(name, file), to: folder.file("hf/")) {
      $0.program = .transformers
    }
    let dropped = report.losses.filter { $0.kind == .dropped }.map(\.tensor)
    #expect(dropped == (file == "v0.bin" ? ["freq_cis_real", "freq_cis_imag"] : []))
    #expect(
      try DialectTests.digests(folder.file("hf/")) == DialectTests.digests(Self.golden(name, "hf")))
    #expect(try Self.config(folder.file("hf/")) == Self.config(Self.golden(name, "hf")))
    let back = try Self.convert(folder.file("hf/"), to: folder.file("back.bin")) {
      $0.format = "llama2c"
    }
    #expect(back.losses.allSatisfy { $0.kind == .metadata })
    #expect(try folder.bytes("back.bin") == Fixture.bytes("llama-golden/llama2.c/\(name)/v1.bin"))
  }

  @Test(arguments: names, ["v0.bin", "v1.bin"])
  func `goes through .ingot and comes back byte for byte`(_ name: String, _ file: String) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden(name, file), to: folder.file("there.ingot"))
    try Self.convert(folder.file("there.ingot"), to: folder.file("back.bin")) {
      $0.format = "llama2c"
    }
    #expect(try folder.bytes("back.bin") == Fixture.bytes("llama-golden/llama2.c/\(name)/\(file)"))
  }

  @Test(arguments: names)
  func `a copy stays of its version, and becomes another for the program`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for file in ["v0.bin", "v1.bin"] {
      try Self.convert(Self.golden(name, file), to: folder.file(file)) { $0.format = "llama2c" }
      #expect(try folder.bytes(file) == Fixture.bytes("llama-golden/llama2.c/\(name)/\(file)"))
    }
    try Self.convert(Self.golden(name, "v1.bin"), to: folder.file("program.bin")) {
      $0.program = .llama2c
    }
    #expect(
      try Ingot.inspect(folder.file("program.bin")).checkpoint.metadata["llama2c.version"]
        == .int32(0))
    #expect(
      try DialectTests.digests(folder.file("program.bin"), as: "hf")
        == DialectTests.digests(Self.golden(name, "hf"), as: "hf"))
  }

  @Test(arguments: names)
  func `goes to llama.cpp's names and back`(_ name: String) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden(name, "v1.bin"), to: folder.file("model.gguf")) {
      $0.program = .llamaCpp
    }
    try Self.convert(folder.file("model.gguf"), to: folder.file("back.bin")) {
      $0.format = "llama2c"
    }
    #expect(try folder.bytes("back.bin") == Fixture.bytes("llama-golden/llama2.c/\(name)/v1.bin"))
  }

  @Test func `a head is tied and untied on the way`() throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden("grouped", "v1.bin"), to: folder.file("untied.bin")) {
      ($0.format, $0.head) = ("llama2c", .untie)
    }
    #expect(try !Self.config(folder.file("untied.bin")).tiesHead)
    try Self.convert(folder.file("untied.bin"), to: folder.file("tied.bin")) {
      ($0.format, $0.head) = ("llama2c", .tie)
    }
    #expect(try folder.bytes("tied.bin") == Fixture.bytes("llama-golden/llama2.c/grouped/v1.bin"))
  }

  // MARK: - Version 2

  /// What numpy reads of files of version 2: what is stored, and the numbers that it stands for.
  private struct Quantized: Codable {
    let stored: [ReadTensor]
    let values: [ReadTensor]

    static let all: [String: Quantized] = {
      let bytes = (try? Fixture.bytes("golden/llama2c/version-2.json")) ?? []
      return (try? JSONDecoder().decode([String: Quantized].self, from: Data(bytes))) ?? [:]
    }()
  }

  static let quantized =
    ["golden/llama2c/version-2-tied.bin", "golden/llama2c/version-2-untied.bin"]
    + names.map { "llama-golden/llama2.c/\($0)/v2.bin" }

  @Test(arguments: quantized)
  func `integers are read with their scales, and stand for their products`(_ path: String) throws {
    let expected = try #require(Quantized.all[path])
    #expect(try GoldenFile.read(Fixture.path(path)) == expected.stored)
    let folder = try TemporaryFolder()
    let report = try Self.convert(Fixture.path(path), to: folder.file("values.npz")) {
      ($0.dtype, $0.dialect) = (.f32, "keep")
    }
    #expect(try Set(GoldenFile.read(folder.file("values.npz"))) == Set(expected.values))
    #expect(
      report.losses.filter { $0.kind == .dequantized }.count
        == expected.stored.filter { $0.dtype == "I8" }.count)
    // As they are they go where others go whose scales stand beside them.
    try Self.convert(Fixture.path(path), to: folder.file("kept.safetensors"))
    #expect(try Set(GoldenFile.read(folder.file("kept.safetensors"))) == Set(expected.stored))
  }

  @Test(arguments: names)
  func `what they stand for is the model within half a step, and is computed with`(_ name: String)
    throws
  {
    let folder = try TemporaryFolder()
    let theirs = Self.golden(name, "v2.bin")
    try Self.convert(theirs, to: folder.file("hf/")) {
      ($0.program, $0.dtype) = (.transformers, .f32)
    }
    var diff = DiffOptions()
    // No weight is beyond 2: half of a 127th of it.
    diff.tolerance = 2.0 / 127 / 2
    #expect(try Ingot.diff(folder.file("hf/"), Self.golden(name, "hf"), options: diff).isEqual)
    #expect(try Self.config(folder.file("hf/")) == Self.config(Self.golden(name, "hf")))
    #expect(try Ingot.validate(theirs).isValid)
    var options = VerifyOptions()
    options.against = folder.file("hf/")
    options.tokens = "1,5,9,60,2"
    options.run.precision = .reference
    #expect(try Ingot.verify(theirs, options: options).passed)
  }

  @discardableResult
  private static func quantize(
    _ input: String, to output: String, _ change: (inout QuantizeOptions) -> Void = { _ in }
  ) throws -> QuantizationReport {
    var options = QuantizeOptions()
    (options.format, options.scheme) = ("llama2c", .q80)
    change(&options)
    return try Ingot.quantize(input, to: output, options: options)
  }

  /// The models that export.py quantized, by its own files and by transformers', and those that numpy did.
  static let sources =
    names.flatMap { name in
      ["hf", "v0.bin", "v1.bin"].map {
        (from: "llama-golden/llama2.c/\(name)/\($0)", to: "llama-golden/llama2.c/\(name)/v2.bin")
      }
    }
    + ["tied", "untied"].map {
      (from: "golden/llama2c/version-1-\($0).bin", to: "golden/llama2c/version-2-\($0).bin")
    }

  @Test(arguments: sources)
  func `version 2 is quantized to byte for byte as export.py does it`(
    _ source: (from: String, to: String)
  ) throws {
    let folder = try TemporaryFolder()
    let report = try Self.quantize(Fixture.path(source.from), to: folder.file("q.bin"))
    #expect(try folder.bytes("q.bin") == Fixture.bytes(source.to))
    let theirs = try Ingot.inspect(Fixture.path(source.to)).checkpoint
    let quantized = theirs.tensors.filter { $0.quantization != nil }
    #expect(Set(report.tensors.map(\.name)) == Set(quantized.map(\.name)))
    for tensor in report.tensors {
      let other = try #require(quantized.first { $0.name == tensor.name })
      #expect(try tensor.coding == .integers(#require(other.quantization).scheme))
      // All blocks of a stack count as one tensor.
      #expect(tensor.error.count == other.shape.elementCount)
      #expect(tensor.byteCountAfter == other.byteCount)
      #expect(tensor.byteCountBefore == 4 * other.shape.elementCount)
    }
    // Rows of w2 that are no whole runs, which runq.c multiplies by all the same.
    let widths = try #require(theirs.tensors.first { $0.name == "w2" })
    let size = try #require(theirs.metadata["llama2c.group_size"]?.integer)
    let isWhole = widths.shape.dimensions[2].isMultiple(of: size)
    #expect(report.losses.filter { $0.kind == .readers }.map(\.tensor) == (isWhole ? [] : ["w2"]))
    let tables = report.losses.filter { $0.kind == .dropped }.map(\.tensor)
    #expect(tables == (source.from.hasSuffix("v0.bin") ? ["freq_cis_real", "freq_cis_imag"] : []))
    #expect(report.bufferCount == 0 && report.keptCount == 3)
    #expect(report.byteCounts.after == theirs.tensors.reduce(0) { $0 + $1.byteCount })
  }

  @Test func `what a model's norms are does not matter, and nor do threads`() throws {
    let folder = try TemporaryFolder()
    let source = Self.golden("grouped", "hf")
    try Self.convert(source, to: folder.file("half/")) { ($0.program, $0.dtype) = (.transformers, .bf16) }
    try Self.convert(folder.file("half/"), to: folder.file("single/")) {
      ($0.program, $0.dtype) = (.transformers, .f32)
    }
    try Self.convert(folder.file("single/"), to: folder.file("single.bin")) { $0.format = "llama2c" }
    try Self.convert(folder.file("single.bin"), to: folder.file("own.ingot")) { $0.dtype = .bf16 }
    let expected = try Self.quantize(folder.file("single/"), to: folder.file("single-q.bin"))
    for (index, input) in ["half/", "single.bin", "own.ingot"].enumerated() {
      for jobs in [1, 3] {
        let report = try Self.quantize(folder.file(input), to: folder.file("q-\(index)-\(jobs).bin")) {
          $0.work.jobs = jobs
        }
        #expect(try folder.bytes("q-\(index)-\(jobs).bin") == folder.bytes("single-q.bin"), "\(input)")
        #expect(report.total == expected.total)
      }
    }
  }

  @Test(arguments: quantized)
  func `a copy of version 2 keeps integers and scales as they are`(_ path: String) throws {
    let (folder, bytes) = (try TemporaryFolder(), try Fixture.bytes(path))
    let report = try Self.convert(Fixture.path(path), to: folder.file("copy.bin")) {
      $0.format = "llama2c"
    }
    #expect(try folder.bytes("copy.bin") == bytes)
    #expect(report.losses.isEmpty)
    // By way of a format that has all scales of a tensor in one piece.
    try Self.convert(Fixture.path(path), to: folder.file("there.npz")) { $0.keepsUnknownBits = true }
    try Self.convert(folder.file("there.npz"), to: folder.file("back.bin")) { $0.format = "llama2c" }
    #expect(try folder.bytes("back.bin") == bytes)
  }

  @Test func `integers have no other layout`() throws {
    let folder = try TemporaryFolder()
    let theirs = Self.golden("grouped", "v2.bin")
    expectUnrepresentable("no other names or layouts") {
      try Self.convert(theirs, to: folder.file("hf/")) { $0.program = .transformers }
    }
    expectUnrepresentable("runs across rows") {
      try Self.convert(theirs, to: folder.file("copy.ingot"))
    }
    #expect(folder.entries().isEmpty)
    try Self.convert(theirs, to: folder.file("model.bin")) {
      ($0.format, $0.dtype) = ("llama2c", .f32)
    }
    #expect(
      try Ingot.inspect(folder.file("model.bin")).checkpoint.metadata["llama2c.version"]
        == .int32(1))
  }

  @Test(arguments: ["hf", "v1.bin"])
  func `other schemes, and matrices that are kept, are refused by name`(_ source: String) throws {
    let folder = try TemporaryFolder()
    let input = Self.golden("grouped-untied", source)
    for scheme in [QuantizationScheme.int8, .int8Tensor] {
      expectUnrepresentable("each run of 32 values") {
        try Self.quantize(input, to: folder.file("q.bin")) { $0.scheme = scheme }
      }
    }
    let rules: [(String, QuantizationScheme)] = [
      ("wq", .keep), ("wcls", .keep), ("token_embedding_table", .int8),
    ]
    for (pattern, scheme) in rules {
      let error = #expect(throws: IngotError.self) {
        try Self.quantize(input, to: folder.file("q.bin")) {
          $0.rules = [(pattern: Glob(pattern), scheme: scheme)]
        }
      }
      guard case .unrepresentable(let tensor?, "llama2c", let why, _)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(source == "hf" || tensor == pattern)
      #expect("\(why)".contains(scheme == .keep ? "no place for one that is kept" : "each run of 32 values"))
    }
    #expect(throws: IngotError.self) {
      try Self.quantize(Self.golden("grouped-untied", "v2.bin"), to: folder.file("q.bin"))
    }
    #expect(folder.entries().isEmpty)
  }

  @Test func `what its program has built in is asked for by quantizing too`() throws {
    let folder = try TemporaryFolder()
    let text = try String(
      decoding: Fixture.bytes("llama-golden/llama2.c/grouped/hf/config.json"), as: UTF8.self)
    let changed = text.replacing("\"rope_theta\": 10000.0", with: "\"rope_theta\": 500000.0")
    #expect(changed != text)
    let config = try folder.write(Array(changed.utf8), to: "config.json")
    expectUnrepresentable("rope_theta") {
      try Self.quantize(Self.golden("grouped", "hf/model.safetensors"), to: folder.file("q.bin")) {
        $0.config = config
      }
    }
    #expect(folder.entries() == ["config.json"])
  }

  @Test func `a model that is written so is evaluated against the one that it was made from`() throws {
    let folder = try TemporaryFolder()
    try Self.quantize(Self.golden("grouped", "hf"), to: folder.file("q.bin"))
    var options = VerifyOptions()
    options.against = Self.golden("grouped", "v2.bin")
    options.tokens = "1,5,9,60,2"
    options.run.precision = .reference
    #expect(try Ingot.verify(folder.file("q.bin"), options: options).passed)
    // Rounding is seen: the model itself is another.
    options.against = Self.golden("grouped", "hf")
    #expect(try !Ingot.verify(folder.file("q.bin"), options: options).passed)
  }

  // MARK: - What its program has built in

  /// The key whose value its program has not; `nil` where it has all.
  private static func refusal(of path: String) throws -> String? {
    let model = try Model(path).recognised.configuration
    let config = model.config
    if config.activation != .silu { return "hidden_act" }
    if config[.layerNormEpsilon] != 1e-5 { return "rms_norm_eps" }
    if config[.rotary].base != 10_000 { return "rope_theta" }
    if config.headDimension * config.headCount != config.width { return "head_dim" }
    if config[.attentionBias] { return "attention_bias" }
    if config[.feedForwardBias] { return "mlp_bias" }
    if config[.rotary].scaling != .none { return "rope_scaling" }
    return config[.head] == "language" ? nil : "architectures"
  }

  @Test(arguments: Fixture.models.filter { $0.hasPrefix("llama/") })
  func `computes what transformers computes, or is refused by the key`(_ model: String) throws {
    let (source, folder) = (Fixture.path(model), try TemporaryFolder())
    if let key = try Self.refusal(of: source) {
      expectUnrepresentable(key) {
        try Self.convert(source, to: folder.file("model.bin")) {
          ($0.program, $0.dtype) = (.llama2c, .f32)
        }
      }
      #expect(folder.entries().isEmpty)
      return
    }
    try Self.convert(source, to: folder.file("model.bin")) {
      ($0.program, $0.dtype) = (.llama2c, .f32)
    }
    var options = VerifyOptions()
    options.fixtures = source + "/expected.safetensors"
    options.run.precision = .reference
    #expect(try Ingot.verify(folder.file("model.bin"), options: options).passed)
    #expect(try Self.config(folder.file("model.bin")) == Self.config(source))
  }

  @Test func `each key is refused by its name`() throws {
    let folder = try TemporaryFolder()
    let text = try String(
      decoding: Fixture.bytes("llama-golden/llama2.c/grouped/hf/config.json"), as: UTF8.self)
    let changes = [
      ("rms_norm_eps", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e-06"),
      ("rope_theta", "\"rope_theta\": 10000.0", "\"rope_theta\": 500000.0"),
      ("hidden_act", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\""),
      (
        "rope_scaling", "\"rope_theta\": 10000.0",
        "\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2.0}"
      ),
    ]
    for (key, old, new) in changes {
      #expect(text.contains(old))
      let config = try folder.write(Array(text.replacing(old, with: new).utf8), to: "config.json")
      expectUnrepresentable(key) {
        try Self.convert(
          Self.golden("grouped", "hf/model.safetensors"), to: folder.file("model.bin")
        ) {
          ($0.format, $0.config) = ("llama2c", config)
        }
      }
    }
    expectUnrepresentable("BF16") {
      try Self.convert(Fixture.path("llama-golden/meta/one-shard/hf"), to: folder.file("model.bin")) {
        ($0.program, $0.dtype) = (.llama2c, .bf16)
      }
    }
    #expect(folder.entries() == ["config.json"])
  }

  @Test func `a file of version 0 that lost a byte is of no known format`() throws {
    let folder = try TemporaryFolder()
    let bytes = try Fixture.bytes("llama-golden/llama2.c/grouped/v0.bin")
    let error = #expect(throws: IngotError.self) {
      _ = try Ingot.inspect(folder.write(Array(bytes.dropLast()), to: "model.bin"))
    }
    guard case .unsupported? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
