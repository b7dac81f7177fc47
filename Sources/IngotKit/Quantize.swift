// SPDX-License-Identifier: Apache-2.0
// Quantizes a model's weights: finds the scales in one pass over them, writes the int8 values in another, and says
// what that cost each tensor.
import IngotBytes
import IngotCore
import IngotFormats
import IngotGraph
import IngotKernels
import IngotQuantization
import IngotTransforms

/// What quantizing is to do.
public struct QuantizeOptions: Sendable {
  /// The scheme of all weights that no rule names.
  public var scheme = QuantizationScheme.int8
  /// Schemes by name pattern; the last that matches holds.
  public var rules: [(pattern: Glob, scheme: QuantizationScheme)] = []
  /// The config, when it is not beside the weights.
  public var config: String?
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// The most bytes of tensors in one file.
  public var shardByteLimit: Int?
  /// Whether an existing output is replaced.
  public var force = false
  /// Where scratch files go.
  public var scratchFolder = defaultScratchFolder
  /// Threads that work at the same time; `nil` for one a processor.
  public var jobs: Int?
  /// How to read.
  public var reading = ReadOptions()

  /// Makes options for int8, one scale an output channel.
  public init() {}
}

/// What quantizing did.
public struct QuantizationReport: Sendable {
  /// One quantized tensor.
  public struct Tensor: Sendable {
    /// Its name.
    public var name: String
    /// How its values stand for real numbers.
    public var scheme: Quantization
    /// What rounding cost.
    public var error: QuantizationError
    /// Bytes before.
    public var byteCountBefore: Int
    /// Bytes of values and scales.
    public var byteCountAfter: Int
  }

  /// The input's path.
  public var input: String
  /// The output's path.
  public var output: String
  /// The scheme asked for.
  public var scheme: QuantizationScheme
  /// The quantized tensors, in the checkpoint's order.
  public var tensors: [Tensor]
  /// Tensors that keep their type, buffers not among them.
  public var keptCount: Int
  /// Mask buffers, kept as they are.
  public var bufferCount: Int
  /// Bytes of all tensors before and after.
  public var byteCounts: (before: Int, after: Int)
  /// Everything else that is not kept.
  public var losses: [Loss]

  /// The cost of all tensors together.
  public var total: QuantizationError {
    tensors.reduce(into: QuantizationError()) { $0.merge($1.error) }
  }
}

/// Quantizes a model's weights.
///
/// - Parameters:
///   - input: the model.
///   - output: path of the output.
///   - options: what is to be done.
///   - progress: hears of bytes read and written.
/// - Returns: what it cost.
/// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is not sound or holds values that are
///   not finite; the reader's and the writer's errors. The destination then holds what it held before.
public func quantize(
  _ input: String, to output: String, options: QuantizeOptions = QuantizeOptions(),
  progress: (any ProgressObserver)? = nil
) throws(IngotError) -> QuantizationReport {
  let model = try Model(input, config: options.config, reading: options.reading)
  try model.requireSound()
  let system = LiveSystem()
  let destination = try OutputDestination(
    output, format: options.format, isSharded: options.shardByteLimit != nil, system)
  let draft = try QuantizationDraft(model, options: options, progress: progress)
  let planned = try draft.output.planned(for: destination)
  let written = CheckpointOutput(
    planned, files: SourceFiles(model.checkpoint.files), scratchFolder: options.scratchFolder,
    jobs: options.jobs)
  let result = try destination.write(
    written, force: options.force,
    sources: model.checkpoint.files + Companions.files(beside: input, system: system), system: system,
    progress: progress)
  return draft.report(result, planned: planned, input: input, output: output)
}

/// A quantization while its tensors are being collected.
private struct QuantizationDraft {
  private let model: Model
  private let options: QuantizeOptions
  private let files: SourceFiles
  private var sourceIndexes: [Int] = []
  private(set) var output: OutputDraft

  init(_ model: Model, options: QuantizeOptions, progress: (any ProgressObserver)?) throws(IngotError) {
    self.model = model
    self.options = options
    files = SourceFiles(model.checkpoint.files)
    output = OutputDraft(of: model.checkpoint)
    output.configure { $0.shardByteLimit = options.shardByteLimit }
    output.companions = try Companions.find(for: model.checkpoint, at: model.path)
    if !output.companions.contains(where: { $0.kind == .config }) {
      output.companions.insert(model.config, at: 0)
    }
    try addTensors(progress: progress)
  }

  /// Schemes by index of the tensor.
  private func schemes() throws(IngotError) -> [Int: Quantization] {
    let recognised = model.recognised
    let names = recognised.tensors.mapValues { model.checkpoint.tensors[$0].name }
    let (rules, scheme) = (options.rules, options.scheme)
    let pass = WeightQuantization { parameter in
      let name = names[parameter.role] ?? ""
      return rules.last { $0.pattern.matches(name) }?.scheme ?? scheme
    }
    var schemes: [Int: Quantization] = [:]
    for (role, quantization) in pass.schemes(for: recognised.graph) {
      guard let index = recognised.tensors[role] else { continue }
      var quantization = quantization
      switch (recognised.dialect.layout(of: role.kind), quantization.granularity) {
      case (.leadingOne?, .perChannel(let axis)): quantization.granularity = .perChannel(axis: axis + 1)
      case (.stacked?, _), (.stackedTransposed?, _), (.padded?, _):
        throw .unsupported(
          "quantizing a tensor that holds more than one parameter; `ingot convert --dialect hf` takes them apart",
          at: Location(model.path, tensor: model.checkpoint.tensors[index].name))
      default: break
      }
      schemes[index] = quantization
    }
    return schemes
  }

  private mutating func addTensors(progress: (any ProgressObserver)?) throws(IngotError) {
    let schemes = try schemes().filter { model.checkpoint.tensors[$0.key].quantization == nil }
    let tensors = model.checkpoint.tensors
    progress?.begin("finding scales", byteCount: schemes.keys.reduce(0) { $0 + tensors[$1].byteCount })
    defer { progress?.end() }
    let scales = try scales(of: schemes, progress: ProgressRelay(progress))
    for (index, tensor) in tensors.enumerated() {
      if index == model.recognised.tiedCopy {
        output.losses.append(
          Loss(.dropped, tensor: tensor.name, detail: "a copy of the token embedding, which is the tied head")
        )
        continue
      }
      sourceIndexes.append(index)
      if let scheme = schemes[index], let scales = scales[index] {
        try addQuantized(tensor, scheme: scheme, scales: scales)
      } else {
        output.keep(index)
      }
    }
  }

  /// A tensor's values, as they are quantized.
  private static func source(_ tensor: TensorDescriptor) -> LazyPart {
    let stored = LazyPart.stored(name: tensor.name, tensor.parts[0])
    return tensor.dtype == .f32 ? stored : .cast(stored, to: .f32, onOverflow: .refuse)
  }

  private static func axis(of scheme: Quantization) -> Int? {
    guard case .perChannel(let axis) = scheme.granularity else { return nil }
    return axis
  }

  private mutating func addQuantized(
    _ tensor: TensorDescriptor, scheme: Quantization, scales: [Float]
  ) throws(IngotError) {
    guard let scaleShape = scheme.scaleShape(of: tensor.shape) else {
      throw .internal("a scheme that does not fit")
    }
    var bytes: [UInt8] = []
    for scale in scales { bytes.appendLittle(scale.bitPattern) }
    output.add(
      PlannedTensor(
        name: tensor.name, dtype: .i8, shape: tensor.shape,
        quantization: PlannedQuantization(
          scheme: scheme, parts: [PlannedPart(kind: .scales, dtype: .f32, shape: scaleShape)]),
        transforms: ["quantize \(tensor.dtype.rawValue) to int8, scale = absmax ÷ 127"]),
      [
        .quantized(Self.source(tensor), scales: scales, axis: Self.axis(of: scheme)),
        .literal(.f32, scaleShape, bytes),
      ])
  }

  /// Streams the tensors that are to be quantized once, and finds their scales.
  private func scales(
    of schemes: [Int: Quantization], progress: ProgressRelay
  ) throws(IngotError) -> [Int: [Float]] {
    let indexes = schemes.keys.sorted()
    let tensors = indexes.map { model.checkpoint.tensors[$0] }
    let layouts = zip(indexes, tensors).map { index, tensor in
      ChannelLayout(shape: tensor.shape, axis: schemes[index].flatMap(Self.axis))
    }
    let found = Gathered<[Float]>(count: indexes.count, initial: [])
    let crew = WorkCrew(jobs: options.jobs)
    try PartPass(crew: crew, files: files, scratchFolder: options.scratchFolder)
      .run(count: indexes.count) { (index) throws(IngotError) in
        Self.source(tensors[index])
      } read: { (index, reading) throws(IngotError) in
        var largest = AbsoluteMaximum(layouts[index])
        try reading.forEachTile { (tile, offset) throws(IngotError) in
          largest.add(tile.assumingMemoryBound(to: Float.self), from: offset / MemoryLayout<Float>.size)
          progress.advance(tile.count)
        }
        return largest
      } finish: { (index, stretches, _) throws(IngotError) in
        var largest = AbsoluteMaximum(layouts[index])
        for stretch in stretches { largest.merge(stretch) }
        try requireFinite(largest, in: tensors[index])
        found[index] = largest.scales
      }
    return Dictionary(uniqueKeysWithValues: zip(indexes, found.values))
  }

  private func requireFinite(
    _ largest: AbsoluteMaximum, in tensor: TensorDescriptor
  ) throws(IngotError) {
    guard largest.nonFiniteCount == 0 else {
      throw .unsuitable(
        Location(model.path, tensor: tensor.name),
        why: "has \(largest.nonFiniteCount) values that are not finite",
        hint: "`ingot validate` names the first of them")
    }
  }

  func report(
    _ result: CheckpointOutput.Result, planned: PlannedOutput, input: String, output: String
  ) -> QuantizationReport {
    let bufferCount = model.recognised.buffers.count
    var report = QuantizationReport(
      input: input, output: output, scheme: options.scheme, tensors: [], keptCount: 0,
      bufferCount: bufferCount,
      byteCounts: (0, 0), losses: planned.losses)
    for (index, tensor) in planned.tensors.enumerated() {
      let before = model.checkpoint.tensors[sourceIndexes[index]].byteCount
      let after = planned.contents.parts(of: index).reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
      report.byteCounts.before += before
      report.byteCounts.after += after
      if let error = result.quantizationErrors[index], let quantization = tensor.quantization {
        report.tensors.append(
          QuantizationReport.Tensor(
            name: tensor.name, scheme: quantization.scheme, error: error, byteCountBefore: before,
            byteCountAfter: after))
      } else {
        report.keptCount += 1
      }
    }
    report.keptCount -= bufferCount
    return report
  }
}
