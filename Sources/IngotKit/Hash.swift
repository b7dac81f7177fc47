// SPDX-License-Identifier: Apache-2.0
// Digests of whole checkpoints and manifests that hold them.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotModels
import IngotOutput
import IngotTransforms

/// The digests of a checkpoint.
public struct HashReport: Sendable {
  /// One tensor's line.
  public struct Tensor: Hashable, Sendable {
    /// The tensor's name.
    public var name: String
    /// The name of its element type: a dtype's, or a block type's.
    public var typeName: String
    /// Its dimensions.
    public var shape: Shape
    /// SHA-256 of its canonical bytes, 64 hexadecimal digits.
    public var sha256: String

    /// The line that the checkpoint's digest is taken over: `digest  DTYPE  d0,d1,…  name`.
    public var line: String { "\(sha256)  \(typeName)  \(shape)  \(name)" }
  }

  /// The path as given.
  public var path: String
  /// The tensors, sorted by the bytes of their names.
  public var tensors: [Tensor]
  /// Remarks on what was left out.
  public var findings: [Finding]

  /// SHA-256 of the tensors' lines, each ended by a line feed.
  public var model: String {
    var hash = SHA256()
    for tensor in tensors {
      let line = Array((tensor.line + "\n").utf8)
      line.withUnsafeBytes { hash.update($0) }
    }
    return hash.finishHex()
  }
}

/// Options of ``Ingot/hash(_:options:progress:)``.
public struct HashOptions: Sendable {
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()
  /// The dialect in whose names and layouts a model's parameters are hashed; `nil` hashes tensors as they are.
  public var dialect: String?
  /// The config's file; `nil` to look for it.
  public var config: String?
  /// Which head is hashed where another is stored than the config says.
  public var head = HeadTie.asIs
  /// Whether options of reading may be there for another path.
  public var isOneOfSeveral = false

  /// Makes options.
  public init() {}
}

extension Ingot {
  /// Takes the digests of a checkpoint.
  ///
  /// - Parameters:
  ///   - path: a file, index or folder.
  ///   - options: how to read.
  ///   - progress: hears of bytes read.
  /// - Returns: the digests.
  /// - Throws: the reader's errors.
  public static func hash(
    _ path: String, options: HashOptions = HashOptions(), progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> HashReport {
    let checkpoint = try CheckpointOpener(options: options.reading, work: options.work).open(path)
    if !options.isOneOfSeveral {
      try options.reading.requireUse(at: [path], by: [checkpoint], work: options.work)
    }
    try checkpoint.requireTensors(at: path)
    if let dialect = options.dialect {
      return try digests(checkpoint, path: path, as: dialect, options: options, progress: progress)
    }
    return try HashReport(of: checkpoint, path: path, work: options.work, progress: progress)
  }
}

extension HashReport {
  /// Takes the digests of a checkpoint that is open.
  init(
    of checkpoint: Checkpoint, path: String, work: WorkOptions, progress: (any ProgressObserver)? = nil
  ) throws(IngotError) {
    let digester = TensorDigester(checkpoint, work: work)
    let distinct = DistinctTensors(checkpoint.tensors)
    progress?.begin("hashing", byteCount: distinct.byteCount)
    defer { progress?.end() }
    let relay = ProgressRelay(progress)
    let digests = try digester.digests(
      of: checkpoint.tensors, distinct, crew: WorkCrew(jobs: work.jobs)
    ) { _, _, tile, _ in relay.advance(tile.count) }
    tensors = zip(checkpoint.tensors, digests).map { tensor, digest in
      Tensor(name: tensor.name, typeName: tensor.typeName, shape: tensor.shape, sha256: digest)
    }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    try digester.checkUnchanged()
    self.path = path
    findings = checkpoint.findings
  }
}

/// Takes the digests of a model's parameters as in a dialect; of weights that are packed, or have their scales in tensors of
/// their own, of the numbers that they stand for.
private func digests(
  _ stored: Checkpoint, path: String, as id: String, options: HashOptions,
  progress: (any ProgressObserver)?
) throws(IngotError) -> HashReport {
  let checkpoint = try stored.withUnpackedWeights(at: path, work: options.work)
  let model = try Model(
    checkpoint, path: path, config: options.config, head: options.head, work: options.work)
  try Model.requireStoredHead(options.head, in: [model])
  try model.requireSound()
  let draft = try DialectLayout(
    model, to: try Dialect.required(id, for: model, option: .digestDialect),
    isOnlySeen: true, dequantizes: checkpoint.tensors.count < stored.tensors.count)
  let digester = TensorDigester(checkpoint, work: options.work)
  let drafted = try draft.tensors().filter { $0.aliasOf == nil }
  progress?.begin("hashing", byteCount: drafted.reduce(0) { $0 + $1.view.byteCount })
  defer { progress?.end() }
  var tensors: [HashReport.Tensor] = []
  for tensor in drafted {
    let digest = try digester.digest(of: tensor.view.parts.map(\.part)) { progress?.advance($0.count) }
    tensors.append(
      HashReport.Tensor(
        name: tensor.name, typeName: tensor.view.dtype.rawValue, shape: tensor.view.shape, sha256: digest))
  }
  try digester.checkUnchanged()
  tensors.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  return HashReport(path: path, tensors: tensors, findings: checkpoint.findings + model.leftOutNotes())
}

extension Model {
  /// What a hash of parameters leaves out.
  fileprivate func leftOutNotes() -> [Finding] {
    let groups: [(indexes: [Int], what: String)] = [
      (recognised.buffers, "mask buffers"), (recognised.leftovers, "state of a training"),
      (
        recognised.tiedCopy.map { [$0] } ?? [],
        head == .tie ? "another head than the token embedding" : "a copy of the token embedding"
      ),
    ]
    return groups.compactMap { group in
      guard let first = group.indexes.first else { return nil }
      return Finding(
        .unused, severity: .note, subject: checkpoint.tensors[first].name,
        detail:
          "is left out\(words: group.indexes.count > 1 ? ", with \(group.indexes.count - 1) more" : ""): \(words: group.what)"
      )
    }
  }
}
