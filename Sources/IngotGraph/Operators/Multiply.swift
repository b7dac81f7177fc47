// SPDX-License-Identifier: Apache-2.0
// The product of two values, number by number: what a gate lets through. Dauphin et al., "Language Modeling with Gated
// Convolutional Networks", 2017; Shazeer, "GLU Variants Improve Transformer", 2020.
import IngotCore

/// Element by element: two values of one shape → the same; or a value and one number for each of its rows.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Multiply: GraphOperator {
  /// Makes the operator.
  package init() {}

  package var name: String { "multiply" }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    guard inputs.count == 2, inputs[1].width == 1, inputs[0].width != 1 else { return try expectPair(inputs) }
    return inputs[0]
  }

  package func mayOverwrite(input index: Int) -> Bool { index == 0 }
}
