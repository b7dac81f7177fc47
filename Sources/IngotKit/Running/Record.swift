// SPDX-License-Identifier: Apache-2.0
// Records a model's outputs as a fixtures file, with its producer and the model's digest inside.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotModels
import IngotOutput
import IngotRuntime
import IngotTransforms

/// What recording did.
public struct RecordReport: Sendable {
  /// The model's path.
  public var model: String
  /// The fixtures file.
  public var output: String
  /// The arithmetic the model was run in.
  public var precision: Precision
  /// Names and shapes of the arrays.
  public var arrays: [(name: String, shape: Shape)]
  /// Bytes of the file.
  public var byteCount: Int
  /// What the file can't keep.
  public var losses: [Loss]
}

/// Options of ``record(_:tokens:to:options:)``.
public struct RecordOptions: Sendable {
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// Whether an existing output is replaced.
  public var force = false
  /// How the model is opened and run.
  public var run = RunOptions(precision: .reference)

  /// Makes options that record in float64.
  public init() {}
}

extension Ingot {
  /// Records a model's outputs on some tokens.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - tokens: ids: `1,2,3`, or the path of a `.npy` file of integers with one or two dimensions.
  ///   - output: the fixtures file.
  ///   - options: the arithmetic, and what may be replaced.
  /// - Returns: what was recorded: all outputs of the graph, and the loss of rows of two tokens and more.
  /// - Throws: the errors of reading, running and writing.
  public static func record(
    _ path: String, tokens: String, to output: String, options: RecordOptions = RecordOptions()
  ) throws(IngotError) -> RecordReport {
    let (model, _) = try options.run.open(path)
    try Model.requireUse(of: options.run.precision, in: [model])
    let destination = try OutputDestination(
      output, format: options.format, isSharded: false, options.run.work.system)
    try destination.requirePlace(
      force: options.force, sources: model.checkpoint.files, system: options.run.work.system)
    let fixtures = FixtureSet(inputIDs: try TokenInput.read(tokens, work: options.run.work))
    let graph = model.recognised.graph
    let names = graph.outputs.map(\.name)
    let runner = try options.run.runner(model)
    let results = try runner.run(fixtures.request(of: graph, wanting: Set(names)))

    var arrays: [(name: String, part: LazyPart)] = [("input_ids", integers(fixtures.inputIDs))]
    for name in names {
      if let result = results[name] {
        arrays.append((name, reals(result.values, result.shape, options.run.precision)))
      }
    }
    // Ids are no labels of a model that predicts tokens in their own place.
    if graph.continuesText, fixtures.tokenCount > 1, let logits = results["logits"] {
      let loss = fixtures.loss(
        of: logits.values, vocabularySize: logits.shape.dimensions.last ?? 1, predictsNext: true)
      arrays.append(("loss", reals([loss], .scalar, options.run.precision)))
    }
    var metadata = Metadata()
    metadata["producer"] = .string("ingot, \(options.run.precision.rawValue)")
    metadata[FixtureSet.modelKey] = .string(
      try HashReport(of: model.checkpoint, path: path, work: options.run.work).model)
    return try writeFixtures(arrays, metadata: metadata, model: model, to: destination, options: options)
  }
}

private func integers(_ array: IntegerArray) -> LazyPart {
  var bytes: [UInt8] = []
  for value in array.values { bytes.appendLittle(Int64(value)) }
  return .literal(.i64, array.shape, bytes)
}

private func reals(_ values: [Double], _ shape: Shape, _ precision: Precision) -> LazyPart {
  var bytes: [UInt8] = []
  guard precision == .reference else {
    for value in values { bytes.appendLittle(Float(value).bitPattern) }
    return .literal(.f32, shape, bytes)
  }
  for value in values { bytes.appendLittle(value.bitPattern) }
  return .literal(.f64, shape, bytes)
}

private func writeFixtures(
  _ arrays: [(name: String, part: LazyPart)], metadata: Metadata, model: Model,
  to destination: OutputDestination,
  options: RecordOptions
) throws(IngotError) -> RecordReport {
  var draft = OutputBuilder(metadata: metadata)
  for (name, part) in arrays {
    draft.add(PlannedTensor(name: name, TensorType(dtype: part.dtype, shape: part.shape)), [part])
  }
  // An npz keeps metadata in a member of its own, so that the model's digest travels along.
  draft.configure { $0.keepsUnknownBits = true }
  let planned = try draft.planned(for: destination)
  let written = PlanWriter(planned, files: SourceFiles([]), work: options.run.work)
  let result = try destination.write(
    written, force: options.force,
    sources: model.checkpoint.files
      + Companions.files(
        beside: model.path, of: model.checkpoint, output: destination, system: options.run.work.system),
    system: options.run.work.system,
    progress: nil)
  return RecordReport(
    model: model.path, output: destination.path, precision: options.run.precision,
    arrays: arrays.map { ($0.name, $0.part.shape) }, byteCount: result.byteCount, losses: planned.losses)
}
