// SPDX-License-Identifier: Apache-2.0
// What a program has built in: configs of other values can't be expressed there, and are refused by the key's name.
import IngotCore
import IngotGraph

/// A key of the config whose value a program has built in.
package struct FixedValue: Hashable, Sendable {
  /// The config's key.
  package let key: String
  /// The value; `null` for the formula that is the key's default.
  package let value: MetadataValue

  /// Makes a value.
  package init(_ key: String, _ value: MetadataValue) {
    self.key = key
    self.value = value
  }

  /// What a config has instead; `nil` when it has this value.
  ///
  /// - Parameters:
  ///   - config: the config.
  ///   - architecture: its architecture.
  /// - Returns: what was found and what the program has built in.
  package func conflict(
    with config: ModelConfig, of architecture: Architecture
  ) -> (found: Evidence, expected: Evidence)? {
    guard let binding = architecture.keys.key(spelled: key)?.binding,
      let stated = binding.stated(in: config), stated != value
    else { return nil }
    guard value == .null, let formula = binding.formula else { return (stated.plain, value.plain) }
    var standard = config
    binding.setDefault(in: &standard)
    let number = binding.stated(in: standard, isResolved: true) ?? .null
    return (stated.plain, "\(words: formula), \(number.plain)")
  }
}

extension MetadataValue {
  /// A number or a word as it stands in a sentence.
  fileprivate var plain: Evidence {
    switch self {
    case .string(let word): "\(words: word)"
    case .int64(let number): "\(Int(number))"
    case .float64(let number): "\(number)"
    case .bool(let flag): flag ? "true" : "false"
    default: .value("\(self)")
    }
  }
}

extension Dialect {
  /// Throws for a model that the publisher's program can't express.
  ///
  /// - Parameter config: the model's numbers.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` naming the key.
  package func requireExpressible(_ config: ModelConfig) throws(IngotError) {
    guard let architecture = Architecture.named(architecture) else { return }
    for value in fixed {
      guard let (found, expected) = value.conflict(with: config, of: architecture) else { continue }
      throw .unrepresentable(
        tensor: nil, target: id,
        why:
          "\(words: value.key) is \(found), and the program of this dialect computes with \(expected) only",
        hint: nil)
    }
  }
}
