// SPDX-License-Identifier: Apache-2.0
// A mixture of experts: Shazeer et al., "Outrageously Large Neural Networks", 2017; Jiang et al., "Mixtral of Experts", 2024,
// section 2.1.
import Glibc
import IngotCore

/// For each token the sum of what some of the experts make of it, those with the highest scores, each times its share:
/// `[B, T, D]` → the same.
///
/// Inputs: activations, and a score for each expert, `[B, T, E]`. Parameters: for each expert the weights of gate, up and down,
/// each with its bias where there are some.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Experts: GraphOperator {
  /// How much of each chosen expert is taken.
  package enum Shares: String, Hashable, Sendable {
    /// Its share of all experts: `softmax` over all.
    case ofAll = "of all"
    /// Its share of those chosen: `softmax` over these.
    case ofChosen = "of those chosen"
  }

  /// What an expert does between its projections.
  package enum Gate: Hashable, Sendable {
    /// `act(gate) · up`.
    case plain(ActivationKind)
    /// `(up + 1) · gate · sigmoid(α · gate)`, with gate at most a bound, and up between it and its negative.
    case clamped(alpha: Double, bound: Double)
  }

  /// E.
  package var expertCount: Int
  /// Experts of a token.
  package var chosenCount: Int
  /// How much of each is taken.
  package var shares: Shares
  /// What an expert does between its projections.
  package var gate: Gate
  /// How weights are stored.
  package var weightLayout: WeightLayout
  /// Whether a bias follows each weight.
  package var hasBias: Bool

  /// Makes the operator.
  package init(
    expertCount: Int, chosenCount: Int, shares: Shares, gate: Gate, weightLayout: WeightLayout, hasBias: Bool
  ) {
    self.expertCount = expertCount
    self.chosenCount = chosenCount
    self.shares = shares
    self.gate = gate
    self.weightLayout = weightLayout
    self.hasBias = hasBias
  }

  package var name: String { "experts" }

  package var attributes: Metadata {
    var attributes = Metadata([
      .init(key: "experts", value: .int64(Int64(expertCount))),
      .init(key: "chosen", value: .int64(Int64(chosenCount))),
      .init(key: "shares", value: .string(shares.rawValue)),
      .init(key: "weight", value: .string(weightLayout.rawValue)), .init(key: "bias", value: .bool(hasBias)),
    ])
    switch gate {
    case .plain(let kind): attributes["function"] = .string(kind.rawValue)
    case .clamped(let alpha, let bound):
      attributes["alpha"] = .float64(alpha)
      attributes["bound"] = .float64(bound)
    }
    return attributes
  }

  /// Parameters of each expert.
  package var parameterCount: Int { hasBias ? 6 : 3 }
  /// Places of an expert's weights of gate, up and down among the parameters; biases stand behind each.
  package func weights(of expert: Int) -> (gate: Int, up: Int, down: Int) {
    let (first, step) = (expert * parameterCount, hasBias ? 2 : 1)
    return (first, first + step, first + 2 * step)
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 2)
    let width = try width(of: inputs[0])
    guard inputs[1].element == .activations, inputs[1].width == expertCount else {
      throw ShapeConflict(
        found: "\(words: inputs[1].description)", expected: "a score for each of \(expertCount, "expert")")
    }
    guard (1...max(1, expertCount)).contains(chosenCount) else {
      throw ShapeConflict(found: "\(chosenCount) of \(expertCount, "expert")", expected: "from 1 to all")
    }
    guard parameters.count == expertCount * parameterCount else {
      throw ShapeConflict(
        found: "\(parameters.count, "parameter")", expected: "\(parameterCount) for each expert")
    }
    for expert in 0..<expertCount {
      let (gate, up, down) = weights(of: expert)
      let isInOut = weightLayout == .inOut
      let hidden = parameters[gate].rank == 2 ? parameters[gate].dimensions[isInOut ? 1 : 0] : 0
      let (inner, outer): (Shape, Shape) = ([width, hidden], [hidden, width])
      try expect(parameters[gate], isInOut ? inner : outer)
      try expect(parameters[up], isInOut ? inner : outer)
      try expect(parameters[down], isInOut ? outer : inner)
      guard hasBias else { continue }
      try expect(parameters[gate + 1], [hidden])
      try expect(parameters[up + 1], [hidden])
      try expect(parameters[down + 1], [width])
    }
    return inputs[0]
  }

  /// The experts of a token, best first, with their shares; of equal scores the first expert's is better.
  ///
  /// - Parameter scores: one for each expert.
  /// - Returns: as many as are chosen. Shares are NaN where scores are.
  package func chosen(_ scores: [Double]) -> [(expert: Int, share: Double)] {
    // NaN is better than any number, so that it comes to light.
    let order = scores.indices.sorted { a, b in
      let (x, y) = (scores[a].isNaN ? .infinity : scores[a], scores[b].isNaN ? .infinity : scores[b])
      return x != y ? x > y : a < b
    }
    let best = order.prefix(chosenCount)
    let counted = shares == .ofAll ? order[...] : best
    guard let first = order.first else { return [] }
    let powers = counted.map { exp(scores[$0] - scores[first]) }
    let sum = powers.reduce(0, +)
    return zip(best, powers).map { ($0, $1 / sum) }
  }
}
