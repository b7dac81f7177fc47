// SPDX-License-Identifier: Apache-2.0
// Which of a model's weights are NaN or infinite: all of them are read. Whole models are scanned when they are validated,
// and when a run's outputs are not finite, so that what is wrong gets its name; a run that is sound pays nothing.
import IngotBytes
import IngotCore
import IngotKernels
import IngotOutput
import IngotTransforms

extension Model {
  /// A finding for each tensor that holds NaN or infinities, in its values or in its scales.
  ///
  /// - Parameter progress: hears of bytes read.
  /// - Returns: findings in the order of the tensors.
  /// - Throws: read errors.
  package func nonFiniteFindings(
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> [Finding] {
    try checkpoint.nonFiniteFindings(of: Array(checkpoint.tensors.indices), work: work, progress: progress)
  }
}

extension Checkpoint {
  /// A finding for each of some tensors that holds NaN or infinities, in its values or in its scales.
  ///
  /// - Parameters:
  ///   - indexes: the tensors that are read.
  ///   - work: how they are read.
  ///   - progress: hears of bytes read.
  /// - Returns: findings in the order of the indexes.
  /// - Throws: read errors.
  package func nonFiniteFindings(
    of indexes: [Int], work: WorkOptions, progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> [Finding] {
    let digester = TensorDigester(self, work: work)
    let tensors = indexes.map { self.tensors[$0] }
    let distinct = DistinctTensors(tensors)
    progress?.begin("reading", byteCount: distinct.byteCount)
    defer { progress?.end() }
    var details: [Int: [Evidence]] = [:]
    for index in distinct.indexes {
      let found = try digester.nonFiniteDetails(of: tensors[index], progress)
      if !found.isEmpty { details[index] = found }
    }
    try digester.checkUnchanged()
    return zip(tensors, distinct.owners).flatMap { tensor, owner in
      (details[owner] ?? []).map {
        Finding(.nonFinite, severity: .error, subject: tensor.name, detail: $0)
      }
    }
  }
}

extension TensorDigester {
  /// What of a tensor is not finite, a text for each part with such values.
  fileprivate func nonFiniteDetails(
    of tensor: TensorDescriptor, _ progress: (any ProgressObserver)?
  ) throws(IngotError) -> [Evidence] {
    var details: [Evidence] = []
    for part in tensor.floatingParts {
      var scan = NonFiniteScan()
      try forEachRun(of: part.values) { (run) throws(IngotError) in
        scan.add(run)
        progress?.advance(run.bytes.count)
      }
      if let detail = scan.detail(of: part.values.shape, part.what) { details.append(detail) }
    }
    return details
  }
}

extension TensorDescriptor {
  /// What of a tensor may be NaN: its values, those that its blocks or packed codes stand for, and its scales.
  fileprivate var floatingParts: [(values: LazyPart, what: String)] {
    if blockType != nil || packing != nil { return dequantizedValues.map { [($0, "")] } ?? [] }
    return parts.filter { $0.dtype.isFloating && ElementStatistics.supports($0.dtype) }.map {
      (.stored(name: name, $0), $0.kind.placeInTensor)
    }
  }
}

extension PartKind {
  /// Where of a tensor a value of such a part is, in words.
  fileprivate var placeInTensor: String {
    switch self {
    case .values, .zeroPoints: ""
    case .scales: " among its scales"
    case .keptRows: " among its kept rows"
    }
  }
}

/// Counts values that are not finite, and remembers the first.
private struct NonFiniteScan {
  private var statistics = ElementStatistics()
  private var first: Int?

  mutating func add(_ run: Elements) {
    let start = statistics.count
    let before = statistics.nanCount + statistics.infinityCount
    statistics.add(run)
    if first == nil, statistics.nanCount + statistics.infinityCount > before {
      first = run.firstNonFinite.map { start + $0 }
    }
  }

  /// `has 4 NaN, first at [17]`; `nil` when all is finite.
  func detail(of shape: Shape, _ what: String) -> Evidence? {
    guard let first else { return nil }
    var index = first
    var indexes: [Int] = []
    for count in shape.dimensions.reversed() where count > 0 {
      indexes.insert(index % count, at: 0)
      index /= count
    }
    let place = indexes.map(String.init).joined(separator: ", ")
    let kinds = [
      statistics.nanCount > 0 ? "\(statistics.nanCount) NaN" : nil,
      statistics.infinityCount > 0 ? "\(statistics.infinityCount) infinite" : nil,
    ].compactMap(\.self).joined(separator: " and ")
    return "has \(words: kinds + what), first at [\(words: place)]"
  }
}
