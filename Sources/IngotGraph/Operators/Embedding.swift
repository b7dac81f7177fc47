// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number: tokens, positions, token types.
import IngotCore

/// Rows of a table by number: ids `[B, T]`, table `[rows, D]` → `[B, T, D]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Embedding: GraphOperator {
  /// Makes the operator.
  package init() {}

  package var name: String { "embedding" }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    guard inputs[0].element == .ids else {
      throw ShapeConflict(found: "\(words: inputs[0].description)", expected: "ids")
    }
    guard let table = parameters.first, table.rank == 2 else {
      throw ShapeConflict(found: "no table", expected: "rows × width")
    }
    return EdgeType(.activations, inputs[0].dimensions + [.fixed(table.dimensions[1])])
  }

  package func valueCount(ofInput index: Int, parameters: [Shape]) -> SymbolicDimension? {
    (parameters.first?.dimensions.first).map { .fixed($0) }
  }
}
