// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number: tokens, positions, token types.
import IngotCore

/// Rows of a table by number: ids `[B, T]`, table `[rows, D]` → `[B, T, D]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Embedding: GraphOperator {
  /// Rows before the one of number 0.
  package var offset: Int

  /// Makes the operator.
  package init(offset: Int = 0) {
    self.offset = offset
  }

  package var name: String { "embedding" }

  package var attributes: Metadata {
    offset == 0 ? Metadata() : Metadata([.init(key: "offset", value: .int64(Int64(offset)))])
  }

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
    (parameters.first?.dimensions.first).map { .fixed(max(0, $0 - offset)) }
  }

  package func leastValue(ofInput index: Int) -> Int { -offset }
}
