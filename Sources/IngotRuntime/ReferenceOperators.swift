// SPDX-License-Identifier: Apache-2.0
// Every operator in float64 by plain loops over the exact values of the weights: the judge of all others, kept for ever.
import IngotCore
import IngotGraph
import IngotKernels

/// Runs a graph in float64.
public typealias ReferenceExecutor = Executor<ReferenceOperators>

/// The arithmetic of every operator in float64.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public final class ReferenceOperators: OperatorSet {
  public typealias Element = Double

  private let store: WeightStore
  private var decoded: [TensorRole: [Double]] = [:]

  /// Makes operators over weights of any dtype.
  public init(_ store: WeightStore) {
    self.store = store
  }

  /// A weight's exact values, decoded when first used.
  private func values(_ role: TensorRole) -> [Double] {
    if let values = decoded[role] { return values }
    let values = store[role]?.doubles ?? []
    decoded[role] = values
    return values
  }

  public func embedding(_ ids: [Int], table: TensorRole) -> [Double] {
    let values = values(table)
    let width = store[table]?.shape.dimensions.last ?? 0
    return ids.flatMap { values[($0 * width)..<(($0 + 1) * width)] }
  }

  public func add(_ a: [Double], _ b: [Double]) -> [Double] {
    zip(a, b).map { $0 + $1 }
  }

  public func layerNorm(_ x: [Double], gain: TensorRole, bias: TensorRole, epsilon: Double) -> [Double] {
    ReferenceKernels.layerNorm(x, gain: values(gain), bias: values(bias), epsilon: epsilon)
  }

  public func linear(_ x: [Double], weight: TensorRole, layout: WeightLayout, bias: TensorRole?) -> [Double] {
    guard let shape = store[weight]?.shape, shape.rank == 2 else { return [] }
    let isInOut = layout == .inOut
    return ReferenceKernels.product(
      x, by: values(weight), layout: isInOut ? .inOut : .outIn, bias: bias.map(values) ?? [],
      depth: shape.dimensions[isInOut ? 0 : 1], columnCount: shape.dimensions[isInOut ? 1 : 0])
  }

  public func attention(
    _ qkv: [Double], _ attributes: AttentionAttributes, _ context: AttentionContext,
    cache: inout KVCache<Double>?
  ) -> [Double] {
    let width = attributes.headCount * attributes.headDimension
    var output: [Double] = []
    output.reserveCapacity(context.batchCount * context.tokenCount * width)
    for row in 0..<context.batchCount {
      let (keys, values) = AttentionInputs.keysAndValues(
        of: qkv, row: row, slot: attributes.cacheSlot, width: width, context, cache: &cache)
      for token in 0..<context.tokenCount {
        let start = (row * context.tokenCount + token) * 3 * width
        let mask = AttentionInputs.visible(token: token, row: row, context, isCausal: attributes.isCausal)
        output += attend(qkv[start..<(start + width)], keys, values, mask: mask, attributes)
      }
    }
    return output
  }

  /// One token's query against all keys, head by head: `softmax(q kᵀ · scale) v`.
  private func attend(
    _ query: ArraySlice<Double>, _ keys: [Double], _ values: [Double], mask: [Bool],
    _ attributes: AttentionAttributes
  ) -> [Double] {
    let (heads, dimension) = (attributes.headCount, attributes.headDimension)
    let width = heads * dimension
    var output = [Double](repeating: 0, count: width)
    for head in 0..<heads {
      let offset = head * dimension
      let scores = mask.indices.map { position in
        var sum = 0.0
        for index in 0..<dimension {
          sum += query[query.startIndex + offset + index] * keys[position * width + offset + index]
        }
        return sum * attributes.scale
      }
      let shares = ReferenceKernels.softmax(scores, mask: mask)
      for (position, share) in shares.enumerated() where share != 0 {
        for index in 0..<dimension {
          output[offset + index] += share * values[position * width + offset + index]
        }
      }
    }
    return output
  }

  public func activation(_ kind: IngotGraph.ActivationKind, _ x: [Double]) -> [Double] {
    guard let kernel = kind.kernel else { return x }
    return x.map { ReferenceKernels.activation(kernel, $0) }
  }
}

/// What attention takes from `qkv` and the cache, the same in every precision.
enum AttentionInputs {
  /// A row's keys and values, `[P + T, D]` each: what the cache holds, then this run's, which the cache gets too.
  static func keysAndValues<Element: Sendable>(
    of qkv: [Element], row: Int, slot: Int, width: Int, _ context: AttentionContext,
    cache: inout KVCache<Element>?
  ) -> (keys: [Element], values: [Element]) {
    var keys: [Element] = []
    var values: [Element] = []
    keys.reserveCapacity(context.tokenCount * width)
    values.reserveCapacity(context.tokenCount * width)
    for token in 0..<context.tokenCount {
      let start = (row * context.tokenCount + token) * 3 * width
      keys += qkv[(start + width)..<(start + 2 * width)]
      values += qkv[(start + 2 * width)..<(start + 3 * width)]
    }
    guard cache != nil else { return (keys, values) }
    cache?.append(slot: slot, row: row, keys: keys, values: values)
    return (cache?.keys[slot][row] ?? keys, cache?.values[slot][row] ?? values)
  }

  /// Which of the P + T tokens a token sees.
  static func visible(token: Int, row: Int, _ context: AttentionContext, isCausal: Bool) -> [Bool] {
    (0..<context.contextCount).map { position in
      let isAllowed = context.mask?[row * context.contextCount + position] ?? true
      return isAllowed && (!isCausal || position <= context.pastCount + token)
    }
  }
}

extension IngotGraph.ActivationKind {
  /// The kernel's name for a function; `nil` for the identity.
  var kernel: IngotKernels.ActivationKind? {
    switch self {
    case .gelu: .geluErf
    case .geluTanh: .geluTanh
    case .geluFast: .geluFast
    case .quickGELU: .quickGELU
    case .relu: .relu
    case .silu: .silu
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .mish: .mish
    case .laplace: .laplace
    case .reluSquared: .reluSquared
    case .linear: nil
    }
  }
}
