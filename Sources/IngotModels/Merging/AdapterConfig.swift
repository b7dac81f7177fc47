// SPDX-License-Identifier: Apache-2.0
// Reads `adapter_config.json` of PEFT: what decides on the merged weights is read, what only training used is passed over,
// and anything else that is set is refused by its name. Page: formats/adapters.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// What an adapter's config says of the weights.
struct AdapterConfig {
  /// The file, for messages.
  let path: String
  /// The model that the adapter was trained on, when it says so.
  let baseName: String?
  /// Whether the size of each channel is set anew.
  let usesMagnitudes: Bool
  /// Whether weights of as many inputs as outputs are `[in, out]`.
  let hasInputsFirst: Bool
  private let rank: Int
  private let alpha: Double
  private let usesRootOfRank: Bool
  private let ranks: [(pattern: AdapterPattern, value: Int)]
  private let alphas: [(pattern: AdapterPattern, value: Double)]

  /// Keys that tell how the adapter was trained, or where from; tensors tell what came of it.
  private static let passedOver: Set<String> = [
    "auto_mapping", "bias", "corda_config", "eva_config", "exclude_modules", "inference_mode",
    "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config",
    "megatron_core", "modules_to_save", "peft_version", "qalora_group_size", "revision",
    "runtime_config", "target_modules", "task_type",
  ]
  private static let read: Set<String> = [
    "alpha_pattern", "base_model_name_or_path", "fan_in_fan_out", "init_lora_weights", "lora_alpha",
    "peft_type", "r", "rank_pattern", "use_dora", "use_rslora",
  ]
  /// Ways to begin a training that leave the base as it is.
  private static let harmlessBeginnings: Set<String> = ["gaussian", "eva", "orthogonal"]

  /// Reads a config.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with AD-01 for what is no config, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for another kind of adapter, and for keys that change what a merge is.
  init(_ bytes: [UInt8], path: String) throws(IngotError) {
    let document: Metadata
    do throws(JSONFailure) { document = try JSONDocument.object(bytes) } catch {
      throw IngotError(error, rule: AdapterRule.config.rule, at: Location(path))
    }
    let reader = AdapterConfigReader(document: document, path: path)
    guard let kind = try reader.text("peft_type") else {
      throw reader.malformed("peft_type", expected: "the kind of the adapter")
    }
    guard kind == "LORA" else {
      throw .unsupported(
        "an adapter of the kind \(kind), of which only LORA is merged", at: Location(path, key: "peft_type"))
    }
    self.path = path
    baseName = try reader.text("base_model_name_or_path")
    usesMagnitudes = try reader.flag("use_dora")
    hasInputsFirst = try reader.flag("fan_in_fan_out")
    usesRootOfRank = try reader.flag("use_rslora")
    alpha = try reader.number("lora_alpha") ?? 8
    ranks = try reader.patterns("rank_pattern").map { (pattern, value) throws(IngotError) in
      guard let rank = Int(exactly: value), rank > 0 else {
        throw reader.malformed("rank_pattern", expected: "numbers of at least 1")
      }
      return (pattern, rank)
    }
    alphas = try reader.patterns("alpha_pattern")
    guard let rank = Int(exactly: try reader.number("r") ?? 8), rank > 0 else {
      throw reader.malformed("r", expected: "a number of at least 1")
    }
    self.rank = rank
    try Self.requireHarmlessBeginning(reader)
    for entry in document.entries
    where entry.value.isSet && !Self.read.contains(entry.key) && !Self.passedOver.contains(entry.key) {
      throw .unsupported("a setting that merging does not know", at: Location(path, key: entry.key))
    }
  }

  /// Throws where training began by changing the base, which is then another than the one at hand.
  private static func requireHarmlessBeginning(_ reader: AdapterConfigReader) throws(IngotError) {
    switch reader.document["init_lora_weights"] {
    case nil, .null?, .bool?: return
    case .string(let name)? where harmlessBeginnings.contains(name): return
    case .string(let name)?:
      throw .unsupported(
        "an adapter begun by \(name), which changes the base too; PEFT's save_pretrained makes a plain one with path_initial_model_for_weight_conversion",
        at: Location(reader.path, key: "init_lora_weights"))
    default: throw reader.malformed("init_lora_weights", expected: "a name, true or false")
    }
  }

  /// The rank that the config gives a module.
  func rank(of module: String) -> Int {
    ranks.first { $0.pattern.matches(module) }?.value ?? rank
  }

  /// What the product of a module's two matrices is multiplied by.
  func scale(of module: String, rank: Int) -> Double {
    let alpha = alphas.first { $0.pattern.matches(module) }?.value ?? alpha
    return usesRootOfRank ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
  }
}

/// Values of a config by type.
private struct AdapterConfigReader {
  let document: Metadata
  let path: String

  func malformed(_ key: String, expected: Evidence) -> IngotError {
    .malformed(
      AdapterRule.config.rule, at: Location(path, key: key),
      found: document[key].map { .value($0.text ?? JSONWriter.text($0)) } ?? "nothing", expected: expected)
  }

  func text(_ key: String) throws(IngotError) -> String? {
    switch document[key] {
    case nil, .null?: return nil
    case .string(let text)?: return text
    default: throw malformed(key, expected: "a text")
    }
  }

  func flag(_ key: String) throws(IngotError) -> Bool {
    switch document[key] {
    case nil, .null?: return false
    case .bool(let flag)?: return flag
    default: throw malformed(key, expected: "true or false")
    }
  }

  func number(_ key: String) throws(IngotError) -> Double? {
    guard let value = document[key], value != .null else { return nil }
    guard let number = value.real, number.isFinite else { throw malformed(key, expected: "a number") }
    return number
  }

  func patterns(_ key: String) throws(IngotError) -> [(pattern: AdapterPattern, value: Double)] {
    switch document[key] {
    case nil, .null?: return []
    case .object(let object)?:
      guard object.entries.count <= AdapterPattern.mostKeys else {
        throw .unsupported(
          "\(object.entries.count) patterns, over the \(AdapterPattern.mostKeys) that are matched",
          at: Location(path, key: key))
      }
      return try object.entries.map { (entry) throws(IngotError) in
        guard let number = entry.value.real, number.isFinite else {
          throw malformed(key, expected: "numbers by pattern")
        }
        return (try AdapterPattern(entry.key, at: Location(path, key: "\(key).\(entry.key)")), number)
      }
    default: throw malformed(key, expected: "an object")
    }
  }
}

extension MetadataValue {
  /// Whether a setting asks for something.
  fileprivate var isSet: Bool {
    switch self {
    case .null, .bool(false): false
    case .array(let values): !values.isEmpty
    case .object(let object): !object.isEmpty
    case .string(let text): !text.isEmpty
    default: true
    }
  }
}
