// SPDX-License-Identifier: Apache-2.0
// The numbers and choices that make a model of an architecture.
import IngotCore

/// The numbers and choices that make a model of an architecture: values of its fields.
package struct ModelConfig: Hashable, Sendable {
  private var values: [String: ConfigValue] = [:]

  /// Makes a configuration without values; ``Architecture/defaults`` has an architecture's own.
  package init() {}

  /// The value of a field.
  package subscript<Value>(_ field: ConfigField<Value>) -> Value {
    get { values[field.name].flatMap(Value.init) ?? field.standard }
    set { values[field.name] = newValue == field.standard ? nil : newValue.configValue }
  }

  /// A configuration with another value of a field.
  package func with<Value>(_ field: ConfigField<Value>, _ value: Value) -> ModelConfig {
    var config = self
    config[field] = value
    return config
  }
}

extension ModelConfig {
  /// Token rows, V.
  package var vocabularySize: Int { self[.vocabularySize] }
  /// Positions.
  package var contextLength: Int { self[.contextLength] }
  /// D.
  package var width: Int { self[.width] }
  /// L.
  package var blockCount: Int { self[.blockCount] }
  /// H; divides the width.
  package var headCount: Int { self[.headCount] }
  /// F.
  package var feedForwardWidth: Int { self[.feedForwardWidth] }
  /// What is added to the variance, or the mean of squares, in norms.
  package var layerNormEpsilon: Double { self[.layerNormEpsilon] }
  /// The feed-forward activation.
  package var activation: ActivationKind { self[.activation] }
  /// Whether the head's weight is the token embedding.
  package var tiesHead: Bool {
    get { self[.tiesHead] }
    set { self[.tiesHead] = newValue }
  }
  /// E: the width of one head.
  package var headDimension: Int {
    if self[.headDimension] > 0 { return self[.headDimension] }
    return headCount > 0 ? width / headCount : 0
  }
  /// Heads of keys and of values.
  package var keyHeadCount: Int { self[.keyHeadCount] > 0 ? self[.keyHeadCount] : headCount }
}
