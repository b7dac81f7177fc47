// SPDX-License-Identifier: Apache-2.0
// Evaluates a model on tokens or text: its loss and perplexity, and how far it is from a baseline. Evaluation does the work.
import IngotCore
import IngotEvaluation
import IngotFormats
import IngotModels
import IngotOutput

/// Options of ``Ingot/evaluate(_:tokens:options:progress:)`` and ``Ingot/evaluate(_:text:options:progress:)``.
public struct EvaluateOptions: Sendable {
  /// A baseline that the model is compared with, token by token.
  public var against: String?
  /// Tokens from the start of one window to the next, in which a window's first token is not predicted; `nil` for windows
  /// one behind the other, whose last token predicts the first of the next.
  public var stride: Int?
  /// Whether the report lists every token that was scored.
  public var listsTokens = false
  /// How the model is opened and run.
  public var run = RunOptions()

  /// Makes options.
  public init() {}
}

/// What a model says how likely tokens are by.
public enum EvaluationKind: String, CaseIterable, Sendable {
  /// Each token by those before it: the probability of the text.
  case logLikelihood = "log-likelihood"
  /// Each token by all around it, as masked language models have it: no probability of a text, and no code length.
  ///
  /// - SeeAlso: Salazar et al., "Masked Language Model Scoring", 2020.
  case pseudoLogLikelihood = "pseudo-log-likelihood"
}

/// What evaluating found.
public struct EvaluationReport: Sendable {
  /// The model's path.
  public var model: String
  /// What the figures are.
  public var kind = EvaluationKind.logLikelihood
  /// The baseline's path.
  public var against: String?
  /// The model's loss.
  public var loss = LanguageModelLoss()
  /// Bytes of the text that the predicted tokens stand for, white space before a token included; `nil` where tokens were
  /// given, and for a pseudo-log-likelihood, which is no code length.
  public var byteCount: Int?
  /// The baseline's loss.
  public var baselineLoss: LanguageModelLoss?
  /// How far the model is from the baseline.
  public var divergence: ModelDivergence?
  /// Both losses, token by token.
  public var paired: PairedLosses?
  /// Every token that was scored, in the text's order; `nil` unless asked for.
  public var tokens: [TokenScore]?

  /// Bits for each byte of the text; `nil` where tokens were given.
  public var bitsPerByte: Double? { byteCount.map { loss.bitsPerByte(byteCount: $0) } }
}

extension Ingot {
  /// Evaluates a model on tokens.
  ///
  /// Of a model that predicts the next token, tokens are cut into windows of the context's length; each token but the
  /// first is predicted once, from what stands before it in its window. Of a masked language model, windows are as long
  /// as the tokenizer's marks leave room for, which are put around each; each token that is no mark is masked in turn.
  ///
  /// - Parameters:
  ///   - path: the model; a masked language model with its tokenizer inside or beside it, for the mask's id.
  ///   - tokens: ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for too few tokens, models of differing vocabularies or
  ///   kinds, models that do not validate, and a tokenizer without a mask; read errors.
  /// - Complexity: holds logits of at most 1024 tokens and 256 MiB a model at once, besides weights and activations.
  public static func evaluate(
    _ path: String, tokens: String, options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    try evaluate(path, EvaluatedTokens(reading: tokens, work: options.run.work), options, progress)
  }

  /// Evaluates a model on tokens that are at hand.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - ids: the tokens' ids.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures.
  /// - Throws: as ``evaluate(_:tokens:options:progress:)``.
  public static func evaluate(
    _ path: String, ids: [Int], options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    try evaluate(path, EvaluatedTokens(ids: ids, source: "the tokens"), options, progress)
  }

  /// Evaluates a model on a text.
  ///
  /// - Parameters:
  ///   - path: the model, with its tokenizer inside or beside it; the baseline gets the same tokens.
  ///   - text: the text's file; what the tokenizer puts around a text is put around it, and around each window of a masked
  ///     language model.
  ///   - options: the baseline, and how windows overlap.
  ///   - progress: hears of tokens.
  /// - Returns: the figures, bits a byte among them.
  /// - Throws: as ``evaluate(_:tokens:options:progress:)``; the errors of the tokenizer, and
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a tokenizer that is not the model's, or makes other tokens of the
  ///   text than the baseline's own.
  public static func evaluate(
    _ path: String, text: String, options: EvaluateOptions = EvaluateOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EvaluationReport {
    let bytes = try Companions.text(text, system: options.run.work.system)
    let tokenizer = try ModelTokenizer(path, options.run)
    let evaluation = try Evaluation(path, options)
    let hasMarks = evaluation.kind == .logLikelihood
    let tokens = try tokenizer.tokens(of: bytes, addsMarks: hasMarks, source: text)
    if let baseline = options.against {
      try tokenizer.requireSame(as: baseline, on: bytes, tokens, hasMarks: hasMarks, options.run)
    }
    return try evaluation.run(tokens, tokenizer: tokenizer, progress: progress)
  }

  /// Evaluates a model on tokens without a text: a tokenizer is needed for masks alone.
  private static func evaluate(
    _ path: String, _ tokens: EvaluatedTokens, _ options: EvaluateOptions,
    _ progress: (any ProgressObserver)?
  ) throws(IngotError) -> EvaluationReport {
    let evaluation = try Evaluation(path, options)
    let needsMarks = evaluation.kind == .pseudoLogLikelihood
    return try evaluation.run(
      tokens, tokenizer: needsMarks ? try ModelTokenizer(path, options.run) : nil, progress: progress)
  }
}
