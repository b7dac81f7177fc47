// SPDX-License-Identifier: Apache-2.0
// `report`: all that can be told of a checkpoint at once, as a value and as a page's bytes.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput
import IngotTransforms

extension Ingot {
  /// Tells all of a checkpoint at once: headers, model, statistics, histograms and outliers of its values, all in one pass; and
  /// where they are asked for, what differs from another, and what it computes on a text.
  ///
  /// - Parameters:
  ///   - path: a file, index or folder.
  ///   - other: another, which stands for the original: errors and divergence are measured from it.
  ///   - options: the text, and how models are opened and run.
  ///   - progress: hears of bytes and tokens.
  /// - Returns: the report.
  /// - Throws: the reader's errors, and those of ``evaluate(_:text:options:progress:)``.
  /// - Complexity: memory grows with the number of tensors, not with their sizes: histograms are held of
  ///   ``ReportOptions/detailLimit`` tensors.
  public static func report(
    _ path: String, against other: String? = nil, options: ReportOptions = ReportOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> ModelReport {
    try ReportDraft(path, against: other, options).run(progress)
  }

  /// Makes a report and writes its page, whole or not at all.
  ///
  /// - Parameters:
  ///   - path: a file, index or folder.
  ///   - other: another, which stands for the original.
  ///   - output: the page's path; `-` for standard output.
  ///   - force: whether an existing page is replaced.
  ///   - options: the text, and how models are opened and run.
  ///   - progress: hears of bytes and tokens.
  ///   - render: makes the page.
  /// - Returns: the report, and the page's bytes.
  /// - Throws: as ``report(_:against:options:progress:)``, and the errors of writing; the destination then holds what it held
  ///   before.
  package static func report(
    _ path: String, against other: String?, to output: String, force: Bool, options: ReportOptions,
    progress: (any ProgressObserver)?, render: (ModelReport) -> String
  ) throws(IngotError) -> (ModelReport, byteCount: Int) {
    let draft = try ReportDraft(path, against: other, options)
    let system = options.run.work.system
    let file =
      output == "-"
      ? nil
      : try AtomicOutput(
        path: output, isFolder: false, force: force, sources: draft.sources, system: system)
    let target: any OutputTarget = try file?.file(named: "") ?? StandardOutput(system: system)
    let report = try draft.run(progress)
    let page = Array(render(report).utf8)
    try target.write(page, at: 0)
    try file?.commit()
    return (report, page.count)
  }
}

/// A report about to be made: what headers say is known, and what is asked for is checked.
private struct ReportDraft {
  private let path: String
  private let other: String?
  private let options: ReportOptions
  private let inspection: InspectionReport
  private let otherFiles: [CheckpointFile]

  init(_ path: String, against other: String?, _ options: ReportOptions) throws(IngotError) {
    let run = options.run
    (self.path, self.other, self.options) = (path, other, options)
    guard options.text == nil || options.tokens == nil else {
      throw .invalidRequest(option: .tokens, why: "goes without a text")
    }
    let opener = CheckpointOpener(options: run.reading, work: run.work)
    let stored = try opener.open(path)
    let second = try other.map { (path) throws(IngotError) in try opener.open(path) }
    try run.reading.requireUse(
      at: [path] + [other].compactMap(\.self), by: [stored] + [second].compactMap(\.self), work: run.work)
    let checkpoint = try stored.withWholeWeights(at: path, wantsValues: true, work: run.work)
    var inspection = InspectionReport(checkpoint, path: path, work: run.work)
    if let config = run.config {
      inspection.model = try Model(checkpoint, path: path, config: config, work: run.work)
    }
    self.inspection = inspection
    otherFiles = second?.files ?? []
  }

  /// The files that are read, none of which becomes the page.
  ///
  /// Of what stands beside the weights only what has a use: a page that an earlier run put there is replaced.
  var sources: [CheckpointFile] {
    let scan = CompanionScan(of: path, inspection.checkpoint, system: options.run.work.system)
    let named = [path, other, options.text, options.tokens, options.run.config].compactMap(\.self)
    let beside = scan.entries.filter { $0.kind != .other }.map(scan.path) + scan.indexes
    return inspection.checkpoint.files + otherFiles
      + (named + beside).map { CheckpointFile(path: $0, byteCount: 0) }
  }

  func run(_ progress: (any ProgressObserver)?) throws(IngotError) -> ModelReport {
    // What is asked for can be wrong at the first look at it: that comes before the weights are read.
    let evaluation = try measured(progress)
    let difference = try compared(progress)
    let tensors = inspection.checkpoint.tensors
    let families = TensorFamily.families(of: tensors)
    let distinct = DistinctTensors(tensors)
    let findings = try scan(tensors, families, distinct, progress)
    let listing = ModelReport.Listing(
      descriptors: tensors, owners: distinct.owners, statistics: findings.statistics,
      details: findings.details)
    return ModelReport(
      inspection: inspection, tensors: listing,
      families: families.enumerated().map { index, family in
        ModelReport.Family(
          tensors: family, statistics: listing.statistics(of: family), bins: findings.familyBins[index])
      }, other: other, difference: difference,
      changes: difference.map { ReportChanges($0, of: inspection) }, text: options.text ?? options.tokens,
      evaluation: evaluation)
  }

  private func scan(
    _ tensors: [TensorDescriptor], _ families: [TensorFamily], _ distinct: DistinctTensors,
    _ progress: (any ProgressObserver)?
  ) throws(IngotError) -> ReportScan.Findings {
    let work = options.run.work
    let digester = TensorDigester(inspection.checkpoint, work: work)
    progress?.begin("reading", byteCount: distinct.byteCount)
    defer { progress?.end() }
    let findings = try ReportScan(tensors, families, distinct, limit: options.detailLimit)
      .run(digester, crew: WorkCrew(jobs: work.jobs), progress: ProgressRelay(progress))
    try digester.checkUnchanged()
    return findings
  }

  private func compared(_ progress: (any ProgressObserver)?) throws(IngotError) -> DiffReport? {
    guard let other else { return nil }
    var settings = DiffOptions()
    (settings.reading, settings.work) = (options.run.reading, options.run.work)
    return try Ingot.diff(other, path, options: settings, progress: progress)
  }

  private func measured(_ progress: (any ProgressObserver)?) throws(IngotError) -> EvaluationReport? {
    var settings = EvaluateOptions()
    (settings.against, settings.stride, settings.run) = (other, options.stride, options.run)
    if let text = options.text {
      return try Ingot.evaluate(path, text: text, options: settings, progress: progress)
    }
    return try options.tokens.map { (tokens) throws(IngotError) in
      try Ingot.evaluate(path, tokens: tokens, options: settings, progress: progress)
    }
  }
}

extension ModelReport.Listing {
  /// Statistics of a family's values.
  fileprivate func statistics(of family: TensorFamily) -> ElementStatistics? {
    let known = family.members.compactMap { statistics[owners[$0]] }
    return known.isEmpty ? nil : known.reduce(into: ElementStatistics()) { $0.merge($1) }
  }
}
