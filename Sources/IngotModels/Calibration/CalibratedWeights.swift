// SPDX-License-Identifier: Apache-2.0
// Weights that are rounded with error feedback from what their products take on a text. Which weights those are, and where
// their integers and scales will lie in a scratch file, is known when an output is planned; the file is filled before
// it is written.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotQuantization
import IngotTransforms

/// What calibrating a weight came to.
package struct CalibratedTensor: Sendable {
  /// What rounding cost its values.
  package internal(set) var error = QuantizationError()
  /// What it cost what the product gives on the text; `nil` where that is nothing, as of an expert that no token has.
  package internal(set) var outputError: OutputError?
  /// Channels of its values that are outliers; `nil` for a very large matrix.
  package internal(set) var outliers: MatrixOutliers?
  /// Bytes of the stored weight.
  package let byteCountBefore: Int
}

/// The weights of an output that are calibrated.
package final class CalibratedWeights {
  /// Where the integers and scales of one lie.
  private struct Draft {
    let name: String
    let roles: [TensorRole]
    /// F32, `[N, K]`.
    let values: LazyPart
    let form: CalibratedForm
    /// Where integers, or blocks, begin; where scales do.
    let places: (integers: Int, scales: Int)
  }

  private let model: Model
  private let text: CalibrationText
  private let scratchFileIndex: Int
  private var drafts: [Draft] = []
  private var byteCount = 0
  /// The first of the weights that have the same inputs as one.
  private let inputs: [TensorRole: TensorRole]
  private let rolesByTensor: [Int: [TensorRole]]
  /// What came out, by the tensor's name in the output.
  package private(set) var results: [String: CalibratedTensor] = [:]

  /// The share of the mean square of its inputs that is added to each one's: GPTQ's.
  private static let damping = 0.01
  /// The same of a table that is a head too.
  ///
  /// Errors in its rows go into the stream as well, whatever the inputs of the head are like; as measured
  /// (docs/quantization.md).
  private static let tableDamping = 1.0

  /// Prepares for weights of a model.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: the text.
  ///   - roles: weights that may be calibrated.
  init(_ model: Model, on text: CalibrationText, roles: Set<TensorRole>) {
    (self.model, self.text) = (model, text)
    scratchFileIndex = model.checkpoint.files.count
    rolesByTensor = model.recognised.rolesByTensor
    var inputs: [TensorRole: TensorRole] = [:]
    for stage in CalibrationPlan(model.recognised.graph, roles: roles).stages {
      for shared in stage.inputs { for role in shared.roles { inputs[role] = shared.first } }
    }
    self.inputs = inputs
  }

  /// The parameters that a stored tensor holds, and the dimension of their outputs.
  func parameters(ofTensor index: Int) -> (roles: [TensorRole], outputAxis: Int) {
    let roles = rolesByTensor[index] ?? []
    return (roles, roles.first.flatMap { model.recognised.graph.parameter($0)?.outputAxis } ?? 0)
  }

  /// Whether weights are multiplied by the same inputs: then they can be calibrated together.
  func takes(_ roles: [TensorRole]) -> Bool {
    guard let first = roles.first, let shared = inputs[first] else { return false }
    return roles.allSatisfy { inputs[$0] == shared }
  }

  /// Adds a weight.
  ///
  /// - Parameters:
  ///   - name: its name in the output.
  ///   - roles: the parameters that it holds.
  ///   - values: F32, `[N, K]`, outputs first.
  ///   - form: what it becomes.
  ///   - byteCountBefore: bytes of what is stored.
  /// - Returns: `[N, K]` integers with scales `[N, K / size]`, or blocks; what they hold is there after
  ///   ``fill(progress:)``.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for inputs that are no whole groups.
  func add(
    _ name: String, _ roles: [TensorRole], values: LazyPart, form: CalibratedForm, byteCountBefore: Int
  ) throws(IngotError) -> (values: LazyPart, scales: LazyPart?) {
    let integers = try form.integerType(of: values.shape)
    let place = byteCount
    let first = try reserve(name, integers)
    let scalePlace = byteCount
    let scales = try form.scalePart(of: values.shape).map { (type) throws(IngotError) in
      try reserve(name, type)
    }
    drafts.append(
      Draft(name: name, roles: roles, values: values, form: form, places: (place, scalePlace)))
    results[name] = CalibratedTensor(byteCountBefore: byteCountBefore)
    return (first, scales)
  }

  /// Takes room behind what was reserved before.
  private func reserve(_ name: String, _ type: PartType) throws(IngotError) -> LazyPart {
    let count = try type.byteCount()
    let segment = StorageSegment(file: scratchFileIndex, offset: byteCount, byteCount: count)
    guard let end = byteCount.checkedAdd(count) else { throw .internal("weights whose bytes overflow") }
    byteCount = end
    return .stored(name: name, StoredPart(type, TensorStorage(segment)))
  }

  // MARK: - Filling

  /// Runs the model over the text and rounds all weights that were added.
  ///
  /// - Parameter observer: hears of tokens, and of bytes that are rounded.
  /// - Returns: the file that holds them, to stand behind the model's own; `nil` where nothing was added.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for tokens without a place in the model, and for weights and
  ///   activations that are not finite; read errors.
  package func fill(progress observer: (any ProgressObserver)?) throws(IngotError) -> CheckpointFile? {
    guard !drafts.isEmpty else { return nil }
    let file = try OutputFile.scratch(
      in: model.work.scratchFolder, byteCount: byteCount, system: model.work.system)
    let pool = model.work.threadPool
    let collector = MomentCollector(pool)
    let observation = try InputObservation(of: model, on: text, pool: pool, for: collector)
    let plan = CalibrationPlan(
      model.recognised.graph, roles: Set(drafts.flatMap(\.roles)), memoryByteCount: text.memoryByteCount)
    for stage in plan.stages {
      try observation.run(stage, progress: observer)
      try round(stage, collector.end(), into: file, pool, progress: observer)
    }
    return CheckpointFile(
      path: file.path, byteCount: byteCount,
      unnamed: ScratchSource(file, byteCount: byteCount, path: file.path))
  }

  /// Rounds the weights whose inputs were looked at.
  private func round(
    _ stage: CalibrationStage, _ moments: [InputMoments], into file: OutputFile, _ pool: ThreadPool,
    progress observer: (any ProgressObserver)?
  ) throws(IngotError) {
    let roles = Set(stage.inputs.flatMap(\.roles))
    let stored = drafts.filter { $0.roles.first.map(roles.contains) ?? false }
    observer?.begin(
      "rounding", byteCount: stored.reduce(0) { $0 + ($1.values.shape.byteCount(of: .f32) ?? 0) })
    defer { observer?.end() }
    let relay = ProgressRelay(observer)
    for (inputs, moments) in zip(stage.inputs, moments) {
      try round(inputs, moments, into: file, pool, relay)
    }
  }

  /// The share of their mean square that is added to inputs that some weights share.
  static func damping(of inputs: SharedInputs) -> Double { inputs.isTable ? tableDamping : damping }

  /// The error of inputs whose moments are not finite.
  static func notFinite(_ inputs: SharedInputs, of model: Model, on text: CalibrationText) -> IngotError {
    .unsuitable(
      Location(model.path, tensor: model.recognised.name(of: inputs.first)),
      why: "is multiplied by numbers whose squares are not finite on \(text.source)",
      hint: "\(option: .rules, "GLOB=keep") leaves it as it is")
  }

  /// Rounds the weights that take the same inputs.
  private func round(
    _ inputs: SharedInputs, _ moments: InputMoments, into file: OutputFile, _ pool: ThreadPool,
    _ progress: ProgressRelay
  ) throws(IngotError) {
    let factor = FeedbackFactor(
      moments.completed(), width: inputs.width, damping: Self.damping(of: inputs), pool: pool)
    guard let factor else { throw Self.notFinite(inputs, of: model, on: text) }
    let files = SourceFiles(model.checkpoint.files, system: model.work.system)
    let roles = Set(inputs.roles)
    for draft in drafts where draft.roles.first.map(roles.contains) ?? false {
      let writing = CalibratedBands(
        draft.form, of: draft.name, shape: draft.values.shape, factor: factor, moments: moments, to: file,
        places: draft.places, pool: pool)
      let tiles = try draft.values.open(files: files, scratchFolder: model.work.scratchFolder)
      try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
        try writing.add(tile)
        progress.advance(tile.count)
      }
      try writing.finish()
      results[draft.name]?.error = writing.error
      results[draft.name]?.outputError = writing.outputError.signal > 0 ? writing.outputError : nil
      results[draft.name]?.outliers = writing.peaks?.outliers
    }
  }
}

extension WorkOptions {
  /// As many threads as the work may take.
  package var threadPool: ThreadPool {
    ThreadPool(threadCount: min(jobs ?? ThreadPool.processorCount, Self.jobLimit))
  }
}
