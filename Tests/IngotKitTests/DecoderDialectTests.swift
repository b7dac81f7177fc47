// SPDX-License-Identifier: Apache-2.0
// Decoders in other programs' files: Llama and Mistral against what the programs themselves wrote (fixtures/llama-golden), and
// all of them from each form to every other and back.
import Foundation
import IngotDialects
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct DecoderDialectTests {
  /// Models that differ in what a config says or in what is stored; packed ones go nowhere as they are.
  static let models = Fixture.models.filter { name in
    !name.hasSuffix("mxfp4")
      && (Architecture.all.contains { $0.id.isDecoder && name.hasPrefix($0.id + "/") }
        || name.hasPrefix("gemma3/"))
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

  @Test(arguments: models, [TargetProgram.llamaCpp, .mlx, .numpy])
  func `goes to a program and back, or is refused by the key`(_ model: String, _ program: TargetProgram)
    throws
  {
    let (source, folder) = (Fixture.path(model), try TemporaryFolder())
    let there = folder.file(program == .llamaCpp ? "model.gguf" : program == .numpy ? "model.npz" : "there/")
    let known = try Model(source).recognised.configuration
    let refusal = ProgramRefusal(program, known.architecture.id, known.config)
    if program != .numpy, let key = refusal.key {
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
    let says = report.losses.filter { $0.kind == .readers }.map { "\($0.detail)" }
    #expect(
      says.contains { $0.contains("sliding_window") }
        == (refusal.passesOverWindow && known.config[.window] != 0))
    let rounded = try Self.expectSameTensors(source, there, report)
    var config = known.config
    // This program's file lists what the config derives.
    if program == .mlx, known.architecture.id == "gpt_oss" {
      config[.windowBlocks] = (0..<config.blockCount).map(config.isWindowBlock)
    }
    #expect(try Self.config(there) == config)
    let back = try Self.convert(there, to: folder.file("back/"), .transformers)
    #expect(!back.losses.contains { $0.kind == .cast })
    #expect(
      try DialectTests.digests(folder.file("back"), as: "hf") == DialectTests.digests(there, as: "hf"))
    #expect(try Self.config(folder.file("back")) == config)
    // What was written is what is computed: rows that are turned together stand otherwise in it.
    var options = VerifyOptions()
    options.fixtures = source + "/expected.safetensors"
    options.run.precision = .reference
    // A gain that was rounded once is 2⁻²⁴ of it off.
    options.tolerance = rounded ? 2e-5 : nil
    #expect(try Ingot.verify(there, options: options).passed)
  }

  /// Expects the parameters of both to have the same values, but for those of which the report says that they were rounded.
  ///
  /// - Returns: whether there are such.
  private static func expectSameTensors(
    _ source: String, _ target: String, _ report: ConversionReport
  ) throws -> Bool {
    func digests(_ path: String) throws -> [String: String] {
      var options = HashOptions()
      options.dialect = "hf"
      return Dictionary(
        uniqueKeysWithValues: try Ingot.hash(path, options: options).tensors.map { ($0.name, $0.line) })
    }
    let (before, after) = (try digests(source), try digests(target))
    #expect(Set(before.keys) == Set(after.keys))
    let written = try Model(target)
    let names = try #require(
      Dialect.named("hf", architecture: written.recognised.configuration.architecture.id))
    let told = report.losses.filter { $0.kind == .cast }.compactMap(\.tensor)
    for (role, index) in written.recognised.tensors {
      let name = try #require(names.name(of: role, prefix: names.writtenPrefix))
      let tensor = written.checkpoint.tensors[index].name
      #expect((before[name] != after[name]) == told.contains(tensor), "\(name)")
    }
    guard !told.isEmpty else { return false }
    var options = DiffOptions()
    // Half a unit in the last place of numbers below 4.
    options.tolerance = 0x1p-23
    #expect(try Ingot.diff(source, target, options: options).isEqual)
    return true
  }

  @Test func `gpt-oss's MXFP4 goes to a program as the numbers that it stands for`() throws {
    let (source, folder) = (Fixture.path("gpt_oss/square-mxfp4"), try TemporaryFolder())
    #expect(throws: IngotError.self) { try Self.convert(source, to: folder.file("packed.gguf"), .llamaCpp) }
    // Its names are transformers' already.
    _ = try Self.convert(source, to: folder.file("copy/"), .transformers)
    #expect(try DialectTests.digests(folder.file("copy")) == DialectTests.digests(source))
    _ = try Self.convert(source, to: folder.file("model.gguf"), .llamaCpp, dtype: .f32)
    var options = VerifyOptions()
    options.fixtures = source + "/expected.safetensors"
    options.run.precision = .reference
    #expect(try Ingot.verify(folder.file("model.gguf"), options: options).passed)
    #expect(
      try DialectTests.digests(source, as: "hf") == DialectTests.digests(folder.file("model.gguf"), as: "hf"))
  }

  @Test func `what a program does not know, or makes wider, is said`() throws {
    let (source, folder) = (Fixture.path("llama/grouped-tied"), try TemporaryFolder())
    var options = ConvertOptions()
    options.dtype = .f16
    _ = try Ingot.convert(source, to: folder.file("half/"), options: options)
    let text = try String(decoding: folder.bytes("half/config.json"), as: UTF8.self)
    _ = try folder.write(
      Array(text.replacing("{", with: #"{"clip_qkv": 8.0, "qk_norm": true, "#, maxReplacements: 1).utf8),
      to: "half/config.json")
    let report = try Self.convert(folder.file("half"), to: folder.file("model.gguf"), .llamaCpp)
    let readers = report.losses.filter { $0.kind == .readers }.map { "\($0.detail)" }
    #expect(readers.contains { $0.hasPrefix("clip_qkv, qk_norm: not known here") }, "\(readers)")
    #expect(readers.contains { $0.contains("no tokenizer") })
    let wider = report.losses.filter { $0.kind == .kept }
    #expect(wider.compactMap(\.tensor).contains("output_norm.weight"))
    #expect(wider.allSatisfy { "\($0.detail)".hasPrefix("becomes F32, not F16") })
    // Nothing of it is so of a plain copy, or of one with a tokenizer.
    let golden = try Self.convert(Self.golden("grouped") + "/hf", to: folder.file("g.gguf"), .llamaCpp)
    #expect(!golden.losses.contains { $0.kind == .readers || $0.kind == .kept })
  }

  // MARK: - Gemma

  @Test func `of gains that have 1 added, those are told that do not come back, and how many values`() throws
  {
    let folder = try TemporaryFolder()
    // Its gains have few bits. Of one three numbers get more, or are too small beside 1, and one that stays exact.
    let model = try Self.copy(
      Fixture.path("gemma/published-keys"), to: folder.file("model/"), changing: "model.norm.weight",
      to: [0.1, 0x1p-30, -0x1.000002p-3, 0x1p-23])
    let report = try Self.convert(model, to: folder.file("model.gguf"), .llamaCpp)
    let losses = report.losses.filter { $0.kind == .cast }
    #expect(losses.map(\.tensor) == ["output_norm.weight"])
    #expect(losses.map { "\($0.detail)".contains("rounded to F32") } == [true])
    #expect("\(losses[0].detail)".contains("3"), "\(losses[0].detail)")
    #expect(try Self.expectSameTensors(model, folder.file("model.gguf"), report))
    // What comes back once comes back ever after.
    _ = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    let again = try Self.convert(folder.file("back/"), to: folder.file("again.gguf"), .llamaCpp)
    #expect(!again.losses.contains { $0.kind == .cast })
    #expect(
      try DialectTests.digests(folder.file("again.gguf")) == DialectTests.digests(folder.file("model.gguf")))
  }

  @Test(arguments: ["gpt_neox/default-keys", "gpt_neox/parallel", "llama/grouped-tied"])
  func `scales of int8 rows go where their rows go`(_ model: String) throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Fixture.path(model), to: folder.file("q.ingot"))
    var options = ConvertOptions()
    options.dialect = "gguf"
    _ = try Ingot.convert(folder.file("q.ingot"), to: folder.file("other.ingot"), options: options)
    var comparison = VerifyOptions()
    comparison.against = folder.file("q.ingot")
    comparison.tokens = "1,2,3,4,5"
    comparison.run.precision = .reference
    let report = try Ingot.verify(folder.file("other.ingot"), options: comparison)
    #expect(report.passed && report.outputs.allSatisfy { $0.maxRel == 0 })
  }

  /// A copy of a folder with other numbers at the start of an F32 tensor.
  private static func copy(
    _ source: String, to target: String, changing name: String, to numbers: [Float]
  ) throws -> String {
    try FileManager.default.copyItem(atPath: source, toPath: target)
    let url = URL(fileURLWithPath: target + "/model.safetensors")
    var data = [UInt8](try Data(contentsOf: url))
    let headerByteCount = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(data[8..<(8 + headerByteCount)]))
    let entry = try #require((header as? [String: Any])?[name] as? [String: Any])
    let start = try #require((entry["data_offsets"] as? [Int])?.first)
    let bytes = numbers.flatMap { number in withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
    let place = 8 + headerByteCount + start
    data.replaceSubrange(place..<(place + bytes.count), with: bytes)
    try Data(data).write(to: url)
    return target
  }

  @Test(arguments: ["published-names", "newer-names"])
  func `a model that takes images too goes on as its language model, and what is left out is told`(
    _ name: String
  )
    throws
  {
    let (source, folder) = (Fixture.path("gemma3/" + name), try TemporaryFolder())
    let report = try Self.convert(source, to: folder.file("out/"), .transformers)
    let stored = try Model(source).checkpoint.tensors.map(\.name)
    let others = stored.filter { $0.contains("vision_tower.") || $0.contains("multi_modal_projector.") }
    let dropped = report.losses.filter { $0.kind == .dropped }.compactMap(\.tensor)
    #expect(!others.isEmpty && Set(others) == Set(dropped))
    let keys = report.losses.filter { $0.kind == .metadata }.map { "\($0.detail)" }
    for key in ["vision_config", "mm_tokens_per_image"] {
      #expect(keys.contains { $0.contains(key) }, "\(key)")
    }
    let written = try Model(folder.file("out"))
    #expect(written.recognised.configuration.architecture.id == "gemma3_text")
    #expect(written.recognised.otherParts.isEmpty && written.recognised.unexpected.isEmpty)
    #expect(written.recognised.configuration.document.string("model_type") == "gemma3_text")
    #expect(try Self.config(folder.file("out")) == Self.config(source))
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

  /// The same of later families.
  static let later = Fixture.names(in: "decoder-golden")

  @Test(arguments: later)
  func `its converter's file of a later family has the same tensors, and is the same model`(_ name: String)
    throws
  {
    let (source, folder) = (Fixture.path("decoder-golden/\(name)/hf"), try TemporaryFolder())
    let theirs = Fixture.path("decoder-golden/\(name)/llama.cpp.gguf")
    _ = try Self.convert(source, to: folder.file("model.gguf"), .llamaCpp)
    #expect(try Ingot.diff(folder.file("model.gguf"), theirs).isEqual)
    #expect(try Ingot.validate(theirs).isValid)
    #expect(try DialectTests.digests(source, as: "hf") == DialectTests.digests(theirs, as: "hf"))
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

extension String {
  /// Whether it is the id of an architecture of which other programs have a name for the head of the next token alone.
  fileprivate var isDecoder: Bool { !["gpt2", "openai-gpt", "bert"].contains(self) }
}

/// What a program refuses of a model, by the pages of dialects and configs.
struct ProgramRefusal {
  private let program: TargetProgram
  private let id: String
  private let config: ModelConfig

  init(_ program: TargetProgram, _ id: String, _ config: ModelConfig) {
    self.program = program
    self.id = id
    self.config = config
  }

  private var isLlamaCpp: Bool { program == .llamaCpp }

  /// Whether the program does not look at a window.
  var passesOverWindow: Bool {
    if id == "smollm3", !isLlamaCpp, !config[.windowBlocks].isEmpty { return false }
    return config[.usesWindow] && id != "gemma3_text" && id != "gpt_oss" && !(id == "gemma2" && isLlamaCpp)
  }

  /// The key that the program has no arithmetic for; `nil` where it has all.
  var key: String? {
    if id == "opt" { return "no names for OPT" }
    if let key = builtIn ?? ofFamily ?? rotary { return key }
    if config[.head] != "language" { return "architectures" }
    let isTied = id == "gemma" || id == "gemma2"
    return isTied && !config.tiesHead ? "a head of its own" : nil
  }

  /// What all models of its have in one way.
  private var builtIn: String? {
    switch id {
    case "gemma": if config.activation != .geluTanh { return "hidden_act" }
    case "gemma2", "gemma3_text": if config.activation != .geluTanh { return "hidden_activation" }
    case "gpt_neox": if config.activation != .gelu { return "hidden_act" }
    case "gpt_oss":
      if config[.expertBound] != 7 { return "swiglu_limit" }
      if config[.expertAlpha] != 1.702 { return "swiglu_alpha" }
    default: if config.activation != .silu { return "hidden_act" }
    }
    let isPartOfWidth = config.headDimension * config.headCount == config.width
    let asksForPart = ["qwen2", "phi3", "qwen2_moe"].contains(id) || id == "mixtral" && !isLlamaCpp
    if asksForPart, !isPartOfWidth { return "head_dim" }
    if ["qwen3", "qwen3_moe", "gemma", "gemma2", "gemma3_text"].contains(id), config[.attentionBias] {
      return "attention_bias"
    }
    if id == "qwen2_moe", !config[.inputBias] { return "qkv_bias" }
    if id == "qwen3_moe", isLlamaCpp, !config[.normalizesShares] { return "norm_topk_prob" }
    return ["gpt_neox", "gpt_oss"].contains(id) && !config[.attentionBias] ? "attention_bias" : nil
  }

  private var seesNoWindow: Bool {
    config[.window] == 0 || !(0..<config.blockCount).contains(where: config.isWindowBlock)
  }

  /// What a program has not of Qwen's experts.
  private var ofExperts: String? {
    if id == "qwen2_moe", config[.normalizesShares] { return "norm_topk_prob" }
    guard isLlamaCpp || id == "qwen2_moe" else { return nil }
    if config[.expertCount] == 0 { return "num_experts" }
    let plain = (0..<config.blockCount).filter { !config.hasExperts(inBlock: $0) }
    guard let first = plain.first else { return nil }
    return config[.plainBlocks].contains(first) ? "mlp_only_layers" : "decoder_sparse_step"
  }

  private var ofFamily: String? {
    switch (id, isLlamaCpp) {
    case ("smollm3", true):
      if config[.attentionBias] { return "attention_bias" }
      if config[.feedForwardBias] { return "mlp_bias" }
      let isOther = (0..<config.blockCount).contains { config.turns(inBlock: $0) == ($0 % 4 == 3) }
      return isOther ? "no_rope_layer" : nil
    case ("gemma2", true):
      if config[.queryScalar] != Double(config.headDimension) { return "query_pre_attn_scalar" }
      if seesNoWindow { return "layer_types" }
      if config[.attentionSoftcap] == 0 { return "attn_logit_softcapping" }
      return config[.headSoftcap] == 0 ? "final_logit_softcapping" : nil
    case ("gemma2", false):
      if config[.attentionSoftcap] == 0 { return "attn_logit_softcapping" }
      return config[.headSoftcap] == 0 ? "final_logit_softcapping" : nil
    case ("gemma3_text", true):
      if config[.windowRotary].scaling != .none { return "sliding_attention" }
      return config[.queryScalar] != Double(config.headDimension) ? "query_pre_attn_scalar" : nil
    case ("gemma3_text", false):
      if config[.headSoftcap] != 0 { return "final_logit_softcapping" }
      if config[.windowRotary].scaling != .none { return "sliding_attention" }
      if config.blockCount < config[.windowPeriod] { return "num_hidden_layers" }
      let isOther = (0..<config.blockCount).contains {
        config.isWindowBlock($0) == ($0 + 1).isMultiple(of: config[.windowPeriod])
      }
      return isOther && config[.window] != 0 ? "layer_types" : nil
    case ("qwen2_moe", _), ("qwen3_moe", _): return ofExperts
    case ("gpt_oss", true): return seesNoWindow ? "layer_types" : nil
    case ("gpt_oss", false):
      let isOneKind = Set((0..<config.blockCount).map(config.isWindowBlock)).count == 1
      return isOneKind ? "layer_types" : nil
    case ("gpt_neox", false): return config.feedForwardWidth != 4 * config.width ? "intermediate_size" : nil
    default: return nil
    }
  }

  private var rotary: String? {
    switch config[.rotary].scaling {
    case .none: return nil
    case .linear:
      let hasNone =
        ["gemma", "gemma2", "phi3"].contains(id)
        || (["gpt_neox"] + Self.withExperts).contains(id) && !isLlamaCpp
      return hasNone ? "rope_scaling" : nil
    case .longrope where id == "phi3" && isLlamaCpp: return nil
    case .dynamic, .longrope: return "rope_scaling"
    case .yarn where hasBasesAlone, .llama3 where hasBasesAlone: return "rope_scaling"
    case .yarn(let yarn):
      if !yarn.truncates, id != "gpt_oss" { return "rope_scaling.truncate" }
      if isLlamaCpp { return yarn.fast != 32 || yarn.slow != 1 ? "rope_scaling.beta" : nil }
      if yarn.attentionFactor != nil { return "rope_scaling.attention_factor" }
      if yarn.factor == nil { return "rope_scaling.factor" }
      return (yarn.mscale == nil) != (yarn.mscaleAllDimensions == nil) ? "rope_scaling.mscale" : nil
    case .llama3, .divisors: return nil
    }
  }

  /// Whether the program has neither divisors nor a ramp for this family.
  private var hasBasesAlone: Bool {
    ["gemma", "gemma2", "phi3", "gpt_neox"].contains(id) || id == "gemma3_text" && isLlamaCpp
      || Self.withExperts.contains(id) && !isLlamaCpp
  }

  private static let withExperts = ["mixtral", "qwen2_moe", "qwen3_moe"]
}
