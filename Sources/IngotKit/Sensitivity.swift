// SPDX-License-Identifier: Apache-2.0
// Measures what quantizing each weight costs a model, alone, and keeps that in a file that budgets are kept with.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotQuantization

/// Options of ``Ingot/sensitivity(_:text:to:options:progress:)``.
public struct SensitivityOptions: Sendable {
  /// The most tokens that the model runs on for each weight: windows spread evenly over the source.
  public var tokenLimit = Self.defaultTokenLimit
  /// Whether costs are those of rounding with error feedback, as a calibrated quantization has it.
  public var isCalibrated = false
  /// How scales of groups are going to be stored.
  public var scaleDType = DType.f16
  /// Whether an existing table is replaced.
  public var force = false
  /// Whether what a stopped run has measured is kept for the next one, and gone on with.
  public var resumes = false
  /// The config, when it is not beside the weights.
  public var config: String?
  /// What is let pass that stops a run otherwise.
  public var allowances = Allowances()
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Tokens that weights are measured on unless told otherwise.
  static let defaultTokenLimit = 4096

  /// Makes options.
  public init() {}
}

/// What quantizing each weight costs a model.
public struct SensitivityReport: Sendable {
  /// The model's path.
  public var model: String
  /// The text that it ran on.
  public var source: String
  /// The table's file; `nil` where none was written.
  public var output: String?
  /// What was found.
  public var table: SensitivityTable
  /// Weights that an earlier run had measured.
  public var resumedCount = 0
  /// Mixtures of schemes from the smallest to the largest, with what each is expected to cost.
  public var frontier: [BudgetChoice.Point]
}

extension Ingot {
  /// Measures what quantizing each weight costs a model.
  ///
  /// Each weight is put into the model in int8, one scale an output channel, alone; the divergence from the model as it is
  /// is that of all tokens' distributions. What other schemes cost is as much more or less as their rounding moves what the
  /// weight's product gives on the text.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - text: the path of a text; the model's tokenizer stands inside it or beside it.
  ///   - table: the file that the table is written to, JSON Lines; `nil` for none.
  ///   - options: how.
  ///   - progress: hears of tokens.
  /// - Returns: what was found.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model without weights to quantize, or that predicts no
  ///   tokens, and for a text that is too short; the errors of reading, running and writing.
  public static func sensitivity(
    _ path: String, text: String, to table: String?, options: SensitivityOptions = SensitivityOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> SensitivityReport {
    try sensitivity(path, to: table, options: options, progress: progress) {
      (model, run) throws(IngotError) in
      try EvaluatedTokens(of: text, for: model, run)
    }
  }

  /// Measures what quantizing each weight costs a model, on tokens.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: ids: `1,2,3`, or the path of a `.npy` file of integers; one sequence.
  ///   - table: the file that the table is written to, JSON Lines; `nil` for none.
  ///   - options: how.
  ///   - progress: hears of tokens.
  /// - Returns: what was found.
  /// - Throws: as ``sensitivity(_:text:to:options:progress:)``.
  public static func sensitivity(
    _ path: String, tokens: String, to table: String?, options: SensitivityOptions = SensitivityOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> SensitivityReport {
    try sensitivity(path, to: table, options: options, progress: progress) { (_, run) throws(IngotError) in
      try EvaluatedTokens(reading: tokens, work: run.work)
    }
  }

  private static func sensitivity(
    _ path: String, to table: String?, options: SensitivityOptions, progress: (any ProgressObserver)?,
    _ read: (Model, RunOptions) throws(IngotError) -> EvaluatedTokens
  ) throws(IngotError) -> SensitivityReport {
    guard let scaleType = ScaleType(options.scaleDType) else {
      throw .invalidRequest(option: .scaleDType, why: "scales are F16, BF16 or F32")
    }
    guard table != nil || !options.resumes else {
      throw .invalidRequest(option: .resumes, why: "goes with a table's file, which it goes on with")
    }
    var run = RunOptions()
    (run.config, run.allowances, run.reading, run.work) =
      (options.config, options.allowances, options.reading, options.work)
    let (model, _) = try run.open(path)
    try model.requireSound()
    try model.requireTokens()
    let text = try CalibrationText(
      try read(model, run), tokenLimit: options.tokenLimit, by: .tokenLimit, for: model)
    let measurement = try SensitivityMeasurement(
      of: model, on: text, isCalibrated: options.isCalibrated, scaleType: scaleType)
    var found = SensitivityTable(
      of: model, tokenCount: text.tokenCount, isCalibrated: options.isCalibrated)
    guard let table else {
      try found.measure(measurement, of: model, on: text, progress: progress) { _ in }
      return SensitivityReport(path, text.source, found)
    }
    let output = try SensitivityOutput(table, of: model, on: text, options)
    found.take(output.lines, of: measurement.candidates)
    let resumedCount = found.weights.count
    try output.write { (note) throws(IngotError) in
      try found.measure(measurement, of: model, on: text, progress: progress, note)
      return found.bytes
    }
    var report = SensitivityReport(path, text.source, found)
    (report.output, report.resumedCount) = (table, resumedCount)
    return report
  }
}

extension SensitivityReport {
  fileprivate init(_ path: String, _ source: String, _ table: SensitivityTable) {
    self.init(model: path, source: source, table: table, frontier: BudgetChoice.frontier(of: table))
  }
}

extension SensitivityTable {
  /// Measures all weights of a model.
  init(
    measuring model: Model, on text: CalibrationText, isCalibrated: Bool, scaleType: ScaleType,
    progress: (any ProgressObserver)?
  ) throws(IngotError) {
    self.init(of: model, tokenCount: text.tokenCount, isCalibrated: isCalibrated)
    let measurement = try SensitivityMeasurement(
      of: model, on: text, isCalibrated: isCalibrated, scaleType: scaleType)
    try measure(measurement, of: model, on: text, progress: progress) { _ in }
  }

  /// Measures the weights that are not in it yet, and puts all in the checkpoint's order; `note` takes each weight's line once it
  /// is measured.
  fileprivate mutating func measure(
    _ measurement: SensitivityMeasurement, of model: Model, on text: CalibrationText,
    progress: (any ProgressObserver)?, _ note: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let finished = Set(weights.map(\.name))
    let count = measurement.candidates.count
    if finished.count < count {
      let probe = try DivergenceProbe(model, on: text, progress: progress)
      var found = weights
      try measurement.run(besides: finished, progress: progress) { (changed) throws(IngotError) in
        progress?.begin(
          "weight \(found.count + 1) of \(count)", count: text.tokenCount, unit: .tokens)
        defer { progress?.end() }
        return try probe.divergence(with: changed, progress: progress)
      } found: { (weight) throws(IngotError) in
        found.append(weight)
        try note(Self.line(weight))
      }
      weights = found
    }
    let byName = Dictionary(weights.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    weights = measurement.candidates.compactMap { byName[$0.name] }
  }
}

/// A table's file on its way.
private struct SensitivityOutput {
  private let atomic: AtomicOutput
  private let resumes: Bool

  /// Lines that an earlier run has left.
  var lines: [String] { atomic.journal?.finished ?? [] }

  init(
    _ path: String, of model: Model, on text: CalibrationText, _ options: SensitivityOptions
  ) throws(IngotError) {
    resumes = options.resumes
    let windows = text.windows.map { $0.map(String.init).joined(separator: ",") }.joined(separator: ";")
    let sources = model.checkpoint.files.map { file in
      "\(file.path) \(file.byteCount) \(options.work.system.identity(at: file.path))"
    }
    let work =
      ["sensitivities", "\(options.isCalibrated)", options.scaleDType.rawValue, windows] + sources
    let key = JournalKey(fingerprint: SHA256.hex(of: work.joined(separator: "\n")), resumes: resumes)
    atomic = try AtomicOutput(
      path: path, isFolder: false, force: options.force,
      sources: model.checkpoint.files + [CheckpointFile(path: text.source, byteCount: 0)], journal: key,
      system: options.work.system)
  }

  /// Writes what the body makes, which may note lines on the way.
  func write(
    _ make: ((String) throws(IngotError) -> Void) throws(IngotError) -> [UInt8]
  ) throws(IngotError) {
    do throws(IngotError) {
      // A journal without its output is not gone on with.
      let file = try atomic.file(named: "")
      let bytes = try make { (line) throws(IngotError) in try atomic.journal?.keep(line) }
      try file.write(bytes, at: 0)
      try atomic.commit()
    } catch {
      atomic.discard(keeping: error == .interrupted && resumes)
      throw error
    }
  }
}
