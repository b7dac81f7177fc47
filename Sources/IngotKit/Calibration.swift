// SPDX-License-Identifier: Apache-2.0
// The text that a quantization is calibrated with: read, tokenized as the model's own tokenizer has it, and cut into windows.
import IngotCore
import IngotGraph
import IngotModels

/// What weights are calibrated with.
public struct CalibrationOptions: Sendable {
  /// A text's file, or token ids: the path of a `.npy` file of one sequence of integers.
  public var source: String
  /// The most tokens that are used: windows spread evenly over the source.
  public var tokenLimit = 65_536
  /// Bytes of what is known of inputs that are held at a time; with less of them the model runs more often.
  package var memoryByteCount: Int?

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
    let tokenizer = EvaluatedTokens.isText(options.source) ? try ModelTokenizer(model.path, run) : nil
    try tokenizer?.requireFit(model)
    let ids = try EvaluatedTokens(at: options.source, by: tokenizer, addsMarks: false, work: run.work).ids
    let config = model.recognised.graph.config
    let window = min(Self.largestWindow, config.contextLength)
    guard window > 0, ids.count >= window else {
      throw .unsuitable(
        Location(options.source),
        why: "has \(ids.count, "token"), and calibrating takes at least a window of \(window)", hint: nil)
    }
    guard options.tokenLimit >= window else {
      throw .invalidRequest(
        option: .calibrationTokens, why: "at least a window of \(window, "token")")
    }
    if let beyond = ids.first(where: { $0 < 0 || $0 >= config.vocabularySize }) {
      throw .unsuitable(
        Location(options.source),
        why: "has the id \(beyond), and the model \(config.vocabularySize, "token")", hint: nil)
    }
    let (all, most) = (ids.count / window, options.tokenLimit / window)
    let count = min(all, most)
    self.init(
      windows: (0..<count).map { index in
        let start = index * all / count * window
        return Array(ids[start..<(start + window)])
      }, source: options.source)
    if let memoryByteCount = options.memoryByteCount { self.memoryByteCount = memoryByteCount }
  }
}
