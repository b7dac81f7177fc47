// SPDX-License-Identifier: Apache-2.0
// What a program has built in: configs of other values can't be expressed there, and are refused by the key's name.
import IngotCore
import IngotGraph

/// A key of the config whose value a program has built in, or of which it knows a few.
package struct FixedValue: Hashable, Sendable {
  /// The config's key.
  package let key: String
  /// The values; `null` for the formula that is the key's default.
  package let values: [MetadataValue]

  /// Makes a key with its values.
  package init(_ key: String, _ values: MetadataValue...) {
    self.key = key
    self.values = values
  }

  /// What a config has instead; `nil` when it has one of these values.
  ///
  /// - Parameters:
  ///   - config: the config.
  ///   - architecture: its architecture.
  /// - Returns: what was found and what the program has built in.
  package func conflict(
    with config: ModelConfig, of architecture: Architecture
  ) -> (found: Evidence, expected: Evidence)? {
    guard let binding = architecture.keys.key(spelled: key)?.binding,
      let stated = binding.stated(in: config), !values.contains(stated)
    else { return nil }
    guard values == [.null], let formula = binding.formula else {
      let words = values.map { "\($0.plain)" }.joined(separator: ", ")
      return (stated.plain, "\(words: words)")
    }
    var standard = config
    binding.setDefault(in: &standard)
    let number = binding.stated(in: standard, isResolved: true) ?? .null
    return (stated.plain, "\(words: formula), \(number.plain)")
  }
}

/// A key of the config whose value a program computes by a formula that comes near.
package struct ApproximatedValue: Hashable, Sendable {
  /// The config's key.
  package let key: String
  /// The value.
  package let value: MetadataValue
  /// The formula, in words.
  package let formula: String

  /// Makes a value.
  package init(_ key: String, _ value: MetadataValue, by formula: String) {
    self.key = key
    self.value = value
    self.formula = formula
  }
}

/// A key of the config that a program passes over.
package struct IgnoredValue: Hashable, Sendable {
  /// The config's key.
  package let key: String
  /// The value with which nothing is lost.
  package let harmless: MetadataValue
  /// The flag without which nothing is lost either.
  package let flag: ConfigField<Bool>
  /// Whether the program looks at it for the layers that a config lists.
  package let isSeenWhereListed: Bool

  /// Makes a key.
  package init(
    _ key: String, unless harmless: MetadataValue, where flag: ConfigField<Bool>,
    isSeenWhereListed: Bool = false
  ) {
    self.isSeenWhereListed = isSeenWhereListed
    self.key = key
    self.harmless = harmless
    self.flag = flag
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
    if let (key, why) = refusal(config) ?? rotary.refusal(config[.rotary].scaling) {
      throw .unrepresentable(
        tensor: nil, target: id,
        why: "\(words: key) \(why), and the program of this dialect does not compute that", hint: nil)
    }
    guard let heads, heads[config[.head]] == nil else { return }
    let name = architecture.heads.first { $0.id == config[.head] }?.classes.first ?? config[.head]
    throw .unrepresentable(
      tensor: nil, target: id,
      why:
        "\(words: architecture.keyName(of: .head)) is \(words: name), and the program of this dialect has no such head",
      hint: nil)
  }

  /// What the publisher's program computes of a model otherwise than its config says, or does not look at.
  ///
  /// - Parameter config: the model's numbers.
  /// - Returns: a line for each key.
  package func approximations(of config: ModelConfig) -> [Loss] {
    guard let architecture = Architecture.named(architecture) else { return [] }
    let rotaryRemarks = [rotary.remark(config[.rotary].scaling)].compactMap(\.self)
    return rotaryRemarks.map { Loss(.readers, detail: "\(words: RotaryRule.olderKey): \($0)") }
      + approximated.filter { value in
        architecture.keys.key(spelled: value.key)?.binding?.stated(in: config) == value.value
      }.map { value in
        Loss(
          .readers,
          detail:
            "\(words: value.key): the program of \(words: id) computes \(value.value.plain) by \(words: value.formula)"
        )
      }
      + ignored.compactMap { value in
        let stated = architecture.keys.key(spelled: value.key)?.binding?.stated(in: config)
        guard let stated, stated != value.harmless, config[value.flag] else { return nil }
        if value.isSeenWhereListed, !config[.windowBlocks].isEmpty { return nil }
        return Loss(
          .readers,
          detail: "\(words: value.key) is \(stated.plain): the program of \(words: id) computes without it")
      }
  }
}
