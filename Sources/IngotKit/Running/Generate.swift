// SPDX-License-Identifier: Apache-2.0
// `generate`: continues a prompt, of tokens or of text.
import IngotBytes
import IngotCore
import IngotEvaluation
import IngotFormats
import IngotModels
import IngotRuntime
import IngotText

/// Options of ``Ingot/generate(_:tokens:options:)`` and ``Ingot/generate(_:prompt:options:onText:)``.
public struct GenerateOptions: Sendable {
  /// Tokens to add at the most; the context may end it earlier.
  public var maximumCount = 16
  /// How tokens are chosen.
  public var sampling = SamplingOptions()
  /// Texts that end it; neither they nor what follows is part of the text.
  public var stopTexts: [String] = []
  /// Whether it goes on behind a token that ends a text.
  public var ignoresEnd = false
  /// How many of the likeliest next tokens behind the prompt to tell.
  public var top = 0
  /// How keys and values of earlier tokens are kept; float64 runs keep theirs in float64.
  public var cache = CacheElement.f32
  /// How the model is opened and run.
  public var run = RunOptions()

  /// Makes the default options.
  public init() {}
}

/// What was generated, and what was likeliest first.
public struct GenerationReport: Sendable {
  /// Why no more tokens were added.
  public enum Stop: String, Hashable, Sendable {
    /// As many as were asked for are there.
    case length
    /// A text came that ends it.
    case stop
    /// A token came that ends a text.
    case end
    /// The context is full.
    case context
  }

  /// One of the likeliest next tokens.
  public struct Candidate: Hashable, Sendable {
    /// Its id.
    public var token: Int
    /// How likely it is.
    public var probability: Double
    /// What it stands for, where the tokenizer is known.
    public var text: String?
  }

  /// The prompt's ids.
  public var prompt: [Int]
  /// The ids added.
  public var added: [Int] = []
  /// The text of the ids added; `nil` where no tokenizer was needed.
  public var text: String?
  /// The natural logarithm of the probability that the model gave to each id added, before anything was done to its scores.
  public var logProbabilities: [Double] = []
  /// The likeliest next tokens behind the prompt, as many as were asked for.
  public var likeliest: [Candidate] = []
  /// Why it ended.
  public var stop = Stop.length
  /// The tokens that the model takes at the most.
  public var contextLength: Int
}

extension Ingot {
  /// Continues a prompt of tokens.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: the prompt's ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
  ///   - options: how long, by which choice, and in which arithmetic.
  /// - Returns: the ids added; their text where texts end it.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not continue text or does not
  ///   validate; the errors of reading and running.
  public static func generate(
    _ path: String, tokens: String, options: GenerateOptions = GenerateOptions()
  ) throws(IngotError) -> GenerationReport {
    let prompt = try TokenInput.read(tokens, work: options.run.work)
    guard prompt.shape.dimensions.first == 1 else {
      throw .invalidRequest(option: .tokens, why: "a prompt is one sequence")
    }
    return try generate(path, ids: prompt.values, options: options)
  }

  /// Continues a prompt of tokens that are at hand.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - ids: the prompt's ids, at least one.
  ///   - options: how long, by which choice, and in which arithmetic.
  /// - Returns: as ``generate(_:tokens:options:)``.
  /// - Throws: as ``generate(_:tokens:options:)``.
  public static func generate(
    _ path: String, ids: [Int], options: GenerateOptions = GenerateOptions()
  ) throws(IngotError) -> GenerationReport {
    guard !ids.isEmpty else { throw .invalidRequest(option: .tokens, why: "a prompt has at least one") }
    let needsText = !options.stopTexts.isEmpty
    let tokenizer = needsText ? try ModelTokenizer(path, options.run) : nil
    return try Generation(path, tokenizer, options).run(ids)
  }

  /// Continues a text.
  ///
  /// - Parameters:
  ///   - path: the model, with its tokenizer inside or beside it.
  ///   - prompt: the text; what the tokenizer puts around a text is put around it.
  ///   - options: how long, by which choice, and in which arithmetic.
  ///   - onText: hears of the text as it comes, in whole characters.
  /// - Returns: the ids added, and their text.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` where there is no tokenizer,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for one that is not this model's, for a prompt that is empty or
  ///   longer than the context, and for a model that does not continue text or does not validate; the errors of reading
  ///   and running.
  public static func generate(
    _ path: String, prompt: String, options: GenerateOptions = GenerateOptions(),
    onText: ((String) -> Void)? = nil
  ) throws(IngotError) -> GenerationReport {
    let tokenizer = try ModelTokenizer(path, options.run)
    let generation = try Generation(path, tokenizer, options)
    let ids = try tokenizer.ids(of: Array(prompt.utf8))
    guard !ids.isEmpty else { throw .invalidRequest(option: .prompt, why: "is empty") }
    return try generation.run(ids, onText: onText)
  }
}

/// A model about to continue a prompt.
struct Generation {
  private let runner: ModelRunner
  private let tokenizer: ModelTokenizer?
  private let options: GenerateOptions
  private let ends: Set<Int>

  /// Takes a model that is loaded, and continues text, and its tokenizer.
  init(_ runner: ModelRunner, _ tokenizer: ModelTokenizer, _ options: GenerateOptions) throws(IngotError) {
    ends = options.ignoresEnd ? [] : try runner.model.endTokens()
    (self.runner, self.tokenizer, self.options) = (runner, tokenizer, options)
  }

  init(_ path: String, _ tokenizer: ModelTokenizer?, _ options: GenerateOptions) throws(IngotError) {
    let (model, _) = try options.run.open(path)
    try Model.requireUse(of: options.run.precision, in: [model])
    try model.requireNextTokens()
    try tokenizer?.requireFit(model)
    ends = options.ignoresEnd ? [] : try model.endTokens()
    runner = try options.run.runner(model)
    self.tokenizer = tokenizer
    self.options = options
  }

  /// Continues a prompt.
  ///
  /// - Parameters:
  ///   - prompt: its ids.
  ///   - held: a sequence that holds a part of it, with room for all that is generated; `nil` to make one.
  ///   - heldCount: how many of the prompt's tokens, from its start, the sequence holds: not all.
  ///   - onText: hears of the text as it comes.
  /// - Returns: what was generated.
  /// - Throws: as ``Ingot/generate(_:prompt:options:onText:)``.
  func run(
    _ prompt: [Int], in held: GrowingSequence? = nil, holding heldCount: Int = 0,
    onText: ((String) -> Void)? = nil
  ) throws(IngotError) -> GenerationReport {
    let context = runner.model.recognised.graph.config.contextLength
    guard prompt.count <= context else {
      throw .unsuitable(
        Location(runner.model.path), why: "takes \(context, "token"), and the prompt has \(prompt.count)",
        hint: nil)
    }
    var report = GenerationReport(prompt: prompt, contextLength: context)
    var sampler = TokenSampler(options.sampling, prompt: prompt)
    var text = GeneratedText(tokenizer, stopTexts: options.stopTexts, onText: onText)
    // However many are asked for, no more than the context are run.
    let count = prompt.count + min(options.maximumCount, context)
    let sequence = held ?? runner.sequence(capacity: min(context, count), element: options.cache)
    var tokens = Array(prompt.dropFirst(heldCount))
    while true {
      if Process.isInterrupted { throw .interrupted }
      let scores = try runner.scores(behind: tokens, in: sequence)
      let token = try runner.found(scores.token(by: &sampler))
      let probabilities = scores.probabilities
      if report.added.isEmpty { report.likeliest = try candidates(probabilities) }
      report.added.append(token)
      report.logProbabilities.append(probabilities.values[token])
      tokens = [token]
      if ends.contains(token) {
        report.stop = .end
        break
      }
      try text.add(token)
      if text.hasStopped {
        report.stop = .stop
        break
      }
      if report.added.count >= options.maximumCount { break }
      if prompt.count + report.added.count > context {
        report.stop = .context
        break
      }
    }
    report.text = text.finish()
    return report
  }

  /// The likeliest tokens, as many as were asked for.
  private func candidates(
    _ probabilities: LogProbabilities
  ) throws(IngotError) -> [GenerationReport.Candidate] {
    try probabilities.likeliest(options.top).map { (entry) throws(IngotError) in
      GenerationReport.Candidate(
        token: entry.token, probability: probabilities.probability(of: entry.token),
        text: try tokenizer.map { (tokenizer) throws(IngotError) in
          String(decoding: try tokenizer.bytes(of: [entry.token]), as: UTF8.self)
        })
    }
  }
}

/// The text of tokens as they are added.
private struct GeneratedText {
  private var stream: TokenTextStream?
  private var stops: StopTexts
  private let onText: ((String) -> Void)?
  private var bytes: [UInt8] = []

  init(_ tokenizer: ModelTokenizer?, stopTexts: [String], onText: ((String) -> Void)?) {
    stream = tokenizer.map { TokenTextStream($0.tokenizer, skipsSpecial: true, wholeCharacters: true) }
    stops = StopTexts(stopTexts)
    self.onText = onText
  }

  /// Whether a text came that ends it.
  var hasStopped: Bool { stops.hasStopped }

  mutating func add(_ token: Int) throws(IngotError) {
    guard let new = try stream?.add(UInt32(clamping: token)) else { return }
    take(stops.add(new))
  }

  /// All of the text; `nil` without a tokenizer.
  mutating func finish() -> String? {
    guard let rest = stream?.finish() else { return nil }
    take(stops.add(rest))
    if !stops.hasStopped { take(stops.finish()) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func take(_ new: [UInt8]) {
    guard !new.isEmpty else { return }
    bytes += new
    onText?(String(decoding: new, as: UTF8.self))
  }
}
