// SPDX-License-Identifier: Apache-2.0
// The text that a quantization is calibrated with: read, tokenized as the model's own tokenizer has it, and cut into windows.
import IngotCore
import IngotGraph
import IngotModels
import IngotOutput

/// What weights are calibrated with.
public struct CalibrationOptions: Sendable {
  /// A text's file, or token ids: the path of a `.npy` file of one sequence of integers.
  public var source: String
  /// The most tokens that are used: windows spread evenly over the source.
  public var tokenLimit = 65_536
  /// Bytes of what is known of inputs that are held at a time; with less of them the model runs more often.
  package var memoryByteCount: Int?
  /// Whether outliers of activations that become int8 are moved into weights.
  package var movesOutliers = true

  /// Takes a source.
  public init(_ source: String) { self.source = source }
}

extension CalibrationText {
  /// The most tokens of a window.
  private static let largestWindow = 512

  /// Reads and cuts the tokens that a model is calibrated with.
  ///
  /// - Parameters:
  ///   - options: where they are.
  ///   - model: the model.
  ///   - run: how its tokenizer is opened.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for fewer tokens than a window takes, a tokenizer that is
  ///   not the model's, and ids beyond the vocabulary; the errors of the tokenizer.
  init(_ options: CalibrationOptions, for model: Model, _ run: RunOptions) throws(IngotError) {
    let tokens =
      EvaluatedTokens.isText(options.source)
      ? try EvaluatedTokens(of: options.source, for: model, run)
      : try EvaluatedTokens(reading: options.source, work: run.work)
    try self.init(tokens, tokenLimit: options.tokenLimit, by: .calibrationTokens, for: model)
    if let memoryByteCount = options.memoryByteCount { self.memoryByteCount = memoryByteCount }
  }

  /// Cuts tokens that a model is run on.
  ///
  /// - Parameters:
  ///   - tokens: the tokens.
  ///   - tokenLimit: the most that are used: windows spread evenly over all.
  ///   - option: what asks for that.
  ///   - model: the model.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for fewer tokens than a window takes, and for ids beyond the
  ///   vocabulary.
  init(
    _ tokens: EvaluatedTokens, tokenLimit: Int, by option: RequestOption, for model: Model
  ) throws(IngotError) {
    let ids = tokens.ids
    let config = model.recognised.graph.config
    let window = min(Self.largestWindow, config.contextLength)
    guard window > 0, ids.count >= window else {
      throw .unsuitable(
        Location(tokens.source),
        why: "has \(ids.count, "token"), and at least a window of \(window) is wanted", hint: nil)
    }
    guard tokenLimit >= window else {
      throw .invalidRequest(option: option, why: "at least a window of \(window, "token")")
    }
    if let beyond = ids.first(where: { $0 < 0 || $0 >= config.vocabularySize }) {
      throw .unsuitable(
        Location(tokens.source),
        why: "has the id \(beyond), and the model \(config.vocabularySize, "token")", hint: nil)
    }
    let (all, most) = (ids.count / window, tokenLimit / window)
    let count = min(all, most)
    self.init(
      windows: (0..<count).map { index in
        let start = index * all / count * window
        return Array(ids[start..<(start + window)])
      }, source: tokens.source)
  }
}

extension EvaluatedTokens {
  /// Reads a text as a model's own tokenizer has it, without what is put around a text.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a tokenizer that is not the model's; the errors of the
  ///   tokenizer and of reading the text.
  init(of text: String, for model: Model, _ run: RunOptions) throws(IngotError) {
    let bytes = try Companions.text(text, system: run.work.system)
    let tokenizer = try ModelTokenizer(model.path, run)
    try tokenizer.requireFit(model)
    self = try tokenizer.tokens(of: bytes, addsMarks: false, source: text)
  }
}
