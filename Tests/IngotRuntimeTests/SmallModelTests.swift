// SPDX-License-Identifier: Apache-2.0
// Separate and grouped heads, attention that looks ahead, pooled outputs, padding and batches: float64 against numpy, fp32
// against float64, whole, in chunks and behind a cache.
import IngotGraph
import IngotKit
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct SmallModelTests {
  /// Sums of at most a dozen terms of size about 1, through two blocks.
  private static let doubleTolerance = 1e-12
  /// The tolerance of `ingot verify` for fp32 against exact values.
  private static let floatTolerance = 2e-5

  private func expectClose(_ actual: [Double]?, _ expected: [Double]?, within tolerance: Double) throws {
    let (actual, expected) = (try #require(actual), try #require(expected))
    #expect(actual.count == expected.count)
    let largest = expected.map(\.magnitude).max() ?? 0
    for (a, b) in zip(actual, expected) { #expect((a - b).magnitude <= tolerance * largest) }
  }

  @Test(arguments: SmallModel.all) func `float64 agrees with numpy`(_ model: SmallModel) throws {
    let graph = model.graph()
    #expect(graph.conflicts.isEmpty)
    let store = SmallModel.store(for: graph)
    let request = model.request(in: graph)
    let expected = try model.expected(request, store)
    let actual = try ReferenceExecutor(graph, store).run(request)
    #expect(actual["last_hidden_state"]?.shape.dimensions == [3, 6, 10])
    #expect(actual["pooler_output"]?.shape.dimensions == [3, 10])
    #expect(actual["logits"]?.shape.dimensions == [3, 2])
    for name in request.wanted {
      try expectClose(actual[name]?.values, expected[name], within: Self.doubleTolerance)
    }
  }

  @Test(arguments: SmallModel.all, [1, 4, 6, 12, 1024])
  func `fp32 agrees with float64 in every node, whole and in chunks`(_ model: SmallModel, _ rows: Int) throws
  {
    let graph = model.graph()
    let store = SmallModel.store(for: graph)
    var request = model.request(in: graph)
    let exact = ReferenceExecutor(graph, store)
    let float = Float32Executor(graph, store, chunkRowCount: rows)
    for wanted in [request.wanted, ["logits"], ["last_hidden_state"], Set(graph.nodes.map(\.name))] {
      request.wanted = wanted
      let (actual, expected) = (try float.run(request), try exact.run(request))
      #expect(actual.keys.sorted() == wanted.sorted())
      for name in wanted {
        #expect(actual[name]?.shape == expected[name]?.shape)
        try expectClose(
          actual[name]?.values.map(Double.init), expected[name]?.values, within: Self.floatTolerance)
      }
    }
  }

  @Test(arguments: SmallModel.all.filter(\.isCached))
  func `behind a cache, the second half is that of the whole`(_ model: SmallModel) throws {
    let graph = model.graph()
    let store = SmallModel.store(for: graph)
    var whole = model.request(in: graph)
    whole.integers[.tokenIndexes] = model.choice == .given ? [3, 4, 5] : nil
    let expected = try ReferenceExecutor(graph, store).run(whole)
    // Tokens 0..<3, then 3..<6, of each of three rows.
    let halves = [0, 3].map { first in
      var half = whole
      half.tokenCount = 3
      for input in [GraphInput.ids, .tokenTypes] {
        half.integers[input] = whole.integers[input].map { all in
          (0..<3).flatMap { all[($0 * 6 + first)..<($0 * 6 + first + 3)] }
        }
      }
      half.mask = whole.mask.map { mask in (0..<3).flatMap { mask[($0 * 6)..<($0 * 6 + first + 3)] } }
      if model.choice == .given { half.integers[.tokenIndexes] = [0, 1, 2] }
      return half
    }
    let (exact, float) = (ReferenceExecutor(graph, store), Float32Executor(graph, store))
    let kept = ReferenceCache(graph, batchCount: 3)
    let cache = KeyValueCache(graph, batchCount: 3, capacity: 6)
    _ = try exact.run(halves[0], cache: kept)
    _ = try float.run(halves[0], cache: cache)
    let (a, b) = (try exact.run(halves[1], cache: kept), try float.run(halves[1], cache: cache))
    #expect(kept.tokenCount == 6 && cache.tokenCount == 6)
    for name in ["pooler_output", "logits"] {
      try expectClose(a[name]?.values, expected[name]?.values, within: Self.doubleTolerance)
      try expectClose(b[name]?.values.map(Double.init), expected[name]?.values, within: Self.floatTolerance)
    }
  }

  @Test func `inputs that a request leaves out have their defaults`() throws {
    let model = SmallModel(choice: .given)
    let graph = model.graph()
    let exact = ReferenceExecutor(graph, SmallModel.store(for: graph))
    var request = model.request(in: graph)
    request.integers[.tokenTypes] = nil
    request.integers[.tokenIndexes] = nil
    let implied = try exact.run(request)["pooler_output"]?.values
    request.integers[.tokenTypes] = [Int](repeating: 0, count: 18)
    request.integers[.positions] = (0..<18).map { $0 % 6 }
    // The last, whether or not the mask shows it.
    request.integers[.tokenIndexes] = [5, 5, 5]
    #expect(try exact.run(request)["pooler_output"]?.values == implied)
    request.integers[.tokenIndexes] = [5, 4, 5]
    #expect(try exact.run(request)["pooler_output"]?.values != implied)
  }

  @Test(
    arguments: [
      (.tokenTypes, [Int](repeating: 3, count: 18), "token type 3 is none of 3"),
      (.tokenTypes, [0], "1 token type for 3 × 6 tokens"),
      (.tokenIndexes, [0, 6, 0], "token index 6 is outside 6 tokens"),
      (.tokenIndexes, [0, -1, 0], "token index -1 is outside 6 tokens"),
      (.tokenIndexes, [0, 0], "2 token indexes for 3 × 6 tokens"),
      (.ids, [Int](repeating: 11, count: 18), "token id 11 is outside the vocabulary of 11"),
      (.positions, [Int](repeating: 9, count: 18), "position 9 is past the context of 9"),
    ] as [(GraphInput, [Int], String)])
  func `refuses integers that look up nothing`(_ input: GraphInput, _ values: [Int], _ why: String) throws {
    let model = SmallModel(choice: .given)
    let graph = model.graph()
    let store = SmallModel.store(for: graph)
    var request = model.request(in: graph)
    request.integers[input] = values
    let expected = "\(why)"
    for run in [
      { _ = try ReferenceExecutor(graph, store).run(request) },
      { _ = try Float32Executor(graph, store).run(request) },
    ] {
      let error = #expect(throws: IngotError.self) { try run() }
      guard case .unsuitable(_, let found, _)? = error else { return #expect(Bool(false)) }
      #expect(found.pieces.map(Self.text).joined() == expected)
    }
  }

  private static func text(_ piece: Evidence.Piece) -> String {
    switch piece {
    case .words(let text), .value(let text): text
    case .count(let count): count.description
    case .option, .verb, .remedy: ""
    }
  }

  @Test func `refuses inputs that the model does not take, and a past that it does not keep`() throws {
    let model = SmallModel()
    let graph = model.graph()
    let store = SmallModel.store(for: graph)
    var request = model.request(in: graph)
    let cache = KeyValueCache(graph, batchCount: 3, capacity: 12)
    let executor = Float32Executor(graph, store)
    _ = try executor.run(request, cache: cache)
    #expect(throws: IngotError.self) { try executor.run(request, cache: cache) }
    request.integers[.tokenIndexes] = [0, 0, 0]
    #expect(throws: IngotError.self) { try executor.run(request) }
  }

  @Test func `what is said of a sequence has no last token`() throws {
    let graph = SmallModel().graph()
    let store = SmallModel.store(for: graph)
    var request = SmallModel().request(in: graph)
    let all = try Float32Executor(graph, store).run(request)["logits"]
    request.lastLogitsOnly = true
    #expect(try Float32Executor(graph, store).run(request)["logits"]?.values == all?.values)
    #expect(try ReferenceExecutor(graph, store).run(request)["logits"]?.shape == all?.shape)
  }

  @Test func `only a causal model's logits of each token continue a text`() {
    #expect(SmallModel.all.allSatisfy { !$0.graph().continuesText })
    #expect(Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 1)).continuesText)
  }

  @Test func `every operator has its arithmetic in both precisions, and its gradient`() {
    for operation in GraphOperators.all {
      let isComplete = operation.hasArithmetic && operation.hasGradient
      #expect(isComplete, "\(operation)")
    }
  }
}
