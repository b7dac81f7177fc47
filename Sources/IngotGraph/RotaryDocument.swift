// SPDX-License-Identifier: Apache-2.0
// A rotary embedding as config.json says it, in both spellings: keys of their own until transformers 4, one object
// `rope_parameters` since. Page: formats/config.md.
import IngotCore

/// What a key of config.json says of a rotary embedding.
package enum RotaryKey: Hashable, Sendable {
  /// θ alone.
  case base
  /// The share of a head that is turned, alone.
  case share
  /// The scaling, or null.
  case scaling
  /// The positions of the first training, where the scaling has them.
  case original
  /// All of it in one object.
  case parameters
}

/// Where a family's configs say a rotary embedding, and what one means that says nothing.
package struct RotaryRule: Sendable {
  /// θ where no key says it.
  package var base = 10_000.0
  /// The share of a head that is turned where no key says it.
  package var share = 1.0
  /// The scaling where no object says anything.
  package var scaling = RotaryScaling.none
  /// The keys of θ, of which the first is written.
  package var baseKeys = ["rope_theta"]
  /// The keys of the share; none where heads are turned whole, whatever a config says.
  package var shareKeys: [String] = []
  /// The key of the scaling; `nil` where the older spelling has none.
  package var scalingKey: String? = RotaryRule.olderKey
  /// The kind of layer that it is for, where ``parametersKey`` holds one object for each kind.
  package var layer: String?
  /// Positions of the first training, where no key says them; `nil` for all positions of the config.
  package var original: Int?
  /// Other names of types.
  package var typeNames: [String: String] = [:]

  /// The key of the scaling in the older spelling.
  package static let olderKey = "rope_scaling"
  /// The key of the newer spelling.
  package static let parametersKey = "rope_parameters"

  /// What a config means that says nothing.
  package var standard: RotaryParameters { RotaryParameters(base: base, scaling: scaling, share: share) }

  /// Llama's.
  package init() {}

  /// Llama's with another base.
  package init(base: Double) { self.base = base }

  /// Llama's with some changes.
  package init(_ change: (inout RotaryRule) -> Void) { change(&self) }
}

extension RotaryParameters {
  /// The value of a key of config.json.
  ///
  /// - Parameters:
  ///   - key: what the key says.
  ///   - rule: the family's.
  /// - Returns: the value; `null` for a scaling that there is not, and for one that no config can say.
  package func value(of key: RotaryKey, by rule: RotaryRule) -> MetadataValue {
    switch key {
    case .base: return .float64(base)
    case .share: return .float64(share)
    case .scaling:
      let entries = scaling.entries
      return entries.isEmpty ? .null : .object(Metadata(type + entries))
    case .original: return scaling.original.map { .int64(Int64($0)) } ?? .null
    case .parameters:
      guard scaling.isStatable else { return .null }
      let shared: [Metadata.Entry] =
        share == rule.share ? [] : [.init(key: "partial_rotary_factor", value: .float64(share))]
      return .object(
        Metadata([.init(key: "rope_theta", value: .float64(base))] + type + shared + scaling.entries))
    }
  }

  private var type: [Metadata.Entry] { [.init(key: "rope_type", value: .string(scaling.name))] }
}

extension RotaryScaling {
  /// Whether a config can say it.
  package var isStatable: Bool {
    if case .divisors = self { false } else { true }
  }

  /// The positions of the first training, where it has them.
  package var original: Int? {
    switch self {
    case .llama3(_, _, _, let original): original
    case .yarn(let yarn): yarn.original
    case .longrope(let longrope): longrope.original
    case .none, .linear, .dynamic, .divisors: nil
    }
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
