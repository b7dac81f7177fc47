// SPDX-License-Identifier: Apache-2.0
// `write`: tensors in memory become a checkpoint of any format.
import IngotBytes
import IngotCore
import IngotFormats
import IngotOutput
import IngotTransforms

/// Options of ``Ingot/write(_:to:options:progress:)``.
public struct WriteOptions: Sendable {
  /// Metadata of the checkpoint.
  public var metadata = Metadata()
  /// Files that travel along, such as `config.json`: beside the weights in a folder, or inside a file that has a place for
  /// them.
  public var companions: [Companion] = []
  /// The format's id; `nil` to let the output's extension tell.
  public var format: String?
  /// The most bytes of tensors in one file, with which the output is a folder; `nil` for one file.
  public var shardByteLimit: Int?
  /// Whether to replace an existing output.
  public var force = false
  /// Whether to compress, where the format can.
  public var compresses = false
  /// Whether dtypes that the format has no name for become integers of as many bits.
  public var keepsUnknownBits = false
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes the default options.
  public init() {}
}

/// What was written.
public struct WriteReport: Sendable {
  /// The output's path.
  public var output: String
  /// Its format.
  public var format: String
  /// Bytes of all files.
  public var byteCount: Int
  /// What is not kept.
  public var losses: [Loss]
}

extension Ingot {
  /// Writes tensors as a checkpoint.
  ///
  /// - Parameters:
  ///   - tensors: what is written, in this order where the format has one.
  ///   - output: path of the output: a file, or a folder (ends in `/`); `-` for standard output.
  ///   - options: format and metadata.
  ///   - progress: hears of every byte.
  /// - Returns: what was written, and all that is not kept.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for what the format has no place for, two
  ///   tensors of one name among it, and the writer's errors; the destination then holds what it held before.
  public static func write(
    _ tensors: [Tensor], to output: String, options: WriteOptions = WriteOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> WriteReport {
    let system = options.work.system
    let destination = try OutputDestination(
      output, format: options.format, isSharded: options.shardByteLimit != nil, system)
    if options.compresses { try destination.require(.compressing, for: .compresses) }
    if options.keepsUnknownBits { try destination.require(.keepingUnknownBits, for: .keepsUnknownBits) }
    var builder = OutputBuilder(metadata: options.metadata)
    builder.companions = options.companions
    var keys = Set<ExactName>()
    for entry in options.metadata.entries where !keys.insert(ExactName(entry.key)).inserted {
      throw .unrepresentable(
        tensor: nil, target: destination.formatID, why: "the metadata has \(entry.key) twice", hint: nil)
    }
    var names = Set<ExactName>()
    for tensor in tensors {
      guard names.insert(ExactName(tensor.name)).inserted else {
        throw .unrepresentable(
          tensor: tensor.name, target: destination.formatID, why: "there are two of this name", hint: nil)
      }
      builder.add(
        PlannedTensor(name: tensor.name, TensorType(dtype: tensor.dtype, shape: tensor.shape)),
        [.literal(tensor.dtype, tensor.shape, tensor.bytes)])
    }
    builder.configure {
      $0.shardByteLimit = options.shardByteLimit
      $0.compresses = options.compresses
      $0.keepsUnknownBits = options.keepsUnknownBits
    }
    let planned = try builder.planned(for: destination)
    let writer = PlanWriter(planned, files: SourceFiles([]), work: options.work)
    let result = try destination.write(
      writer, force: options.force, sources: [], system: system, progress: progress)
    return WriteReport(
      output: output, format: destination.formatID, byteCount: result.byteCount, losses: planned.losses)
  }
}
