// SPDX-License-Identifier: Apache-2.0
// The keys of config.json, in one table an architecture: which change the arithmetic, which inform, which do nothing.
// Page: formats/config.md.
import IngotCore

/// A key of a config.
package struct ConfigKey: Sendable {
  /// What becomes of a key.
  package enum Effect: Sendable {
    /// It changes the arithmetic, and is honoured.
    case honoured(ConfigBinding)
    /// It changes the arithmetic, and any value but this one is refused.
    case onlyValue(MetadataValue)
    /// It is a list that changes the arithmetic, and any but one of this value alone is refused.
    case onlyElements(MetadataValue)
    /// It tells of the model's making or use, and changes no output.
    case informational
  }

  /// The key, as the publisher spells it first.
  package let name: String
  /// Other spellings that publishers accept.
  package let aliases: [String]
  /// What becomes of it.
  package let effect: Effect
  /// Whether only some heads look at it, so that a document has it or not.
  package let isOfHead: Bool
  /// Whether a document that says nothing of it has no such key, since some readers take null for a value.
  package var isLeftOutWhenNull = false

  /// Makes a key that is honoured.
  package init(
    _ name: String, _ binding: ConfigBinding, aliases: [String] = [], isOfHead: Bool = false,
    isLeftOutWhenNull: Bool = false
  ) {
    self.init(name, .honoured(binding), aliases: aliases, isOfHead: isOfHead)
    self.isLeftOutWhenNull = isLeftOutWhenNull
  }

  /// Makes a key.
  package init(_ name: String, _ effect: Effect, aliases: [String] = [], isOfHead: Bool = false) {
    self.isOfHead = isOfHead
    self.name = name
    self.aliases = aliases
    self.effect = effect
  }

  /// The key under all its spellings.
  package var spellings: [String] { [name] + aliases }

  /// Whether the key says something of the arithmetic.
  package var isOfArithmetic: Bool {
    if case .informational = effect { false } else { true }
  }

  /// Whether it says something of the arithmetic of every head, so that a program that spells it otherwise has to agree.
  package var isOfBody: Bool {
    if case .head? = binding { return false }
    return isOfArithmetic && !isOfHead
  }

  /// The field that it sets, when it is honoured.
  package var binding: ConfigBinding? {
    if case .honoured(let binding) = effect { binding } else { nil }
  }
}

/// The value of a field whose key is absent or null.
package enum ConfigDefault<Value: ConfigFieldValue>: Sendable {
  /// The same in every model.
  case value(Value)
  /// Made of other fields, which stand before it in the table; with the formula for messages: `4 × n_embd`.
  case derived(String, @Sendable (ModelConfig) -> Value)

  /// The value.
  package func value(in config: ModelConfig) -> Value {
    switch self {
    case .value(let value): value
    case .derived(_, let formula): formula(config)
    }
  }

  /// The formula, where there is one.
  package var formula: String? {
    if case .derived(let text, _) = self { text } else { nil }
  }
}

/// The field that a key sets, and how a document writes its values.
package enum ConfigBinding: Sendable {
  /// A count, from 1 to a limit.
  case count(ConfigField<Int>, ConfigDefault<Int>, limit: Int)
  /// A real number above 0 and below 1.
  case fraction(ConfigField<Double>, ConfigDefault<Double>)
  /// A real number above 0, which is written without a point where the publisher's class asks for an integer.
  case positive(ConfigField<Double>, ConfigDefault<Double>, isWhole: Bool = false)
  /// True or false.
  case flag(ConfigField<Bool>, ConfigDefault<Bool>)
  /// The name of an activation; of several names of one, the first is written.
  case activation(
    ConfigField<ActivationKind>, ConfigDefault<ActivationKind>, names: [(String, ActivationKind)])
  /// A list of names of classes, the first of which says the head; others than the architecture's say nothing.
  case head
  /// The labels of a classifier, or their number.
  case labels
  /// The id of a token.
  case token(ConfigField<Int>)
  /// A word.
  case word(ConfigField<String>)
  /// A count that null, and not a missing key, says there is none of: 0.
  case optionalCount(ConfigField<Int>, absent: Int, limit: Int)
  /// A number of a block, from 0.
  case index(ConfigField<Int>, absent: Int, limit: Int)
  /// A real number above 0 that null, and not a missing key, says there is none of: 0.
  case optionalReal(ConfigField<Double>, absent: Double)
  /// A list with the kind of attention of each block: over all tokens, or over a window.
  case layers(ConfigField<[Bool]>)
  /// A list of numbers of blocks; others than there are say nothing.
  case blockNumbers(ConfigField<[Int]>)
  /// A list with 1 or 0 for each block, and perhaps for more than there are.
  case blockFlags(ConfigField<[Bool]>)
  /// One of the keys of a rotary embedding; ``RotaryKey/parameters`` is the last of them.
  case rotary(ConfigField<RotaryParameters>, RotaryKey, RotaryRule)
  /// The key of several rotary embeddings, one for each kind of layer.
  case rotaryLayers([(field: ConfigField<RotaryParameters>, rule: RotaryRule)])

  /// Sets the field to its default.
  package func setDefault(in config: inout ModelConfig) {
    switch self {
    case .count(let field, let standard, _): config[field] = standard.value(in: config)
    case .fraction(let field, let standard), .positive(let field, let standard, _):
      config[field] = standard.value(in: config)
    case .flag(let field, let standard): config[field] = standard.value(in: config)
    case .activation(let field, let standard, _): config[field] = standard.value(in: config)
    case .token(let field): config[field] = field.standard
    case .word(let field): config[field] = field.standard
    case .optionalCount(let field, let absent, _): config[field] = absent
    case .index(let field, let absent, _): config[field] = absent
    case .layers(let field): config[field] = []
    case .optionalReal(let field, let absent): config[field] = absent
    case .blockFlags(let field): config[field] = []
    case .blockNumbers(let field): config[field] = []
    case .rotary(let field, _, let rule): config[field] = rule.standard
    case .rotaryLayers(let layers):
      for (field, rule) in layers { config[field] = rule.standard }
    case .head, .labels: break
    }
  }

  /// The field's value as a document has it.
  ///
  /// - Parameters:
  ///   - config: the configuration.
  ///   - isResolved: whether a value that is the default's formula is written as its number, and not as null.
  /// - Returns: the value; `nil` for the head, which is an architecture's to name, and for what only heads look at.
  package func stated(in config: ModelConfig, isResolved: Bool = false) -> MetadataValue? {
    switch self {
    case .count(let field, let standard, _):
      let isDefault = standard.formula != nil && config[field] == standard.value(in: config)
      return isDefault && !isResolved ? .null : .int64(Int64(config[field]))
    case .fraction(let field, _): return .float64(config[field])
    case .positive(let field, _, let isWhole):
      return isWhole
        ? Int64(exactly: config[field]).map { .int64($0) } ?? .float64(config[field])
        : .float64(config[field])
    case .flag(let field, _): return .bool(config[field])
    case .activation(let field, _, let names):
      return .string(names.first { $0.1 == config[field] }?.0 ?? config[field].rawValue)
    case .optionalCount(let field, _, _): return config[field] == 0 ? .null : .int64(Int64(config[field]))
    case .optionalReal(let field, _): return config[field] == 0 ? .null : .float64(config[field])
    case .rotary(let field, let key, let rule): return config[field].value(of: key, by: rule)
    case .rotaryLayers(let layers):
      let values = layers.map { (field, rule) in
        Metadata.Entry(key: rule.layer ?? "", value: config[field].value(of: .parameters, by: rule))
      }
      return values.contains { $0.value == .null } ? .null : .object(Metadata(values))
    case .index(let field, _, _): return .int64(Int64(config[field]))
    case .layers(let field):
      guard !config[field].isEmpty else { return .null }
      return .array(config[field].map { .string($0 ? LayerKind.window : LayerKind.whole) })
    case .blockNumbers(let field): return .array(config[field].map { .int64(Int64($0)) })
    case .blockFlags(let field):
      return config[field].isEmpty ? .null : .array(config[field].map { .int64($0 ? 1 : 0) })
    case .head, .labels, .token, .word: return nil
    }
  }

  /// The name of the field.
  package var fieldName: String {
    switch self {
    case .count(let field, _, _): field.name
    case .fraction(let field, _), .positive(let field, _, _): field.name
    case .flag(let field, _): field.name
    case .activation(let field, _, _): field.name
    case .head: ConfigField<String>.head.name
    case .labels: ConfigField<Int>.labelCount.name
    case .token(let field): field.name
    case .word(let field): field.name
    case .optionalCount(let field, _, _): field.name
    case .index(let field, _, _): field.name
    case .layers(let field): field.name
    case .optionalReal(let field, _): field.name
    case .blockFlags(let field): field.name
    case .blockNumbers(let field): field.name
    case .rotary(let field, _, _): field.name
    case .rotaryLayers(let layers): layers.first?.field.name ?? ""
    }
  }

  /// The formula of the default, where there is one.
  package var formula: String? {
    if case .count(_, let standard, _) = self { standard.formula } else { nil }
  }
}

/// transformers' names of kinds of attention, as `layer_types` has them.
package enum LayerKind {
  /// Over all tokens before.
  package static let whole = "full_attention"
  /// Over a window.
  package static let window = "sliding_attention"
}

extension [ConfigKey] {
  /// Keys that change no output, by their names.
  package static func informational(_ names: String...) -> [ConfigKey] {
    names.map { ConfigKey($0, .informational) }
  }

  /// The key of a name or alias.
  package func key(spelled name: String) -> ConfigKey? { first { $0.spellings.contains(name) } }
}

/// The activations' names in transformers' table.
///
/// - SeeAlso: `huggingface/transformers: src/transformers/activations.py`, `ACT2CLS`.
package let transformersActivations: [(String, ActivationKind)] = [
  ("gelu", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh), ("gelu_fast", .geluFast),
  ("quick_gelu", .quickGELU), ("relu", .relu), ("relu2", .reluSquared), ("silu", .silu), ("swish", .silu),
  ("tanh", .tanh), ("sigmoid", .sigmoid), ("mish", .mish), ("laplace", .laplace), ("linear", .linear),
]
