// SPDX-License-Identifier: Apache-2.0
// A function of each number.
import IngotCore

/// A function of each number.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public struct Activation: GraphOperator {
  /// Which function.
  public var kind: ActivationKind

  /// Makes the operator.
  public init(_ kind: ActivationKind) {
    self.kind = kind
  }

  public var name: String { kind.rawValue }

  public func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    return inputs[0]
  }

  public func mayOverwrite(input index: Int) -> Bool { true }

  public var productEnding: ProductEnding? { .activation(kind) }
}
