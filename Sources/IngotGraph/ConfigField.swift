// SPDX-License-Identifier: Apache-2.0
// The fields of a model's configuration: names with types, so that an architecture adds its own beside its table of keys.
import IngotCore

/// A value of a configuration.
package enum ConfigValue: Hashable, Sendable {
  case integer(Int)
  case real(Double)
  case flag(Bool)
  case text(String)
  case activation(ActivationKind)
  case rotary(RotaryParameters)
  case blocks([Bool])
  case integers([Int])
}

/// A type that fields of a configuration have.
package protocol ConfigFieldValue: Hashable, Sendable {
  /// The value out of a configuration; `nil` for one of another type.
  init?(_ value: ConfigValue)
  /// The value as a configuration keeps it.
  var configValue: ConfigValue { get }
}

/// One number or choice of a model, whatever key says it.
package struct ConfigField<Value: ConfigFieldValue>: Hashable, Sendable {
  /// The name, which no other field has.
  package let name: String
  /// The value in a configuration that does not set it.
  package let standard: Value

  /// Makes a field.
  package init(_ name: String, standard: Value) {
    self.name = name
    self.standard = standard
  }
}

// What most architectures have.
extension ConfigField where Value == Int {
  /// Token rows, V.
  package static let vocabularySize = ConfigField("vocabularySize", standard: 0)
  /// Positions.
  package static let contextLength = ConfigField("contextLength", standard: 0)
  /// D.
  package static let width = ConfigField("width", standard: 0)
  /// L.
  package static let blockCount = ConfigField("blockCount", standard: 0)
  /// H.
  package static let headCount = ConfigField("headCount", standard: 0)
  /// Heads of keys and of values, of which each serves as many of queries; 0 for H.
  package static let keyHeadCount = ConfigField("keyHeadCount", standard: 0)
  /// E; 0 for an equal part of the width.
  package static let headDimension = ConfigField("headDimension", standard: 0)
  /// Tokens that attention sees; 0 for all.
  package static let window = ConfigField("window", standard: 0)
  /// F.
  package static let feedForwardWidth = ConfigField("feedForwardWidth", standard: 0)
}

extension ConfigField where Value == Double {
  /// What is added to the variance, or the mean of squares, in norms.
  package static let layerNormEpsilon = ConfigField("layerNormEpsilon", standard: 1e-5)
}

extension ConfigField where Value == ActivationKind {
  /// The feed-forward activation.
  package static let activation = ConfigField("activation", standard: .linear)
}

extension ConfigField where Value == Bool {
  /// Whether the head's weight is the token embedding.
  package static let tiesHead = ConfigField("tiesHead", standard: true)
}

extension ConfigField where Value == [Bool] {
  /// Which blocks see a window, where they are listed; empty where they are not.
  package static let windowBlocks = ConfigField("windowBlocks", standard: [])
}

extension ConfigField where Value == RotaryParameters {
  /// How pairs of numbers are turned by positions.
  package static let rotary = ConfigField("rotary", standard: RotaryParameters(base: 10_000))
}

extension ConfigField where Value == String {
  /// The id of the head, which says what a model gives out.
  package static let head = ConfigField("head", standard: "")
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Int: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .integer(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .integer(self) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Double: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .real(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .real(self) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Bool: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .flag(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .flag(self) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension String: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .text(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .text(self) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension ActivationKind: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .activation(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .activation(self) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension RotaryParameters: ConfigFieldValue {
  package init?(_ value: ConfigValue) {
    guard case .rotary(let value) = value else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .rotary(self) }
}

/// A type that lists in a configuration have elements of.
package protocol ConfigListElement: Hashable, Sendable {
  /// The elements out of a configuration; `nil` for a value of another type.
  static func elements(of value: ConfigValue) -> [Self]?
  /// Elements as a configuration keeps them.
  static func configValue(of elements: [Self]) -> ConfigValue
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Bool: ConfigListElement {
  package static func elements(of value: ConfigValue) -> [Bool]? {
    if case .blocks(let elements) = value { elements } else { nil }
  }
  package static func configValue(of elements: [Bool]) -> ConfigValue { .blocks(elements) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Int: ConfigListElement {
  package static func elements(of value: ConfigValue) -> [Int]? {
    if case .integers(let elements) = value { elements } else { nil }
  }
  package static func configValue(of elements: [Int]) -> ConfigValue { .integers(elements) }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Array: ConfigFieldValue where Element: ConfigListElement {
  package init?(_ value: ConfigValue) {
    guard let elements = Element.elements(of: value) else { return nil }
    self = elements
  }
  package var configValue: ConfigValue { Element.configValue(of: self) }
}
