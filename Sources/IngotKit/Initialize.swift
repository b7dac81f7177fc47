// SPDX-License-Identifier: Apache-2.0
// Makes an untrained model: values from a seed, streamed to disk, the same bytes on every machine.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels
import IngotOutput
import IngotTransforms

/// What an untrained model is to be.
public struct InitializeOptions: Sendable {
  /// The published size whose numbers it has.
  public var preset: ModelPreset?
  /// A config.json that says the numbers instead.
  public var config: String?
  /// What the values are made from.
  public var seed: UInt64 = 0
  /// What values are rounded to; `nil` for F32.
  public var dtype: DType?
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// The most bytes of tensors in one file.
  public var shardByteLimit: Int?
  /// Whether an existing output is replaced.
  public var force = false
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options without a size: ``preset`` or ``config`` is to be given.
  public init() {}
}

/// What was made.
public struct InitializationReport: Sendable {
  /// The output's path.
  public var output: String
  /// The output's format id.
  public var format: String
  /// The numbers.
  package var config: ModelConfig
  /// What the values were made from.
  public var seed: UInt64
  /// All numbers that the parameters hold.
  public var parameterCount: Int
  /// Tensors written.
  public var tensorCount: Int
  /// Bytes of the output's files.
  public var byteCount: Int
  /// What the output does not hold.
  public var losses: [Loss]
}

extension Ingot {
  /// Makes an untrained model by the paper's initialization.
  ///
  /// - Parameters:
  ///   - architecture: the architecture's id: one of ``Ingot/models``.
  ///   - output: path of the output; a folder gets its config.json.
  ///   - options: size and seed.
  ///   - progress: hears of every byte.
  /// - Returns: what was made.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for an architecture or size that is not known, the
  ///   errors of reading a config, and the writer's errors.
  public static func initialize(
    _ architecture: String, to output: String, options: InitializeOptions,
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> InitializationReport {
    let (configuration, companion) = try configuration(architecture, options)
    guard let dialect = Dialect.all.first(where: { $0.architecture == configuration.architecture.id }) else {
      throw .internal("an architecture without a dialect")
    }
    let graph = configuration.architecture.build(configuration.config, dialect.transposedKinds)
    if let shared = graph.parameters.first(where: { dialect.layout(of: $0.role.kind)?.holdsMany == true }) {
      throw .unsupported(
        "an untrained \(words: configuration.architecture.title), which has several parameters in one tensor",
        at: Location(output, tensor: dialect.name(of: shared.role, prefix: dialect.writtenPrefix)))
    }
    let destination = try OutputDestination(
      output, format: options.format, isSharded: options.shardByteLimit != nil, options.work.system)
    var metadata = Metadata()
    dialect.mark(&metadata, in: destination.formatID)
    var draft = OutputBuilder(metadata: metadata)
    draft.configure { $0.shardByteLimit = options.shardByteLimit }
    draft.companions = [companion]
    for parameter in graph.parameters {
      let part = part(parameter, options)
      let name = dialect.name(of: parameter.role, prefix: dialect.writtenPrefix)
      draft.add(
        PlannedTensor(
          name: name ?? parameter.role.description, TensorType(dtype: part.dtype, shape: parameter.shape),
          transforms: [.initialized(seed: options.seed)]), [part])
    }
    draft.stateDType(options.dtype ?? .f32, for: destination)
    let planned = try draft.planned(for: destination)
    let written = PlanWriter(planned, files: SourceFiles([]), work: options.work)
    let result = try destination.write(
      written, force: options.force, sources: [], system: options.work.system, progress: progress)
    return InitializationReport(
      output: output, format: destination.formatID, config: configuration.config, seed: options.seed,
      parameterCount: graph.parameterCount, tensorCount: graph.parameters.count, byteCount: result.byteCount,
      losses: planned.losses)
  }
}

/// The numbers of a preset or a config file, with the file that goes along.
private func configuration(
  _ architecture: String, _ options: InitializeOptions
) throws(IngotError) -> (ModelConfiguration, Companion) {
  guard let known = Architecture.named(architecture) else {
    let known = Architecture.all.map(\.id).joined(separator: ", ")
    throw .invalidRequest(
      option: .architecture, why: "there is no architecture \(architecture); known are \(words: known)")
  }
  let bytes: [UInt8]
  switch (options.preset, options.config) {
  case (let preset?, nil):
    guard known.presets.contains(preset) else {
      throw .invalidRequest(
        option: .preset, why: "\(words: preset.name) is not a size of \(words: known.title)")
    }
    bytes = ConfigWriter.bytes(known.config(of: preset), of: known)
  case (nil, let path?): bytes = try Companions.text(path, system: options.work.system)
  default: throw .invalidRequest(option: .preset, why: "give either a preset or a config, not both")
  }
  let read = try ConfigReader(bytes, path: options.config ?? "config.json").read()
  guard read.architecture.id == architecture else {
    throw .invalidRequest(option: .config, why: "is of the architecture \(words: read.architecture.id)")
  }
  return (read, Companion(kind: .config, name: "config.json", bytes: bytes))
}

/// The values of one parameter.
private func part(_ parameter: GraphParameter, _ options: InitializeOptions) -> LazyPart {
  let values: GeneratedValues
  switch parameter.initialization {
  case .constant(let value):
    values = .constant(Float(value))
  case .normal(let deviation):
    let key = NormalDeviates.key(seed: options.seed, name: parameter.role.description)
    values = .normal(NormalDeviates(key: key, deviation: deviation))
  }
  let part = LazyPart.generated(parameter.shape, values)
  guard let dtype = options.dtype, dtype != .f32 else { return part }
  return .cast(part, to: dtype, onOverflow: .refuse)
}
