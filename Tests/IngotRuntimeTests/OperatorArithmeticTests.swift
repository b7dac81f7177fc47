// SPDX-License-Identifier: Apache-2.0
// Operators that later families brought, each by itself against its formula, in float64 and in fp32: rows of odd widths,
// numbers below the first, and heads side by side against the same heads apart.
import Foundation
import IngotCore
import IngotGraph
import IngotKit
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct OperatorArithmeticTests {
  private static let tokens = 5
  /// One rounding of each of three steps, of numbers below 16.
  private static let floatTolerance = 1e-5

  private static func table(_ name: String, _ rows: Int, _ columns: Int) -> GraphParameter {
    GraphParameter(
      TensorRole(TensorRole.Kind(name)), shape: Shape([rows, columns]) ?? .scalar, dimensionNames: ["", ""])
  }

  private static func weight(_ values: [Float], _ rows: Int) -> Weight {
    Weight(
      .number(.f32), shape: Shape([rows, values.count / rows]) ?? .scalar,
      bytes: values.withUnsafeBytes { Array($0) })
  }

  /// Runs a graph by both executors, and gives the exact values, having held those of fp32 against them.
  private static func run(
    _ graph: ModelGraph, _ store: WeightStore, mask: [Bool]? = nil, _ integers: [GraphInput: [Int]] = [:]
  ) throws -> [Double] {
    #expect(graph.conflicts.isEmpty)
    var request = RunRequest(
      batchCount: 2, tokenCount: tokens, ids: (0..<(2 * tokens)).map { $0 * 3 % 7 }, wanted: ["out"])
    request.mask = mask
    if graph.edge(of: .ids) == nil { request.integers[.ids] = nil }
    for (input, values) in integers { request.integers[input] = values }
    let exact = try #require(try ReferenceExecutor(graph, store).run(request)["out"]).values
    for rows in [1, 3, 1024] {
      let float = try #require(
        try Float32Executor(graph, store, chunkRowCount: rows).run(request)["out"]
      ).values
      #expect(float.count == exact.count)
      for (a, b) in zip(float, exact) { #expect((Double(a) - b).magnitude <= floatTolerance) }
    }
    return exact
  }

  /// The rows of a table, by the ids of a run, through some operators.
  private static func values(
    width: Int, _ operations: [any GraphOperator]
  ) throws -> (rows: [[Double]], values: [Double]) {
    var random = SeededRandom(seed: 3)
    let numbers = random.floats(7 * width).map { 8 * $0 }
    var graph = GraphBuilder()
    var edge = graph.add("rows", Embedding(), [graph.input(.ids)], [table("rows", 7, width)])
    for (index, operation) in operations.enumerated() { edge = graph.add("\(index)", operation, [edge]) }
    graph.name(edge, "out")
    let store: WeightStore = [TensorRole(TensorRole.Kind("rows")): weight(numbers, 7)]
    let output = try run(graph.build(architecture: "small", config: ModelConfig()), store)
    let rows = (0..<(2 * tokens)).map { index in
      let row = index * 3 % 7
      return numbers[(row * width)..<((row + 1) * width)].map(Double.init)
    }
    return (rows, output)
  }

  private static func expect(_ found: [Double], _ expected: [Double]) {
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) { #expect((a - b).magnitude <= 1e-14 * max(1, b.magnitude)) }
  }

  @Test(arguments: [1, 2, 7, 33]) func `Scale multiplies each number`(_ width: Int) throws {
    let (rows, found) = try Self.values(width: width, [Scale(2048.0.squareRoot() / 32)])
    Self.expect(found, rows.joined().map { $0 * (2048.0.squareRoot() / 32) })
  }

  @Test(arguments: [1, 2, 7, 33], [0.5, 30]) func `Softcap keeps each number between two bounds`(
    _ width: Int, _ bound: Double
  ) throws {
    let (rows, found) = try Self.values(width: width, [Softcap(bound)])
    Self.expect(found, rows.joined().map { bound * tanh($0 / bound) })
    #expect(found.allSatisfy { $0.magnitude <= bound })
  }

  @Test(arguments: [1, 2, 7, 33], [ActivationKind.linear, .silu, .geluTanh])
  func `Gate multiplies the second half of a row with the function of the first`(
    _ half: Int, _ kind: ActivationKind
  ) throws {
    let (rows, found) = try Self.values(width: 2 * half, [Gate(kind)])
    let expected = rows.flatMap { row in
      (0..<half).map { index -> Double in
        let (x, up) = (row[index], row[index + half])
        switch kind {
        case .silu: return x / (1 + exp(-x)) * up
        case .geluTanh:
          return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) * up
        default: return x * up
        }
      }
    }
    Self.expect(found, expected)
  }

  // MARK: - Rows before the first

  private static func offsetGraph() -> (ModelGraph, WeightStore, [Float]) {
    var random = SeededRandom(seed: 4)
    let numbers = random.floats(6 * 3)
    var graph = GraphBuilder()
    let edge = graph.add(
      "rows", Embedding(offset: 2), [graph.input(.positions)], [table("rows", 6, 3)])
    graph.name(edge, "out")
    return (
      graph.build(architecture: "small", config: ModelConfig()),
      [TensorRole(TensorRole.Kind("rows")): weight(numbers, 6)], numbers
    )
  }

  @Test func `numbers below 0 have the rows before the first`() throws {
    let (graph, store, numbers) = Self.offsetGraph()
    let positions = [-2, -1, 0, 1, 2, 3, 0, -1, -2, 3]
    let found = try Self.run(graph, store, [.positions: positions])
    Self.expect(found, positions.flatMap { numbers[(($0 + 2) * 3)..<(($0 + 3) * 3)].map(Double.init) })
  }

  @Test(arguments: [-3, 4, Int.min, Int.max])
  func `numbers below the first row and past the last are refused`(_ position: Int) throws {
    let (graph, store, _) = Self.offsetGraph()
    var request = RunRequest(batchCount: 1, tokenCount: 2, ids: [], wanted: ["out"])
    request.integers[.ids] = nil
    request.integers[.positions] = [0, position]
    #expect(throws: IngotError.self) { try ReferenceExecutor(graph, store).run(request) }
    #expect(throws: IngotError.self) { try Float32Executor(graph, store).run(request) }
  }

  // MARK: - Attention

  /// Heads of queries, of keys, and numbers of a head, of which the first two turn.
  private static let (heads, keyHeads, dimension) = (4, 2, 5)

  private static func attention(isFused: Bool, window: Int?, softcap: Double?, mask: [Bool]) throws
    -> [Double]
  {
    let schedule = RotarySchedule(RotaryParameters(base: 100), pairCount: 1, positionCount: 16)
    let width = (heads + 2 * keyHeads) * dimension
    var random = SeededRandom(seed: 9)
    let numbers = random.floats(7 * width)
    var graph = GraphBuilder()
    var store: WeightStore = [:]
    func embed(_ name: String, _ columns: Range<Int>) -> EdgeID {
      let part = (0..<7).flatMap { row in columns.map { numbers[row * width + $0] } }
      store[TensorRole(TensorRole.Kind(name))] = weight(part, 7)
      return graph.add(name, Embedding(), [graph.input(.ids)], [table(name, 7, columns.count)])
    }
    func turn(_ name: String, _ edge: EdgeID, _ turned: Int? = nil) -> EdgeID {
      graph.add(
        name, Rotary(headDimension: dimension, schedule: schedule, turnedHeadCount: turned),
        [edge, graph.input(.positions)])
    }
    let out: EdgeID
    if isFused {
      var attention = Attention.fused(
        headCount: heads, keyHeadCount: keyHeads, headDimension: dimension, scale: 3, isCausal: true,
        window: window)
      attention.softcap = softcap
      let edge = turn("turn", embed("qkv", 0..<width), heads + keyHeads)
      out = graph.add("attend", attention, [edge, graph.input(.mask)])
    } else {
      let attention = Attention.separate(
        headCount: heads, keyHeadCount: keyHeads, headDimension: dimension, scale: 3, isCausal: true,
        window: window, softcap: softcap)
      let (q, k) = (heads * dimension, (heads + keyHeads) * dimension)
      let inputs = [
        turn("turn.q", embed("q", 0..<q)), turn("turn.k", embed("k", q..<k)), embed("v", k..<width),
      ]
      out = graph.add("attend", attention, inputs + [graph.input(.mask)])
    }
    graph.name(out, "out")
    return try run(graph.build(architecture: "small", config: ModelConfig()), store, mask: mask)
  }

  private static let mask = (0..<(2 * tokens)).map { ![2, 5, 6].contains($0) }

  @Test(arguments: [nil, 1, 3], [nil, 0.5, 50])
  func `heads side by side give what they give apart, and values are not turned`(
    _ window: Int?, _ softcap: Double?
  )
    throws
  {
    let fused = try Self.attention(isFused: true, window: window, softcap: softcap, mask: Self.mask)
    Self.expect(fused, try Self.attention(isFused: false, window: window, softcap: softcap, mask: Self.mask))
  }

  @Test func `scores that are bounded by nearly nothing share evenly, and by very much as without a bound`()
    throws
  {
    let none = try Self.attention(isFused: false, window: nil, softcap: nil, mask: Self.mask)
    let wide = try Self.attention(isFused: false, window: nil, softcap: 1e7, mask: Self.mask)
    for (a, b) in zip(none, wide) { #expect((a - b).magnitude < 1e-9) }
    let even = try Self.attention(isFused: false, window: 1, softcap: 1e-9, mask: Self.mask)
    let own = try Self.attention(isFused: false, window: 1, softcap: nil, mask: Self.mask)
    // A window of one token leaves nothing to share.
    Self.expect(even, own)
    let bounded = try Self.attention(isFused: false, window: nil, softcap: 1e-9, mask: Self.mask)
    // The second token of the first row sees two, the first of which saw itself alone.
    let width = Self.heads * Self.dimension
    let second = try Self.attention(isFused: false, window: 1, softcap: nil, mask: Self.mask)
    for index in 0..<width {
      let mean = (second[index] + second[width + index]) / 2
      #expect((bounded[width + index] - mean).magnitude < 1e-8)
    }
  }
}
