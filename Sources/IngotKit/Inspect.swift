// SPDX-License-Identifier: Apache-2.0
// Looks into a checkpoint: headers only, unless digests or statistics are asked for.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotTransforms

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

  /// Tensors with what was computed of them, made when they are looked at: there may be millions.
  public struct Listing: RandomAccessCollection, Sendable {
    /// What the headers say.
    fileprivate let descriptors: [TensorDescriptor]
    /// What was computed, of each or of none.
    fileprivate var results: [TensorScan.Result] = []

    /// The first position.
    public var startIndex: Int { 0 }
    /// The position behind the last tensor.
    public var endIndex: Int { descriptors.count }

    /// One tensor.
    public subscript(position: Int) -> Tensor {
      let result = results.isEmpty ? TensorScan.Result() : results[position]
      return Tensor(
        descriptor: descriptors[position], sha256: result.sha256, statistics: result.statistics)
    }
  }

  /// The path as given.
  public var path: String
  /// The checkpoint, tensors included that are not listed.
  public var checkpoint: Checkpoint
  /// The model that it is, when there is a config beside it and its names are known.
  package var model: Model?
  /// The tensors listed.
  public fileprivate(set) var tensors: Listing
  /// Remarks on the checkpoint, and on a config that says otherwise than its tensors.
  public var findings: [Finding] { checkpoint.findings + (model?.conflictFindings ?? []) }

  /// What headers alone say.
  package init(
    _ checkpoint: Checkpoint, path: String, selection: TensorSelection = TensorSelection(),
    work: WorkOptions = WorkOptions()
  ) {
    var checkpoint = checkpoint
    model = readModel(of: &checkpoint, at: path, work)
    self.path = path
    self.checkpoint = checkpoint
    let isWhole = checkpoint.tensors.allSatisfy { selection.takes($0.name) }
    tensors = Listing(
      descriptors: isWhole ? checkpoint.tensors : checkpoint.tensors.filter { selection.takes($0.name) })
  }
}

extension Model {
  /// A note when the headers of the weights are not those of the config's model.
  fileprivate var conflictFindings: [Finding] {
    let errors = recognised.structuralFindings(checkpoint.tensors).filter {
      [.missing, .unexpected, .wrongShape, .configConflict, .graph].contains($0.kind) && $0.severity == .error
    }
    guard let first = errors.first else { return [] }
    let more: Evidence = errors.count > 1 ? "; \(remedy: .validate(more: errors.count - 1))" : ""
    return [
      Finding(
        .configConflict, severity: .note, subject: FilePath.name(of: recognised.configuration.path),
        detail: "and the weights disagree: \(first.subject) \(first.detail)\(more)")
    ]
  }
}

/// Options of ``Ingot/inspect(_:options:progress:)``.
public struct InspectOptions: Sendable {
  /// Whether to take digests.
  public var hashes = false
  /// Whether to take statistics.
  public var statistics = false
  /// Which tensors to list.
  public var selection = TensorSelection()
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options that read headers only.
  public init() {}
}

extension Ingot {
  /// Looks into a checkpoint.
  ///
  /// - Parameters:
  ///   - path: a file, index or folder.
  ///   - options: what to compute.
  ///   - progress: hears of bytes read.
  /// - Returns: the report.
  /// - Throws: the reader's errors, and ``IngotCore/IngotError/invalidRequest(option:why:)`` for a pattern that matches
  ///   nothing.
  public static func inspect(
    _ path: String, options: InspectOptions = InspectOptions(), progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> InspectionReport {
    var reading = options.reading
    reading.selection = options.selection
    var checkpoint = try CheckpointOpener(options: reading, work: options.work).open(path)
    try options.reading.requireUse(at: [path], by: [checkpoint], work: options.work)
    if !reading.isRaw {
      checkpoint = try checkpoint.withWholeWeights(
        at: path, wantsValues: options.statistics, work: options.work)
    }
    try options.selection.check(against: checkpoint, includedBy: .names)
    var report = InspectionReport(checkpoint, path: path, selection: options.selection, work: options.work)
    let listed = report.tensors.descriptors
    guard options.hashes || options.statistics else { return report }

    let digester = TensorDigester(checkpoint, work: options.work)
    let distinct = DistinctTensors(listed)
    progress?.begin("reading", byteCount: distinct.byteCount)
    defer { progress?.end() }
    let scan = TensorScan(
      listed, distinct, digester, crew: WorkCrew(jobs: options.work.jobs), ProgressRelay(progress))
    report.tensors.results =
      options.hashes ? try scan.hashed(takingStatistics: options.statistics) : try scan.statistics()
    try digester.checkUnchanged()
    return report
  }
}

/// The model that a checkpoint is; `nil`, with a remark where its config can't be read, when it is none that is known.
private func readModel(of checkpoint: inout Checkpoint, at path: String, _ work: WorkOptions) -> Model? {
  do throws(IngotError) {
    return try Model(checkpoint, path: path, config: nil, work: work)
  } catch {
    if case .malformed(_, let location, let found, let expected) = error, error.isUnreadableConfig {
      checkpoint.findings.append(
        Finding(
          .unreadableConfig, severity: .note, subject: FilePath.name(of: location.file),
          detail: "can't be read: byte \(location.offset ?? 0): \(found), expected \(expected)"))
    } else if case .unsuitable(let location, let why, _)? = Model.standInForConfig(
      of: checkpoint, at: path, work.system)
    {
      checkpoint.findings.append(
        Finding(
          .unreadableConfig, severity: .note, subject: FilePath.name(of: location.file), detail: why))
    }
    return nil
  }
}

/// A look at tensors' values on many threads.
private struct TensorScan {
  struct Result: Sendable {
    var sha256: String?
    var statistics: ElementStatistics?
  }

  private let tensors: [TensorDescriptor]
  private let distinct: DistinctTensors
  private let digester: TensorDigester
  private let crew: WorkCrew
  private let progress: ProgressRelay

  init(
    _ tensors: [TensorDescriptor], _ distinct: DistinctTensors, _ digester: TensorDigester, crew: WorkCrew,
    _ progress: ProgressRelay
  ) {
    self.tensors = tensors
    self.distinct = distinct
    self.digester = digester
    self.crew = crew
    self.progress = progress
  }

  /// Digests, and statistics when wanted.
  func hashed(takingStatistics: Bool) throws(IngotError) -> [Result] {
    let gathered = IndexedResults(count: takingStatistics ? tensors.count : 0, initial: StretchStatistics())
    let digests = try digester.digests(of: tensors, distinct, crew: crew) { index, part, tile, offset in
      if takingStatistics, part.kind == .values {
        gathered[index].add(Elements(tile, part.elementType), at: offset)
      }
      progress.advance(tile.count)
    }
    // Digests are of blocks, statistics of what they stand for: those take a pass of their own.
    let ofBlocks = takingStatistics ? try statistics { $0.blockType != nil || $0.packing != nil } : []
    return tensors.indices.map { index in
      let tensor = tensors[index]
      guard tensor.blockType == nil, tensor.packing == nil else {
        return Result(sha256: digests[index], statistics: takingStatistics ? ofBlocks[index].statistics : nil)
      }
      let wanted = takingStatistics && ElementStatistics.supports(tensor.dtype)
      return Result(sha256: digests[index], statistics: wanted ? gathered[distinct.owners[index]].total : nil)
    }
  }

  /// Statistics alone, for which tensors are cut into stretches.
  func statistics(
    where isWanted: (TensorDescriptor) -> Bool = { _ in true }
  ) throws(IngotError) -> [Result] {
    let gathered = IndexedResults(count: tensors.count, initial: Result())
    let wanted = distinct.indexes.filter { index in
      let tensor = tensors[index]
      return isWanted(tensor) && ElementStatistics.supports(tensor.dtype) && tensor.values != nil
    }
    try digester.pass(crew: crew).run(count: wanted.count) { (index) throws(IngotError) in
      let tensor = tensors[wanted[index]]
      return tensor.values ?? .stored(name: tensor.name, tensor.parts[0])
    } read: { (index, reading) throws(IngotError) in
      var statistics = StretchStatistics()
      try reading.forEachRun { (run, offset) throws(IngotError) in
        statistics.add(run, at: offset)
        progress.advance(run.bytes.count)
      }
      return statistics
    } finish: { (index, stretches, _) throws(IngotError) in
      gathered[wanted[index]].statistics = stretches.reduce(into: ElementStatistics()) { $0.merge($1.total) }
    }
    let values = gathered.values
    return distinct.owners.map { values[$0] }
  }
}

/// Statistics of a tensor, summed stretch by stretch, so that they are the same whoever reads which.
struct StretchStatistics {
  private var finished = ElementStatistics()
  private var current = ElementStatistics()
  private var stretch = 0

  var total: ElementStatistics {
    var total = finished
    total.merge(current)
    return total
  }

  mutating func add(_ run: Elements, at offset: Int) {
    if offset / PartPass.stretchByteCount != stretch {
      finished.merge(current)
      current = ElementStatistics()
      stretch = offset / PartPass.stretchByteCount
    }
    current.add(run)
  }
}
