// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
import IngotCore

/// Turns pairs of numbers of each head by angles that grow with a token's position: `[B, T, H · E]` → the same.
///
/// Of the first 2 · pairs numbers of a head, number i and number i + pairs make a pair (the order of transformers; files
/// that hold them side by side are brought into it by their dialect). Inputs: activations, and positions `[B, T]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Rotary: GraphOperator {
  /// E.
  package var headDimension: Int
  /// How fast each pair turns.
  package var schedule: RotarySchedule
  /// Heads that are turned, from the first of a row on: queries and keys where values stand behind them; `nil` for all.
  package var turnedHeadCount: Int?

  /// Makes the operator.
  package init(headDimension: Int, schedule: RotarySchedule, turnedHeadCount: Int? = nil) {
    self.headDimension = headDimension
    self.schedule = schedule
    self.turnedHeadCount = turnedHeadCount
  }

  package var name: String { "rotary" }

  package var attributes: Metadata {
    var attributes = Metadata([
      .init(key: "head_dimension", value: .int64(Int64(headDimension))),
      .init(key: "base", value: .float64(schedule.parameters.base)),
    ])
    if schedule.parameters.scaling != .none {
      attributes["scaling"] = .string(schedule.parameters.scaling.name)
    }
    if 2 * schedule.pairCount != headDimension {
      attributes["dimensions"] = .int64(Int64(2 * schedule.pairCount))
    }
    if let turnedHeadCount { attributes["turned_heads"] = .int64(Int64(turnedHeadCount)) }
    return attributes
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 2)
    let width = try width(of: inputs[0])
    guard headDimension > 0, width.isMultiple(of: headDimension), 2 * schedule.pairCount <= headDimension,
      schedule.pairCount > 0, turnedHeadCount ?? 0 <= width / headDimension
    else {
      throw ShapeConflict(
        found: "\(words: inputs[0].description)",
        expected: "heads of \(headDimension), with at least \(schedule.pairCount, "pair")")
    }
    guard inputs[1] == EdgeType(.ids, [.batch, .tokens]) else {
      throw ShapeConflict(found: "\(words: inputs[1].description)", expected: "positions")
    }
    return inputs[0]
  }

  package func mayOverwrite(input index: Int) -> Bool { index == 0 }
}
