// SPDX-License-Identifier: Apache-2.0
// The shape rule of each operator, with what it refuses.
import IngotCore
import IngotGraph
import Testing

@Suite struct GraphOperatorTests {
  private static let ids = EdgeType(.ids, [.batch, .tokens])
  private static let hidden = EdgeType.activations(8)
  private static let mask = EdgeType(.mask, [.batch, .context])
  private static let cache = EdgeType(.cache, [.batch, .context, .fixed(8)])
  private static let attention = Attention.fused(
    headCount: 2, headDimension: 4, scale: 0.5, isCausal: true, cacheSlot: 0)

  private static let grouped = Attention.separate(
    headCount: 4, keyHeadCount: 2, headDimension: 2, scale: 0.5, isCausal: false)
  private static let windowed = Attention.separate(
    headCount: 4, keyHeadCount: 2, headDimension: 2, scale: 0.5, isCausal: true, window: 3)
  private static let fusedGroups = Attention.fused(
    headCount: 4, keyHeadCount: 2, headDimension: 2, scale: 0.5, isCausal: true, window: 3, cacheSlot: 0)
  private static func rotary(headDimension: Int, pairs: Int, turned: Int? = nil) -> Rotary {
    Rotary(
      headDimension: headDimension,
      schedule: RotarySchedule(RotaryParameters(base: 10_000), pairCount: pairs, positionCount: 16),
      turnedHeadCount: turned)
  }
  private static let keys = EdgeType.activations(4)
  private static let indexes = EdgeType(.ids, [.batch])

  @Test(
    arguments: [
      (Embedding(), [ids], [[100, 8]], 8), (Add(), [hidden, hidden], [], 8),
      (LayerNorm(epsilon: 1e-5), [hidden], [[8], [8]], 8),
      (Linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3], [3]], 3),
      (Linear(weightLayout: .outIn, hasBias: false), [hidden], [[3, 8]], 3),
      (attention, [.activations(24), mask, cache], [], 8), (Activation(.relu), [hidden], [], 8),
      (grouped, [hidden, keys, keys, mask], [], 8),
      (windowed, [hidden, keys, keys, mask], [], 8),
      (RMSNorm(epsilon: 1e-5), [hidden], [[8]], 8),
      (RMSNorm(epsilon: 1e-5, partCount: 4), [hidden], [[2]], 8),
      (Multiply(), [hidden, hidden], [], 8), (rotary(headDimension: 4, pairs: 2), [hidden, ids], [], 8),
      (rotary(headDimension: 4, pairs: 1), [hidden, ids], [], 8),
      (rotary(headDimension: 2, pairs: 1, turned: 3), [hidden, ids], [], 8),
      (fusedGroups, [.activations(16), mask, EdgeType(.cache, [.batch, .context, .fixed(4)])], [], 8),
      (Embedding(offset: 2), [ids], [[100, 8]], 8), (Scale(4), [hidden], [], 8),
      (Softcap(30), [hidden], [], 8),
      (Gate(.silu), [.activations(16)], [], 8),
    ] as [(any GraphOperator, [EdgeType], [Shape], Int)])
  func `gives the width that the operator makes`(
    _ node: any GraphOperator, _ inputs: [EdgeType], _ parameters: [Shape], _ width: Int
  ) throws {
    #expect(
      try node.outputType(of: inputs, parameters: parameters) == .activations(width))
  }

  @Test(
    arguments: [
      (Embedding(), [hidden], [[100, 8]]), (Embedding(), [ids], [[8]]),
      (Add(), [hidden, .activations(9)], []),
      (Add(), [hidden], []), (LayerNorm(epsilon: 1e-5), [hidden], [[8]]),
      (LayerNorm(epsilon: 1e-5), [hidden], [[8], [9]]),
      (Linear(weightLayout: .inOut, hasBias: false), [hidden], [[3, 8]]),
      (Linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3], [8]]),
      (Linear(weightLayout: .inOut, hasBias: true), [hidden], [[8, 3]]),
      (Linear(weightLayout: .outIn, hasBias: false), [ids], [[3, 8]]),
      (attention, [hidden, mask, cache], []), (attention, [.activations(24), cache, mask], []),
      (Activation(.relu), [], []),
      (grouped, [hidden, hidden, hidden, mask], []), (grouped, [hidden, keys, mask], []),
      (grouped, [hidden, keys, keys, mask, cache], []), (grouped, [hidden, keys, keys, ids], []),
      (
        Attention.separate(headCount: 4, keyHeadCount: 3, headDimension: 2, scale: 1, isCausal: true),
        [hidden, .activations(6), .activations(6), mask], []
      ),
      (attention, [.activations(24), mask, EdgeType(.cache, [.batch, .context, .fixed(4)])], []),
      (RMSNorm(epsilon: 1e-5), [hidden], [[4]]), (RMSNorm(epsilon: 1e-5, partCount: 3), [hidden], [[2]]),
      (RMSNorm(epsilon: 1e-5, partCount: 4), [hidden], [[8]]), (RMSNorm(epsilon: 1e-5), [hidden], []),
      (Multiply(), [hidden], []), (Multiply(), [hidden, keys], []),
      (rotary(headDimension: 4, pairs: 2), [hidden], []),
      (rotary(headDimension: 3, pairs: 1), [hidden, ids], []),
      (rotary(headDimension: 4, pairs: 3), [hidden, ids], []),
      (rotary(headDimension: 4, pairs: 0), [hidden, ids], []),
      (rotary(headDimension: 4, pairs: 1, turned: 3), [hidden, ids], []),
      (fusedGroups, [.activations(24), mask, EdgeType(.cache, [.batch, .context, .fixed(4)])], []),
      (fusedGroups, [.activations(16), mask, cache], []),
      (Gate(.silu), [.activations(7)], []), (Gate(.silu), [hidden, hidden], []), (Gate(.silu), [ids], []),
      (Scale(4), [hidden, hidden], []), (Softcap(30), [], []),
      (rotary(headDimension: 4, pairs: 2), [hidden, indexes], []),
      (
        Attention.separate(
          headCount: 4, keyHeadCount: 2, headDimension: 2, scale: 1, isCausal: false, window: 3),
        [hidden, keys, keys, mask], []
      ),
      (
        Attention.separate(
          headCount: 4, keyHeadCount: 2, headDimension: 2, scale: 1, isCausal: true, window: 0),
        [hidden, keys, keys, mask], []
      ),
      (SelectToken(.first), [hidden, mask], []), (SelectToken(.last), [hidden], []),
      (SelectToken(.last), [hidden, ids], []), (SelectToken(.given), [hidden, ids], []),
      (SelectToken(.lastOther(than: 0)), [hidden, mask], []),
      (SelectToken(.first), [EdgeType(.activations, [.batch, .fixed(8)])], []),
    ] as [(any GraphOperator, [EdgeType], [Shape])])
  func `refuses what does not fit`(_ node: any GraphOperator, _ inputs: [EdgeType], _ parameters: [Shape]) {
    #expect(throws: ShapeConflict.self) {
      try node.outputType(of: inputs, parameters: parameters)
    }
  }

  @Test func `one token's row of each sequence has no dimension of tokens`() throws {
    let row = EdgeType(.activations, [.batch, .fixed(8)])
    #expect(try SelectToken(.first).outputType(of: [Self.hidden], parameters: []) == row)
    #expect(try SelectToken(.last).outputType(of: [Self.hidden, Self.mask], parameters: []) == row)
    #expect(try SelectToken(.given).outputType(of: [Self.hidden, Self.indexes], parameters: []) == row)
    #expect(
      try SelectToken(.lastOther(than: 0)).outputType(of: [Self.hidden, Self.ids], parameters: []) == row)
    #expect(try LayerNorm(epsilon: 0).outputType(of: [row], parameters: [[8], [8]]) == row)
    let linear = Linear(weightLayout: .outIn, hasBias: false)
    #expect(
      try linear.outputType(of: [row], parameters: [[3, 8]]) == EdgeType(.activations, [.batch, .fixed(3)]))
  }

  @Test func `a table with rows before the first takes as many numbers below 0, and as many fewer above`() {
    let embedding = Embedding(offset: 2)
    #expect(embedding.leastValue(ofInput: 0) == -2 && Embedding().leastValue(ofInput: 0) == 0)
    #expect(embedding.valueCount(ofInput: 0, parameters: [[10, 8]]) == .fixed(8))
    #expect(embedding.valueCount(ofInput: 0, parameters: [[1, 8]]) == .fixed(0))
    #expect(Embedding().valueCount(ofInput: 0, parameters: [[10, 8]]) == .fixed(10))
  }

  @Test func `heads side by side stand in the order of queries, keys and values`() {
    let views = [Self.fusedGroups.queries, Self.fusedGroups.keys, Self.fusedGroups.values]
    #expect(views.map(\.offset) == [0, 8, 12] && views.map(\.headCount) == [4, 2, 2])
    #expect(views.allSatisfy { $0.rowStride == 16 && $0.input == 0 })
    #expect(Self.fusedGroups.groupSize == 2 && Self.fusedGroups.window == 3)
  }

  @Test func `reports say what an operator has beyond the plain one`() {
    func keys(_ node: any GraphOperator) -> [String] { node.attributes.entries.map(\.key) }
    #expect(keys(Embedding()).isEmpty && keys(Embedding(offset: 2)) == ["offset"])
    #expect(keys(Self.rotary(headDimension: 4, pairs: 2, turned: 1)).contains("turned_heads"))
    #expect(!keys(Self.rotary(headDimension: 4, pairs: 2)).contains("turned_heads"))
    let capped = Attention.separate(headCount: 1, headDimension: 2, scale: 1, isCausal: true, softcap: 50)
    #expect(keys(capped).contains("softcap") && !keys(Self.grouped).contains("softcap"))
    #expect(
      keys(Gate(.silu)) == ["function"] && keys(Scale(2)) == ["factor"] && keys(Softcap(2)) == ["bound"])
  }
}
