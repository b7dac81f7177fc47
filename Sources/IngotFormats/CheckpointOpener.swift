// SPDX-License-Identifier: Apache-2.0
// From a path to a checkpoint: a file of any format, a sharded set by its index, or a folder that holds one of them.
// Archives are ArchiveOpener's.
import IngotBytes
import IngotCore

/// Opens checkpoints by path.
public struct CheckpointOpener: Sendable {
  private let system: any SystemCalls
  let options: ReadOptions

  /// Makes an opener.
  public init(options: ReadOptions = ReadOptions(), system: any SystemCalls = LiveSystem()) {
    self.options = options
    self.system = system
  }

  /// Reads the headers of a checkpoint.
  ///
  /// - Parameter path: a file, a shard index, a folder, or an archive.
  /// - Returns: the checkpoint, its quantized tensors put together unless ``ReadOptions/isRaw``.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` (66) when there is nothing to open,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) for a folder with several checkpoints, and the readers'
  ///   errors.
  public func open(_ path: String) throws(IngotError) -> Checkpoint {
    let path = indexPath(ofPrefix: path) ?? path
    let status = try status(of: path)
    let checkpoint =
      switch status.kind {
      case .folder: try openFolder(path)
      default: try openFile(path)
      }
    return options.isRaw ? checkpoint : try QuantizedParts.assemble(checkpoint)
  }

  /// The index of the TensorFlow bundle that a path is the prefix of, as TensorFlow calls it, or a data file of.
  private func indexPath(ofPrefix path: String) -> String? {
    if let index = TensorFlowFileName.index(ofShard: FilePath.name(of: path)) {
      return FilePath.join(FilePath.folder(of: path), index)
    }
    guard (try? system.status(at: path, followingLinks: true)) == nil else { return nil }
    let index = path + TensorFlowFileName.indexSuffix
    let status = try? system.status(at: index, followingLinks: true)
    return status?.kind == .file ? index : nil
  }

  /// What stands at a path; a missing one is an error that names what looks alike.
  private func status(of path: String) throws(IngotError) -> FileStatus {
    do throws(CallFailure) {
      return try system.status(at: path, followingLinks: true)
    } catch {
      guard error.errorNumber == Process.ErrorNumber.notFound else {
        throw .failed(error, path: path, purpose: .openInput)
      }
      throw .missing(path: path, why: "does not exist", hint: similarNames(to: path))
    }
  }

  /// The entry of the same folder whose name is nearest to a missing one's.
  private func similarNames(to path: String) -> Evidence? {
    let folder = FilePath.folder(of: path)
    guard let names = try? system.names(in: folder) else { return "there is no folder \(folder)" }
    return NearestText.match(FilePath.name(of: path), among: names.prefix(1000))
      .map { "\(folder) holds \($0)" }
  }

  private func openFile(_ path: String) throws(IngotError) -> Checkpoint {
    let source = try FileByteSource(path: path, system: system)
    if let checkpoint = try openArchive(source) { return checkpoint }
    return try read(source)
  }

  /// Reads the headers of a file that is open, and of the others that it names.
  func read(_ source: any ByteSource) throws(IngotError) -> Checkpoint {
    if let kind = ShardSetKind.all.first(where: { $0.isIndex(source.path) }) {
      return try readSet(index: source, of: kind)
    }
    return try FormatRegistry.detect(source).read(source, options: options)
  }

  // MARK: - Folders

  private func openFolder(_ folder: String) throws(IngotError) -> Checkpoint {
    try openFile(weightPath(in: folder))
  }

  private func weightPath(in folder: String) throws(IngotError) -> String {
    let names: [String]
    do throws(CallFailure) {
      names = try system.names(in: folder)
    } catch {
      throw .failed(error, path: folder, purpose: .openInput)
    }
    return FilePath.join(folder, try weightFile(among: names, in: folder))
  }

  /// The one weight file of a folder: the named one, an index, the file that has an index's name without it, or the
  /// only one there is.
  func weightFile(among names: [String], in folder: String) throws(IngotError) -> String {
    if let name = options.fileName {
      guard names.contains(name) else {
        throw .missing(path: FilePath.join(folder, name), why: "does not exist", hint: nil)
      }
      return name
    }
    let known = ShardSetKind.all.flatMap { [$0.indexFileName, $0.weightFileName] }
    if let name = known.first(where: names.contains) { return name }
    let candidates = names.filter { Self.isWeightFile($0) && !GGUFSplit.isLaterPart($0) }
    guard let first = candidates.first else {
      throw .missing(
        path: folder, why: "holds no weight file",
        hint: "looked for \(words: known.joined(separator: ", ")), and files of a known format")
    }
    guard candidates.count == 1 else {
      throw .unsuitable(
        Location(folder), why: "holds several weight files: \(candidates.joined(separator: ", "))",
        hint: "--from NAME chooses one")
    }
    return first
  }

  // MARK: - Shards

  private func readSet(index source: any ByteSource, of kind: ShardSetKind) throws(IngotError) -> Checkpoint {
    let path = source.path
    let index = try readIndex(source, of: kind)
    var parts: [Checkpoint] = []
    for shard in index.shards {
      parts.append(try kind.format.read(source.sibling(named: shard), options: options))
    }
    return try index.merge(parts, path: path, indexByteCount: source.byteCount)
  }

  private func readIndex(
    _ source: any ByteSource, of kind: ShardSetKind
  ) throws(IngotError) -> ShardIndex {
    guard UInt64(source.byteCount) <= Limit.companionBytes.value else {
      throw .limitExceeded(
        .companionBytes, at: Location(source.path), asked: UInt64(source.byteCount))
    }
    return try ShardIndex(
      source.bytes(at: 0, count: source.byteCount), of: kind, path: source.path)
  }

  /// Opens the weight files of a checkpoint without reading them.
  ///
  /// - Parameter path: a file, a shard index, a folder, or an archive.
  /// - Returns: the files, of a set in shard order.
  /// - Throws: as ``open(_:)``, but for what only reading a file tells.
  public func weightFiles(of path: String) throws(IngotError) -> [any ByteSource] {
    let file = try status(of: path).kind == .folder ? weightPath(in: path) : path
    var source: any ByteSource = try FileByteSource(path: file, system: system)
    if let archived = try weightFile(inArchive: source) { source = archived.file }
    guard let kind = ShardSetKind.all.first(where: { $0.isIndex(source.path) }) else { return [source] }
    let index = try readIndex(source, of: kind)
    var files: [any ByteSource] = []
    for shard in index.shards { files.append(try source.sibling(named: shard)) }
    return files
  }
}
