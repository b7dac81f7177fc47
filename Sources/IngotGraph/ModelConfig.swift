// SPDX-License-Identifier: Apache-2.0
// The numbers and choices that make a model of an architecture.
import IngotCore

/// The numbers and choices that make a model of an architecture: values of its fields.
public struct ModelConfig: Hashable, Sendable {
  private var values: [String: ConfigValue] = [:]

  /// Makes a configuration without values; ``Architecture/defaults`` has an architecture's own.
  public init() {}

  /// The value of a field.
  public subscript<Value>(_ field: ConfigField<Value>) -> Value {
    get { values[field.name].flatMap(Value.init) ?? field.standard }
    set { values[field.name] = newValue == field.standard ? nil : newValue.configValue }
  }

  /// A configuration with another value of a field.
  public func with<Value>(_ field: ConfigField<Value>, _ value: Value) -> ModelConfig {
    var config = self
    config[field] = value
    return config
  }
}

extension ModelConfig {
  /// Token rows, V.
  public var vocabularySize: Int { self[.vocabularySize] }
  /// Positions.
  public var contextLength: Int { self[.contextLength] }
  /// D.
  public var width: Int { self[.width] }
  /// L.
  public var blockCount: Int { self[.blockCount] }
  /// H; divides the width.
  public var headCount: Int { self[.headCount] }
  /// F.
  public var feedForwardWidth: Int { self[.feedForwardWidth] }
  /// What is added to the variance in layer norms.
  public var layerNormEpsilon: Double { self[.layerNormEpsilon] }
  /// The feed-forward activation.
  public var activation: ActivationKind { self[.activation] }
  /// Whether the head's weight is the token embedding.
  public var tiesHead: Bool {
    get { self[.tiesHead] }
    set { self[.tiesHead] = newValue }
  }
  /// E: the width of one head.
  public var headDimension: Int { headCount > 0 ? width / headCount : 0 }
}
