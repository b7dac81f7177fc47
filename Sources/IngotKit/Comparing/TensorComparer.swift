// SPDX-License-Identifier: Apache-2.0
// Compares tensors, or parameters seen as lazy views, of two checkpoints by name.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
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

/// What tensors have in common that may be equal.
private struct Kind: Hashable {
  let typeName: String
  let shape: Shape
  let quantization: Quantization?

  init(_ tensor: ComparedTensor) {
    (typeName, shape, quantization) = (tensor.typeName, tensor.shape, tensor.quantization)
  }
}

/// What equal tensors have in common.
private struct Content: Hashable {
  let kind: Kind
  let digest: String
}

/// Compares tensors of two checkpoints, streaming both.
final class TensorComparer {
  private let tolerance: Double?
  private let selection: TensorSelection
  private let reader: TensorPairReader
  private let unopened: [String]

  init(_ checkpoints: (Checkpoint, Checkpoint), options: DiffOptions) {
    tolerance = options.tolerance
    selection = options.selection
    reader = TensorPairReader(checkpoints, work: options.work)
    unopened = checkpoints.0.unopened + checkpoints.1.unopened
  }

  /// Compares what has the same name, and tells what has none of the other's.
  ///
  /// Operands may be made when they are looked at: there may be millions.
  func compare<First: RandomAccessCollection<ComparedTensor>, Second: RandomAccessCollection<ComparedTensor>>(
    _ first: First, _ second: Second, into report: DiffReport, progress: (any ProgressObserver)?
  ) throws(IngotError) -> DiffReport {
    var report = report
    try selection.check(
      names: [first.lazy.map(\.name), second.lazy.map(\.name)].joined(), unopened: unopened)
    var others: [ExactName: Second.Index] = [:]
    for index in second.indices where selection.takes(second[index].name) {
      others[ExactName(second[index].name)] = index
    }
    var names = Set<ExactName>(minimumCapacity: first.count)
    var byteCount = 0
    var alone = (first: [First.Index](), second: [Second.Index]())
    for index in first.indices {
      let operand = first[index]
      guard selection.takes(operand.name) else { continue }
      names.insert(ExactName(operand.name))
      byteCount += operand.byteCount
      if others[ExactName(operand.name)] == nil { alone.first.append(index) }
    }
    for index in second.indices {
      let name = second[index].name
      if selection.takes(name), !names.contains(ExactName(name)) { alone.second.append(index) }
    }
    report.onlyFirst = alone.first.map { first[$0].name }
    report.onlySecond = alone.second.map { second[$0].name }
    names = []
    progress?.begin("comparing", byteCount: byteCount)
    defer { progress?.end() }
    // Other names of two tensors are compared once: a file may have any number of them.
    var known: [AliasPair: DiffReport.Change?] = [:]
    for operand in first where selection.takes(operand.name) {
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
    report.renamed = try renamings(
      of: alone.first.lazy.map { first[$0] }, among: alone.second.lazy.map { second[$0] })
    return report
  }

  /// Tensors that are the same under names of their own, each paired with the first that is left.
  ///
  /// Only what has the other side's type and shape is read.
  private func renamings(
    of first: some Sequence<ComparedTensor>, among second: some Sequence<ComparedTensor>
  ) throws(IngotError) -> [DiffReport.Renaming] {
    let kinds = (Set(first.map(Kind.init)), Set(second.map(Kind.init)))
    let common = kinds.0.intersection(kinds.1)
    guard !common.isEmpty else { return [] }
    var names: [Content: [String]] = [:]
    for tensor in second where common.contains(Kind(tensor)) {
      let content = Content(kind: Kind(tensor), digest: try reader.digest(of: tensor, isSecond: true))
      names[content, default: []].append(tensor.name)
    }
    // The first of several is taken first.
    for content in names.keys { names[content]?.reverse() }
    var renamings: [DiffReport.Renaming] = []
    for tensor in first where common.contains(Kind(tensor)) {
      let content = Content(kind: Kind(tensor), digest: try reader.digest(of: tensor, isSecond: false))
      guard let name = names[content]?.popLast() else { continue }
      renamings.append(.init(first: tensor.name, second: name))
    }
    return renamings
  }

  /// The change between two tensors; `nil` when they are the same.
  private func compare(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> DiffReport.Change? {
    var change = DiffReport.Change(
      name: a.name, typeNames: (a.typeName, b.typeName), shapes: (a.shape, b.shape), isWithinTolerance: false)
    guard a.shape == b.shape else { return change }
    let sameType = a.typeName == b.typeName && a.quantization == b.quantization
    if sameType, try reader.haveSameBytes(a, b) { return nil }
    guard let result = try reader.difference(a, b) else {
      if sameType { change.firstPlace = try reader.firstUnlikeElement(a, b).map(a.shape.place) }
      return change
    }
    change.maxAbs = result.maxAbs
    change.rmsRel = result.rmsRel
    change.signalToNoise = result.signalToNoise
    change.differingCount = result.differingCount
    change.firstPlace = result.firstIndex.map(a.shape.place)
    change.largestPlace = result.largestIndex.map(a.shape.place)
    if sameType, result.differingCount == 0 {
      // Zeros of two signs, or NaNs of two kinds: the same numbers, and still not the same.
      change.firstPlace = try reader.firstUnlikeElement(a, b).map(a.shape.place)
      change.largestPlace = change.firstPlace
    }
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

extension Shape {
  /// The index, a number a dimension, of the element at a position in C order.
  fileprivate func place(_ position: Int) -> [Int] {
    var place: [Int] = []
    var rest = position
    for size in dimensions.reversed() {
      place.append(rest % max(1, size))
      rest /= max(1, size)
    }
    return place.reversed()
  }
}
