// SPDX-License-Identifier: Apache-2.0
// The small set of operators that models are built of, at the level at which people think of them, each with the one
// rule that says what comes out for what goes in.
import IngotCore

/// How a linear weight is stored.
public enum WeightLayout: String, Hashable, Sendable {
  /// `[K, N]`: `y = x W`, as GPT-2 stores it.
  case inOut = "in,out"
  /// `[N, K]`: `y = x Wᵀ`, as torch's `nn.Linear` and embeddings store it.
  case outIn = "out,in"
}

/// Attributes of attention.
public struct AttentionAttributes: Hashable, Sendable {
  /// H.
  public var headCount: Int
  /// E.
  public var headDimension: Int
  /// What scores are multiplied with.
  public var scale: Double
  /// Whether a token sees only itself and what stands before it.
  public var isCausal: Bool
  /// The slot of the cache that keys and values are kept in, one a block.
  public var cacheSlot: Int

  /// Makes attributes.
  public init(headCount: Int, headDimension: Int, scale: Double, isCausal: Bool, cacheSlot: Int) {
    self.headCount = headCount
    self.headDimension = headDimension
    self.scale = scale
    self.isCausal = isCausal
    self.cacheSlot = cacheSlot
  }
}

/// What a node computes.
public enum Operator: Hashable, Sendable {
  /// Rows of a table by id: ids `[B, T]`, table `[rows, D]` → `[B, T, D]`.
  case embedding
  /// Element by element: `[B, T, D]` twice → the same.
  case add
  /// `(x − mean) / √(variance + ε) · gain + bias` over the last dimension, the variance over D, not D − 1.
  case layerNorm(epsilon: Double)
  /// `x W + b`: `[B, T, K]` → `[B, T, N]`.
  case linear(weightLayout: WeightLayout, hasBias: Bool)
  /// Attention over queries, keys and values that stand side by side: `[B, T, 3D]` → `[B, T, D]`.
  ///
  /// Further inputs: the mask `[B, P + T]` and the cache edge.
  case attention(AttentionAttributes)
  /// Element by element.
  case activation(ActivationKind)

  /// The operator's name in drawings and messages.
  public var name: String {
    switch self {
    case .embedding: "embedding"
    case .add: "add"
    case .layerNorm: "layer norm"
    case .linear: "linear"
    case .attention: "attention"
    case .activation(let kind): kind.rawValue
    }
  }
}

/// One dimension of an edge, known or to be known at run time.
public enum SymbolicDimension: Hashable, Sendable, CustomStringConvertible {
  /// B.
  case batch
  /// T: tokens of this run.
  case tokens
  /// P + T: tokens that can be seen, cached ones included.
  case context
  /// A number.
  case fixed(Int)

  /// The letter or number.
  public var description: String {
    switch self {
    case .batch: "B"
    case .tokens: "T"
    case .context: "P+T"
    case .fixed(let count): String(count)
    }
  }
}

/// What flows along an edge.
public struct EdgeType: Hashable, Sendable, CustomStringConvertible {
  /// What the elements are.
  public enum Element: String, Hashable, Sendable {
    /// Integers: token ids and positions.
    case ids
    /// 0 or 1.
    case mask
    /// Reals, in the precision of the run.
    case activations
    /// Keys and values of one block, kept between runs.
    case cache
  }

  /// What the elements are.
  public var element: Element
  /// The dimensions.
  public var dimensions: [SymbolicDimension]

  /// Makes a type.
  public init(_ element: Element, _ dimensions: [SymbolicDimension]) {
    self.element = element
    self.dimensions = dimensions
  }

  /// Activations `[B, T, width]`.
  public static func activations(_ width: Int) -> EdgeType {
    EdgeType(.activations, [.batch, .tokens, .fixed(width)])
  }

  /// The type as drawings write it: `[B, T, 768]`.
  public var description: String {
    "\(element == .activations ? "" : element.rawValue + " ")[\(dimensions.map(\.description).joined(separator: ", "))]"
  }

  /// The last dimension, when it is a number.
  public var width: Int? {
    guard case .fixed(let width)? = dimensions.last else { return nil }
    return width
  }
}
