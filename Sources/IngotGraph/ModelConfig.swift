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

/// The numbers and choices that make a model of an architecture.
public struct ModelConfig: Hashable, Sendable {
  /// Token rows, V.
  public var vocabularySize: Int
  /// Positions.
  public var contextLength: Int
  /// D.
  public var width: Int
  /// L.
  public var blockCount: Int
  /// H; divides the width.
  public var headCount: Int
  /// F.
  public var feedForwardWidth: Int
  /// What is added to the variance in layer norms.
  public var layerNormEpsilon: Double
  /// The feed-forward activation.
  public var activation: ActivationKind
  /// Whether scores are divided by √E.
  public var scalesAttention: Bool
  /// Whether scores of block i are divided by i + 1 too.
  public var scalesAttentionByBlock: Bool
  /// Whether the head's weight is the token embedding.
  public var tiesHead: Bool

  /// Makes a configuration; the defaults are GPT-2's.
  public init(
    vocabularySize: Int = 50257, contextLength: Int = 1024, width: Int = 768, blockCount: Int = 12,
    headCount: Int = 12, feedForwardWidth: Int? = nil, layerNormEpsilon: Double = 1e-5,
    activation: ActivationKind = .geluTanh, scalesAttention: Bool = true,
    scalesAttentionByBlock: Bool = false,
    tiesHead: Bool = true
  ) {
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.width = width
    self.blockCount = blockCount
    self.headCount = headCount
    self.feedForwardWidth = feedForwardWidth ?? 4 * width
    self.layerNormEpsilon = layerNormEpsilon
    self.activation = activation
    self.scalesAttention = scalesAttention
    self.scalesAttentionByBlock = scalesAttentionByBlock
    self.tiesHead = tiesHead
  }

  /// E: the width of one head.
  public var headDimension: Int { headCount > 0 ? width / headCount : 0 }
}
