// SPDX-License-Identifier: Apache-2.0
// The product of two values, number by number: what a gate lets through. Dauphin et al., "Language Modeling with Gated
// Convolutional Networks", 2017; Shazeer, "GLU Variants Improve Transformer", 2020.
import IngotCore

/// Element by element: two values of one shape → the same.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Multiply: GraphOperator {
  /// Makes the operator.
  package init() {}

  package var name: String { "multiply" }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectPair(inputs)
  }

  package func mayOverwrite(input index: Int) -> Bool { true }
}
