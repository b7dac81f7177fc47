// SPDX-License-Identifier: Apache-2.0
// `zero-shot`: tasks that a language model does from a prompt alone.
import IngotBytes
import IngotCore
import IngotEvaluation
import IngotModels
import IngotOutput
import IngotRuntime
import IngotTasks

/// Options of ``Ingot/zeroShot(_:task:options:progress:)``.
public struct ZeroShotOptions: Sendable {
  /// How a line becomes a prompt.
  public var template = TaskTemplate.plain
  /// A file of answered items that stand before each prompt.
  public var examples: String?
  /// How many of them, from the file's start; `nil` for all.
  public var exampleCount: Int?
  /// Tokens of a generated answer at the most; `nil` for what the template says, and room for what is expected.
  public var maximumCount: Int?
  /// How the tokens of a generated answer are chosen.
  public var sampling = SamplingOptions()
  /// How the model is opened and run.
  public var run = RunOptions()

  /// Makes the default options.
  public init() {}
}

/// What a model made of a task.
public struct ZeroShotReport: Sendable {
  /// One item.
  public struct Item: Sendable {
    /// The line it stands in, from 1.
    public var line: Int
    /// The summed natural log-likelihood of each choice, or of each text that is right, behind the prompt.
    public var scores: [Double]
    /// The same for each byte of the text that is scored.
    public var scoresPerByte: [Double]
    /// What was done with it.
    public var result: Result
  }

  /// What was done with an item.
  public enum Result: Sendable {
    /// A choice was made: the likeliest, the likeliest by its bytes, and the right one.
    case choice(Int, perByte: Int, right: Int)
    /// A text was generated: the answer cut out of it, and how near it is to the nearest of those expected.
    case answer(String, isExact: Bool, f1: Double)

    /// Whether it is right.
    public var isCorrect: Bool {
      switch self {
      case .choice(let index, _, let right): index == right
      case .answer(_, let isExact, _): isExact
      }
    }
  }

  /// The model's path.
  public var model: String
  /// The task's path.
  public var task: String
  /// The template's name.
  public var template: String
  /// The items, in the file's order.
  public var items: [Item] = []
  /// Items done right: by the likeliest choice, or by the very text.
  public var accuracy = Proportion()
  /// Items done right by the choice likeliest for its bytes; `nil` where texts are generated.
  public var accuracyPerByte: Proportion?
  /// The share that guessing does right; `nil` where texts are generated.
  public var chance: Double?
  /// The mean F1 of generated answers; `nil` where there are choices.
  public var f1: Double?
}

extension Ingot {
  /// Has a model do a task from prompts alone.
  ///
  /// Choices are scored by the log-likelihood of their tokens behind the prompt's, and the likeliest is taken, of equal ones
  /// the first. Where a text is expected, the model continues the prompt, and the answer that the template cuts out of it is
  /// held against those that are right: exactly, white space at the ends aside, and by F1 as SQuAD's script has it.
  ///
  /// - Parameters:
  ///   - path: the model, with its tokenizer inside or beside it.
  ///   - task: the file of items: formats/zero-shot.md.
  ///   - options: the template, examples, and how the model is run.
  ///   - progress: hears of tokens.
  /// - Returns: items and totals.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the line of an item that breaks a rule,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an item longer than the context or without a prompt, a model
  ///   that does not continue text or does not validate, and a tokenizer that is not its own; the errors of reading and
  ///   running.
  public static func zeroShot(
    _ path: String, task: String, options: ZeroShotOptions = ZeroShotOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> ZeroShotReport {
    let asked = try options.items(task)
    try options.requireUse(by: asked)
    let before = try options.textBefore()
    let tokenizer = try ModelTokenizer(path, options.run)
    let (model, _) = try options.run.open(path)
    try Model.requireUse(of: options.run.precision, in: [model])
    try model.requireNextTokens()
    try tokenizer.requireFit(model)
    let context = model.recognised.graph.config.contextLength
    let items = try asked.map { (item) throws(IngotError) in
      let item = try TokenizedItem(item, examples: before, tokenizer: tokenizer, source: task)
      guard item.longestCount <= context else {
        throw .unsuitable(
          Location(task, line: item.item.line),
          why: "has \(item.longestCount, "token") with its prompt, and the model takes \(context)", hint: nil)
      }
      return item
    }
    let runner = try options.run.runner(model)
    let trial = ZeroShotTrial(
      runner: runner, tokenizer: tokenizer, options: options, items: items,
      scorer: ContinuationScorer(runner, capacity: context))
    return try trial.run(ZeroShotReport(model: path, task: task, template: options.template.name), progress)
  }
}

extension ZeroShotOptions {
  /// Throws for options of generating where no item asks for a text.
  fileprivate func requireUse(by items: [TaskItem]) throws(IngotError) {
    let generates = items.contains { if case .texts = $0.answer { true } else { false } }
    let given: [(RequestOption, Bool)] = [
      (.maximumCount, maximumCount != nil), (.seed, sampling.seed != nil), (.topK, sampling.topK != nil),
      (.topP, sampling.topP != nil), (.minP, sampling.minP != nil),
      (.repetitionPenalty, sampling.repetitionPenalty != 1), (.temperature, sampling.temperature != nil),
    ]
    guard !generates, let (option, _) = given.first(where: \.1) else { return }
    throw .invalidRequest(
      option: option, why: "is for texts that are generated, and every item of the task has choices")
  }

  /// The items of a file.
  fileprivate func items(_ path: String) throws(IngotError) -> [TaskItem] {
    try TaskFile(Companions.text(path, system: run.work.system), path: path, template: template).items
  }

  /// The examples, as they stand before each prompt.
  fileprivate func textBefore() throws(IngotError) -> String {
    guard let examples else { return "" }
    let items = try items(examples)
    if let exampleCount, exampleCount > items.count {
      throw .unsuitable(
        Location(examples), why: "has \(items.count, "item") of the \(exampleCount) asked for", hint: nil)
    }
    return items.prefix(exampleCount ?? .max).map { $0.answered + template.separator }.joined()
  }
}

/// A model about to do a task.
private struct ZeroShotTrial {
  let runner: ModelRunner
  let tokenizer: ModelTokenizer
  let options: ZeroShotOptions
  let items: [TokenizedItem]
  let scorer: ContinuationScorer

  func run(
    _ empty: ZeroShotReport, _ progress: (any ProgressObserver)?
  ) throws(IngotError) -> ZeroShotReport {
    var report = empty
    progress?.begin("scoring", count: items.reduce(0) { $0 + $1.longestCount }, unit: .tokens)
    defer { progress?.end() }
    for item in items {
      if Process.isInterrupted { throw .interrupted }
      let scores = try scorer.scores(of: item)
      let perByte = zip(scores, item.item.texts).map { $0 / Double(max(1, $1.byteCount)) }
      report.items.append(
        .init(
          line: item.item.line, scores: scores, scoresPerByte: perByte,
          result: try result(of: item, scores, perByte)))
      progress?.advance(item.longestCount)
    }
    report.sumUp()
    return report
  }

  private func result(
    of item: TokenizedItem, _ scores: [Double], _ perByte: [Double]
  ) throws(IngotError) -> ZeroShotReport.Result {
    switch item.item.answer {
    case .choice(let right):
      // Scores that are NaN are no choice, whatever is allowed.
      let choice = try runner.found(LogProbabilities.greatest(scores))
      return .choice(choice, perByte: LogProbabilities.greatest(perByte) ?? choice, right: right)
    case .texts(let expected):
      let answers = try answers(to: item, expected)
      let nearness = zip(answers, expected).map { AnswerWords($0).f1(AnswerWords($1)) }
      let best = LogProbabilities.greatest(nearness) ?? 0
      return .answer(
        answers[best],
        isExact: zip(answers, expected).contains { ExactName($0) == ExactName(AnswerCut.trimmed($1)) },
        f1: nearness[best])
    }
  }

  /// Generates a text, and cuts an answer out of it for each of those expected.
  private func answers(to item: TokenizedItem, _ expected: [String]) throws(IngotError) -> [String] {
    let counts = item.texts.map { $0.ids.count - item.prompt.count }
    let longest = counts.max() ?? 1
    let cut = AnswerCut(for: options.template, expected: expected)
    var settings = GenerateOptions()
    settings.maximumCount =
      options.maximumCount
      ?? (options.template.ending == .likeExpected ? longest : max(options.template.tokenCount, longest + 8))
    settings.sampling = options.sampling
    settings.stopTexts = cut.stopTexts
    settings.run = options.run
    let report = try scorer.text(behind: item.prompt, by: Generation(runner, tokenizer, settings))
    return try zip(item.texts, counts).map { (text, count) throws(IngotError) in
      let generated =
        options.template.ending == .likeExpected
        ? String(
          decoding: try tokenizer.bytes(of: report.added.prefix(count), skipsMarks: true), as: UTF8.self)
        : report.text ?? ""
      return cut.answer(in: generated, behind: text.overlap)
    }
  }
}

extension ZeroShotReport {
  /// Makes the totals of the items.
  fileprivate mutating func sumUp() {
    var (perByte, chance, f1) = (Proportion(), 0.0, 0.0)
    for item in items {
      accuracy.add(item.result.isCorrect)
      switch item.result {
      case .choice(_, let choice, let right):
        perByte.add(choice == right)
        chance += 1 / Double(item.scores.count)
      case .answer(_, _, let nearness): f1 += nearness
      }
    }
    if perByte.trialCount > 0 {
      (accuracyPerByte, self.chance) = (perByte, chance / Double(items.count))
    } else {
      self.f1 = f1 / Double(items.count)
    }
  }
}
