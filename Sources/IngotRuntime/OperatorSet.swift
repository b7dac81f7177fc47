// SPDX-License-Identifier: Apache-2.0
// The narrow interface between the executor and arithmetic: one method an operator. Another precision, or faster
// kernels, is another operator set; the executor does not change.
import IngotCore
import IngotGraph

/// Where attention looks: what one run adds to what the cache holds.
public struct AttentionContext: Sendable {
  /// B.
  public let batchCount: Int
  /// T.
  public let tokenCount: Int
  /// P.
  public let pastCount: Int
  /// False where a token may not be seen, `[B, P + T]`; `nil` where all may.
  public let mask: [Bool]?

  /// Tokens that can be seen, P + T.
  public var contextCount: Int { pastCount + tokenCount }
}

/// The arithmetic of every operator in one precision.
public protocol OperatorSet: AnyObject {
  /// What activations are made of.
  associatedtype Element: BinaryFloatingPoint & BitwiseCopyable & Sendable

  /// Rows of a table: `ids` `[n]` → `[n, D]`.
  func embedding(_ ids: [Int], table: TensorRole) -> [Element]

  /// Element by element.
  func add(_ a: [Element], _ b: [Element]) -> [Element]

  /// Normalizes rows `[n, D]`.
  func layerNorm(_ x: [Element], gain: TensorRole, bias: TensorRole, epsilon: Double) -> [Element]

  /// `x W + b`: rows `[n, K]` → `[n, N]`.
  func linear(_ x: [Element], weight: TensorRole, layout: WeightLayout, bias: TensorRole?) -> [Element]

  /// Attention over `qkv` `[B, T, 3D]` → `[B, T, D]`; new keys and values go to the cache first, when there is one.
  func attention(
    _ qkv: [Element], _ attributes: AttentionAttributes, _ context: AttentionContext,
    cache: inout KVCache<Element>?
  ) -> [Element]

  /// Element by element.
  func activation(_ kind: IngotGraph.ActivationKind, _ x: [Element]) -> [Element]
}
