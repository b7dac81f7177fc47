// SPDX-License-Identifier: Apache-2.0
// One evaluation: models opened and held against each other, then run batch by batch, and what each token scores summed up
// in the text's order. ScoringPlan says what is run, ScoredLogits what comes of it.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEvaluation
import IngotGraph
import IngotModels
import IngotOutput
import IngotRuntime

/// Tokens that a model is evaluated on.
struct EvaluatedTokens {
  /// Their ids.
  var ids: [Int]
  /// The text that they are of, and the stretch that each stands for; `nil` where there is no text.
  var text: (bytes: [UInt8], ranges: [Range<Int>])?
  /// Where they come from.
  var source: String

  init(ids: [Int], text: (bytes: [UInt8], ranges: [Range<Int>])? = nil, source: String) {
    (self.ids, self.text, self.source) = (ids, text, source)
  }

  /// Reads ids.
  ///
  /// - Parameters:
  ///   - ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
  ///   - work: how files are read.
  /// - Throws: as ``TokenInput/read(_:work:)``, and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for several sequences.
  init(reading ids: String, work: WorkOptions) throws(IngotError) {
    let array = try TokenInput.read(ids, work: work)
    guard array.shape.dimensions[0] == 1 else {
      throw .unsuitable(Location(ids), why: "is not one sequence", hint: nil)
    }
    self.init(ids: array.values, source: ids)
  }

  /// Whether a path is of a text, and not of ids in a `.npy` file.
  static func isText(_ path: String) -> Bool { FilePath.fileExtension(of: path) != "npy" }

  /// Reads a text's tokens, or ids.
  ///
  /// - Parameters:
  ///   - path: a text's file, or a `.npy` file of one sequence of integers.
  ///   - tokenizer: of a text.
  ///   - addsMarks: whether a text's tokens have what is put around a text.
  ///   - work: how files are read.
  /// - Throws: as ``init(reading:work:)``; the errors of the tokenizer.
  init(
    at path: String, by tokenizer: ModelTokenizer?, addsMarks: Bool, work: WorkOptions
  ) throws(IngotError) {
    guard Self.isText(path), let tokenizer else {
      try self.init(reading: path, work: work)
      return
    }
    let text = try Companions.text(path, system: work.system)
    self = try tokenizer.tokens(of: text, addsMarks: addsMarks, source: path)
  }

  /// Bytes that each stands for: from the end of the one before, so that white space between words counts.
  var byteCounts: [Int]? {
    var end = 0
    return text?.ranges.map { range in
      defer { end = max(end, range.upperBound) }
      return max(0, range.upperBound - end)
    }
  }
}

/// A model, and perhaps a baseline, about to be evaluated.
struct Evaluation {
  /// What is measured.
  let kind: EvaluationKind
  private let model: Model
  private let baseline: Model?
  private let options: EvaluateOptions
  private let path: String

  /// Opens the models.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for models that predict no tokens, or of differing
  ///   vocabularies or kinds; the errors of opening models.
  init(_ path: String, _ options: EvaluateOptions) throws(IngotError) {
    let (model, baseline) = try options.run.open(path, and: options.against)
    try self.init(model, against: baseline, at: path, options)
  }

  /// Holds models that are open already against each other.
  ///
  /// - Throws: as ``init(_:_:)``, but for the errors of opening models.
  init(
    _ model: Model, against baseline: Model?, at path: String, _ options: EvaluateOptions
  ) throws(IngotError) {
    try Model.requireUse(of: options.run.precision, in: [model, baseline].compactMap(\.self))
    kind = try model.evaluationKind()
    (self.model, self.baseline, self.options, self.path) = (model, baseline, options, path)
    if let baseline {
      let other = try baseline.evaluationKind()
      guard other == kind else {
        throw .unsuitable(
          Location(path), why: "has a \(words: kind.rawValue), and the baseline a \(words: other.rawValue)",
          hint: nil)
      }
      let (size, otherSize) = (model.vocabularySize, baseline.vocabularySize)
      guard size == otherSize else {
        throw .unsuitable(
          Location(path), why: "has \(size, "token"), and the baseline \(otherSize)", hint: nil)
      }
    }
    guard options.stride == nil || kind == .logLikelihood else {
      throw .invalidRequest(
        option: .stride, why: "is for models that predict the next token, and this one fills masks")
    }
  }

  /// Evaluates.
  ///
  /// - Parameters:
  ///   - tokens: the tokens.
  ///   - tokenizer: the model's; `nil` where none is needed.
  ///   - progress: hears of tokens.
  /// - Returns: the figures.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for tokens that are too few or not the model's, a tokenizer
  ///   without a mask, and logits that are not finite; read errors.
  func run(
    _ tokens: EvaluatedTokens, tokenizer: ModelTokenizer?, progress: (any ProgressObserver)?
  ) throws(IngotError) -> EvaluationReport {
    let plan = try plan(for: tokens, tokenizer: tokenizer)
    var report = EvaluationReport(model: path, kind: kind, against: options.against)
    if baseline != nil {
      (report.baselineLoss, report.divergence) = (LanguageModelLoss(), ModelDivergence())
      report.paired = PairedLosses()
    }
    if options.listsTokens { report.tokens = [] }
    let byteCounts = kind == .logLikelihood ? tokens.byteCounts : nil
    report.byteCount = byteCounts.map { _ in 0 }
    progress?.begin("evaluating", count: tokens.ids.count, unit: .tokens)
    defer { progress?.end() }
    try score(tokens.ids, by: plan) { scores in
      for score in scores {
        report.add(score)
        report.byteCount? += byteCounts?[score.index] ?? 0
      }
      report.tokens? += scores.map { $0.showing(tokens.text) }
      progress?.advance(scores.count)
    }
    return report
  }

  // MARK: - Plans

  /// What is to be run.
  ///
  /// - Parameters:
  ///   - tokens: the tokens.
  ///   - tokenizer: the model's; `nil` where none is needed.
  /// - Returns: the plan.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for tokens that are too few or not the model's, and a
  ///   tokenizer without a mask.
  func plan(for tokens: EvaluatedTokens, tokenizer: ModelTokenizer?) throws(IngotError) -> any ScoringPlan {
    try tokenizer?.requireFit(model)
    if let id = tokens.ids.first(where: { !(0..<model.vocabularySize).contains($0) }) {
      throw .unsuitable(
        Location(tokens.source), why: "token id \(id) is outside the vocabulary of \(model.vocabularySize)",
        hint: nil)
    }
    let masking = kind == .pseudoLogLikelihood ? try tokenizer?.masking() : nil
    return if let masking { try maskPlan(tokens, masking) } else { try nextTokenPlan(tokens) }
  }

  private var context: Int { min(model.contextLength, baseline?.contextLength ?? .max) }

  private var bounds: BatchBounds {
    BatchBounds(
      vocabularySize: model.vocabularySize, bytesPerLogit: options.run.precision == .reference ? 8 : 4)
  }

  private func nextTokenPlan(_ tokens: EvaluatedTokens) throws(IngotError) -> any ScoringPlan {
    guard tokens.ids.count > 1 else {
      throw .unsuitable(Location(tokens.source), why: "is not a sequence of two tokens or more", hint: nil)
    }
    if let stride = options.stride, !(1...context).contains(stride) {
      throw .invalidRequest(option: .stride, why: "is from 1 to the context, which is \(context, "token")")
    }
    let windows = EvaluationWindows(tokenCount: tokens.ids.count, context: context, stride: options.stride)
    return NextTokenPlan(ids: tokens.ids, windows: windows.all, bounds: bounds)
  }

  private func maskPlan(_ tokens: EvaluatedTokens, _ masking: Masking) throws(IngotError) -> any ScoringPlan {
    let markCount = masking.before.count + masking.behind.count
    guard markCount < context else {
      throw .unsuitable(
        Location(path), why: "takes \(context, "token"), which leaves no room between \(markCount, "mark")",
        hint: nil)
    }
    // Ids that were given may have the marks of one text around them already.
    let body = tokens.text == nil ? masking.body(of: tokens.ids) : tokens.ids.indices
    let plan = MaskPlan(ids: tokens.ids, body: body, masking: masking, context: context, bounds: bounds)
    guard !plan.scored.isEmpty else {
      throw .unsuitable(
        Location(tokens.source), why: "is not a sequence of one token or more besides marks", hint: nil)
    }
    return plan
  }

  // MARK: - Runs

  /// Runs the batches of a plan, and hands on the scores of each in the text's order.
  private func score(
    _ ids: [Int], by plan: any ScoringPlan, _ body: ([TokenScore]) -> Void
  ) throws(IngotError) {
    let candidate = EvaluatedModel(try options.run.runner(model))
    let other = try baseline.map { (model) throws(IngotError) in
      EvaluatedModel(try options.run.runner(model))
    }
    for index in 0..<plan.batchCount {
      let batch = plan.batch(index)
      candidate.begin(batch)
      other?.begin(batch)
      var scores: [TokenScore] = []
      for run in batch.runs {
        if Process.isInterrupted { throw .interrupted }
        let logits = try candidate.logits(of: run.request)
        let expected = try other?.logits(of: run.request)
        let scored = ScoredLogits(
          run.scored, of: ids, logits: logits, baseline: expected, width: model.vocabularySize)
        try candidate.runner.requireFiniteLogits(scored.isFinite)
        try other?.runner.requireFiniteLogits(scored.isBaselineFinite)
        scores += scored.scores
      }
      body(scores.sorted { $0.index < $1.index })
    }
  }
}

/// A model with what it keeps from run to run.
private final class EvaluatedModel {
  let runner: ModelRunner
  private var sequence: GrowingSequence?
  private var memory: [String: RunOutput<Float>] = [:]

  init(_ runner: ModelRunner) { self.runner = runner }

  /// Makes room for what the runs of a batch hand on.
  func begin(_ batch: ScoringBatch) {
    sequence =
      batch.runs.count > 1
      ? runner.sequence(batchCount: batch.rowCount, capacity: batch.tokenCount) : nil
  }

  func logits(of request: RunRequest) throws(IngotError) -> LogitRows {
    try runner.logits(of: request, in: sequence, memory: &memory)
  }
}

extension Model {
  fileprivate var vocabularySize: Int { recognised.graph.config.vocabularySize }

  fileprivate var contextLength: Int { recognised.graph.config.contextLength }

  /// What the model's logits say of tokens.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` where they say nothing of them.
  fileprivate func evaluationKind() throws(IngotError) -> EvaluationKind {
    if recognised.graph.fillsMasks { return .pseudoLogLikelihood }
    try requireNextTokens()
    return .logLikelihood
  }
}

extension EvaluationReport {
  /// Adds a token.
  fileprivate mutating func add(_ score: TokenScore) {
    loss.add(score.loss)
    divergence?.add(score)
    guard let other = score.baselineLoss else { return }
    baselineLoss?.add(other)
    paired?.add(model: score.loss, baseline: other)
  }
}

extension TokenScore {
  /// The score with the stretch of the text that the token stands for.
  fileprivate func showing(_ text: (bytes: [UInt8], ranges: [Range<Int>])?) -> TokenScore {
    var score = self
    score.text = text.map { String(decoding: $0.bytes[$0.ranges[index]], as: UTF8.self) }
    return score
  }
}
