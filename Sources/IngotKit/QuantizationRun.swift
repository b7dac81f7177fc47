// SPDX-License-Identifier: Apache-2.0
// One quantization on its way: planned, calibrated, written, measured, and told; for a budget, schemes are chosen first and
// held against what came out.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// A quantization whose options are read and held against its source.
struct QuantizationRun {
  private var source: QuantizationSource
  private let input: String
  private let destination: OutputDestination
  private let output: String
  private let options: QuantizeOptions
  private let measurement: QuantizationMeasurement?
  /// Whether outliers of activations have been looked for.
  private var isSmoothed = false

  init(
    _ source: QuantizationSource, of input: String, to destination: OutputDestination, _ output: String,
    options: QuantizeOptions, _ measurement: QuantizationMeasurement?
  ) {
    (self.source, self.input, self.destination, self.output) = (source, input, destination, output)
    (self.options, self.measurement) = (options, measurement)
  }

  /// Plans an output and writes it.
  ///
  /// - Parameters:
  ///   - request: which weights become what.
  ///   - progress: hears of bytes and tokens.
  ///   - accepts: looks at what was measured, before the output gets its place.
  /// - Returns: what it cost.
  /// - Throws: as ``Ingot/quantize(_:to:options:progress:)``; what `accepts` throws.
  func write(
    _ request: QuantizationRequest, progress: (any ProgressObserver)?,
    accepts: (EvaluationReport) throws(IngotError) -> Void = { _ in }
  ) throws(IngotError) -> QuantizationReport {
    guard isSmoothed else {
      return try smoothed(request, progress: progress).write(request, progress: progress, accepts: accepts)
    }
    let (draft, planned) = try plan(request, progress: progress)
    let (system, checkpoint) = (options.work.system, source.checkpoint)
    let calibrated = try draft.calibrate(planned, for: destination, work: options.work, progress: progress)
    let written = PlanWriter(
      planned, files: SourceFiles(checkpoint.files + calibrated, system: system), work: options.work)
    var figures: EvaluationReport?
    let result = try destination.write(
      written, force: options.force, sources: inputFiles, system: system, progress: progress
    ) { (_, path) throws(IngotError) in
      figures = try measurement?.run(
        path, for: output, hasIntegerProducts: !draft.integerProducts.isEmpty, progress: progress)
      if let figures { try accepts(figures) }
    }
    var report = QuantizationReport(
      result, of: draft, planned: planned, options: options, input: input, output: output)
    if let on = options.measuredSource, let figures { report.measurement = (on, figures) }
    return report
  }

  private func plan(
    _ request: QuantizationRequest, progress: (any ProgressObserver)?
  ) throws(IngotError) -> (QuantizationDraft, PlannedOutput) {
    let draft = try QuantizationDraft(
      of: source, options: request, for: options.program, destination: destination, progress: progress)
    var builder = draft.output
    builder.configure {
      $0.shardByteLimit = options.shardByteLimit
      $0.keepsUnknownBits = options.keepsUnknownBits
      if draft.unknownBecause != nil { $0.keepsLongNames = source.checkpoint.format == destination.formatID }
    }
    let planned = try builder.planned(for: destination)
    // Calibrating, and measuring what weights cost, take long.
    try destination.requirePlace(
      for: planned.plan, force: options.force, sources: inputFiles, system: options.work.system)
    return (draft, planned)
  }

  /// The files that are read, none of which the output replaces.
  private var inputFiles: [CheckpointFile] {
    source.checkpoint.files
      + Companions.files(
        beside: input, of: source.checkpoint, output: destination, system: options.work.system)
  }

  /// The run with what the activations that become int8 are divided by; itself where nothing is to be divided.
  private func smoothed(
    _ request: QuantizationRequest, progress: (any ProgressObserver)?
  ) throws(IngotError) -> QuantizationRun {
    var run = self
    run.isSmoothed = true
    guard let text = request.calibration, options.calibration?.movesOutliers == true,
      case .model(let model) = source
    else { return run }
    let (draft, planned) = try plan(request, progress: progress)
    let scaling = try draft.smoothing(of: model, on: text, planned, for: destination, progress: progress)
    if scaling.inputCount > 0 { run.source = .model(model.scaled(by: scaling)) }
    return run
  }

  // MARK: - Budgets

  /// Tries of a bound that is held against what comes out.
  private static let tryCount = 4

  /// Chooses schemes for a budget, plans an output and writes it.
  ///
  /// - Throws: ``IngotCore/IngotError/unmet(option:why:)`` for a bound that nothing keeps.
  func write(
    _ request: QuantizationRequest, within budget: QuantizationBudget, progress: (any ProgressObserver)?
  ) throws(IngotError) -> QuantizationReport {
    var request = request
    request.budget = BudgetRequest(budget, by: try table(request, for: budget, progress: progress))
    switch budget {
    case .bits: return try write(request, progress: progress)
    case .bytes(let limit):
      let target = try byteTarget(request, limit: limit, progress: progress)
      request.budget?.target = target
      return try write(request, progress: progress)
    case .divergence(let limit): return try write(request, movingAtMost: limit, progress: progress)
    }
  }

  /// What quantizing each weight costs.
  private func table(
    _ request: QuantizationRequest, for budget: QuantizationBudget, progress: (any ProgressObserver)?
  ) throws(IngotError) -> SensitivityTable {
    guard case .model(let model) = source else {
      throw .invalidRequest(option: budget.option, why: "takes a model that is known, which runs over a text")
    }
    if case .divergence = budget, measurement == nil {
      throw .invalidRequest(
        option: .divergenceLimit,
        why: "is held against a text: \(option: .measure) or \(option: .calibration)")
    }
    let isCalibrated = request.calibration != nil
    if let path = options.sensitivities {
      let bytes = try Companions.text(path, system: options.work.system)
      let table = try SensitivityTable(bytes, at: path, of: model)
      guard table.isCalibrated == isCalibrated else {
        throw .unsuitable(
          Location(path),
          why: isCalibrated
            ? "is of rounding to nearest, and weights are calibrated"
            : "is of calibrated rounding, and nothing is calibrated", hint: nil)
      }
      return table
    }
    guard let text = request.calibration else {
      throw .invalidRequest(
        option: budget.option,
        why:
          "is kept by what each weight costs: \(option: .sensitivities, "FILE") or \(option: .calibration, "TEXT")"
      )
    }
    let planned = try planAttainable(request, within: budget, of: model, progress: progress)
    return try QuantizationDraft.holdingRoom(of: planned, for: destination, work: options.work) {
      () throws(IngotError) in
      try SensitivityTable(
        measuring: model, on: text.thinned(to: SensitivityOptions.defaultTokenLimit), isCalibrated: true,
        scaleType: request.scaleType, progress: progress)
    }
  }

  /// Plans an output of the smallest schemes, as if no weight cost anything: what can't be had whatever weights cost is found
  /// before that is measured.
  ///
  /// - Throws: ``IngotCore/IngotError/unmet(option:why:)`` for a bound below the smallest schemes, and as
  ///   ``write(_:progress:accepts:)`` until something is written.
  private func planAttainable(
    _ request: QuantizationRequest, within budget: QuantizationBudget, of model: Model,
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> PlannedOutput {
    var request = request
    request.budget = BudgetRequest(budget, by: SensitivityTable(withoutCostsOf: model))
    guard case .bytes(let limit) = budget else { return try plan(request, progress: progress).1 }
    return try planSmallest(request, limit: limit, progress: progress).planned
  }

  /// The bytes that weights are chosen by so that the files take no more than a limit: what headers, other tensors and small
  /// files come to is known when an output is planned.
  private func byteTarget(
    _ request: QuantizationRequest, limit: Int, progress: (any ProgressObserver)?
  ) throws(IngotError) -> QuantizationBudget {
    let smallest = try planSmallest(request, limit: limit, progress: progress)
    var target = limit - smallest.files + smallest.weights
    for _ in 0..<Self.tryCount {
      var request = request
      request.budget?.target = .bytes(target)
      // Headers are longer where schemes say more.
      let excess = try byteCount(of: plan(request, progress: progress).1) - limit
      if excess <= 0 { return .bytes(target) }
      target = max(smallest.weights, target - excess)
    }
    return .bytes(smallest.weights)
  }

  /// An output of the smallest schemes, with the bytes of its files and of its weights; throws where the files take too many.
  private func planSmallest(
    _ request: QuantizationRequest, limit: Int, progress: (any ProgressObserver)?
  ) throws(IngotError) -> (planned: PlannedOutput, files: Int, weights: Int) {
    var request = request
    request.budget?.target = .divergence(.infinity)
    let (draft, planned) = try plan(request, progress: progress)
    let byteCount = try byteCount(of: planned)
    guard byteCount <= limit else {
      throw .unmet(
        option: .byteLimit,
        why: "\(limit, "byte") can't be kept: with the smallest schemes the files take \(byteCount, "byte")")
    }
    return (planned, byteCount, draft.budget?.chosen.byteCount ?? 0)
  }

  private func byteCount(of planned: PlannedOutput) throws(IngotError) -> Int {
    try PlanWriter(
      planned, files: SourceFiles(source.checkpoint.files, system: options.work.system), work: options.work
    ).plannedByteCount()
  }

  /// Writes the smallest output that moves the model no further than a limit, as measured.
  private func write(
    _ request: QuantizationRequest, movingAtMost limit: Double, progress: (any ProgressObserver)?
  ) throws(IngotError) -> QuantizationReport {
    var request = request
    var target = limit
    var found = Double.nan
    request.budget?.target = .divergence(target)
    // Outliers are looked for once, however often the bound is tried.
    let run = try smoothed(request, progress: progress)
    for _ in 0..<Self.tryCount {
      request.budget?.target = .divergence(target)
      var isBeyond = false
      do throws(IngotError) {
        return try run.write(request, progress: progress) { (figures) throws(IngotError) in
          found = figures.divergence?.mean ?? .nan
          guard found <= limit else {
            isBeyond = true
            throw Self.unmet(limit, found)
          }
        }
      } catch {
        guard isBeyond, found.isFinite else { throw error }
        target *= 0.95 * limit / found
      }
    }
    throw Self.unmet(limit, found)
  }

  private static func unmet(_ limit: Double, _ found: Double) -> IngotError {
    .unmet(
      option: .divergenceLimit,
      why:
        "\(words: "\(limit)") was not kept in \(words: "\(tryCount)") tries; the last one moved the model by \(words: "\(found)") nats a token"
    )
  }
}

extension QuantizationReport {
  /// Tells what quantizing did.
  ///
  /// - Parameters:
  ///   - result: what was written.
  ///   - draft: what was to be written.
  ///   - planned: what was planned.
  ///   - options: what was asked for.
  ///   - input: the input's path.
  ///   - output: the output's path.
  fileprivate init(
    _ result: PlanWriter.Result, of draft: QuantizationDraft, planned: PlannedOutput,
    options: QuantizeOptions, input: String, output: String
  ) {
    self.init(
      input: input, output: output, scheme: options.scheme, unknownBecause: draft.unknownBecause,
      dialects: draft.dialects, tensors: [], keptCount: -draft.bufferCount,
      bufferCount: draft.bufferCount, byteCounts: (0, 0), calibrationTokenCount: draft.calibrationTokenCount,
      smoothedInputCount: draft.smoothedInputCount, budget: draft.budget,
      losses: planned.losses + planned.castLosses(result, onOverflow: options.onOverflow))
    keptRowLimit = options.keptRowCount
    for (index, tensor) in planned.tensors.enumerated() where tensor.aliasOf == nil {
      let parts = planned.contents.parts(of: index)
      let after = parts.reduce(0) { $0 + $1.byteCount }
      byteCounts.after += after
      let name = draft.weights[tensor.name]?.name ?? tensor.name
      if tensors.last?.name == name {
        // Scales, and what else belongs to a weight, stand behind it.
        tensors[tensors.count - 1].byteCountAfter += after
        continue
      }
      let before =
        draft.calibrated[name]?.byteCountBefore
        // Rows that are kept are rows of the values.
        ?? zip(tensor.parts, parts).reduce(0) {
          $1.0.kind == .keptRows ? $0 : $0 + $1.1.unconvertedByteCount
        }
      byteCounts.before += before
      guard var quantized = Tensor(tensor, at: index, called: name, of: draft, result) else {
        keptCount += 1
        continue
      }
      (quantized.byteCountBefore, quantized.byteCountAfter) = (before, after)
      tensors.append(quantized)
    }
    losses += tensors.filter(\.error.isAllLost).map {
      Loss(
        .cast, tensor: $0.name,
        detail:
          "all of its values are below the range of its scales, and became 0; \(option: .rules, "GLOB=keep") leaves it as it is"
      )
    }
  }
}

extension QuantizationReport.Tensor {
  /// Tells what became of a tensor, but for its bytes; `nil` for one that is not quantized.
  ///
  /// - Parameters:
  ///   - planned: the tensor as it is written.
  ///   - index: its place.
  ///   - name: its name, or that of the weight that it is a part of.
  ///   - draft: what was to be written.
  ///   - result: what was written.
  fileprivate init?(
    _ planned: PlannedTensor, at index: Int, called name: String, of draft: QuantizationDraft,
    _ result: PlanWriter.Result
  ) {
    let calibrated = draft.calibrated[name]
    guard let error = calibrated?.error ?? result.quantizationErrors[index],
      let coding = draft.weights[planned.name]?.coding ?? planned.coding
    else { return nil }
    self.init(
      name: name, coding: coding, error: error, byteCountBefore: 0, byteCountAfter: 0,
      outputError: calibrated?.outputError)
    // What is calibrated is looked at with its outputs first.
    if let outliers = calibrated?.outliers {
      (outlierOutputs, outlierInputs) = (outliers.rows, outliers.columns)
    } else if let outliers = result.outliers[index], let axis = draft.outputAxis(name) {
      outlierOutputs = axis == 0 ? outliers.rows : outliers.columns
      outlierInputs = axis == 0 ? outliers.columns : outliers.rows
    }
  }
}

extension PlannedTensor {
  /// How its values are coded; `nil` for plain ones.
  fileprivate var coding: WeightCoding? {
    if let blockType { return .blocks(blockType) }
    return quantization.map { .integers($0.scheme) }
  }
}

extension LazyPart {
  /// Bytes of the part.
  fileprivate var byteCount: Int { shape.byteCount(of: dtype) ?? 0 }

  /// Bytes of what the part was made from; none for what was found out on the way.
  fileprivate var unconvertedByteCount: Int {
    switch self {
    case .cast(let source, _, _), .quantized(let source, _, _), .blocks(let source, _),
      .dequantized(let source, _, _), .runs(let source, _, .integers):
      source.unconvertedByteCount
    case .words(let source): source.unconvertedByteCount
    case .scaled(let source, let scales): source.unconvertedByteCount + scales.byteCount
    case .reshaped(let source, _): source.unconvertedByteCount
    case .literal, .runs(_, _, .scales): 0
    default: byteCount
    }
  }
}
