// SPDX-License-Identifier: Apache-2.0
// What an executor promises whatever its arithmetic: the same bytes for any number of threads, decoding that agrees
// with prefill, only what is wanted, int8 that is the arithmetic of its stored values.
import IngotKernels
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct ExecutorTests {
  private static func model() throws -> Model { try Model(Fixture.path("kjv-gpt2")) }

  private static func ids(_ count: Int) throws -> [Int] {
    Array(try TokenInput.read(Fixture.path("kjv-gpt2/heldout.npy")).values.prefix(count))
  }

  private static func float(threads: Int) throws -> Float32Executor {
    let model = try model()
    return Float32Executor(
      model.recognised.graph, try loadWeights(model), pool: ThreadPool(threadCount: threads))
  }

  @Test(arguments: [1, 2, 17, 256])
  func `gives the same bytes for one, two and three threads`(_ count: Int) throws {
    let request = RunRequest(batchCount: 1, tokenCount: count, ids: try Self.ids(count))
    let results = try [1, 2, 3].map { try Self.float(threads: $0).run(request)["logits"]?.values }
    #expect(results[0] != nil)
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  /// Decoding sums the same products as prefill in another order; each logit is a sum of 128 products of size about 1,
  /// so that their distance stays below 128 roundings of 2⁻²⁴ relative to the largest.
  private static let decodeTolerance = 128 * 0x1p-24

  @Test func `decoding token by token agrees with prefill`() throws {
    let ids = try Self.ids(40)
    let executor = try Self.float(threads: 2)
    let whole = try #require(
      try executor.run(RunRequest(batchCount: 1, tokenCount: ids.count, ids: ids))["logits"]?.values)
    let cache = KeyValueCache(executor.graph, capacity: ids.count)
    let width = whole.count / ids.count
    let largest = whole.map(\.magnitude).max() ?? 0
    for (index, id) in ids.enumerated() {
      let step = try executor.run(RunRequest(batchCount: 1, tokenCount: 1, ids: [id]), cache: cache)[
        "logits"]
      for (a, b) in zip(try #require(step).values, whole[(index * width)...]) {
        #expect((a - b).magnitude <= Float(Self.decodeTolerance) * largest)
      }
    }
    #expect(cache.tokenCount == ids.count)
  }

  @Test func `rows of a batch do not touch each other`() throws {
    let ids = try Self.ids(24)
    let executor = try Self.float(threads: 2)
    let both = try #require(try executor.run(RunRequest(batchCount: 2, tokenCount: 12, ids: ids))["logits"])
      .values
    let second = try #require(
      try executor.run(RunRequest(batchCount: 1, tokenCount: 12, ids: Array(ids[12...])))["logits"]
    ).values
    #expect(Array(both[second.count...]) == second)
  }

  @Test func `the last token's logits are those of the whole run`() throws {
    let ids = try Self.ids(9)
    let executor = ReferenceExecutor(
      try Self.model().recognised.graph, try loadWeights(Self.model()))
    var request = RunRequest(batchCount: 1, tokenCount: 9, ids: ids)
    let all = try #require(try executor.run(request)["logits"])
    request.lastLogitsOnly = true
    let last = try #require(try executor.run(request)["logits"])
    #expect(last.shape.dimensions == [1, 1, 2048])
    #expect(last.values == Array(all.values.suffix(2048)))
  }

  @Test func `gives any node by its name, and refuses names that there are not`() throws {
    let executor = try Self.float(threads: 1)
    var request = RunRequest(batchCount: 1, tokenCount: 3, ids: [1, 2, 3], wanted: ["h.1.mlp.act", "wte"])
    let results = try executor.run(request)
    #expect(results["h.1.mlp.act"]?.shape.dimensions == [1, 3, 512])
    #expect(results.keys.sorted() == ["h.1.mlp.act", "wte"])
    request.wanted = ["h.9.attn"]
    #expect(throws: IngotError.self) { try executor.run(request) }
  }

  @Test(arguments: [([2048], nil), ([-1], nil), ([1], [256])] as [([Int], [Int]?)])
  func `refuses ids outside the vocabulary and positions past the context`(
    _ ids: [Int], _ positions: [Int]?
  ) throws {
    var request = RunRequest(batchCount: 1, tokenCount: 1, ids: ids)
    request.positions = positions
    #expect(throws: IngotError.self) { try Self.float(threads: 1).run(request) }
  }

  /// fp32 rounds each of a few thousand operations to 2⁻²⁴; `ingot verify`'s tolerance for fp32 against exact values.
  private static let int8Tolerance = 2e-5

  @Test(arguments: [QuantizationScheme.int8, .int8Tensor])
  func `int8 runs the arithmetic of its stored values`(_ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/int8.ingot"
    var options = QuantizeOptions()
    options.scheme = scheme
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: path, options: options)
    var verification = VerifyOptions()
    verification.against = path
    verification.comparesNodes = true
    verification.tolerance = Self.int8Tolerance
    let report = try Ingot.verify(path, options: verification)
    #expect(report.passed, "\(report.firstFailure ?? "")")
  }
}
