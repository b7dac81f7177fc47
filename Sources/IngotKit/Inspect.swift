// SPDX-License-Identifier: Apache-2.0
// Looks into a checkpoint: headers only, unless digests, statistics or histograms are asked for.
import IngotBytes
import IngotCore
import IngotFormats
import IngotModels
import IngotOutput
import IngotTransforms

/// The order in which tensors are listed.
public enum ListingOrder: String, CaseIterable, Hashable, Sendable {
  /// The checkpoint's own.
  case stored
  /// By size in bytes, the largest first.
  case size
  /// By the bytes of the names.
  case name
}

/// Options of ``Ingot/inspect(_:options:progress:)``.
public struct InspectOptions: Sendable {
  /// Whether to take digests.
  public var hashes = false
  /// Whether to take statistics.
  public var statistics = false
  /// Whether to count values by where they are in the range of their tensor, which reads each a second time.
  public var histograms = false
  /// Whether to list tensors only that have values that are not finite, for which statistics are taken.
  public var onlyNonFinite = false
  /// The order of the list.
  public var order = ListingOrder.stored
  /// Which tensors to list.
  public var selection = TensorSelection()
  /// What the patterns of the selection are called where the caller gave them.
  package var includedBy = RequestOption.include
  /// Whether patterns, and options of reading, may be there for another path.
  public var isOneOfSeveral = false
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
    let wantsValues = options.statistics || options.histograms || options.onlyNonFinite
    var checkpoint = try CheckpointOpener(options: reading, work: options.work).open(path)
    if !options.isOneOfSeveral {
      try options.reading.requireUse(at: [path], by: [checkpoint], work: options.work)
    }
    if !reading.isRaw {
      checkpoint = try checkpoint.withWholeWeights(
        at: path, wantsValues: wantsValues, work: options.work)
    }
    if !options.isOneOfSeveral {
      try options.selection.check(against: checkpoint, includedBy: options.includedBy)
    }
    var report = InspectionReport(checkpoint, path: path, selection: options.selection, work: options.work)
    if options.order != .stored { report.sort(options.order) }
    let listed = report.tensors.descriptors
    guard options.hashes || wantsValues else { return report }

    let digester = TensorDigester(checkpoint, work: options.work)
    let distinct = DistinctTensors(listed)
    progress?.begin("reading", byteCount: distinct.byteCount * (options.histograms ? 2 : 1))
    defer { progress?.end() }
    let scan = TensorScan(
      listed, distinct, digester, crew: WorkCrew(jobs: options.work.jobs), ProgressRelay(progress))
    var results = options.hashes ? try scan.hashed(takingStatistics: wantsValues) : try scan.statistics()
    if options.histograms { try scan.addHistograms(to: &results) }
    try digester.checkUnchanged()
    let tensors = report.tensors.with(results)
    report.tensors = tensors
    if options.onlyNonFinite {
      report.tensors = tensors.picked(
        results.indices.filter { results[$0].statistics.map { !$0.isFinite } ?? false })
      report.unjudgedCount = results.count { $0.statistics == nil }
    }
    return report
  }
}
