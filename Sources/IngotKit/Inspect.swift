// SPDX-License-Identifier: Apache-2.0
// Looks into a checkpoint: headers only, unless digests or statistics are asked for.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels

/// What a look into a checkpoint found.
public struct InspectionReport: Sendable {
  /// One tensor with what was computed of it.
  public struct Tensor: Sendable {
    /// What the header says.
    public var descriptor: TensorDescriptor
    /// SHA-256 of its canonical bytes, when asked for.
    public var sha256: String?
    /// Statistics of its values, when asked for and its dtype is a real number's.
    public var statistics: ElementStatistics?
  }

  /// The path as given.
  public var path: String
  /// The checkpoint, tensors included that are not listed.
  public var checkpoint: Checkpoint
  /// The model that it is, when there is a config beside it and its names are known.
  public var model: Model?
  /// The tensors listed.
  public var tensors: [Tensor]
}

/// Options of ``inspect(_:options:progress:)``.
public struct InspectOptions: Sendable {
  /// Whether to take digests.
  public var hashes = false
  /// Whether to take statistics.
  public var statistics = false
  /// Which tensors to list.
  public var selection = TensorSelection()
  /// How to read.
  public var reading = ReadOptions()
  /// Where scratch files go.
  public var scratchFolder = defaultScratchFolder

  /// Makes options that read headers only.
  public init() {}
}

/// Looks into a checkpoint.
///
/// - Parameters:
///   - path: a file, index or folder.
///   - options: what to compute.
///   - progress: hears of bytes read.
/// - Returns: the report.
/// - Throws: the reader's errors, and ``IngotCore/IngotError/invalidRequest(option:why:)`` for a pattern that matches
///   nothing.
public func inspect(
  _ path: String, options: InspectOptions = InspectOptions(), progress: (any ProgressObserver)? = nil
) throws(IngotError) -> InspectionReport {
  let checkpoint = try CheckpointOpener(options: options.reading).open(path)
  try options.selection.check(against: checkpoint.tensors, includedBy: "<globs>")
  let listed = checkpoint.tensors.filter { options.selection.takes($0.name) }
  var report = InspectionReport(
    path: path, checkpoint: checkpoint, model: try? Model(checkpoint, path: path, config: nil),
    tensors: listed.map { InspectionReport.Tensor(descriptor: $0) })
  guard options.hashes || options.statistics else { return report }

  let digester = TensorDigester(checkpoint, scratchFolder: options.scratchFolder)
  progress?.begin("reading", byteCount: listed.reduce(0) { $0 + $1.byteCount })
  defer { progress?.end() }
  for (index, tensor) in listed.enumerated() {
    let takesStatistics = options.statistics && ElementStatistics.supports(tensor.dtype)
    var statistics = takesStatistics ? ElementStatistics() : nil
    let digest = try digester.digest(of: tensor) { part, tile in
      if part.kind == .values { statistics?.add(tile, dtype: tensor.dtype) }
      progress?.advance(tile.count)
    }
    if options.hashes { report.tensors[index].sha256 = digest }
    report.tensors[index].statistics = statistics
  }
  try digester.checkUnchanged()
  return report
}

extension ElementStatistics {
  /// Adds a tile of canonical bytes.
  mutating func add(_ tile: UnsafeRawBufferPointer, dtype: DType) {
    guard let start = tile.baseAddress, let width = dtype.byteWidth else { return }
    add(count: tile.count / width, from: start, dtype: dtype)
  }
}
