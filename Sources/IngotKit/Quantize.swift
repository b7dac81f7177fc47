// SPDX-License-Identifier: Apache-2.0
// Quantizes weights and says what that cost each tensor: to int8, whose scales are found in one pass and whose values are
// written in another, or to ggml's blocks or llama2.c's runs; a model's in the names of the program that reads them, the
// matrices of any other checkpoint under their own.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// What quantizing is to do.
public struct QuantizeOptions: Sendable {
  /// The scheme of all weights that no rule names.
  public var scheme = QuantizationScheme.int8
  /// Schemes by name pattern; the last that matches holds.
  public var rules: [(pattern: Glob, scheme: QuantizationScheme)] = []
  /// How the scales of groups are stored: F16, BF16 or F32; `nil` for F16, and where no scheme has groups.
  public var scaleDType: DType?
  /// What weights are calibrated with: rounded with error feedback from what their products take; `nil` for nothing.
  public var calibration: CalibrationOptions?
  /// How many rows of the token embedding stay F16 beside its integers (BF16 where they are, F32 where F16 has no place for
  /// them): those of the tokens that the text has most which weights are calibrated with; `nil` for none.
  public var keptRowCount: Int?
  /// What the output may take, or cost: then each weight's scheme is chosen by what it costs, where no rule names it.
  public var budget: QuantizationBudget?
  /// A file of ``Ingot/sensitivity(_:text:to:options:progress:)``: what quantizing each weight costs; `nil` to measure it on the
  /// text that weights are calibrated with.
  public var sensitivities: String?
  /// What becomes of values that F32, which scales are found in, has no room for.
  public var onOverflow: OverflowPolicy = .refuse
  /// What is quantized though `validate` rejects it: with NaN and infinities, only weights that are kept.
  public var allowances = Allowances()
  /// The config, when it is not beside the weights.
  public var config: String?
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// The program that the output is made for: transformers, vLLM, llama.cpp or CTranslate2.
  public var program: TargetProgram?
  /// The most bytes of tensors in one file.
  public var shardByteLimit: Int?
  /// What the output is measured on against the input before it gets its place: a text's file, or a `.npy` file of token ids;
  /// `nil` for nothing.
  public var measure: String?
  /// Whether an existing output is replaced.
  public var force = false
  /// Whether dtypes that the format lacks are kept as bits, in formats that can.
  public var keepsUnknownBits = false
  /// How the work is done.
  public var work = WorkOptions()
  /// How to read.
  public var reading = ReadOptions()

  /// Makes options for int8, one scale an output channel.
  public init() {}

  /// What they ask of weights.
  var request: QuantizationRequest {
    get throws(IngotError) {
      guard let scaleType = ScaleType(scaleDType ?? .f16) else {
        throw .invalidRequest(option: .scaleDType, why: "scales are F16, BF16 or F32")
      }
      guard scaleDType == nil || ([scheme] + rules.map(\.scheme)).contains(where: { $0.groupSize != nil })
      else {
        throw .invalidRequest(option: .scaleDType, why: "no scheme has groups, whose scales it is for")
      }
      try requireUseOfKeptRows()
      var request = QuantizationRequest(
        scheme: scheme, rules: rules, scaleType: scaleType, onOverflow: onOverflow,
        keepsNonFinite: allowances.nonFinite)
      request.compressedProgram = compressedProgram
      request.keptRowCount = keptRowCount
      return request
    }
  }

  /// Throws where rows are to be kept and nothing says which.
  private func requireUseOfKeptRows() throws(IngotError) {
    guard let keptRowCount else { return }
    let why: Evidence? =
      if keptRowCount < 1 { "at least 1 row" } else if calibration == nil {
        "takes \(option: .calibration, "TEXT"), which says what rows are used most"
      } else if let budget {
        "goes with schemes that are asked for, and \(option: budget.option) chooses them"
      } else { nil }
    if let why { throw .invalidRequest(option: .keptRows, why: why) }
  }

  /// The text that weights are calibrated with.
  func calibrationText(for source: QuantizationSource) throws(IngotError) -> CalibrationText? {
    try calibration.map { (calibration) throws(IngotError) in
      guard case .model(let model) = source else {
        throw .invalidRequest(
          option: .calibration, why: "takes a model that is known, which runs over a text")
      }
      var run = RunOptions()
      (run.config, run.allowances, run.reading, run.work) = (config, allowances, reading, work)
      return try CalibrationText(calibration, for: model, run)
    }
  }

  /// What the output is to be measured on, read and checked; `nil` where nobody asks.
  ///
  /// A bound on what a model may move is held against what it does.
  func measurement(
    of source: QuantizationSource, _ calibration: CalibrationText?, _ destination: OutputDestination
  ) throws(IngotError) -> QuantizationMeasurement? {
    guard measuredSource != nil else { return nil }
    guard !TargetProgram.ctranslate2.formats.contains(destination.formatID) else {
      throw .invalidRequest(option: .measure, why: "what is made for ctranslate2 runs there, and not here")
    }
    guard case .model(let model) = source else {
      throw .invalidRequest(option: .measure, why: "takes a model that is known, which runs over a text")
    }
    guard !destination.isStream else {
      throw .invalidRequest(option: .measure, why: "standard output can't be read back to be measured")
    }
    if let measure { return try QuantizationMeasurement(on: measure, of: model, self) }
    return try calibration.map { (text) throws(IngotError) in
      try QuantizationMeasurement(on: text, of: model, self)
    }
  }

  /// Where what the output is measured on comes from.
  var measuredSource: String? {
    if case .divergence? = budget { measure ?? calibration?.source } else { measure }
  }
}

/// What quantizing did.
public struct QuantizationReport: Sendable {
  /// One quantized tensor.
  public struct Tensor: Sendable {
    /// Its name.
    public var name: String
    /// How its values stand for real numbers.
    public var coding: WeightCoding
    /// What rounding cost.
    public var error: QuantizationError
    /// Bytes before.
    public var byteCountBefore: Int
    /// Bytes of values and scales, and of rows that are kept.
    public var byteCountAfter: Int
    /// What rounding cost the output of its product on the text that it was calibrated with; `nil` where it was not.
    public var outputError: OutputError?
    /// Inputs whose weights are far larger than the others'; `nil` for what is no matrix, or a very large one.
    public var outlierInputs: OutlierChannels?
    /// Outputs whose weights are far larger than the others'; `nil` as the inputs are.
    public var outlierOutputs: OutlierChannels?

    /// Rows that stay in a type of their own.
    public var keptRowCount: Int {
      if case .integers(let scheme) = coding { scheme.keptRows.count } else { 0 }
    }
  }

  /// The input's path.
  public var input: String
  /// The output's path.
  public var output: String
  /// The scheme asked for.
  public var scheme: QuantizationScheme
  /// Why no model was understood, so that matrices were quantized by types, shapes and names; `nil` for a model.
  public var unknownBecause: Evidence?
  /// The dialects of input and output, when names were changed from one to the other.
  public var dialects: (from: String, to: String)?
  /// The quantized tensors, in the checkpoint's order.
  public var tensors: [Tensor]
  /// Tensors that keep their type, buffers and other names of tensors not among them.
  public var keptCount: Int
  /// Mask buffers, kept as they are.
  public var bufferCount: Int
  /// Bytes of all tensors before and after.
  public var byteCounts: (before: Int, after: Int)
  /// Tokens that weights were calibrated with; `nil` where none were.
  public var calibrationTokenCount: Int?
  /// Inputs of products whose channels were divided by powers of two, and the weights multiplied by them, before activations
  /// become int8: what each computes is the same, and fewer of its activations are rounded to 0.
  public var smoothedInputCount = 0
  /// Rows of the token embedding that were to stay in a type of their own; `nil` for none.
  package var keptRowLimit: Int?
  /// What schemes were chosen for; `nil` where they were asked for.
  public var budget: BudgetChoice?
  /// Everything else that is not kept.
  public var losses: [Loss]
  /// What the output computes on a text, or on tokens, with the input as its baseline; `nil` unless asked for.
  public var measurement: (on: String, figures: EvaluationReport)?

  /// Bits of a quantized weight, scales counted, and rows that are kept with 64 bits for the number of each; `nil` where
  /// nothing was quantized.
  public var bitsPerWeight: Double? {
    let count = tensors.reduce(0) { $0 + $1.error.count }
    let byteCount = tensors.reduce(0) { $0 + $1.byteCountAfter + 8 * $1.keptRowCount }
    return count > 0 ? 8 * Double(byteCount) / Double(count) : nil
  }

  /// The cost of all tensors together.
  public var total: QuantizationError {
    tensors.reduce(into: QuantizationError()) { $0.merge($1.error) }
  }
}

extension Ingot {
  /// Quantizes a model's weights, or the matrices of a checkpoint of which no model is known.
  ///
  /// A format that belongs to one program, as GGUF does, gets that program's names, layouts, config and tokenizer; so does a
  /// folder for transformers or vLLM, which load it with compressed-tensors, and one for CTranslate2. Without a
  /// config, or with one that names no architecture that is known, names and layouts stay: matrices of floating-point
  /// numbers are quantized as `[out, in]`, and what is left out by type, shape or name is among the report's losses.
  ///
  /// - Parameters:
  ///   - input: the model.
  ///   - output: path of the output.
  ///   - options: what is to be done.
  ///   - progress: hears of bytes read and written.
  /// - Returns: what it cost.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is not sound or holds values that are
  ///   not finite; ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a scheme that the output's format
  ///   or a tensor's shape does not allow; the reader's and the writer's errors; of what the output is measured on those of
  ///   ``evaluate(_:text:options:progress:)``, before anything is written. The destination then holds what it held before.
  public static func quantize(
    _ input: String, to output: String, options: QuantizeOptions = QuantizeOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> QuantizationReport {
    var options = options
    let output = try options.applyProgram(to: output)
    let source = try QuantizationSource(
      input, config: options.config, head: options.allowances.head, reading: options.reading,
      work: options.work)
    do throws(IngotError) {
      return try quantize(source, of: input, to: output, options: options, progress: progress)
    } catch {
      throw source.named(error)
    }
  }

  private static func quantize(
    _ source: QuantizationSource, of input: String, to output: String, options: QuantizeOptions,
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> QuantizationReport {
    let system = options.work.system
    let checkpoint = source.checkpoint
    if case .unknown(let unknown, _) = source, let program = options.program {
      throw .unrepresentable(
        tensor: nil, target: program.rawValue,
        why: "what it loads is made of models that are known here; \(unknown.reason)",
        hint: "\(verb: .quantize) without \(option: .program) makes integers that ingot reads")
    }
    if case .model(let model) = source, let program = options.compressedProgram {
      try QuantizedConversion.requireLinearLayers(for: program, in: model)
    }
    let destination = try OutputDestination(
      output, format: options.format, isSharded: options.shardByteLimit != nil,
      keepingNameOf: options.compressedProgram == nil
        && Companions.keepsName(of: checkpoint, at: input, system: system) ? checkpoint : nil,
      named: options.program?.weightFileName, system)
    try source.requireWhole(for: destination)
    try destination.requirePlace(force: options.force, sources: checkpoint.files, system: system)
    if options.keepsUnknownBits { try destination.require(.keepingUnknownBits, for: .keepsUnknownBits) }
    if options.onOverflow != .refuse, !checkpoint.tensors.contains(where: { $0.dtype == .f64 }) {
      throw .invalidRequest(option: .onOverflow, why: "no weight is F64, which alone can be beyond F32")
    }
    var request = try options.request
    // What weights cost is measured by the tokens that a model predicts.
    if options.budget != nil, options.sensitivities == nil, case .model(let model) = source {
      try model.requireTokens()
    }
    request.calibration = try options.calibrationText(for: source)
    let measurement = try options.measurement(of: source, request.calibration, destination)
    let run = QuantizationRun(source, of: input, to: destination, output, options: options, measurement)
    if let budget = options.budget { return try run.write(request, within: budget, progress: progress) }
    guard options.sensitivities == nil else {
      throw .invalidRequest(option: .sensitivities, why: "is for a budget, and none is given")
    }
    return try run.write(request, progress: progress)
  }
}
