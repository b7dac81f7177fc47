// SPDX-License-Identifier: Apache-2.0
// The sum of two values: embeddings, and what a sub-block adds to what passes it by.
import IngotCore

/// Element by element: two values of one shape → the same.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Add: GraphOperator {
  /// Makes the operator.
  package init() {}

  package var name: String { "add" }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectPair(inputs)
  }

  package func mayOverwrite(input index: Int) -> Bool { true }

  package var productEnding: ProductEnding? { .residual }
}
