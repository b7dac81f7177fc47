// SPDX-License-Identifier: Apache-2.0
// The numbers and choices that make a model of an architecture.

/// The activation functions of published models, by the formula they stand for.
public enum ActivationKind: String, CaseIterable, Hashable, Sendable {
  /// `x · Φ(x)`, exact, by erf.
  case gelu
  /// `½x(1 + tanh(√(2/π)(x + 0.044715x³)))`: `gelu_new` and `gelu_pytorch_tanh`.
  case geluTanh = "gelu_new"
  /// The same with √(2/π) written as 0.7978845608.
  case geluFast = "gelu_fast"
  /// `x · σ(1.702x)`.
  case quickGELU = "quick_gelu"
  /// `max(x, 0)`.
  case relu
  /// `x · σ(x)`.
  case silu
  /// `tanh x`.
  case tanh
  /// `1 / (1 + e^−x)`.
  case sigmoid
  /// `x · tanh(log(1 + eˣ))`.
  case mish
  /// `½(1 + erf((x − 0.707107) / (0.282095 · √2)))`.
  case laplace
  /// `max(x, 0)²`.
  case reluSquared = "relu2"
  /// `x`.
  case linear
}

/// The numbers and choices that make a model of an architecture: values of its fields.
public struct ModelConfig: Hashable, Sendable {
  private var values: [String: ConfigValue] = [:]

  /// Makes a configuration without values; ``Architecture/defaults`` has an architecture's own.
  public init() {}

  /// The value of a field.
  public subscript<Value>(_ field: ConfigField<Value>) -> Value {
    get { values[field.name].flatMap(Value.init) ?? field.standard }
    set { values[field.name] = newValue.configValue }
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
