// SPDX-License-Identifier: Apache-2.0
// From a path to a checkpoint: a file of any format, a sharded set by its index, or a folder that holds one of them.
// Archives are ArchiveOpener's.
import IngotBytes
import IngotCore
import IngotEncodings

/// Opens checkpoints by path.
package struct CheckpointOpener: Sendable {
  private let system: any SystemCalls
  let options: ReadOptions
  let scratchFolder: String

  /// Makes an opener.
  package init(options: ReadOptions = ReadOptions(), work: WorkOptions = WorkOptions()) {
    var options = options
    options.fileName = options.fileName.map(FilePath.withoutIdleParts)
    self.options = options
    system = work.system
    scratchFolder = work.scratchFolder
  }

  /// Reads the headers of a checkpoint.
  ///
  /// - Parameter path: a file, a shard index, a folder, or an archive; `-` for standard input, which is kept in a scratch
  ///   file.
  /// - Returns: the checkpoint, its quantized tensors put together unless ``ReadOptions/isRaw``.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` (66) when there is nothing to open,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) for a folder with several checkpoints, and the readers'
  ///   errors.
  package func open(_ path: String) throws(IngotError) -> Checkpoint {
    let checkpoint =
      path == StandardInput.path ? try openStandardInput() : try open(at: indexPath(ofPrefix: path) ?? path)
    return options.isRaw ? QuantizedParts.apart(checkpoint) : try QuantizedParts.assemble(checkpoint)
  }

  private func open(at path: String) throws(IngotError) -> Checkpoint {
    switch try status(of: path).kind {
    case .folder: try openFolder(path)
    default: try openFile(path)
    }
  }

  /// Reads what comes on standard input: one file, or an archive.
  private func openStandardInput() throws(IngotError) -> Checkpoint {
    let source = try StandardInput(system: system).kept(in: scratchFolder)
    let archived = try openArchive(source)
    var checkpoint = if let archived { archived } else { try read(source) }
    // It has no name to be opened by again, nor one for an output.
    for index in checkpoint.files.indices
    where checkpoint.files[index].path == source.path && checkpoint.files[index].unnamed == nil {
      checkpoint.files[index].unnamed = source
    }
    if checkpoint.stem == WeightFileName.stem(of: source.path) { checkpoint.stem = nil }
    return checkpoint
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
      throw .notFound(error, path: path, system)
    }
  }

  private func openFile(_ path: String) throws(IngotError) -> Checkpoint {
    let source = try FileByteSource(path: path, system: system)
    if let checkpoint = try openArchive(source) { return checkpoint }
    return try read(source)
  }

  /// Reads the headers of a file that is open, and of the others that it names.
  func read(_ source: any ByteSource) throws(IngotError) -> Checkpoint {
    if ShardSetKind.isIndexName(source.path) {
      return try readSet(index(source), beside: source)
    }
    var checkpoint = try FormatRegistry.detect(source).read(source, options: options)
    if !checkpoint.isStemInside {
      checkpoint.stem = checkpoint.files.first.map { WeightFileName.stem(of: $0.path) }
    }
    if let shard = ShardName(FilePath.name(of: source.path)), shard.isOfSet {
      checkpoint.findings.append(
        Finding(
          .partOfSet, severity: .note, subject: shard.text,
          detail: "is file \(shard.number) of \(shard.count) of a set; what the others hold is not in it"))
    }
    return checkpoint
  }

  /// Whether a weight file is chosen from what stands at a path: a folder, or an archive.
  package func isChosenFrom(_ path: String) throws(IngotError) -> Bool {
    guard let status = try? system.status(at: path, followingLinks: true), status.kind == .file else {
      return true
    }
    return try weightFile(inArchive: FileByteSource(path: path, system: system)) != nil
  }

  // MARK: - Folders

  private func openFolder(_ folder: String) throws(IngotError) -> Checkpoint {
    let (choice, folder) = try weights(in: folder)
    let path = FilePath.join(folder, choice.name)
    if case .parallel(let names) = choice {
      return try readParallel(names, beside: FileByteSource(path: path, system: system))
    }
    guard case .shards(let names) = choice else { return try openFile(path) }
    return try readSet(
      ShardIndex(shards: names, path: path), beside: FileByteSource(path: path, system: system))
  }

  /// The checkpoint of a folder, and the folder that it is in: a SavedModel keeps its weights in one of its own.
  private func weights(in folder: String) throws(IngotError) -> (WeightChoice, folder: String) {
    if let wanted = options.fileName, wanted.utf8.contains(UInt8(ascii: "/")) {
      return try weights(named: wanted, below: folder)
    }
    let names = try names(in: folder)
    let variables = FilePath.join(folder, TensorFlowFileName.variablesFolder)
    if options.fileName == nil, TensorFlowFileName.graphs.contains(where: names.contains),
      (try? system.status(at: variables, followingLinks: true))?.kind == .folder
    {
      return try weights(in: variables)
    }
    if options.fileName == nil, let pipeline = pipeline(of: names, in: folder) { throw pipeline }
    let chooser = WeightChooser(names: names, folder: folder, kind: "a folder") { (name) throws(IngotError) in
      try shards(ofIndex: FileByteSource(path: FilePath.join(folder, name), system: system))
    }
    return (try chooser.choice(named: options.fileName), folder)
  }

  /// What a path below a folder names, which stays in that folder.
  private func weights(
    named path: String, below folder: String
  ) throws(IngotError) -> (WeightChoice, folder: String) {
    let place = FilePath.join(folder, path)
    guard FilePath.staysInside(path) else {
      throw .missing(path: place, why: "is not below \(folder)", hint: "name the file itself")
    }
    let inner = FilePath.folder(of: place)
    let isFolder = (try? system.status(at: inner, followingLinks: true))?.kind == .folder
    guard isFolder else { throw .missing(path: place, why: "does not exist", hint: nil) }
    let chooser = WeightChooser(names: try names(in: inner), folder: inner, kind: "a folder") { _ in nil }
    return (try chooser.choice(named: FilePath.name(of: path)), inner)
  }

  private func names(in folder: String) throws(IngotError) -> [String] {
    do throws(CallFailure) {
      return try system.names(in: folder)
    } catch {
      throw .failed(error, path: folder, purpose: .openInput)
    }
  }

  /// What is wrong with a folder that diffusers keeps a pipeline in: its weights are in folders below it; `nil` for every
  /// other folder.
  private func pipeline(of names: [String], in folder: String) -> IngotError? {
    guard names.contains("model_index.json"), !names.contains(where: Self.isWeightFile) else { return nil }
    let parts = names.filter { name in
      let path = FilePath.join(folder, name)
      guard (try? system.status(at: path, followingLinks: true))?.kind == .folder else { return false }
      return (try? system.names(in: path))?.contains(where: Self.isWeightFile) == true
    }
    guard let first = parts.first else { return nil }
    return .unsuitable(
      Location(folder),
      why:
        "is a pipeline of diffusers: its parts are in \(parts.map { "\($0)" as Evidence }.joined(separator: ", "))",
      hint: "name one of them, such as \(FilePath.join(folder, first))")
  }

  // MARK: - Shards

  /// Reads the files of a model that is cut for several processors, and joins what they hold.
  ///
  /// - Parameters:
  ///   - names: the files.
  ///   - source: the first of them; the others stand beside it, and params.json where it is not lost.
  /// - Returns: one checkpoint with whole tensors.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PT-40 or PT-41, and the reader's errors.
  func readParallel(_ names: [String], beside source: any ByteSource) throws(IngotError) -> Checkpoint {
    var parts: [Checkpoint] = []
    for name in names {
      parts.append(try PyTorchFormat().read(source.sibling(named: name), options: options))
    }
    var parameters: Metadata?
    if let file = try? source.sibling(named: "params.json"),
      UInt64(file.byteCount) <= Limit.companionBytes.value
    {
      parameters = try? JSONDocument.object(file.bytes(at: 0, count: file.byteCount))
    }
    return try ParallelShards(names: names).join(parts, parameters: parameters, path: source.path)
  }

  /// Reads the files of a set that stand beside its index, or beside its first file.
  func readSet(_ index: ShardIndex, beside source: any ByteSource) throws(IngotError) -> Checkpoint {
    var parts: [Checkpoint] = []
    for name in index.shards {
      let shard = try source.sibling(named: name)
      let format = try FormatRegistry.detect(shard)
      guard format.id == index.kind.format.id else {
        throw .unsuitable(
          Location(shard.path),
          why: "is \(words: format.title), in a set of \(words: index.kind.format.title)",
          hint: nil)
      }
      parts.append(try format.read(shard, options: options))
    }
    var set = try index.merge(
      parts, path: source.path, indexByteCount: index.isIndexed ? source.byteCount : 0)
    if index.isIndexed { set.indexName = FilePath.name(of: source.path) }
    set.stem = WeightFileName.stem(ofSet: index.shards, index: set.indexName)
    return set
  }

  private func index(_ source: any ByteSource) throws(IngotError) -> ShardIndex {
    guard UInt64(source.byteCount) <= Limit.companionBytes.value else {
      throw .limitExceeded(
        .companionBytes, at: Location(source.path), asked: UInt64(source.byteCount))
    }
    let bytes = try source.bytes(at: 0, count: source.byteCount)
    if let refusal = ForeignContent.standIn(bytes, path: source.path) { throw refusal }
    return try ShardIndex(bytes, path: source.path)
  }

  /// The shards that a file of an index's name names; `nil` when it is JSON of another kind.
  func shards(ofIndex source: any ByteSource) throws(IngotError) -> [String]? {
    guard UInt64(source.byteCount) <= Limit.companionBytes.value else { return nil }
    let bytes = try source.bytes(at: 0, count: source.byteCount)
    guard let document = try? JSONDocument.object(bytes), document["weight_map"] == nil else {
      return try index(source).shards
    }
    return nil
  }

  /// The file at a path, and of a set's index the files that it names.
  ///
  /// - Parameter path: a file, a shard index, or the prefix of a TensorFlow bundle.
  /// - Returns: the paths, those of the set in their order.
  /// - Throws: as ``open(_:)``, but for what only reading a file tells.
  package func files(of path: String) throws(IngotError) -> (file: String, shards: [String]) {
    let path = indexPath(ofPrefix: path) ?? path
    _ = try status(of: path)
    // What is wrong with an index is told by whatever reads it.
    guard ShardSetKind.isIndexName(path),
      let names = try? shards(ofIndex: FileByteSource(path: path, system: system))
    else { return (path, []) }
    return (path, names.map { FilePath.join(FilePath.folder(of: path), $0) })
  }
}
