// SPDX-License-Identifier: Apache-2.0
// The shape rule of each operator, with what it refuses.
import IngotCore
import IngotGraph
import Testing

@Suite struct ShapeInferenceTests {
  private static let ids = EdgeType(.ids, [.batch, .tokens])
  private static let hidden = EdgeType.activations(8)
  private static let mask = EdgeType(.mask, [.batch, .context])
  private static let cache = EdgeType(.cache, [.batch, .context])
  private static let attention = Operator.attention(
    AttentionAttributes(headCount: 2, headDimension: 4, scale: 0.5, isCausal: true, cacheSlot: 0))

  @Test(
    arguments: [
      (Operator.embedding, [ids], [[100, 8]], 8), (.add, [hidden, hidden], [], 8),
      (.layerNorm(epsilon: 1e-5), [hidden], [[8], [8]], 8),
      (.linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3], [3]], 3),
      (.linear(weightLayout: .outIn, hasBias: false), [hidden], [[3, 8]], 3),
      (attention, [.activations(24), mask, cache], [], 8), (.activation(.relu), [hidden], [], 8),
    ] as [(Operator, [EdgeType], [Shape], Int)])
  func `gives the width that the operator makes`(
    _ node: Operator, _ inputs: [EdgeType], _ parameters: [Shape], _ width: Int
  ) throws {
    #expect(
      try ShapeInference.output(of: node, inputs: inputs, parameters: parameters) == .activations(width))
  }

  @Test(
    arguments: [
      (Operator.embedding, [hidden], [[100, 8]]), (.embedding, [ids], [[8]]),
      (.add, [hidden, .activations(9)], []),
      (.add, [hidden], []), (.layerNorm(epsilon: 1e-5), [hidden], [[8]]),
      (.layerNorm(epsilon: 1e-5), [hidden], [[8], [9]]),
      (.linear(weightLayout: .inOut, hasBias: false), [hidden], [[3, 8]]),
      (.linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3], [8]]),
      (.linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3]]),
      (.linear(weightLayout: .outIn, hasBias: false), [ids], [[3, 8]]),
      (attention, [hidden, mask, cache], []), (attention, [.activations(24), cache, mask], []),
      (.activation(.relu), [], []),
    ] as [(Operator, [EdgeType], [Shape])])
  func `refuses what does not fit`(_ node: Operator, _ inputs: [EdgeType], _ parameters: [Shape]) {
    #expect(throws: ShapeConflict.self) {
      try ShapeInference.output(of: node, inputs: inputs, parameters: parameters)
    }
  }
}
