// SPDX-License-Identifier: Apache-2.0
// A soft bound on scores: Bello et al., "Neural Combinatorial Optimization with Reinforcement Learning", 2016; Gemma Team,
// "Gemma 2", 2024, section 2.
import IngotCore

/// `c · tanh(x / c)` of each number: any shape → the same, between −c and c.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Softcap: GraphOperator {
  /// c, above 0.
  package var bound: Double

  /// Makes the operator.
  package init(_ bound: Double) {
    self.bound = bound
  }

  package var name: String { "softcap" }

  package var attributes: Metadata { Metadata([.init(key: "bound", value: .float64(bound))]) }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectOne(inputs)
  }

  package func mayOverwrite(input index: Int) -> Bool { true }
}
