// SPDX-License-Identifier: Apache-2.0
// What a quantization is to write: a model's weights for the program that is named, or the matrices of a checkpoint of which none
// is known; and calibrating them, once there is room for the output.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels
import IngotOutput
import IngotQuantization

/// What is to be written, and what a report says of where it comes from.
struct QuantizationDraft {
  let output: OutputBuilder
  var dialects: (from: String, to: String)?
  var bufferCount = 0
  var unknownBecause: Evidence?
  /// Which dimension of a written matrix counts outputs.
  var outputAxis = OutputAxis()
  /// The weights that a text is for; `nil` for none.
  var calibration: CalibratedWeights?
  /// The weights that tensors are parts of, where each becomes several.
  var weights: [String: (name: String, coding: WeightCoding)] = [:]
  var calibrationTokenCount: Int?
  /// Inputs of products whose channels are divided by powers of two.
  var smoothedInputCount = 0
  /// What was chosen for a budget; `nil` without one.
  var budget: BudgetChoice?
  /// The weights whose products take int8.
  var integerProducts: Set<TensorRole> = []

  init(
    of source: QuantizationSource, options: QuantizationRequest, for program: TargetProgram?,
    destination: OutputDestination, progress: (any ProgressObserver)?
  ) throws(IngotError) {
    if case .model(let model) = source { smoothedInputCount = model.scaling.inputCount }
    switch source {
    case .model(let model)
    where program == .ctranslate2 || TargetProgram.ctranslate2.formats.contains(destination.formatID):
      if let budget = options.budget {
        throw .invalidRequest(option: budget.bound.option, why: "ctranslate2 has one scheme for all weights")
      }
      if options.keptRowCount != nil {
        throw QuantizedConversion.noPlaceForRows(of: model, in: "ctranslate2")
      }
      let conversion = try CTranslate2Conversion(
        quantizing: model, options: options, destination: destination, progress: progress)
      (output, calibration) = (conversion.output, conversion.calibrated)
      integerProducts = conversion.integerProducts
      calibrationTokenCount = options.calibration?.tokenCount
    case .model(let model):
      let conversion = try QuantizedConversion(
        findingScalesOf: model, options: options, destination: destination, progress: progress)
      (output, dialects, bufferCount) = (conversion.output, conversion.dialects, conversion.bufferCount)
      (calibration, budget) = (conversion.calibrated, conversion.budget)
      integerProducts = conversion.integerProducts
      calibrationTokenCount = options.calibration?.tokenCount
      weights = conversion.compressed?.weights ?? [:]
      if dialects == nil, conversion.compressed == nil { outputAxis = OutputAxis(of: model) }
    case .unknown(let unknown, _):
      output = try MatrixConversion(
        of: unknown, options: options, destination: destination, progress: progress
      ).output
      unknownBecause = unknown.reason
    }
  }

  /// What calibrating came to, by the weight's name.
  var calibrated: [String: CalibratedTensor] { calibration?.results ?? [:] }

  /// Finds by what powers of two the channels of activations are divided that become int8.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: what it is calibrated with.
  ///   - planned: the output, whose room is held meanwhile.
  ///   - destination: where it goes.
  ///   - progress: hears of tokens.
  /// - Returns: the powers; none where no activation becomes int8.
  /// - Throws: as ``calibrate(_:for:work:progress:)``.
  func smoothing(
    of model: Model, on text: CalibrationText, _ planned: PlannedOutput, for destination: OutputDestination,
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> ChannelScaling {
    guard !integerProducts.isEmpty else { return ChannelScaling() }
    return try Self.holdingRoom(of: planned, for: destination, work: model.work) { () throws(IngotError) in
      try SmoothingSearch(model, on: text, weights: integerProducts).run(progress: progress)
    }
  }

  /// Calibrates what is to be, which takes long: not before there is room for what it is for.
  ///
  /// - Returns: the file that the weights are in, to stand behind the input's; none where nothing is calibrated.
  /// - Throws: ``IngotCore/IngotError/environment(_:)`` where the output has no room; the errors of running the model.
  func calibrate(
    _ planned: PlannedOutput, for destination: OutputDestination, work: WorkOptions,
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> [CheckpointFile] {
    guard let calibration else { return [] }
    return try Self.holdingRoom(of: planned, for: destination, work: work) { () throws(IngotError) in
      [try calibration.fill(progress: progress)].compactMap(\.self)
    }
  }

  /// Works with as much room taken as an output needs, and gives it back for the output.
  static func holdingRoom<Result>(
    of planned: PlannedOutput, for destination: OutputDestination, work: WorkOptions,
    _ body: () throws(IngotError) -> Result
  ) throws(IngotError) -> Result {
    let byteCount = try PlanWriter(planned, files: SourceFiles([]), work: work).plannedByteCount()
    let folder = FilePath.folder(of: FilePath.withoutTrailingSlashes(destination.path))
    let room =
      destination.isStream
      ? nil : try OutputFile.scratch(in: folder, byteCount: byteCount, system: work.system)
    defer { withExtendedLifetime(room) {} }
    return try body()
  }
}
