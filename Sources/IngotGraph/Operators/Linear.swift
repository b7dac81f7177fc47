// SPDX-License-Identifier: Apache-2.0
// A matrix product with a weight, and a bias where there is one.
import IngotCore

/// `x W + b`: `[…, K]` → `[…, N]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Linear: GraphOperator {
  /// How the weight is stored.
  package var weightLayout: WeightLayout
  /// Whether a bias follows the weight.
  package var hasBias: Bool

  /// Makes the operator.
  package init(weightLayout: WeightLayout, hasBias: Bool) {
    self.weightLayout = weightLayout
    self.hasBias = hasBias
  }

  package var name: String { "linear" }

  package var attributes: Metadata {
    Metadata([
      .init(key: "weight", value: .string(weightLayout.rawValue)), .init(key: "bias", value: .bool(hasBias)),
    ])
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    guard let weight = parameters.first, weight.rank == 2 else {
      throw ShapeConflict(found: "no weight", expected: "a matrix")
    }
    let (input, output) =
      weightLayout == .inOut
      ? (weight.dimensions[0], weight.dimensions[1]) : (weight.dimensions[1], weight.dimensions[0])
    guard input == width else {
      throw ShapeConflict(found: "a weight for \(input, "input")", expected: "\(width)")
    }
    if hasBias { try expect(parameters.dropFirst().first, [output]) }
    return EdgeType(.activations, inputs[0].dimensions.dropLast() + [.fixed(output)])
  }

  package var isProduct: Bool { true }
}
