// SPDX-License-Identifier: Apache-2.0
// A function of each number.
import IngotCore

/// A function of each number.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Activation: GraphOperator {
  /// Which function.
  package var kind: ActivationKind

  /// Makes the operator.
  package init(_ kind: ActivationKind) {
    self.kind = kind
  }

  package var name: String { kind.rawValue }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectOne(inputs)
  }

  package func mayOverwrite(input index: Int) -> Bool { true }

  package var productEnding: ProductEnding? { .activation(kind) }
}
