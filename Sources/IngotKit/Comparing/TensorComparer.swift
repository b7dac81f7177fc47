// SPDX-License-Identifier: Apache-2.0
// Compares tensors, or parameters seen as lazy views, of two checkpoints by name.
import IngotBytes
import IngotCore
import IngotModels

/// Two tensors by the names that they are stored under.
private struct AliasPair: Hashable {
  private let first: ExactName
  private let second: ExactName

  /// `nil` where neither is another name of a tensor.
  init?(_ first: ComparedTensor, _ second: ComparedTensor) {
    guard first.aliasOf != nil || second.aliasOf != nil else { return nil }
    self.first = ExactName(first.aliasOf ?? first.name)
    self.second = ExactName(second.aliasOf ?? second.name)
  }
}

/// Compares tensors of two checkpoints, streaming both.
final class TensorComparer {
  private let tolerance: Double?
  private let reader: TensorPairReader

  init(_ checkpoints: (Checkpoint, Checkpoint), options: DiffOptions) {
    tolerance = options.tolerance
    reader = TensorPairReader(checkpoints, work: options.work)
  }

  /// Compares what has the same name, and tells what has none of the other's.
  ///
  /// Operands may be made when they are looked at: there may be millions.
  func compare<First: RandomAccessCollection<ComparedTensor>, Second: RandomAccessCollection<ComparedTensor>>(
    _ first: First, _ second: Second, into report: DiffReport, progress: (any ProgressObserver)?
  ) throws(IngotError) -> DiffReport {
    var report = report
    var others: [ExactName: Second.Index] = [:]
    for index in second.indices { others[ExactName(second[index].name)] = index }
    var names = Set<ExactName>(minimumCapacity: first.count)
    var byteCount = 0
    for operand in first {
      names.insert(ExactName(operand.name))
      byteCount += operand.byteCount
      if others[ExactName(operand.name)] == nil { report.onlyFirst.append(operand.name) }
    }
    for operand in second where !names.contains(ExactName(operand.name)) {
      report.onlySecond.append(operand.name)
    }
    names = []
    progress?.begin("comparing", byteCount: byteCount)
    defer { progress?.end() }
    // Other names of two tensors are compared once: a file may have any number of them.
    var known: [AliasPair: DiffReport.Change?] = [:]
    for operand in first {
      guard let index = others[ExactName(operand.name)] else { continue }
      let other = second[index]
      let pair = AliasPair(operand, other)
      let found: DiffReport.Change?
      if let pair, let earlier = known[pair] {
        found = earlier
      } else {
        found = try compare(operand, other)
        if let pair { known[pair] = .some(found) }
      }
      if var change = found {
        change.name = operand.name
        report.changed.append(change)
      } else {
        report.equalCount += 1
      }
      progress?.advance(operand.byteCount)
    }
    return report
  }

  /// The change between two tensors; `nil` when they are the same.
  private func compare(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> DiffReport.Change? {
    var change = DiffReport.Change(
      name: a.name, typeNames: (a.typeName, b.typeName), shapes: (a.shape, b.shape), isWithinTolerance: false)
    guard a.shape == b.shape else { return change }
    let sameType = a.typeName == b.typeName && a.quantization == b.quantization
    if sameType, try reader.haveSameBytes(a, b) { return nil }
    guard let result = try reader.difference(a, b) else { return change }
    change.maxAbs = result.maxAbs
    change.rmsRel = result.rmsRel
    change.differingCount = result.differingCount
    if !sameType, a.dtype.isFloating, b.dtype.isFloating {
      if try reader.isSecondCast(a, b) {
        change.isCastTo = b.dtype
      } else if try reader.isFirstCast(a, b) {
        change.isCastFrom = a.dtype
      }
    }
    if let tolerance { change.isWithinTolerance = result.maxAbs <= tolerance }
    return change
  }
}
