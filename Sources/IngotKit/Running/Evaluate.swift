// SPDX-License-Identifier: Apache-2.0
// Evaluates a model on tokens or text: its loss and perplexity, and how far it is from a baseline.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEvaluation
import IngotFormats
import IngotGraph
import IngotModels
import IngotOutput
import IngotRuntime

/// Options of ``Ingot/evaluate(_:tokens:options:progress:)`` and ``Ingot/evaluate(_:text:options:progress:)``.
public struct EvaluateOptions: Sendable {
  /// A baseline that the model is compared with, token by token.
  public var against: String?
  /// Tokens from the start of one window to the next, in which a window's first token is not predicted; `nil` for windows
  /// one behind the other, whose last token predicts the first of the next.
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
  public var loss = LanguageModelLoss()
  /// Bytes of the text that the predicted tokens stand for; `nil` where tokens were given.
  public var byteCount: Int?
  /// The baseline's loss.
  public var baselineLoss: LanguageModelLoss?
  /// How far the model is from the baseline.
  public var divergence: ModelDivergence?
  /// Both losses, token by token.
  public var paired: PairedLosses?

  /// Bits for each byte of the text; `nil` where tokens were given.
  public var bitsPerByte: Double? { byteCount.map { loss.bitsPerByte(byteCount: $0) } }
}

extension Ingot {
  /// Evaluates a model on tokens.
  ///
  /// Tokens are cut into windows of the context's length; each token but the first is predicted once, from what stands
  /// before it in its window.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
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
    return try Evaluation(path, options).run(
      EvaluatedTokens(ids: ids.values, byteCounts: nil, source: tokens), progress: progress)
  }

  /// Evaluates a model on tokens that are at hand.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - ids: the tokens' ids, at least two.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures.
  /// - Throws: as ``evaluate(_:tokens:options:progress:)``.
  public static func evaluate(
    _ path: String, ids: [Int], options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    guard ids.count > 1 else {
      throw .invalidRequest(option: .tokens, why: "are one sequence of two tokens or more")
    }
    return try Evaluation(path, options).run(
      EvaluatedTokens(ids: ids, byteCounts: nil, source: "the tokens"), progress: progress)
  }

  /// Evaluates a model on a text.
  ///
  /// - Parameters:
  ///   - path: the model, with its tokenizer inside or beside it; the baseline gets the same tokens.
  ///   - text: the text's file; what the tokenizer puts around a text is put around it.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures, bits a byte among them.
  /// - Throws: as ``evaluate(_:tokens:options:progress:)``; the errors of the tokenizer, and
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a tokenizer that is not the model's.
  public static func evaluate(
    _ path: String, text: String, options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    let bytes = try Companions.text(text, system: options.run.work.system)
    let tokenizer = try ModelTokenizer(path, options.run)
    let tokens = try tokenizer.tokens(of: bytes, source: text)
    guard tokens.ids.count > 1 else {
      throw .unsuitable(Location(text), why: "is not a text of two tokens or more", hint: nil)
    }
    let evaluation = try Evaluation(path, options)
    try tokenizer.requireFit(evaluation.candidate.model)
    return try evaluation.run(tokens, progress: progress)
  }
}

/// Tokens that a model is evaluated on.
struct EvaluatedTokens {
  /// Their ids.
  var ids: [Int]
  /// Bytes of the text that each stands for; `nil` where there is no text.
  var byteCounts: [Int]?
  /// Where they come from.
  var source: String
}

/// A model, and perhaps a baseline, about to be evaluated.
private struct Evaluation {
  let candidate: ModelRunner
  private let baseline: ModelRunner?
  private let options: EvaluateOptions
  private let path: String

  init(_ path: String, _ options: EvaluateOptions) throws(IngotError) {
    let (model, other) = try options.run.open(path, and: options.against)
    let models = [model, other].compactMap(\.self)
    try Model.requireUse(of: options.run.precision, in: models)
    for model in models { try model.requireNextTokens() }
    let size = model.recognised.graph.config.vocabularySize
    if let other = other?.recognised.graph.config, other.vocabularySize != size {
      throw .unsuitable(
        Location(path), why: "has \(size, "token"), and the baseline \(other.vocabularySize)", hint: nil)
    }
    candidate = try options.run.runner(model)
    baseline = try other.map { (model) throws(IngotError) in try options.run.runner(model) }
    (self.path, self.options) = (path, options)
  }

  func run(
    _ tokens: EvaluatedTokens, progress: (any ProgressObserver)?
  ) throws(IngotError) -> EvaluationReport {
    let config = candidate.model.recognised.graph.config
    if let id = tokens.ids.first(where: { !(0..<config.vocabularySize).contains($0) }) {
      throw .unsuitable(
        Location(tokens.source), why: "token id \(id) is outside the vocabulary of \(config.vocabularySize)",
        hint: nil)
    }
    let context = min(config.contextLength, baseline?.model.recognised.graph.config.contextLength ?? .max)
    if let stride = options.stride, !(1...context).contains(stride) {
      throw .invalidRequest(option: .stride, why: "is from 1 to the context, which is \(context, "token")")
    }
    let windows = EvaluationWindows(
      tokenCount: tokens.ids.count, context: context, stride: options.stride)
    var report = EvaluationReport(model: path, against: options.against)
    if baseline != nil {
      (report.baselineLoss, report.divergence) = (LanguageModelLoss(), ModelDivergence())
      report.paired = PairedLosses()
    }
    progress?.begin("evaluating", count: tokens.ids.count, unit: .tokens)
    defer { progress?.end() }
    for window in windows.all {
      if Process.isInterrupted { throw .interrupted }
      try report.add(tokens.ids, window, runner: candidate, baseline: baseline)
      progress?.advance(window.scored.count)
    }
    report.byteCount = tokens.byteCounts.map { counts in
      windows.all.reduce(0) { $0 + counts[$1.scored].reduce(0, +) }
    }
    return report
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
      paired?.add(model: -candidate.values[ids[token]], baseline: -expected.values[ids[token]])
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
