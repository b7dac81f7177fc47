// SPDX-License-Identifier: Apache-2.0
// What a quantized model is measured on against the one that it is made of: read and checked before anything is quantized,
// run when the output is whole and not yet in its place. Evaluation does the work.
import IngotBytes
import IngotCore
import IngotModels

/// Tokens that a quantized model is measured on, against the one that it is made of.
struct QuantizationMeasurement {
  private let source: Model
  private let tokens: EvaluatedTokens
  private let tokenizer: ModelTokenizer?
  private let options: EvaluateOptions

  /// Reads a text or tokens, and sees that the model can be measured on them.
  ///
  /// - Parameters:
  ///   - path: a text's file, or a `.npy` file of token ids; of a masked language model and of text the tokenizer stands
  ///     inside the model or beside it.
  ///   - source: the model that is to be quantized.
  ///   - options: how it is to be quantized.
  /// - Throws: as ``Ingot/evaluate(_:text:options:progress:)`` and ``Ingot/evaluate(_:tokens:options:progress:)``.
  init(on path: String, of source: Model, _ options: QuantizeOptions) throws(IngotError) {
    let readsText = EvaluatedTokens.isText(path)
    // A text that is not there is told of before a tokenizer that is not.
    if readsText { _ = try FileByteSource(path: path, system: options.work.system) }
    try self.init(of: source, options, readsText: readsText) {
      (tokenizer, isMasked) throws(IngotError) in
      try EvaluatedTokens(at: path, by: tokenizer, addsMarks: !isMasked, work: options.work)
    }
  }

  /// Takes some of the tokens that a model is calibrated with.
  ///
  /// - Throws: as for a path, but for the errors of reading.
  init(on text: CalibrationText, of source: Model, _ options: QuantizeOptions) throws(IngotError) {
    let windows = text.thinned(to: SensitivityOptions.defaultTokenLimit).windows
    try self.init(of: source, options, readsText: false) { (_, _) throws(IngotError) in
      EvaluatedTokens(ids: windows.flatMap(\.self), source: text.source)
    }
  }

  private init(
    of source: Model, _ options: QuantizeOptions, readsText: Bool,
    _ read: (ModelTokenizer?, _ isMasked: Bool) throws(IngotError) -> EvaluatedTokens
  ) throws(IngotError) {
    var settings = EvaluateOptions()
    settings.against = source.path
    settings.run.allowances = options.allowances
    settings.run.work = options.work
    settings.run.reading = options.reading
    let evaluation = try Evaluation(source, against: nil, at: source.path, settings)
    let isMasked = evaluation.kind == .pseudoLogLikelihood
    let tokenizer = readsText || isMasked ? try ModelTokenizer(source.path, settings.run) : nil
    tokens = try read(tokenizer, isMasked)
    _ = try evaluation.plan(for: tokens, tokenizer: tokenizer)
    (self.source, self.tokenizer, self.options) = (source, tokenizer, settings)
  }

  /// Measures the output.
  ///
  /// - Parameters:
  ///   - path: where the output lies so far.
  ///   - output: the place that it is for, which errors name.
  ///   - hasIntegerProducts: whether activations become int8 where the program that it is for has them so.
  ///   - progress: hears of tokens.
  /// - Returns: the figures, those of the source as the baseline's.
  /// - Throws: the errors of reading and running models.
  func run(
    _ path: String, for output: String, hasIntegerProducts: Bool, progress: (any ProgressObserver)?
  ) throws(IngotError) -> EvaluationReport {
    let model = try Model(madeAt: path, called: output, of: source)
    var options = options
    if hasIntegerProducts { options.run.precision = .w8a8 }
    return try Evaluation(model, against: source, at: output, options)
      .run(tokens, tokenizer: tokenizer, progress: progress)
  }
}
