// SPDX-License-Identifier: Apache-2.0
// The one pass over the weights: statistics of each tensor, and of the largest histograms and outliers, families of blocks
// summed up on the way. What is held does not grow with tensors' sizes.
import IngotBytes
import IngotCore
import IngotKernels
import IngotOutput
import IngotTransforms

/// A pass over the values of a checkpoint's tensors.
struct ReportScan {
  private let tensors: [TensorDescriptor]
  private let families: [TensorFamily]
  private let distinct: DistinctTensors
  /// Tensors that get a closer look, and families that do, by index.
  private let detailed: Set<Int>
  private let detailedFamilies: Set<Int>
  /// The family of each tensor that is a member of a detailed one.
  private let familyOf: [Int: [Int]]

  /// What is found.
  struct Findings {
    var statistics: [ElementStatistics?]
    var details: [Int: ModelReport.Detail] = [:]
    var familyBins: [Int: [ValueHistogram.Bin]] = [:]
  }

  /// What is counted of tensors that are being read, stretch by stretch.
  private struct Counted {
    var histogram = ValueHistogram()
    var peaks: MatrixPeaks?
  }

  /// State of all threads.
  private struct State {
    var findings: Findings
    var counted: [Int: Counted] = [:]
    var families: [Int: ValueHistogram] = [:]
  }

  init(_ tensors: [TensorDescriptor], _ families: [TensorFamily], _ distinct: DistinctTensors, limit: Int) {
    (self.tensors, self.families, self.distinct) = (tensors, families, distinct)
    func largest(_ indexes: [Int], _ size: (Int) -> Int) -> Set<Int> {
      guard indexes.count > limit else { return Set(indexes) }
      return Set(indexes.sorted { (size($0), $1) > (size($1), $0) }.prefix(limit))
    }
    detailed = largest(distinct.indexes.filter { tensors[$0].isCountable }) { tensors[$0].byteCount }
    let several = families.indices.filter { families[$0].members.count > 1 }
    detailedFamilies = largest(several) { index in
      families[index].members.reduce(0) { $0 + tensors[$1].byteCount }
    }
    var familyOf: [Int: [Int]] = [:]
    for family in detailedFamilies {
      for member in families[family].members { familyOf[distinct.owners[member], default: []].append(family) }
    }
    self.familyOf = familyOf
  }

  /// Reads all values once.
  func run(_ digester: TensorDigester, crew: WorkCrew, progress: ProgressRelay) throws(IngotError) -> Findings
  {
    let wanted = distinct.indexes.filter { tensors[$0].isCountable }
    let state = Locked(State(findings: Findings(statistics: Array(repeating: nil, count: tensors.count))))
    try digester.pass(crew: crew).run(count: wanted.count) { (index) throws(IngotError) in
      let tensor = tensors[wanted[index]]
      return tensor.values ?? .stored(name: tensor.name, tensor.parts[0])
    } read: { (index, reading) throws(IngotError) in
      let tensor = wanted[index]
      guard detailed.contains(tensor) || familyOf[tensor] != nil else {
        return try statistics(reading, progress)
      }
      let (statistics, counted) = try count(tensor, reading, progress)
      state.withLock { state in
        guard var sum = state.counted.removeValue(forKey: tensor) else {
          state.counted[tensor] = counted
          return
        }
        sum.histogram.merge(counted.histogram)
        if let peaks = counted.peaks { sum.peaks?.merge(peaks) }
        state.counted[tensor] = sum
      }
      return statistics
    } finish: { (index, stretches, _) throws(IngotError) in
      let tensor = wanted[index]
      let statistics = stretches.reduce(into: ElementStatistics()) { $0.merge($1.total) }
      state.withLock { finish(tensor, statistics, &$0) }
    }
    return state.withLock { state in
      var findings = state.findings
      findings.familyBins = state.families.mapValues { $0.bins(atMost: ReportOptions.binCount) }
      return findings
    }
  }

  private func statistics(
    _ reading: PartPass.Reading, _ progress: ProgressRelay
  ) throws(IngotError) -> StretchStatistics {
    var statistics = StretchStatistics()
    try reading.forEachRun { (run, offset) throws(IngotError) in
      statistics.add(run, at: offset)
      progress.advance(run.bytes.count)
    }
    return statistics
  }

  private func count(
    _ tensor: Int, _ reading: PartPass.Reading, _ progress: ProgressRelay
  ) throws(IngotError) -> (StretchStatistics, Counted) {
    var statistics = StretchStatistics()
    // A stretch of bytes has no more elements than bytes.
    var counter = ValueHistogram.Counter(elementCount: reading.range.count)
    var peaks = detailed.contains(tensor) ? MatrixPeaks(tensors[tensor].shape) : nil
    try reading.forEachRun { (run, offset) throws(IngotError) in
      statistics.add(run, at: offset)
      let first = offset * 8 / run.type.bitWidth
      counter.add(run) { values, start in peaks?.add(values, from: first + start) }
      progress.advance(run.bytes.count)
    }
    return (statistics, Counted(histogram: counter.histogram, peaks: peaks))
  }

  /// Draws what was counted of a tensor, and adds it to its families.
  private func finish(_ tensor: Int, _ statistics: ElementStatistics, _ state: inout State) {
    state.findings.statistics[tensor] = statistics
    guard let counted = state.counted.removeValue(forKey: tensor) else { return }
    for family in familyOf[tensor] ?? [] {
      state.families[family, default: ValueHistogram()].merge(counted.histogram)
    }
    guard detailed.contains(tensor) else { return }
    state.findings.details[tensor] = ModelReport.Detail(counted.histogram, counted.peaks, statistics)
  }
}

extension ModelReport.Detail {
  fileprivate init(_ histogram: ValueHistogram, _ peaks: MatrixPeaks?, _ statistics: ElementStatistics) {
    bins = histogram.bins(atMost: ReportOptions.binCount)
    guard statistics.nanCount + statistics.infinityCount == 0 else { return }
    if let mean = statistics.mean, let deviation = statistics.standardDeviation, deviation > 0 {
      let distance = ReportOptions.outlierDeviations * deviation
      tails = histogram.tails(below: mean - distance, above: mean + distance)
    }
    // Largest magnitudes are F32's: beyond its range there are none.
    guard histogram.outsideCount == 0, let outliers = peaks?.outliers else { return }
    (outlierRows, outlierColumns) = (outliers.rows, outliers.columns)
  }
}

extension TensorDescriptor {
  /// Whether statistics can be taken of it.
  fileprivate var isCountable: Bool { values != nil && ElementStatistics.supports(dtype) }
}
