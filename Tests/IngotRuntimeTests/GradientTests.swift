// SPDX-License-Identifier: Apache-2.0
// The backward pass against torch's autograd in float64: every parameter and hidden state of models that between them reach
// every operator; and what is refused.
import IngotBytes
import IngotCore
import IngotGraph
import IngotKernels
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct GradientTests {
  /// Of the largest number of an array; a gradient that is 0 but for rounding is held to that of the largest of all.
  private static let (tolerance, rounding) = (1e-10, 1e-15)

  /// Holds numbers against others: at most so far apart, of the largest of these, and of the largest gradient of all.
  private static func expectClose(
    _ found: [Double], _ expected: [Double], _ largest: Double,
    _ bounds: (tolerance: Double, rounding: Double), _ name: String
  ) {
    #expect(found.count == expected.count, "\(name)")
    let bound = bounds.tolerance * (expected.map(\.magnitude).max() ?? 0) + bounds.rounding * largest
    let apart = zip(found, expected).map { ($0 - $1).magnitude }.max() ?? 0
    #expect(apart <= bound, "\(name): \(apart) of \(bound)")
  }

  @Test func `there are files of models of every kind of operator`() throws {
    #expect(GradientFixture.all.count >= 14)
    let used = try Set(
      GradientFixture.all.flatMap { try $0.load().model.recognised.graph.nodes.map(\.operation.name) })
    let activations = Set(ActivationKind.allCases.map(\.rawValue))
    for name in ["embedding", "add", "linear", "layer norm", "RMS norm", "attention", "rotary", "experts"] {
      #expect(used.contains(name))
    }
    for name in ["scale", "softcap", "gate", "multiply", "select token"] { #expect(used.contains(name)) }
    #expect(!used.isDisjoint(with: activations))
  }

  @Test(arguments: GradientFixture.all)
  func `float64 agrees with torch's autograd`(_ fixture: GradientFixture) throws {
    let contents = try fixture.load()
    let graph = contents.model.recognised.graph
    let found = try ReferenceExecutor(graph, try loadWeights(contents.model)).gradients(contents.request)
    #expect((found.loss - contents.loss).magnitude <= 1e-12 * contents.loss.magnitude)
    let expected = contents.parameters.mapValues(\.doubles)
    let largest = expected.values.joined().map(\.magnitude).max() ?? 0
    #expect(expected.count == graph.parameters.count && largest > 0)
    for parameter in graph.parameters {
      let gradient = try #require(found.parameters[parameter.role])
      #expect(gradient.shape == parameter.shape)
      Self.expectClose(
        gradient.values, try #require(expected[parameter.role]), largest, (Self.tolerance, Self.rounding),
        "\(parameter.role)")
    }
    for (name, values) in contents.hidden {
      Self.expectClose(
        try #require(found.values[name]).values, values, largest, (Self.tolerance, Self.rounding), name)
    }
  }

  /// Of the largest number of an array; what is 0 but for rounding is held to that of the largest of all: `ingot verify`'s
  /// tolerance for fp32.
  private static let (floatTolerance, floatRounding) = (2e-5, 1e-7)

  @Test(arguments: GradientFixture.all)
  func `fp32 agrees with torch's autograd within its tolerance`(_ fixture: GradientFixture) throws {
    let contents = try fixture.load()
    let graph = contents.model.recognised.graph
    let store = try loadWeights(contents.model, precision: .fp32)
    let found = try Float32Executor(graph, store).gradients(contents.request)
    #expect((found.loss - contents.loss).magnitude <= Self.floatTolerance * contents.loss.magnitude)
    let expected = contents.parameters.mapValues(\.doubles)
    let largest = expected.values.joined().map(\.magnitude).max() ?? 0
    for parameter in graph.parameters {
      Self.expectClose(
        try #require(found.parameters[parameter.role]).values.map(Double.init),
        try #require(expected[parameter.role]), largest, (Self.floatTolerance, Self.floatRounding),
        "\(parameter.role)")
    }
    for (name, values) in contents.hidden {
      Self.expectClose(
        try #require(found.values[name]).values.map(Double.init), values, largest,
        (Self.floatTolerance, Self.floatRounding), name)
    }
  }

  @Test func `fp32 gives the same bytes for one, two and three threads`() throws {
    let contents = try GradientFixture(folder: "gpt_oss/limit-alpha").load()
    let graph = contents.model.recognised.graph
    let store = try loadWeights(contents.model, precision: .fp32)
    let results = try [1, 2, 3].map { threads in
      try Float32Executor(graph, store, pool: ThreadPool(threadCount: threads)).gradients(contents.request)
        .parameters.mapValues(\.values)
    }
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  @Test func `weights that were replaced have the gradients of an executor made with them`() throws {
    let contents = try GradientFixture(folder: "gpt_oss/limit-alpha").load()
    let graph = contents.model.recognised.graph
    let store = try loadWeights(contents.model, precision: .fp32)
    // One step down the gradient: other weights of the same shapes.
    let executor = Float32Executor(graph, store)
    let before = try executor.gradients(contents.request)
    var moved = store
    for (role, gradient) in before.parameters {
      let weight = try #require(store[role])
      let values = zip(weight.floats, gradient.values).map { $0 - 0.1 * $1 }
      moved[role] = Weight(
        .number(.f32), shape: weight.shape, bytes: values.withUnsafeBytes(Array.init))
    }
    executor.replace(moved)
    let found = try executor.gradients(contents.request)
    let expected = try Float32Executor(graph, moved).gradients(contents.request)
    #expect(found.loss == expected.loss && found.loss != before.loss)
    #expect(found.parameters.mapValues(\.values) == expected.parameters.mapValues(\.values))
  }

  /// More tokens than attention takes at once, through heads that share keys, under a mask.
  @Test(arguments: [nil, 1, 70, 200] as [Int?], [nil, 2] as [Double?])
  func `fp32 agrees with float64 over several blocks of queries`(_ window: Int?, _ softcap: Double?) throws {
    var attention = Attention.separate(
      headCount: 4, keyHeadCount: 2, headDimension: 3, scale: 0.6, isCausal: window != nil, window: window,
      softcap: softcap)
    attention.hasSinks = softcap != nil
    func parameter(_ name: String, _ shape: Shape) -> GraphParameter {
      GraphParameter(
        TensorRole(TensorRole.Kind(name)), shape: shape, dimensionNames: shape.dimensions.map { _ in "" })
    }
    var graph = GraphBuilder()
    let ids = graph.input(.ids)
    let projected = [("q", 12), ("k", 6), ("v", 6)].map { name, width in
      graph.add(name, Embedding(), [ids], [parameter(name, [11, width])])
    }
    let sinks = attention.hasSinks ? [parameter("sinks", [4])] : []
    graph.name(graph.addAttention("attend", attention, projected, sinks), "out")
    let built = graph.build(architecture: "small", config: ModelConfig())
    #expect(built.conflicts.isEmpty)
    let (tokens, rows) = (150, 2)
    var run = RunRequest(
      batchCount: rows, tokenCount: tokens, ids: (0..<(rows * tokens)).map { $0 * $0 % 11 })
    run.mask = run.ids.indices.map { $0 < tokens || $0 % 13 != 0 }
    var random = SeededRandom(seed: 4)
    let factors = random.floats(rows * tokens * 12).map(Double.init)
    let request = GradientRequest(run, .sum(of: "out", factors: factors))
    let store = SmallModel.store(for: built)
    let exact = try ReferenceExecutor(built, store).gradients(request)
    let found = try Float32Executor(built, store).gradients(request)
    #expect(exact.parameters.count == 3 + sinks.count)
    for (role, gradient) in exact.parameters {
      Self.expectClose(
        try #require(found.parameters[role]).values.map(Double.init), gradient.values, 0,
        (Self.floatTolerance, 0), "\(role)")
    }
  }

  @Test func `slopes of activation functions are those of autograd`() throws {
    let checkpoint = try Ingot.open(Fixture.path("gradients/activations.safetensors"))
    let loader = ArrayLoader(checkpoint, work: WorkOptions())
    var arrays: [String: [Double]] = [:]
    for tensor in checkpoint.tensors { arrays[tensor.name] = try loader.reals(tensor).values }
    let points = try #require(arrays["x"])
    for kind in ActivationKind.allCases {
      let expected = try #require(arrays[kind.rawValue], "\(kind)")
      for (x, slope) in zip(points, expected) {
        #expect((ReferenceKernels.slope(kind, x) - slope).magnitude <= 1e-12, "\(kind) at \(x)")
      }
    }
  }

  @Test func `what each product gives has its gradient, without those of parameters`() throws {
    let contents = try GradientFixture(folder: "models/head-of-7").load()
    let graph = contents.model.recognised.graph
    let executor = ReferenceExecutor(graph, try loadWeights(contents.model))
    let request = GradientRequest.productOutputs(
      of: graph, contents.request.run, contents.request.objective)
    let found = try executor.gradients(request)
    #expect(found.parameters.isEmpty)
    #expect(found.values["h.0.attn.c_attn"]?.shape.dimensions == [1, 9, 21])
    #expect(found.values.count == graph.nodes.count { $0.operation.name == "linear" })
    // A bias is added to each token's output, so that its gradient is the sum of theirs.
    let all = try executor.gradients(contents.request)
    let bias = try #require(all.parameters[TensorRole(.attentionInputBias, block: 0)]).values
    let rows = try #require(found.values["h.0.attn.c_attn"]).values
    for (index, slope) in bias.enumerated() {
      let sum = stride(from: index, to: rows.count, by: bias.count).reduce(0) { $0 + rows[$1] }
      #expect((sum - slope).magnitude <= 1e-14)
    }
  }

  @Test func `objectives that a model does not have are refused`() throws {
    let contents = try GradientFixture(folder: "models/head-of-7").load()
    let graph = contents.model.recognised.graph
    let executor = ReferenceExecutor(graph, try loadWeights(contents.model))
    let run = contents.request.run
    for objective: GradientRequest.Objective in [
      .tokens([1, 2]), .tokens([Int](repeating: -100, count: 9)), .tokens([Int](repeating: 61, count: 9)),
      .sum(of: "logits", factors: [1]), .sum(of: "pooler_output", factors: []),
    ] {
      #expect(throws: IngotError.self) { try executor.gradients(GradientRequest(run, objective)) }
    }
    var unknown = contents.request
    unknown.wanted = ["h.9.attn"]
    #expect(throws: IngotError.self) { try executor.gradients(unknown) }
    let classifier = try GradientFixture(folder: "bert/sequence-classification").load()
    let other = ReferenceExecutor(classifier.model.recognised.graph, try loadWeights(classifier.model))
    #expect(throws: IngotError.self) {
      try other.gradients(GradientRequest(classifier.request.run, .tokens([0, 1])))
    }
  }
}
