// SPDX-License-Identifier: Apache-2.0
// What a plan may change, memory and time, and what it may not: any value that someone asks for.
import IngotGraph
import IngotKernels
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct ExecutionPlanTests {
  private let graph: ModelGraph
  private let store: WeightStore
  private let ids: [Int]

  init() throws {
    let model = try Model(Fixture.path("kjv-gpt2"))
    graph = model.recognised.graph
    store = try loadWeights(model)
    ids = try TokenInput.read(Fixture.path("kjv-gpt2/heldout.npy")).values
  }

  private func request(_ count: Int, batch: Int = 1, wanted: Set<String> = ["logits"]) -> RunRequest {
    RunRequest(batchCount: batch, tokenCount: count, ids: Array(ids.prefix(batch * count)), wanted: wanted)
  }

  @Test(arguments: [1, 2, 37]) func `fusing hides no node and changes no bit`(_ count: Int) throws {
    let executor = Float32Executor(graph, store)
    let everything = Set(graph.nodes.map(\.name) + graph.outputs.map(\.name))
    let all = try executor.run(request(count, wanted: everything))
    #expect(all.keys.sorted() == everything.sorted())
    for name in everything {
      let alone = try executor.run(request(count, wanted: [name]))
      #expect(alone[name]?.values == all[name]?.values, "\(name)")
      #expect(alone[name]?.shape == all[name]?.shape)
    }
  }

  /// One token's product sums in another order than many tokens'; as for decoding against prefill.
  private static let orderTolerance: Float = 128 * 0x1p-24

  private func expectClose(_ a: [Float]?, _ b: [Float]?, within tolerance: Float = orderTolerance) throws {
    let (a, b) = (try #require(a), try #require(b))
    #expect(a.count == b.count)
    let largest = b.map(\.magnitude).max() ?? 0
    for (x, y) in zip(a, b) { #expect((x - y).magnitude <= tolerance * largest) }
  }

  @Test(arguments: [1, 3]) func `the last token's logits are those of all tokens`(_ batch: Int) throws {
    let executor = Float32Executor(graph, store)
    let all = try #require(try executor.run(request(40, batch: batch))["logits"]).values
    var last = request(40, batch: batch)
    last.lastLogitsOnly = true
    let output = try #require(try executor.run(last)["logits"])
    #expect(output.shape.dimensions == [batch, 1, 2048])
    var rows: [Float] = []
    for row in 0..<batch {
      let end = (row + 1) * 40 * 2048
      rows += all[(end - 2048)..<end]
    }
    try expectClose(output.values, rows)
    // Asked for beside it, the last hidden state has all rows.
    last.wanted = ["logits", "last_hidden_state"]
    #expect(try executor.run(last)["last_hidden_state"]?.shape.dimensions == [batch, 40, 128])
  }

  @Test(arguments: [1, 7, 64]) func `chunks of tokens give what the whole gives`(_ rows: Int) throws {
    let whole = Float32Executor(graph, store)
    let chunked = Float32Executor(graph, store, chunkRowCount: rows)
    var asked = request(50, batch: 2, wanted: ["logits", "hidden_states.2"])
    asked.mask = (0..<100).map { $0 % 11 != 3 }
    let (a, b) = (try chunked.run(asked), try whole.run(asked))
    for name in asked.wanted { try expectClose(a[name]?.values, b[name]?.values) }
    // Behind a cache as well, whose tokens the mask counts.
    let caches = [
      KeyValueCache(graph, batchCount: 2, capacity: 60), KeyValueCache(graph, batchCount: 2, capacity: 60),
    ]
    _ = try chunked.run(asked, cache: caches[0])
    _ = try whole.run(asked, cache: caches[1])
    asked = request(9, batch: 2)
    try expectClose(
      try chunked.run(asked, cache: caches[0])["logits"]?.values,
      try whole.run(asked, cache: caches[1])["logits"]?.values)
  }

  @Test func `a weight that is packed by then gives the same bytes`() throws {
    let executor = Float32Executor(graph, store)
    let runs = try (0..<3).map { _ in try executor.run(request(33))["logits"]?.values }
    #expect(runs[0] != nil && runs[1] == runs[0] && runs[2] == runs[0])
  }

  @Test func `outputs that fit are written in place`() throws {
    let executor = Float32Executor(graph, store)
    var outputs: [String: RunOutput<Float>] = [:]
    try executor.run(request(20), into: &outputs)
    let first = outputs["logits"]?.values.withUnsafeBufferPointer { $0.baseAddress }
    let expected = outputs["logits"]?.values.reduce(0, +)
    try executor.run(request(20), into: &outputs)
    #expect(outputs["logits"]?.values.withUnsafeBufferPointer { $0.baseAddress } == first)
    #expect(outputs["logits"]?.values.reduce(0, +) == expected)
    var other = request(20, wanted: ["wte"])
    other.ids = Array(ids[20..<40])
    try executor.run(other, into: &outputs)
    #expect(outputs.keys.sorted() == ["wte"])
  }

  @Test func `a cache in half precision stays near one in single`() throws {
    let executor = Float32Executor(graph, store)
    let caches = [CacheElement.f32, .f16].map { KeyValueCache(graph, capacity: 64, element: $0) }
    for cache in caches { _ = try executor.run(request(40), cache: cache) }
    let next = RunRequest(batchCount: 1, tokenCount: 1, ids: [ids[40]])
    let logits = try caches.map { try executor.run(next, cache: $0)["logits"]?.values }
    // Half precision rounds keys and values to 2⁻¹¹; a few blocks of it stay below 2⁻⁸.
    try expectClose(logits[1], logits[0], within: 0x1p-8)
    #expect(logits[0] != logits[1])
  }

  @Test func `refuses more tokens than a cache holds, and rows that it has not`() throws {
    let executor = Float32Executor(graph, store)
    #expect(throws: IngotError.self) {
      try executor.run(request(9), cache: KeyValueCache(graph, capacity: 8))
    }
    #expect(throws: IngotError.self) {
      try executor.run(request(4, batch: 2), cache: KeyValueCache(graph, capacity: 8))
    }
  }

  @Test(arguments: [Arithmetic.stored, .bf16, .w8a8])
  func `gives the same bytes for one, two and three threads`(_ arithmetic: Arithmetic) throws {
    for count in [1, 40, 200] {
      let results = try [1, 2, 3].map { threads in
        try Float32Executor(graph, store, arithmetic: arithmetic, pool: ThreadPool(threadCount: threads))
          .run(request(count))["logits"]?.values
      }
      #expect(results[0] != nil && results[1] == results[0] && results[2] == results[0])
    }
  }
}
