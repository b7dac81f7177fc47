// SPDX-License-Identifier: Apache-2.0
// Reads what config.json says of a rotary embedding, in either spelling or both, which must agree. Page: formats/config.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// Reads the rotary embedding of a config.
struct RotaryConfigReader {
  private let document: Metadata
  private let path: String
  private let config: ModelConfig
  private let rule: RotaryRule

  /// Prepares a reading.
  ///
  /// - Parameters:
  ///   - document: the config.
  ///   - path: its file, for messages.
  ///   - config: the sizes that were read of it.
  ///   - rule: where its family says what.
  init(_ document: Metadata, path: String, config: ModelConfig, rule: RotaryRule) {
    self.document = document
    self.path = path
    self.config = config
    self.rule = rule
  }

  /// The parameters.
  ///
  /// - Returns: what all keys say together.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-03 for values of other types and numbers that
  ///   are missing, CF-04 for those out of range, CF-05 for spellings that disagree, and CF-08 for a scaling that is not built.
  func parameters() throws(IngotError) -> RotaryParameters {
    var scaling: RotaryFinding<RotaryScaling>?
    var base = try number(under: rule.baseKeys)
    var share = try number(under: rule.shareKeys)
    let objects = try objects()
    for (name, object) in objects {
      if let stated = object["rope_theta"], stated != .null {
        let place = "\(name).rope_theta"
        try agree(&base, RotaryFinding(key: place, value: try number(stated, place)))
      }
      if let stated = object["partial_rotary_factor"], stated != .null {
        let place = "\(name).partial_rotary_factor"
        try agree(&share, RotaryFinding(key: place, value: try number(stated, place)))
      }
      // An object of the base alone says nothing of a scaling.
      let isOlder = name == rule.scalingKey
      if !isOlder, object["rope_type"] == nil, object["type"] == nil { continue }
      try agree(&scaling, RotaryFinding(key: name, value: try self.scaling(object, name)))
    }
    return RotaryParameters(
      base: base?.value ?? rule.base, scaling: scaling?.value ?? (objects.isEmpty ? rule.scaling : .none),
      share: try checked(share))
  }

  /// The share of a head that is turned.
  private func checked(_ share: RotaryFinding<Double>?) throws(IngotError) -> Double {
    guard let share else { return rule.share }
    if rule.shareKeys.isEmpty, share.value != 1 {
      throw malformed(.refused, share.key, "\(share.value)", "1, the only value that is built")
    }
    guard share.value <= 1 else { throw malformed(.range, share.key, "\(share.value)", "at most 1") }
    return share.value
  }

  /// What keys of one meaning say, which has to be the same.
  private func number(under keys: [String]) throws(IngotError) -> RotaryFinding<Double>? {
    var found: RotaryFinding<Double>?
    for key in keys {
      guard let stated = document[key], stated != .null else { continue }
      try agree(&found, RotaryFinding(key: key, value: try number(stated, key)))
    }
    return found
  }

  /// Takes what a key says; throws where another said something else.
  private func agree<Value: Equatable>(
    _ known: inout RotaryFinding<Value>?, _ next: RotaryFinding<Value>
  ) throws(IngotError) {
    if let known, known.value != next.value {
      throw malformed(.alias, next.key, "another value than \(words: known.key) has", "the same")
    }
    known = next
  }

  /// The objects that there are, the newer spelling's first.
  private func objects() throws(IngotError) -> [(name: String, object: Metadata)] {
    var objects: [(String, Metadata)] = []
    if let object = try object(document[RotaryRule.parametersKey], RotaryRule.parametersKey) {
      if let found = try ofLayer(object) { objects.append(found) }
    }
    if let key = rule.scalingKey, let object = try object(document[key], key) {
      try requireOne(object, key)
      objects.append((key, object))
    }
    return objects
  }

  /// The part of the newer spelling that is for this embedding.
  private func ofLayer(_ object: Metadata) throws(IngotError) -> (String, Metadata)? {
    let key = RotaryRule.parametersKey
    guard let layer = rule.layer else {
      try requireOne(object, key)
      return (key, object)
    }
    for entry in object.entries where entry.key != LayerKind.whole && entry.key != LayerKind.window {
      throw malformed(
        .refused, "\(key).\(entry.key)", "a rotary embedding for all layers", "one for each kind of layer")
    }
    let name = "\(key).\(layer)"
    return try self.object(object[layer], name).map { (name, $0) }
  }

  /// Throws for an object that holds others for kinds of layers.
  private func requireOne(_ object: Metadata, _ key: String) throws(IngotError) {
    for layer in [LayerKind.whole, LayerKind.window] where object[layer] != nil {
      throw malformed(
        .refused, "\(key).\(layer)", "a rotary embedding for some layers", "one for all of them")
    }
  }

  private func object(_ value: MetadataValue?, _ key: String) throws(IngotError) -> Metadata? {
    switch value {
    case nil, .null?: return nil
    case .object(let object)?: return object
    default: throw malformed(.type, key, "a value of another type", "an object, or null")
    }
  }

  private func scaling(_ object: Metadata, _ name: String) throws(IngotError) -> RotaryScaling {
    let stated = try self.type(object, name)
    let type = rule.typeNames[stated] ?? stated
    func required(_ key: String) throws(IngotError) -> Double {
      guard let value = try optional(object, key, name) else {
        throw malformed(.type, "\(name).\(key)", "no such key", "a number")
      }
      return value
    }
    switch type {
    case "default": return .none
    case "linear": return .linear(factor: try required("factor"))
    case "dynamic": return .dynamic(factor: try required("factor"))
    case "llama3":
      let (low, high) = (try required("low_freq_factor"), try required("high_freq_factor"))
      guard low < high else {
        throw malformed(.range, "\(name).high_freq_factor", "\(high)", "above low_freq_factor, \(low)")
      }
      return .llama3(
        factor: try required("factor"), low: low, high: high, original: try original(object, name))
    case "yarn": return .yarn(try yarn(object, name))
    case "longrope":
      return .longrope(
        LongropeScaling(
          short: try list(object, "short_factor", name), long: try list(object, "long_factor", name),
          original: try original(object, name), factor: try optional(object, "factor", name),
          attentionFactor: try optional(object, "attention_factor", name)))
    default:
      throw malformed(
        .refused, "\(name).rope_type", .value(type),
        "default, linear, dynamic, llama3, yarn or longrope, whose arithmetic is built")
    }
  }

  /// The type, under either of its spellings.
  private func type(_ object: Metadata, _ name: String) throws(IngotError) -> String {
    var found: RotaryFinding<String>?
    for key in ["rope_type", "type"] {
      guard let value = object[key], value != .null else { continue }
      guard let text = value.text else {
        throw malformed(.type, "\(name).\(key)", "a value of another type", "a word")
      }
      try agree(&found, RotaryFinding(key: "\(name).\(key)", value: text))
    }
    guard let found else { throw malformed(.type, "\(name).rope_type", "no such key", "a word") }
    if rule.layer != nil, name == rule.scalingKey, object["rope_type"] == nil, found.value != "default" {
      throw malformed(
        .refused, "\(name).type", .value(found.value), "rope_type, without which transformers passes it over")
    }
    return found.value
  }

  private func yarn(_ object: Metadata, _ name: String) throws(IngotError) -> YarnScaling {
    var yarn = YarnScaling(
      factor: try optional(object, "factor", name), original: try original(object, name))
    yarn.fast = try optional(object, "beta_fast", name) ?? yarn.fast
    yarn.slow = try optional(object, "beta_slow", name) ?? yarn.slow
    yarn.attentionFactor = try optional(object, "attention_factor", name)
    yarn.mscale = try optional(object, "mscale", name, orZero: true)
    yarn.mscaleAllDimensions = try optional(object, "mscale_all_dim", name, orZero: true)
    switch object["truncate"] {
    case nil, .null?: break
    case .bool(let truncates)?: yarn.truncates = truncates
    default: throw malformed(.type, "\(name).truncate", "a value of another type", "true or false")
    }
    return yarn
  }

  /// The positions of the first training: the object's, else those beside it, which programs prefer, so that both have to agree;
  /// else all that the config has.
  private func original(_ object: Metadata, _ name: String) throws(IngotError) -> Int {
    let key = "original_max_position_embeddings"
    if let inner = object[key], let outer = document[key], inner != .null, outer != .null,
      inner.real != outer.real
    {
      throw malformed(.alias, "\(name).\(key)", "another value than \(words: key) has", "the same")
    }
    if let known = rule.original, document[key] ?? .null == .null, let inner = object[key], inner != .null,
      inner.integer != known
    {
      // Of programs some take the one, and some what stands for the key beside it.
      throw malformed(
        .alias, "\(name).\(key)", "another value than \(known), which stands for \(words: key)", "the same")
    }
    for (value, place) in [(object[key], "\(name).\(key)"), (document[key], key)] {
      guard let value, value != .null else { continue }
      guard let count = value.integer else {
        throw malformed(.type, place, "a value of another type", "an integer")
      }
      guard count > 0, count <= 1 << 28 else {
        throw malformed(.range, place, "\(count)", "from 1 to \(1 << 28)")
      }
      return count
    }
    return rule.original ?? config.contextLength
  }

  private func optional(
    _ object: Metadata, _ key: String, _ name: String, orZero: Bool = false
  ) throws(IngotError) -> Double? {
    guard let value = object[key], value != .null else { return nil }
    if orZero, value.real == 0 { return 0 }
    return try number(value, "\(name).\(key)")
  }

  private func list(_ object: Metadata, _ key: String, _ name: String) throws(IngotError) -> [Double] {
    guard let elements = object[key]?.elements else {
      throw malformed(.type, "\(name).\(key)", "no list", "a number for each pair")
    }
    var numbers: [Double] = []
    for element in elements { numbers.append(try number(element, "\(name).\(key)")) }
    return numbers
  }

  private func number(_ value: MetadataValue, _ key: String) throws(IngotError) -> Double {
    try value.positive(at: Location(path, key: key))
  }

  private func malformed(
    _ rule: ConfigRule, _ key: String, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(rule.rule, at: Location(path, key: key), found: found, expected: expected)
  }
}

/// What a key says, with its name.
private struct RotaryFinding<Value> {
  let key: String
  let value: Value
}
