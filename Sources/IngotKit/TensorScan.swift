// SPDX-License-Identifier: Apache-2.0
// A look at the values of a checkpoint's tensors on many threads: digests, statistics, histograms.
import IngotBytes
import IngotCore
import IngotKernels
import IngotOutput
import IngotTransforms

/// A look at tensors' values on many threads.
struct TensorScan {
  struct Result: Sendable {
    var sha256: String?
    var statistics: ElementStatistics?
    var histogram: UniformHistogram?
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
      if takingStatistics, !tensors[index].isQuantized {
        gathered[index].add(Elements(tile, part.elementType), at: offset)
      }
      progress.advance(tile.count)
    }
    // Digests are of what is stored, statistics of what that stands for: those of quantized tensors take a pass of their own.
    let ofQuantized = takingStatistics ? try statistics { $0.isQuantized } : []
    return tensors.indices.map { index in
      let tensor = tensors[index]
      guard !tensor.isQuantized else {
        return Result(
          sha256: digests[index], statistics: takingStatistics ? ofQuantized[index].statistics : nil)
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
    try forEachStretch(where: isWanted) { _ in
      StretchStatistics()
    } add: { (statistics, run, offset) in
      statistics.add(run, at: offset)
    } finish: { index, stretches in
      gathered[index].statistics = stretches.reduce(into: ElementStatistics()) { $0.merge($1.total) }
    }
    let values = gathered.values
    return distinct.owners.map { values[$0] }
  }

  /// Counts values by where they are in the range that statistics have found.
  func addHistograms(to results: inout [Result]) throws(IngotError) {
    let ranges = results.map { result in
      result.statistics.flatMap { statistics in
        statistics.min.flatMap { low in statistics.max.map { low...$0 } }
      }
    }
    let gathered = IndexedResults<UniformHistogram?>(count: tensors.count, initial: nil)
    try forEachStretch { index in
      ranges[index].map { UniformHistogram(over: $0) }
    } add: { (histogram, run, _) in
      histogram?.add(run)
    } finish: { index, stretches in
      guard var whole = stretches.first ?? nil else { return }
      for stretch in stretches.dropFirst() { if let stretch { whole.merge(stretch) } }
      gathered[index] = whole
    }
    let values = gathered.values
    for (index, owner) in distinct.owners.enumerated() { results[index].histogram = values[owner] }
  }

  /// Goes over the values of tensors, cut into stretches.
  private func forEachStretch<Finding>(
    where isWanted: (TensorDescriptor) -> Bool = { _ in true },
    begin: (Int) -> Finding, add: (inout Finding, Elements, _ offset: Int) -> Void,
    finish: (Int, [Finding]) -> Void
  ) throws(IngotError) {
    let wanted = distinct.indexes.filter { index in
      let tensor = tensors[index]
      return isWanted(tensor) && ElementStatistics.supports(tensor.dtype) && tensor.values != nil
    }
    try digester.pass(crew: crew).run(count: wanted.count) { (index) throws(IngotError) in
      let tensor = tensors[wanted[index]]
      return tensor.values ?? .stored(name: tensor.name, tensor.parts[0])
    } read: { (index, reading) throws(IngotError) in
      var finding = begin(wanted[index])
      try reading.forEachRun { (run, offset) throws(IngotError) in
        add(&finding, run, offset)
        progress.advance(run.bytes.count)
      }
      return finding
    } finish: { (index, stretches, _) throws(IngotError) in
      finish(wanted[index], stretches)
    }
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
