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
  private let base: Double

  /// Prepares a reading.
  ///
  /// - Parameters:
  ///   - document: the config.
  ///   - path: its file, for messages.
  ///   - config: the sizes that were read of it.
  ///   - base: θ where no key says it.
  init(_ document: Metadata, path: String, config: ModelConfig, base: Double) {
    self.document = document
    self.path = path
    self.config = config
    self.base = base
  }

  /// The parameters.
  ///
  /// - Returns: what all keys say together.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-03 for values of other types and numbers that
  ///   are missing, CF-04 for those out of range, CF-05 for spellings that disagree, and CF-08 for a scaling that is not built.
  func parameters() throws(IngotError) -> RotaryParameters {
    var (base, scaling): (RotaryFinding<Double>?, RotaryFinding<RotaryScaling>?)
    if let stated = document[RotaryKey.base.rawValue], stated != .null {
      base = RotaryFinding(key: RotaryKey.base.rawValue, value: try number(stated, RotaryKey.base.rawValue))
    }
    for key in [RotaryKey.parameters, .scaling] {
      guard let object = try object(key) else { continue }
      let name = key.rawValue
      if let stated = object["rope_theta"], stated != .null {
        let place = "\(name).rope_theta"
        try agree(&base, RotaryFinding(key: place, value: try number(stated, place)))
      }
      // An object of the base alone says nothing of a scaling.
      let isSilent = key == .parameters && object["rope_type"] == nil && object["type"] == nil
      if isSilent { continue }
      try agree(&scaling, RotaryFinding(key: name, value: try self.scaling(object, name)))
    }
    return RotaryParameters(base: base?.value ?? self.base, scaling: scaling?.value ?? .none)
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

  private func object(_ key: RotaryKey) throws(IngotError) -> Metadata? {
    switch document[key.rawValue] {
    case nil, .null?: return nil
    case .object(let object)?:
      for layer in ["full_attention", "sliding_attention"] where object[layer] != nil {
        throw malformed(
          .refused, "\(key.rawValue).\(layer)", "a rotary embedding for some layers", "one for all of them")
      }
      return object
    default: throw malformed(.type, key.rawValue, "a value of another type", "an object, or null")
    }
  }

  private func scaling(_ object: Metadata, _ name: String) throws(IngotError) -> RotaryScaling {
    if let factor = object["partial_rotary_factor"]?.real, factor != 1 {
      throw malformed(
        .refused, "\(name).partial_rotary_factor", "\(factor)", "1, the only value that is built")
    }
    let type = try self.type(object, name)
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
    return config.contextLength
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
    guard let number = value.real else {
      throw malformed(.type, key, "a value of another type", "a number")
    }
    guard number > 0, number < 1e12 else {
      throw malformed(.range, key, "\(number)", "above 0 and below 1e12")
    }
    return number
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
