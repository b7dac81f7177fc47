// SPDX-License-Identifier: Apache-2.0
// Verifies that a model still computes what it should: against fixtures, or against another model.
import IngotBytes
import IngotCore
import IngotEvaluation
import IngotFormats
import IngotGraph
import IngotRuntime

/// What verifying is to do.
public struct VerifyOptions: Sendable {
  /// A file of inputs, and of expected outputs where there is no other model.
  public var fixtures: String?
  /// A model whose outputs, in float64, are expected.
  public var against: String?
  /// Token ids to compare two models on: a list or a `.npy` file.
  public var tokens: String?
  /// The arithmetic of the model that is verified.
  public var precision = Precision.auto
  /// The largest relative difference that passes; `nil` for the precision's own.
  public var tolerance: Double?
  /// Whether to compare every node, not outputs only.
  public var comparesNodes = false
  /// The seed of token ids that are made up when none are given.
  public var seed: UInt64 = 1
  /// The config, when it is not beside the weights; of a baseline that has none, too.
  public var config: String?
  /// What models are computed with though `validate` rejects it.
  public var allowances = Allowances()
  /// How to read.
  public var reading = ReadOptions()

  /// Makes options.
  public init() {}
}

/// What verifying found.
public struct VerificationReport: Sendable {
  /// The model's path.
  public var model: String
  /// What it was compared with: the fixtures' path, or the other model's.
  public var expectation: String
  /// The arithmetic it was run in.
  public var precision: Precision
  /// Rows and tokens it was run on.
  public var tokens: (batch: Int, count: Int)
  /// The outputs, and the nodes where asked for, in the graph's order.
  public var outputs: [OutputComparison]
  /// The largest relative difference that passes, for most outputs.
  public var tolerance: Double
  /// The seed of made-up ids; `nil` for given ones.
  public var seed: UInt64?
  /// Remarks: unknown arrays, a model that is another than the fixtures were recorded with.
  public var findings: [Finding]

  /// Whether something was compared, and everything passed.
  public var passed: Bool { !outputs.isEmpty && outputs.allSatisfy(\.passed) }

  /// The name of the first output, or node, that did not pass.
  public var firstFailure: String? { outputs.first { !$0.passed }?.name }
}

/// Verifies a model.
///
/// - Parameters:
///   - path: the model.
///   - options: what to compare it with, and how closely.
/// - Returns: every comparison.
/// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate, fixtures with nothing
///   to compare, and inputs that the model can't take; read errors.
public func verify(_ path: String, options: VerifyOptions) throws(IngotError) -> VerificationReport {
  let model = try Model(
    path, config: options.config, head: options.allowances.head, reading: options.reading,
    isOneOfTwo: options.against != nil)
  let verification = try Verification(model, options: options)
  return try verification.run()
}

/// One verification: inputs, and where expectations come from.
private struct Verification {
  private let model: Model
  private let options: VerifyOptions
  private let fixtures: FixtureSet
  private let reference: Model?
  private let seed: UInt64?

  init(_ model: Model, options: VerifyOptions) throws(IngotError) {
    self.model = model
    self.options = options
    reference = try options.against.map { (path) throws(IngotError) in
      try Model(
        path, fallbackConfig: options.config, head: options.allowances.head, reading: options.reading,
        isOneOfTwo: true)
    }
    try Model.requireStoredHead(options.allowances.head, in: [model, reference].compactMap(\.self))
    try Model.requireUse(of: options.precision, in: [model])
    var seed: UInt64?
    if let path = options.fixtures {
      fixtures = try FixtureSet(
        path: path, vocabularySize: model.recognised.graph.config.vocabularySize)
    } else if options.against == nil {
      throw .invalidRequest(
        option: .fixtures, why: "give fixtures, or another model with \(option: .against)")
    } else if let tokens = options.tokens {
      fixtures = FixtureSet(inputIDs: try TokenInput.read(tokens))
    } else {
      seed = options.seed
      fixtures = FixtureSet(
        inputIDs: SeededTokens.ids(for: model.recognised.graph.config, seed: options.seed))
    }
    self.seed = seed
  }

  func run() throws(IngotError) -> VerificationReport {
    let graph = model.recognised.graph
    var names = graph.outputs.map(\.name)
    if options.comparesNodes { names = graph.nodes.map(\.name) + names }
    let expected = try expectations(for: names)
    let wanted = Set(names).intersection(expected.keys)
    let runner = try ModelRunner(
      model, precision: options.precision, allowsNonFinite: options.allowances.nonFinite)
    let actual = try runner.run(
      fixtures.request(wanting: wanted.union(expected["loss"] != nil ? ["logits"] : []), of: graph))
    var comparisons: [OutputComparison] = []
    for name in names where wanted.contains(name) {
      guard let output = actual[name], let array = expected[name] else { continue }
      comparisons.append(try compare(name, output, array))
    }
    if let loss = expected["loss"], let logits = actual["logits"] {
      try fixtures.requireLabels(below: graph.config.vocabularySize)
      comparisons.append(try compareLoss(logits, loss))
    }
    guard !comparisons.isEmpty else {
      throw .unsuitable(
        Location(fixtures.path), why: "holds no output that this model has",
        hint: "outputs are \(graph.outputs.map(\.name).joined(separator: ", ")) and loss")
    }
    return VerificationReport(
      model: model.path, expectation: options.against ?? fixtures.path, precision: options.precision,
      tokens: (fixtures.batchCount, fixtures.tokenCount), outputs: comparisons,
      tolerance: options.tolerance ?? options.precision.defaultTolerance(expectedIn: .f64), seed: seed,
      findings: try findings(compared: Set(comparisons.map(\.name))))
  }

  /// Expected values by name: the other model's in float64, this model's own for nodes, or the fixtures'.
  private func expectations(for names: [String]) throws(IngotError) -> [String: RealArray] {
    var expected: [String: RealArray] = [:]
    if let reference {
      expected = try outputs(of: reference, names)
    } else {
      if options.comparesNodes {
        expected = try outputs(of: model, model.recognised.graph.nodes.map(\.name))
      }
      for (name, array) in fixtures.expected { expected[name] = array }
    }
    return expected
  }

  private func outputs(
    of model: Model, _ names: [String]
  ) throws(IngotError) -> [String: RealArray] {
    let graph = model.recognised.graph
    let known = Set(graph.outputs.map(\.name) + graph.nodes.map(\.name))
    let runner = try ModelRunner(
      model, precision: .reference, allowsNonFinite: options.allowances.nonFinite)
    return try runner.run(fixtures.request(wanting: known.intersection(names), of: graph))
      .mapValues { RealArray(shape: $0.shape, values: $0.values, dtype: .f64) }
  }

  private func compare(
    _ name: String, _ output: RunOutput<Double>, _ expected: RealArray
  ) throws(IngotError) -> OutputComparison {
    guard output.shape == expected.shape else {
      throw .unsuitable(
        Location(options.against ?? fixtures.path, tensor: name),
        why: "has shape \(expected.shape), and the model gives \(output.shape)",
        hint: nil)
    }
    // What is said of a sequence counts whatever its padding.
    let mask = expected.shape.rank == 3 ? fixtures.attentionMask?.values : nil
    return OutputComparison(
      name: name, actual: output.values, expected: expected.values,
      rowElementCount: expected.shape.dimensions.last ?? 1, isCounted: { mask?[$0] != 0 },
      comparesTop1: name == "logits", tolerance: tolerance(for: expected))
  }

  private func compareLoss(
    _ logits: RunOutput<Double>, _ expected: RealArray
  ) throws(IngotError) -> OutputComparison {
    guard expected.shape.elementCount == 1 else {
      throw .unsuitable(
        Location(fixtures.path, tensor: "loss"), why: "has shape \(expected.shape), not one number", hint: nil
      )
    }
    let loss = fixtures.loss(of: logits.values, vocabularySize: logits.shape.dimensions.last ?? 1)
    return OutputComparison(
      name: "loss", actual: [loss], expected: expected.values, rowElementCount: 1, isCounted: { _ in true },
      comparesTop1: false, tolerance: tolerance(for: expected))
  }

  private func tolerance(for expected: RealArray) -> Double {
    options.tolerance ?? options.precision.defaultTolerance(expectedIn: expected.dtype)
  }

  private func findings(compared: Set<String>) throws(IngotError) -> [Finding] {
    var findings = fixtures.unknown.map {
      Finding(.unknown, severity: .note, subject: $0, detail: "is an array that means nothing here")
    }
    findings += fixtures.expected.filter { !compared.contains($0.name) }.map {
      Finding(
        .notUsed, severity: .note, subject: $0.name, detail: "is not compared: this model has no such output")
    }
    findings += fixtures.integers.filter { model.recognised.graph.edge(of: $0.input) == nil }.map {
      Finding(.notUsed, severity: .note, subject: $0.name, detail: "is not used: this model takes none")
    }
    if options.against == nil, let recorded = fixtures.metadata.string(FixtureSet.modelKey) {
      let actual = try hash(model.path, options: HashOptions()).model
      if actual != recorded {
        findings.append(
          Finding(
            .otherModel, severity: .note, subject: fixtures.path,
            detail:
              "was recorded with another model: \(words: String(recorded.prefix(16)))…, not \(words: String(actual.prefix(16)))…"
          ))
      }
    }
    return findings
  }
}

/// Token ids made up from a seed, the same on every machine.
enum SeededTokens {
  /// Two rows of ids, as long as the context lets them, 32 at the most.
  static func ids(for config: ModelConfig, seed: UInt64) -> IntegerArray {
    let tokenCount = min(32, config.contextLength)
    var state = seed
    let values = (0..<(2 * tokenCount)).map { _ in
      Int(truncatingIfNeeded: next(&state) % UInt64(config.vocabularySize))
    }
    return IntegerArray(shape: Shape([2, tokenCount]) ?? .scalar, values: values)
  }

  /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
  private static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension FixtureSet {
  /// The metadata key under which recording keeps the model's digest.
  static let modelKey = "ingot.model"

  /// The inputs as a run takes them.
  func request(wanting names: Set<String>, of graph: ModelGraph) -> RunRequest {
    var request = RunRequest(
      batchCount: batchCount, tokenCount: tokenCount, ids: inputIDs.values, wanted: names)
    for (_, input, array) in integers where graph.edge(of: input) != nil {
      request.integers[input] = array.values
    }
    request.mask = attentionMask?.values.map { $0 != 0 }
    return request
  }

  /// The arrays that a model may take beside ids and mask.
  var integers: [(name: String, input: GraphInput, array: IntegerArray)] {
    [("position_ids", .positions, positionIDs), ("token_type_ids", .tokenTypes, tokenTypeIDs)]
      .compactMap { (name: String, input: GraphInput, array: IntegerArray?) in array.map { (name, input, $0) }
      }
  }

  /// The value of a label that does not count, as in PyTorch.
  private static let ignoredLabel = -100

  /// Throws for a label or target that is no token: left out in silence, the loss would be another.
  ///
  /// - Parameter vocabularySize: tokens that there are.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` naming the id.
  func requireLabels(below vocabularySize: Int) throws(IngotError) {
    for (name, array) in [("labels", labels), ("targets", targets)] {
      let isToken = { (id: Int) in id == Self.ignoredLabel || (0..<vocabularySize).contains(id) }
      guard let id = array?.values.first(where: { !isToken($0) }) else { continue }
      throw .unsuitable(
        Location(path, tensor: name), why: "token id \(id) is outside the vocabulary of \(vocabularySize)",
        hint: nil)
    }
  }

  /// The mean of `−log p`: logits at t against `targets` at t, or against `labels` (else the ids) at t + 1; −100 does
  /// not count.
  ///
  /// - Parameters:
  ///   - logits: `[B, T, V]`.
  ///   - vocabularySize: V.
  /// - Returns: the mean over all labels that count; NaN when none does.
  func loss(of logits: [Double], vocabularySize: Int) -> Double {
    var loss = LanguageModelLoss()
    let shift = targets == nil ? 1 : 0
    let labels = (targets ?? labels ?? inputIDs).values
    for row in 0..<batchCount {
      for token in 0..<max(0, tokenCount - shift) {
        let label = labels[row * tokenCount + token + shift]
        guard label >= 0, label < vocabularySize else { continue }
        let start = (row * tokenCount + token) * vocabularySize
        loss.add(token: label, given: LogProbabilities(logits[start..<(start + vocabularySize)]))
      }
    }
    return loss.mean
  }
}
