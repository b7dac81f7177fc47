// SPDX-License-Identifier: Apache-2.0
// RMS norm: Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019.
import IngotCore

/// `x / √(mean of x² + ε) · (gain + offset)` over the last dimension, or over each of equal parts of it.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct RMSNorm: GraphOperator {
  /// ε, what is added to the mean of squares.
  package var epsilon: Double
  /// What is added to the gain: 1 where a gain of 0 changes nothing, as in Gemma.
  package var offset: Double
  /// Parts of a row that are normalized each by itself, with the same gain: 1, or the heads of queries or keys.
  package var partCount: Int

  /// Makes the operator.
  package init(epsilon: Double, offset: Double = 0, partCount: Int = 1) {
    self.epsilon = epsilon
    self.offset = offset
    self.partCount = partCount
  }

  package var name: String { "RMS norm" }

  package var attributes: Metadata {
    var attributes = Metadata([.init(key: "epsilon", value: .float64(epsilon))])
    if offset != 0 { attributes["offset"] = .float64(offset) }
    if partCount != 1 { attributes["parts"] = .int64(Int64(partCount)) }
    return attributes
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    guard partCount > 0, width.isMultiple(of: partCount) else {
      throw ShapeConflict(found: "\(partCount, "part") of \(width)", expected: "parts of one width")
    }
    try expect(parameters.first, [width / partCount])
    return inputs[0]
  }

  package func mayOverwrite(input index: Int) -> Bool { true }
}
