// SPDX-License-Identifier: Apache-2.0
// Evaluates a model on tokens: its loss and perplexity, and how far it is from a baseline.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEvaluation
import IngotFormats
import IngotGraph
import IngotModels
import IngotRuntime

/// Options of ``Ingot/evaluate(_:tokens:options:progress:)``.
public struct EvaluateOptions: Sendable {
  /// A baseline that the model is compared with, token by token.
  public var against: String?
  /// Tokens from the start of one window to the next; `nil` for windows that do not overlap.
  public var stride: Int?
  /// How the model is opened and run.
  public var run = RunOptions()

  /// Makes options.
  public init() {}
}

/// What evaluating found.
public struct EvaluationReport: Sendable {
  /// The model's path.
  public var model: String
  /// The baseline's path.
  public var against: String?
  /// The model's loss.
  public var loss: LanguageModelLoss
  /// The baseline's loss.
  public var baselineLoss: LanguageModelLoss?
  /// How far the model is from the baseline.
  public var divergence: ModelDivergence?
}

extension Ingot {
  /// Evaluates a model.
  ///
  /// Tokens are cut into windows of the context's length; each token but the first is predicted once, from what stands
  /// before it in its window.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: ids as ``TokenInput/read(_:)`` takes them, one sequence.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for fewer than two tokens, models of differing
  ///   vocabularies, and models that do not validate; read errors.
  public static func evaluate(
    _ path: String, tokens: String, options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    let ids = try TokenInput.read(tokens, work: options.run.work)
    guard ids.shape.dimensions[0] == 1, ids.values.count > 1 else {
      throw .unsuitable(Location(tokens), why: "is not one sequence of two tokens or more", hint: nil)
    }
    let (model, other) = try options.run.open(path, and: options.against)
    let models = [model, other].compactMap(\.self)
    try Model.requireUse(of: options.run.precision, in: models)
    for model in models { try model.requireNextTokens() }
    let candidate = try options.run.runner(model)
    let baseline = try other.map { (model) throws(IngotError) in try options.run.runner(model) }
    let config = model.recognised.graph.config
    if let other = baseline?.model.recognised.graph.config, other.vocabularySize != config.vocabularySize {
      throw .unsuitable(
        Location(path),
        why: "has \(config.vocabularySize, "token"), and the baseline \(other.vocabularySize)",
        hint: nil)
    }
    if let id = ids.values.first(where: { !(0..<config.vocabularySize).contains($0) }) {
      throw .unsuitable(
        Location(tokens), why: "token id \(id) is outside the vocabulary of \(config.vocabularySize)",
        hint: nil
      )
    }
    let context = min(config.contextLength, baseline?.model.recognised.graph.config.contextLength ?? .max)
    if let stride = options.stride, !(1...context).contains(stride) {
      throw .invalidRequest(option: .stride, why: "is from 1 to the context, which is \(context, "token")")
    }
    let windows = EvaluationWindows(
      tokenCount: ids.values.count, context: context, stride: options.stride ?? context)
    var report = EvaluationReport(
      model: path, against: options.against, loss: LanguageModelLoss(),
      baselineLoss: baseline == nil ? nil : LanguageModelLoss(),
      divergence: baseline == nil ? nil : ModelDivergence())
    progress?.begin("evaluating", count: ids.values.count, unit: .tokens)
    defer { progress?.end() }
    for window in windows.all {
      if Process.isInterrupted { throw .interrupted }
      try report.add(ids.values, window, runner: candidate, baseline: baseline)
      progress?.advance(window.scored.count)
    }
    return report
  }
}

/// How a sequence is cut into windows.
struct EvaluationWindows {
  /// One window: the tokens that go in, and those that are predicted for the first time.
  struct Window {
    /// Tokens that go in.
    var inputs: Range<Int>
    /// Tokens that are scored, each by the logits of the token before it.
    var scored: Range<Int>
  }

  let all: [Window]

  init(tokenCount: Int, context: Int, stride: Int) {
    var windows: [Window] = []
    var start = 0
    var next = 1
    while next < tokenCount {
      let end = min(start + context, tokenCount - 1)
      windows.append(Window(inputs: start..<end, scored: next..<(end + 1)))
      next = end + 1
      start += stride
    }
    all = windows
  }
}

extension EvaluationReport {
  /// Scores one window with both models.
  fileprivate mutating func add(
    _ ids: [Int], _ window: EvaluationWindows.Window, runner: ModelRunner, baseline: ModelRunner?
  ) throws(IngotError) {
    let request = RunRequest(batchCount: 1, tokenCount: window.inputs.count, ids: Array(ids[window.inputs]))
    let scores = try Self.scores(runner, request)
    let others = try baseline.map { (other) throws(IngotError) in try Self.scores(other, request) }
    for token in window.scored {
      let row = token - 1 - window.inputs.lowerBound
      let candidate = scores(row)
      loss.add(token: ids[token], given: candidate)
      guard let others else { continue }
      let expected = others(row)
      baselineLoss?.add(token: ids[token], given: expected)
      divergence?.add(baseline: expected, candidate: candidate)
    }
  }

  /// The distribution behind each token of a run, made when it is asked for.
  private static func scores(
    _ runner: ModelRunner, _ request: RunRequest
  ) throws(IngotError) -> (Int) -> LogProbabilities {
    var outputs: [String: RunOutput<Float>] = [:]
    if try runner.run(request, into: &outputs), let logits = outputs["logits"] {
      let width = logits.shape.dimensions.last ?? 1
      return { row in LogProbabilities(Array(logits.values[(row * width)..<((row + 1) * width)])) }
    }
    guard let logits = try runner.run(request)["logits"] else { throw .internal("a run without logits") }
    let width = logits.shape.dimensions.last ?? 1
    return { row in LogProbabilities(logits.values[(row * width)..<((row + 1) * width)]) }
  }
}
