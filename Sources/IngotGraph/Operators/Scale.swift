// SPDX-License-Identifier: Apache-2.0
// One factor for all numbers: Gemma's embeddings.
import IngotCore

/// Each number times one factor: any shape → the same.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Scale: GraphOperator {
  /// What numbers are multiplied with.
  package var factor: Double

  /// Makes the operator.
  package init(_ factor: Double) {
    self.factor = factor
  }

  package var name: String { "scale" }

  package var attributes: Metadata { Metadata([.init(key: "factor", value: .float64(factor))]) }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectOne(inputs)
  }

  package func mayOverwrite(input index: Int) -> Bool { true }
}
