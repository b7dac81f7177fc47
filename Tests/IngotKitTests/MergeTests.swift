// SPDX-License-Identifier: Apache-2.0
// Adapters merged as PEFT merges them, whose figures in float64 stand in fixtures/adapters, and what is refused by name.
import Foundation
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

/// A folder of fixtures/adapters: adapters on a base, and what PEFT makes of them.
struct AdapterCase: Sendable, CustomTestStringConvertible {
  /// Sums of a few products of float64, in another order than torch's, over the largest value: some 16 ulp.
  static let tolerance = 4e-15

  let name: String
  var testDescription: String { name }

  static let all = Fixture.names(in: "adapters").filter {
    FileManager.default.fileExists(atPath: Fixture.path("adapters/\($0)/case.json"))
  }.map(AdapterCase.init)

  private struct Description: Decodable {
    var base: String
    var adapters: [String]
    var weights: [Double]
  }

  private func description() throws -> Description {
    try JSONDecoder().decode(
      Description.self, from: Data(Fixture.bytes("adapters/\(name)/case.json")))
  }

  /// The base's folder.
  func base() throws -> String { Fixture.path("adapters/base/\(try description().base)") }

  /// The recipe.
  func recipe() throws -> MergeRecipe {
    let description = try description()
    return .adapters(
      zip(description.adapters, description.weights).map {
        WeightedInput(Fixture.path("adapters/\($0)"), weight: $1)
      }, base: try base())
  }

  /// The file with the tensors that become others.
  var expected: String { Fixture.path("adapters/\(name)/expected.safetensors") }
}

@Suite struct MergeTests {
  private static let llama = Fixture.path("adapters/base/llama")

  /// The numbers of a tensor.
  private static func doubles(_ path: String, _ name: String) throws -> [Double] {
    try Ingot.open(path).values(of: name)
  }

  private static func names(_ path: String) throws -> [String] { try Ingot.open(path).tensors.map(\.name) }

  @Test(arguments: AdapterCase.all)
  func `an adapter is merged as PEFT merges it in float64, and all else stays`(_ adapter: AdapterCase) throws
  {
    let folder = try TemporaryFolder()
    var options = MergeOptions()
    options.dtype = .f64
    let output = folder.file("o.safetensors")
    let report = try Ingot.merge(adapter.recipe(), to: output, options: options)
    let changed = Set(try Self.names(adapter.expected))
    #expect(try Self.names(output).sorted() == Self.names(adapter.base()).sorted())
    for name in try Self.names(output) {
      let found = try Self.doubles(output, name)
      let expected = try Self.doubles(changed.contains(name) ? adapter.expected : adapter.base(), name)
      let largest = expected.reduce(0) { max($0, $1.magnitude) }
      let bound = changed.contains(name) ? AdapterCase.tolerance * largest : 0
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { ($0 - $1).magnitude <= bound }, "\(name)")
    }
    #expect(report.mergedCount == changed.count)
  }

  @Test(arguments: AdapterCase.all, [nil, DType.f32, .f16, .bf16])
  func `what is merged is PEFT's float64, rounded once`(_ adapter: AdapterCase, _ dtype: DType?) throws {
    let folder = try TemporaryFolder()
    var options = MergeOptions()
    options.dtype = dtype
    let output = folder.file("o.safetensors")
    _ = try Ingot.merge(adapter.recipe(), to: output, options: options)
    var casting = ConvertOptions()
    casting.dtype = try dtype ?? Ingot.open(adapter.base()).tensors[0].dtype
    let expected = folder.file("expected.safetensors")
    _ = try Ingot.convert(adapter.expected, to: expected, options: casting)
    for tensor in try Ingot.open(expected).tensors {
      #expect(try Ingot.open(output).tensors.first { $0.name == tensor.name }?.dtype == casting.dtype)
      #expect(try Self.doubles(output, tensor.name) == Self.doubles(expected, tensor.name), "\(tensor.name)")
    }
  }

  // MARK: - Settings

  /// A copy of a fixture's adapter with another config.
  private static func adapter(
    _ name: String, in folder: TemporaryFolder, _ change: (inout [String: Any]) -> Void
  ) throws -> String {
    let copy = try folder.copy(Fixture.path("adapters/\(name)"), as: "adapter")
    let path = copy + "/adapter_config.json"
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var config = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    change(&config)
    try JSONSerialization.data(withJSONObject: config).write(to: URL(fileURLWithPath: path))
    return copy
  }

  /// What a merge is refused with.
  private static func refusal(
    _ recipe: MergeRecipe, _ options: MergeOptions = MergeOptions()
  ) throws -> IngotError {
    let folder = try TemporaryFolder()
    let error = #expect(throws: IngotError.self) {
      try Ingot.merge(recipe, to: folder.file("o.safetensors"), options: options)
    }
    #expect(folder.entries() == [])
    return try #require(error)
  }

  @Test(arguments: [
    ("layer_replication", "[[0, 1]]"), ("lora_bias", "true"), ("alora_invocation_tokens", "[1]"),
    ("trainable_token_indices", "[3]"), ("target_parameters", "[\"a\"]"), ("megatron_config", "{\"a\": 1}"),
    ("use_qalora", "true"), ("use_bdlora", "{\"nblocks\": 2}"), ("arrow_config", "{\"top_k\": 3}"),
    ("kasa_config", "{\"beta\": 1}"), ("ensure_weight_tying", "true"), ("a_setting_of_tomorrow", "0.5"),
    ("init_lora_weights", "\"pissa_niter_4\""), ("init_lora_weights", "\"olora\""),
    ("init_lora_weights", "\"loftq\""), ("peft_type", "\"LOHA\""), ("peft_type", "\"IA3\""),
    ("peft_type", "\"PROMPT_TUNING\""), ("peft_type", "\"VERA\""), ("peft_type", "\"ADALORA\""),
  ])
  func `a setting that makes another merge is refused by name`(_ key: String, _ value: String) throws {
    let folder = try TemporaryFolder()
    let path = try Self.adapter("plain", in: folder) {
      $0[key] = try? JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
    }
    let error = try Self.refusal(.adapters([WeightedInput(path)], base: Self.llama))
    guard case .unsupported(_, let location) = error else { throw error }
    #expect(location.key == key)
  }

  @Test(arguments: [
    ("exclude_modules", "[\"x\"]"), ("layers_to_transform", "[0]"), ("init_lora_weights", "\"eva\""),
    ("init_lora_weights", "false"), ("lora_dropout", "0.1"), ("a_setting_of_tomorrow", "null"),
    ("another", "{}"), ("revision", "\"main\""), ("use_dora", "null"),
  ])
  func `a setting that only training knew changes nothing`(_ key: String, _ value: String) throws {
    let folder = try TemporaryFolder()
    let path = try Self.adapter("plain", in: folder) {
      $0[key] = try? JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
    }
    for (input, name) in [(path, "a"), (Fixture.path("adapters/plain"), "b")] {
      _ = try Ingot.merge(
        .adapters([WeightedInput(input)], base: Self.llama), to: folder.file("\(name).safetensors"))
    }
    #expect(try Ingot.diff(folder.file("a.safetensors"), folder.file("b.safetensors")).isEqual)
  }

  @Test(arguments: [
    ("q_proj", "model.layers.0.self_attn.q_proj", true), ("proj", "model.layers.0.self_attn.q_proj", false),
    ("self.attn.q_proj", "model.layers.0.self_attn.q_proj", true), ("^q_proj", "a.q_proj", false),
    ("^a.q_proj", "a.q_proj", true), ("^a.q_proj$", "a.q_proj", true), ("q_proj", "q_proj", true),
    (#"layers\.(0|2)\..*"#, "model.layers.2.mlp.up", true),
    (#"layers\.(0|2)\..*"#, "model.layers.1.mlp.up", false),
    (#"^layers\.\d+\.up"#, "model.layers.1.up", false), (#"^layers\.\d+\.up$"#, "layers.11.up", true),
    ("a|b", "x.b", true), ("a|b", "xb", false), ("up", "x.up.y", false), ("[uv]p", "x.vp", true),
  ])
  func `patterns are PEFT's: for the end of a name, from a dot on`(
    _ key: String, _ module: String, _ isMatch: Bool
  ) throws {
    // The peer is the one line of PEFT's get_pattern_key.
    let answer = try PythonPeer.run(
      code: #"import re, sys; print(bool(re.match(rf"(.*\.)?({sys.argv[1]})$", sys.argv[2])))"#,
      [key, module])
    #expect((answer.standardOutput.hasPrefix("True")) == isMatch)
    #expect(try AdapterPattern(key, at: Location("config")).matches(module) == isMatch)
  }

  // MARK: - Names and files

  @Test func `names of another prefix find their place, which is said`() throws {
    let folder = try TemporaryFolder()
    let adapter = AdapterCase(name: "conv1d")
    let report = try Ingot.merge(adapter.recipe(), to: folder.file("o/"))
    #expect(report.inputs.map(\.droppedPrefix) == ["transformer."])
    var options = ConvertOptions()
    options.renames = [try TensorRename("*=gpt.transformer.*")]
    _ = try Ingot.convert(adapter.base(), to: folder.file("longer/"), options: options)
    let longer = try Ingot.merge(
      .adapters([WeightedInput(Fixture.path("adapters/conv1d"))], base: folder.file("longer")),
      to: folder.file("o2.safetensors"))
    #expect(longer.inputs.map(\.addedPrefix) == ["gpt."])
    #expect(longer.inputs.map(\.droppedPrefix) == [nil])
    #expect(longer.mergedCount == report.mergedCount)
  }

  @Test func `a base that has the adapter's names behind two prefixes is refused`() throws {
    let folder = try TemporaryFolder()
    let base = folder.file("two.safetensors")
    try Self.changed(
      Self.llama + "/model.safetensors", to: base,
      "tensors = {f'{first}.{name}': value for first in ('one', 'two') for name, value in tensors.items()}")
    let error = try Self.refusal(.adapters([WeightedInput(Fixture.path("adapters/plain"))], base: base))
    guard case .malformed(let rule, _, _, _) = error else { throw error }
    #expect(rule.id == "AD-02")
  }

  @Test func `the base's files go along, and the adapter's that it has not are named`() throws {
    let folder = try TemporaryFolder()
    let base = try folder.copy(Self.llama, as: "base")
    let adapter = try folder.copy(Fixture.path("adapters/plain"), as: "lora")
    try "{}".write(toFile: base + "/tokenizer.json", atomically: true, encoding: .utf8)
    try "{}".write(toFile: adapter + "/tokenizer.json", atomically: true, encoding: .utf8)
    try "{ }".write(toFile: adapter + "/special_tokens_map.json", atomically: true, encoding: .utf8)
    try "x".write(toFile: adapter + "/optimizer.pt", atomically: true, encoding: .utf8)
    let report = try Ingot.merge(.adapters([WeightedInput(adapter)], base: base), to: folder.file("o/"))
    #expect(report.conversion.fileNames.sorted() == ["config.json", "model.safetensors", "tokenizer.json"])
    let lines = report.conversion.losses.filter { $0.kind == .companion }.map { "\($0.detail)" }
    for name in ["special_tokens_map.json", "optimizer.pt", "expected.safetensors"] {
      #expect(lines.count { $0.contains("lora/\(name)") } == 1, "\(name)")
    }
    #expect(!lines.contains { $0.contains("tokenizer.json") || $0.contains("adapter_config.json") })
  }

  @Test func `an adapter of another model is said to be one`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.adapter("plain", in: folder) { $0["base_model_name_or_path"] = "org/other" }
    let report = try Ingot.merge(.adapters([WeightedInput(path)], base: Self.llama), to: folder.file("o/"))
    #expect(report.conversion.findings.map(\.kind) == [.otherModel])
    let own = try Ingot.merge(
      .adapters([WeightedInput(Fixture.path("adapters/plain"))], base: Self.llama), to: folder.file("p/"))
    #expect(own.conversion.findings == [])
  }

  @Test(arguments: ["adapter_config.json", "adapter_model.safetensors"])
  func `an adapter without one of its files is refused`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(Fixture.path("adapters/plain"), as: "lora")
    try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    let error = try Self.refusal(.adapters([WeightedInput(path)], base: Self.llama))
    guard case .missing(let missing, _, _) = error else { throw error }
    #expect(missing.hasPrefix(path))
  }

  @Test func `a square weight needs a config where its name may be GPT-2's`() throws {
    let folder = try TemporaryFolder()
    let base = try folder.copy(AdapterCase(name: "conv1d").base(), as: "base")
    let path = try Self.adapter("conv1d", in: folder) { $0["fan_in_fan_out"] = false }
    let recipe = MergeRecipe.adapters([WeightedInput(path)], base: base)
    _ = try Ingot.merge(recipe, to: folder.file("o/"))
    _ = try Ingot.merge(AdapterCase(name: "conv1d").recipe(), to: folder.file("p/"))
    #expect(try Ingot.diff(folder.file("o"), folder.file("p")).isEqual)
    try FileManager.default.removeItem(atPath: base + "/config.json")
    guard case .unsuitable(let location, _, _) = try Self.refusal(recipe) else {
      throw try Self.refusal(recipe)
    }
    #expect(location.tensor?.hasSuffix("attn.c_proj.weight") == true)
  }

  // MARK: - Values

  /// Writes tensors by numpy, with a script's changes to those of a file.
  private static func changed(_ source: String, to path: String, _ change: String) throws {
    let code = """
      import sys, numpy as np, ml_dtypes
      from safetensors.numpy import load_file, save_file
      tensors = load_file(sys.argv[1])
      metadata = {"format": "pt"}
      \(change)
      save_file(tensors, sys.argv[2], metadata)
      """
    try PythonPeer.run(code: code, [source, path])
  }

  @Test func `what would be NaN or infinite is refused by name, and what stays may be`() throws {
    let folder = try TemporaryFolder()
    let weights = Self.llama + "/model.safetensors"
    for (name, change) in [
      ("adapter", "tensors[sorted(t for t in tensors if 'lora_B' in t)[0]][0, 0] = np.nan"),
      ("base", "tensors['model.layers.1.mlp.down_proj.weight'][3, 2] = np.inf"),
    ] {
      let base = try folder.copy(Self.llama, as: "base-\(name)")
      let lora = try folder.copy(Fixture.path("adapters/plain"), as: "lora-\(name)")
      let file = name == "base" ? base + "/model.safetensors" : lora + "/adapter_model.safetensors"
      try Self.changed(file, to: file, change)
      let error = try Self.refusal(.adapters([WeightedInput(lora)], base: base))
      guard case .unsuitable(let location, _, let hint) = error else { throw error }
      #expect(location.tensor?.hasSuffix("proj.weight") == true)
      #expect(hint?.remedies == [.findNonFinite])
    }
    try Self.changed(
      weights, to: folder.file("other.safetensors"), "tensors['lm_head.weight'][0, 0] = np.nan")
    _ = try Ingot.merge(
      .adapters([WeightedInput(Fixture.path("adapters/plain"))], base: folder.file("other.safetensors")),
      to: folder.file("o.safetensors"))
  }

  @Test func `a base whose weights stand for other numbers is refused by name`() throws {
    let folder = try TemporaryFolder()
    let scaled = folder.file("scaled.safetensors")
    let name = "model.layers.0.self_attn.q_proj.weight"
    try Self.changed(
      Self.llama + "/model.safetensors", to: scaled,
      """
      tensors['\(name)'] = tensors['\(name)'].astype(np.float32).astype(ml_dtypes.float8_e4m3fn)
      tensors['\(name)_scale_inv'] = np.ones((1, 1), np.float32)
      """)
    let integers = folder.file("integers.safetensors")
    try Self.changed(
      Self.llama + "/model.safetensors", to: integers, "tensors['\(name)'] = np.ones((16, 16), np.int8)")
    for base in [scaled, integers] {
      let error = try Self.refusal(
        .adapters([WeightedInput(Fixture.path("adapters/plain"))], base: base))
      guard case .unsuitable(let location, _, _) = error else { throw error }
      #expect(location.tensor == name)
    }
  }

  @Test func `tensors that share their bytes change together`() throws {
    let folder = try TemporaryFolder()
    let base = folder.file("tied.safetensors")
    try Self.changed(
      Self.llama + "/model.safetensors", to: base,
      """
      del tensors['lm_head.weight']
      metadata['lm_head.weight'] = 'model.embed_tokens.weight'
      """)
    _ = try Ingot.merge(
      .adapters([WeightedInput(Fixture.path("adapters/embedding"))], base: base), to: folder.file("o.npz"),
      options: Self.wide)
    let head = try Self.doubles(folder.file("o.npz"), "lm_head.weight")
    #expect(try head == Self.doubles(folder.file("o.npz"), "model.embed_tokens.weight"))
    #expect(try head != Self.doubles(base, "lm_head.weight"))
  }

  @Test func `a channel of zeros is named where its size is divided by`() throws {
    let folder = try TemporaryFolder()
    let base = try folder.copy(Self.llama, as: "base")
    let adapter = try Self.adapter("dora", in: folder) { _ in }
    let module = "model.layers.0.self_attn.q_proj."
    for (file, name) in [
      (base + "/model.safetensors", module + "weight"),
      (adapter + "/adapter_model.safetensors", "base_model.model.\(module)lora_B.weight"),
    ] { try Self.changed(file, to: file, "tensors['\(name)'][0] = 0") }
    let error = try Self.refusal(.adapters([WeightedInput(adapter)], base: base))
    guard case .unsuitable(let location, let why, _) = error else { throw error }
    #expect(location.tensor == module + "weight" && "\(why)".contains("channel of zeros"))
  }

  // MARK: - One tensor for embedding and head

  /// The Llama with its embedding as head.
  private static func tied(in folder: TemporaryFolder) throws -> String {
    let base = try folder.copy(llama, as: "tied")
    let weights = base + "/model.safetensors"
    try changed(weights, to: weights, "del tensors['lm_head.weight']")
    let config = try String(decoding: folder.bytes("tied/config.json"), as: UTF8.self)
    let old = #""tie_word_embeddings": false"#
    #expect(config.contains(old))
    _ = try folder.write(
      Array(config.replacing(old, with: #""tie_word_embeddings": true"#).utf8), to: "tied/config.json")
    return base
  }

  @Test func `a head for a base that has none is refused with the way to one, and then merged`() throws {
    let folder = try TemporaryFolder()
    let base = try Self.tied(in: folder)
    let input = WeightedInput(Fixture.path("adapters/modules-to-save"))
    let error = try Self.refusal(.adapters([input], base: base))
    guard case .malformed(_, _, let found, let expected) = error else { throw error }
    #expect("\(found)".contains("no head in") && "\(expected)".contains("untie"))
    var options = ConvertOptions()
    (options.program, options.head) = (.transformers, .untie)
    _ = try Ingot.convert(base, to: folder.file("untied/"), options: options)
    let report = try Ingot.merge(
      .adapters([input], base: folder.file("untied")), to: folder.file("o.safetensors"), options: Self.wide)
    #expect(!report.conversion.findings.contains { $0.kind == .tiedDiffers })
    let saved = input.path + "/adapter_model.safetensors"
    #expect(
      try Self.doubles(folder.file("o.safetensors"), "lm_head.weight")
        == Self.doubles(saved, "base_model.model.lm_head.weight"))
  }

  @Test func `an adapter that replaces the embedding, and with it a head that PEFT leaves, is refused`()
    throws
  {
    let folder = try TemporaryFolder()
    let adapter = try Self.adapter("modules-to-save", in: folder) { _ in }
    try Self.changed(
      adapter + "/adapter_model.safetensors", to: adapter + "/adapter_model.safetensors",
      "tensors['base_model.model.model.embed_tokens.weight'] = tensors.pop('base_model.model.lm_head.weight')"
    )
    let base = try Self.tied(in: folder)
    let error = try Self.refusal(.adapters([WeightedInput(adapter)], base: base))
    guard case .unsuitable(let location, let why, let hint?) = error else { throw error }
    #expect(location.tensor == "base_model.model.model.embed_tokens.weight")
    #expect("\(why)".contains("replaces the token embedding") && "\(hint)".contains("untie"))
    // A base with a head of its own keeps it.
    _ = try Ingot.merge(
      .adapters([WeightedInput(adapter)], base: Self.llama), to: folder.file("o.safetensors"))
    #expect(
      try Self.doubles(folder.file("o.safetensors"), "lm_head.weight")
        == Self.doubles(Self.llama, "lm_head.weight"))
  }

  @Test func `a change of an embedding that is the head too is said`() throws {
    let folder = try TemporaryFolder()
    let input = WeightedInput(Fixture.path("adapters/embedding"))
    let report = try Ingot.merge(
      .adapters([input], base: Self.tied(in: folder)), to: folder.file("o.safetensors"))
    #expect(
      report.conversion.findings.contains {
        $0.kind == .tiedDiffers && "\($0.detail)".contains("the head of")
      })
    let plain = try Ingot.merge(.adapters([input], base: Self.llama), to: folder.file("p.safetensors"))
    #expect(!plain.conversion.findings.contains { $0.kind == .tiedDiffers })
  }

  private static var wide: MergeOptions {
    var options = MergeOptions()
    options.dtype = .f64
    return options
  }

  @Test func `a weight is for what can be weighed`() throws {
    for name in ["dora", "modules-to-save", "bias-all"] {
      let error = try Self.refusal(
        .adapters([WeightedInput(Fixture.path("adapters/\(name)"), weight: 0.5)], base: Self.llama))
      guard case .invalidRequest(.weights, _) = error else { throw error }
    }
    let error = try Self.refusal(
      .adapters([WeightedInput(Fixture.path("adapters/plain"), weight: .nan)], base: Self.llama))
    guard case .invalidRequest(.weights, _) = error else { throw error }
  }

  @Test func `overflow is refused, saturated or infinite, as converting does`() throws {
    let folder = try TemporaryFolder()
    let recipe = MergeRecipe.linear([
      WeightedInput(Fixture.path("adapters/base/convolutions/model.safetensors"), weight: 1e6)
    ])
    guard case .unrepresentable = try Self.refusal(recipe) else { throw try Self.refusal(recipe) }
    var options = MergeOptions()
    options.onOverflow = .saturate
    let report = try Ingot.merge(recipe, to: folder.file("o.safetensors"), options: options)
    #expect(report.conversion.losses.contains { $0.kind == .overflow })
    #expect(!report.conversion.losses.contains { $0.kind == .cast })
  }

  @Test(arguments: ["o.ingot", "o.npz", "o.pt", "shards/"])
  func `any format that keeps names is written, and read back`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let recipe = try AdapterCase(name: "convolutions-dora").recipe()
    var options = MergeOptions()
    options.check = true
    options.shardByteLimit = name.hasSuffix("/") ? 200 : nil
    let report = try Ingot.merge(recipe, to: folder.file(name), options: options)
    #expect(report.conversion.wasChecked)
    _ = try Ingot.merge(recipe, to: folder.file("plain.safetensors"))
    #expect(try Ingot.diff(folder.file(name), folder.file("plain.safetensors")).isEqual)
    guard case .unrepresentable(nil, "gguf", _, _) = try Self.refusal(recipe, Self.format("gguf")) else {
      throw try Self.refusal(recipe, Self.format("gguf"))
    }
  }

  private static func format(_ id: String) -> MergeOptions {
    var options = MergeOptions()
    options.format = id
    return options
  }
}
