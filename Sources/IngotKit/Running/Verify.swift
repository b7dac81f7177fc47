// SPDX-License-Identifier: Apache-2.0
// Verifies that a model still computes what it should: against fixtures, or against another model.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEvaluation
import IngotFormats
import IngotGraph
import IngotModels
import IngotRuntime

/// What verifying is to do.
public struct VerifyOptions: Sendable {
  /// A file of inputs, and of expected outputs where there is no other model.
  public var fixtures: String?
  /// A model whose outputs, in float64, are expected.
  public var against: String?
  /// Token ids to compare two models on: a list or a `.npy` file.
  public var tokens: String?
  /// The largest relative difference that passes; `nil` for the precision's own.
  public var tolerance: Double?
  /// Whether to compare every node, not outputs only.
  public var comparesNodes = false
  /// The seed of token ids that are made up when none are given.
  public var seed: UInt64 = 1
  /// How the model is opened and run.
  public var run = RunOptions()

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
  /// The largest relative difference that passes; of several bounds, which the types of expectations ask for, the
  /// largest.
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

extension Ingot {
  /// Verifies a model.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - options: what to compare it with, and how closely.
  /// - Returns: every comparison.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate, fixtures with nothing
  ///   to compare, and inputs that the model can't take; read errors.
  public static func verify(_ path: String, options: VerifyOptions) throws(IngotError) -> VerificationReport {
    let (model, reference) = try options.run.open(path, and: options.against)
    return try Verification(model, against: reference, options: options).run()
  }
}

/// One verification: inputs, and where expectations come from.
private struct Verification {
  private let model: Model
  private let options: VerifyOptions
  private let fixtures: FixtureSet
  private let reference: Model?
  private let seed: UInt64?

  init(_ model: Model, against reference: Model?, options: VerifyOptions) throws(IngotError) {
    self.options = options
    try Model.requireUse(of: options.run.precision, in: [model])
    var seed: UInt64?
    if let path = options.fixtures {
      fixtures = try FixtureSet(
        path: path, vocabularySize: model.recognised.graph.config.vocabularySize,
        work: options.run.work)
    } else if options.against == nil {
      throw .invalidRequest(
        option: .fixtures, why: "give fixtures, or another model with \(option: .against)")
    } else if let tokens = options.tokens {
      fixtures = FixtureSet(inputIDs: try TokenInput.read(tokens, work: options.run.work))
    } else {
      seed = options.seed
      fixtures = FixtureSet(
        inputIDs: SeededTokens.ids(for: model.recognised.graph.config, seed: options.seed))
    }
    self.seed = seed
    // Inputs of fixtures, token types say, are another model's than the one without.
    let inputs = fixtures.otherInputs.map(\.input)
    self.model = model.taking(inputs)
    self.reference = reference?.taking(inputs)
  }

  func run() throws(IngotError) -> VerificationReport {
    let graph = model.recognised.graph
    var names = graph.outputs.map(\.name)
    if options.comparesNodes { names = graph.nodes.map(\.name) + names }
    let expected = try expectations(for: names)
    let wanted = Set(names).intersection(expected.keys)
    let runner = try options.run.runner(model)
    let actual = try runner.run(
      fixtures.request(of: graph, wanting: wanted.union(expected["loss"] != nil ? ["logits"] : [])))
    var comparisons: [OutputComparison] = []
    for name in names where wanted.contains(name) {
      guard let output = actual[name], let array = expected[name] else { continue }
      comparisons.append(try compare(name, output, array))
    }
    if let loss = expected["loss"], graph.predictsTokens, let logits = actual["logits"] {
      try fixtures.requireLabels(below: graph.config.vocabularySize)
      comparisons.append(try compareLoss(logits, loss))
    }
    comparisons += try compareGradients(runner)
    guard !comparisons.isEmpty else {
      throw .unsuitable(
        Location(fixtures.path), why: "holds no output that this model has",
        hint: "outputs are \(graph.outputs.map(\.name).joined(separator: ", ")) and loss")
    }
    return VerificationReport(
      model: model.path, expectation: options.against ?? fixtures.path, precision: options.run.precision,
      tokens: (fixtures.batchCount, fixtures.tokenCount), outputs: comparisons,
      tolerance: comparisons.map(\.tolerance).max() ?? 0, seed: seed,
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
      model, precision: .reference, allowsNonFinite: options.run.allowances.nonFinite)
    return try runner.run(fixtures.request(of: graph, wanting: known.intersection(names)))
      .mapValues { RealArray(shape: $0.shape, values: $0.values, dtype: .f64) }
  }

  private func compare(
    _ name: String, _ output: RunOutput<Double>, _ expected: RealArray
  ) throws(IngotError) -> OutputComparison {
    guard output.shape.withoutTrailingOnes == expected.shape.withoutTrailingOnes else {
      throw .unsuitable(
        Location(options.against ?? fixtures.path, tensor: name),
        why: "has shape \(expected.shape), and the model gives \(output.shape)",
        hint: nil)
    }
    // What is said of a sequence counts whatever its padding.
    let mask = expected.shape.rank > 2 ? fixtures.attentionMask?.values : nil
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
    let loss = fixtures.loss(
      of: logits.values, vocabularySize: logits.shape.dimensions.last ?? 1,
      predictsNext: model.recognised.graph.continuesText)
    return OutputComparison(
      name: "loss", actual: [loss], expected: expected.values, rowElementCount: 1, isCounted: { _ in true },
      comparesTop1: false, tolerance: tolerance(for: expected))
  }

  /// Compares the gradients of the loss that the file has.
  private func compareGradients(_ runner: ModelRunner) throws(IngotError) -> [OutputComparison] {
    let graph = model.recognised.graph
    guard options.against == nil, let targets = fixtures.targets, let file = fixtures.gradients?.file else {
      return []
    }
    let expected = try fixtures.gradients(of: graph)
    guard !expected.isEmpty else { return [] }
    try fixtures.requireLabels(below: graph.config.vocabularySize)
    let run = fixtures.request(of: graph, wanting: [])
    let found = try runner.gradients(GradientRequest(run, .tokens(targets.values)))
    let loader = ArrayLoader(file, work: options.run.work)
    var comparisons: [OutputComparison] = []
    for gradient in expected {
      let array = try loader.reals(gradient.stored)
      comparisons.append(
        OutputComparison(
          name: gradient.name, actual: gradient.values(found), expected: array.values,
          rowElementCount: array.values.count, isCounted: { _ in true }, comparesTop1: false,
          tolerance: tolerance(for: array)))
    }
    return comparisons
  }

  private func tolerance(for expected: RealArray) -> Double {
    options.tolerance ?? options.run.precision.defaultTolerance(expectedIn: expected.dtype)
  }

  private func findings(compared: Set<String>) throws(IngotError) -> [Finding] {
    var findings = fixtures.unknown.map {
      Finding(.unknown, severity: .note, subject: $0, detail: "is an array that means nothing here")
    }
    findings += fixtures.expected.filter { !compared.contains($0.name) }.map {
      Finding(
        .notUsed, severity: .note, subject: $0.name,
        detail: options.against == nil
          ? "is not compared: this model has no such output"
          : "is not compared: the other model's outputs are expected")
    }
    if fixtures.gradients != nil, !compared.contains(where: { $0.hasPrefix(LLMCState.gradients) }) {
      findings.append(
        Finding(
          .notUsed, severity: .note, subject: LLMCState.gradients,
          detail: options.against == nil
            ? "are not compared: llm.c has no such model"
            : "are not compared: the other model's outputs are expected"))
    }
    findings += fixtures.otherInputs.filter { model.recognised.graph.edge(of: $0.input) == nil }.map {
      Finding(.notUsed, severity: .note, subject: $0.name, detail: "is not used: this model takes none")
    }
    if options.against == nil, let recorded = fixtures.metadata.string(FixtureSet.modelKey) {
      let actual = try HashReport(of: model.checkpoint, path: model.path, work: options.run.work).model
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
