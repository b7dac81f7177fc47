// SPDX-License-Identifier: Apache-2.0
// Layer norm: Ba, Kiros, Hinton, "Layer Normalization", 2016.
import IngotCore

/// `(x − mean) / √(variance + ε) · gain + bias` over the last dimension, the variance over D, not D − 1.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct LayerNorm: GraphOperator {
  /// ε, what is added to the variance.
  package var epsilon: Double

  /// Makes the operator.
  package init(epsilon: Double) {
    self.epsilon = epsilon
  }

  package var name: String { "layer norm" }

  package var attributes: Metadata { Metadata([.init(key: "epsilon", value: .float64(epsilon))]) }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    try expect(parameters.first, [width])
    try expect(parameters.dropFirst().first, [width])
    return inputs[0]
  }

  package func mayOverwrite(input index: Int) -> Bool { true }
}
