// SPDX-License-Identifier: Apache-2.0
// A gate and what it lets through, side by side in one value: Shazeer, "GLU Variants Improve Transformer", 2020.
import IngotCore

/// `act(gate) · up` of the two halves of each row: `[B, T, 2F]` → `[B, T, F]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Gate: GraphOperator {
  /// The function of the first half.
  package var kind: ActivationKind

  /// Makes the operator.
  package init(_ kind: ActivationKind) {
    self.kind = kind
  }

  package var name: String { "gate" }

  package var attributes: Metadata { Metadata([.init(key: "function", value: .string(kind.rawValue))]) }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    guard width.isMultiple(of: 2) else {
      throw ShapeConflict(found: "\(words: inputs[0].description)", expected: "two halves")
    }
    return EdgeType(.activations, inputs[0].dimensions.dropLast() + [.fixed(width / 2)])
  }
}
