// SPDX-License-Identifier: Apache-2.0
// A rotary embedding as config.json says it, in both spellings: `rope_theta` and `rope_scaling` until transformers 4, one
// object `rope_parameters` since. Page: formats/config.md.
import IngotCore

/// The keys of config.json that say how a rotary embedding turns.
package enum RotaryKey: String, Hashable, Sendable {
  /// θ alone.
  case base = "rope_theta"
  /// The scaling, or null.
  case scaling = "rope_scaling"
  /// Both in one object.
  case parameters = "rope_parameters"
}

extension RotaryParameters {
  /// The value of a key of config.json.
  ///
  /// - Parameter key: which key.
  /// - Returns: the value; `null` for a scaling that there is not, and for one that no config can say.
  package func value(of key: RotaryKey) -> MetadataValue {
    switch key {
    case .base: return .float64(base)
    case .scaling:
      let entries = scaling.entries
      return entries.isEmpty ? .null : .object(Metadata(type + entries))
    case .parameters:
      guard scaling.isStatable else { return .null }
      return .object(Metadata([.init(key: "rope_theta", value: .float64(base))] + type + scaling.entries))
    }
  }

  private var type: [Metadata.Entry] { [.init(key: "rope_type", value: .string(scaling.name))] }
}

extension RotaryScaling {
  /// Whether a config can say it.
  package var isStatable: Bool {
    if case .divisors = self { false } else { true }
  }

  /// What its object has beside its type; nothing for no scaling, and for one that no config can say.
  fileprivate var entries: [Metadata.Entry] {
    switch self {
    case .none, .divisors: return []
    case .linear(let factor), .dynamic(let factor): return [.real("factor", factor)]
    case .llama3(let factor, let low, let high, let original):
      return [
        .real("factor", factor), .real("low_freq_factor", low), .real("high_freq_factor", high),
        .count("original_max_position_embeddings", original),
      ]
    case .yarn(let yarn): return yarn.entries
    case .longrope(let longrope): return longrope.entries
    }
  }
}

extension YarnScaling {
  fileprivate var entries: [Metadata.Entry] {
    var entries: [Metadata.Entry] = [.count("original_max_position_embeddings", original)]
    if let factor { entries.append(.real("factor", factor)) }
    entries += [.real("beta_fast", fast), .real("beta_slow", slow)]
    if !truncates { entries.append(.init(key: "truncate", value: .bool(false))) }
    let others: [(String, Double?)] = [
      ("attention_factor", attentionFactor), ("mscale", mscale), ("mscale_all_dim", mscaleAllDimensions),
    ]
    return entries + others.compactMap { name, value in value.map { .real(name, $0) } }
  }
}

extension LongropeScaling {
  fileprivate var entries: [Metadata.Entry] {
    func list(_ name: String, _ values: [Double]) -> Metadata.Entry {
      .init(key: name, value: .array(values.map { .float64($0) }))
    }
    let others: [(String, Double?)] = [("factor", factor), ("attention_factor", attentionFactor)]
    return [
      .count("original_max_position_embeddings", original), list("short_factor", short),
      list("long_factor", long),
    ] + others.compactMap { name, value in value.map { .real(name, $0) } }
  }
}

extension Metadata.Entry {
  fileprivate static func real(_ key: String, _ value: Double) -> Self {
    Self(key: key, value: .float64(value))
  }
  fileprivate static func count(_ key: String, _ value: Int) -> Self {
    Self(key: key, value: .int64(Int64(value)))
  }
}
