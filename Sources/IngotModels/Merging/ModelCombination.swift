// SPDX-License-Identifier: Apache-2.0
// Weighted sums of checkpoints, and of their differences from a base: tensor by tensor of one name and shape, in float64.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotFormats
import IngotOutput
import IngotTransforms

/// A combination of checkpoints.
package struct ModelCombination {
  /// A checkpoint with what it is multiplied by.
  package typealias Term = (model: MergeModel, weight: Double)

  private let terms: [Term]
  private let base: MergeModel?
  private let work: WorkOptions

  /// Prepares a combination.
  ///
  /// - Parameters:
  ///   - terms: at least one.
  ///   - base: what differences are taken from, and added to; `nil` for a plain sum, in the order of the first term.
  ///   - work: how the work is done.
  package init(_ terms: [Term], from base: MergeModel?, work: WorkOptions) {
    (self.terms, self.base, self.work) = (terms, base, work)
  }

  /// Makes the sum.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for tensors that differ in name, shape or kind.
  package func merged() throws(IngotError) -> MergedSource {
    guard let reference = base ?? terms.first?.model else { throw .internal("a sum of nothing") }
    var source = MergedSource(reference.checkpoint)
    var operands: [Operand] = []
    for (number, term) in terms.enumerated() {
      let isReference = base == nil && number == 0
      operands.append(
        try Operand(
          term.model, of: reference,
          tensors: isReference ? reference.checkpoint.tensors : source.addFiles(of: term.model.checkpoint)))
      guard !isReference else { continue }
      source.losses += ModelDifferences(term.model, from: reference, system: work.system).losses
      source.findings += term.model.checkpoint.findings.filter { $0.kind != .leftOut }
    }
    var changedCount = 0
    for index in reference.checkpoint.tensors.indices {
      if !operands.allSatisfy({ $0.sharesStorage(index) }) { source.separate(index) }
      if try add(index, operands, of: reference, to: &source) { changedCount += 1 }
    }
    for (term, operand) in zip(terms, operands) {
      source.note(
        MergedSource.Input(
          path: operand.model.path, weight: term.weight, tensorCount: changedCount, prefix: nil))
    }
    return source
  }

  /// Adds up one tensor; `false` for one that is the same in all and stays.
  private func add(
    _ index: Int, _ operands: [Operand], of reference: MergeModel, to source: inout MergedSource
  ) throws(IngotError) -> Bool {
    let tensor = reference.checkpoint.tensors[index]
    guard tensor.dtype.isFloating || tensor.isQuantized else {
      for operand in operands { try operand.requireSame(index, work: work) }
      return false
    }
    try reference.requireReal(index)
    for operand in operands { try operand.model.requireReal(operand.indexes[index]) }
    let parts = zip(terms, operands).map { term, operand in
      WeightedSum.Term(operand.part(index), times: term.weight)
    }
    let origin = base.map { _ in LazyPart.stored(name: tensor.name, tensor.parts[0]) }
    source.set(
      index,
      .summed(WeightedSum(parts, from: origin, path: operands.last?.model.path ?? reference.path)),
      .summed(count: operands.count + (base == nil ? 0 : 1)))
    return true
  }

  /// One of the checkpoints beside the reference, its tensors in the reference's order.
  private struct Operand {
    let model: MergeModel
    let reference: MergeModel
    /// For each tensor of the reference the index of this one's.
    let indexes: [Int]
    /// The tensors as they are read.
    private let tensors: [TensorDescriptor]

    init(
      _ model: MergeModel, of reference: MergeModel, tensors: [TensorDescriptor]
    ) throws(IngotError) {
      var names: [ExactName: Int] = [:]
      for (index, tensor) in tensors.enumerated() { names[ExactName(tensor.name)] = index }
      var indexes: [Int] = []
      for tensor in reference.checkpoint.tensors {
        guard let index = names.removeValue(forKey: ExactName(tensor.name)) else {
          throw .unsuitable(
            Location(model.path, tensor: tensor.name), why: "is not there, and is in \(reference.path)",
            hint: nil)
        }
        guard tensors[index].shape == tensor.shape else {
          throw .unsuitable(
            Location(model.path, tensor: tensor.name),
            why: "is \(tensors[index].shape), and \(tensor.shape) in \(reference.path)", hint: nil)
        }
        indexes.append(index)
      }
      if let other = names.values.min() {
        throw .unsuitable(
          Location(model.path, tensor: tensors[other].name), why: "is not in \(reference.path)", hint: nil)
      }
      (self.model, self.reference, self.indexes, self.tensors) = (model, reference, indexes, tensors)
    }

    func part(_ index: Int) -> LazyPart {
      let tensor = tensors[indexes[index]]
      return .stored(name: tensor.name, tensor.parts[0])
    }

    /// Whether a tensor is another name of the same tensor as in the reference.
    func sharesStorage(_ index: Int) -> Bool {
      guard let target = reference.checkpoint.tensors[index].aliasOf else { return true }
      let own = tensors[indexes[index]]
      return own.aliasOf.map { ExactName($0) == ExactName(target) } ?? false
    }

    /// Throws unless a tensor that is no real number is the same in both.
    func requireSame(_ index: Int, work: WorkOptions) throws(IngotError) {
      let (a, b) = (reference.checkpoint.tensors[index], model.checkpoint.tensors[indexes[index]])
      let reader = TensorPairReader((reference.checkpoint, model.checkpoint), work: work)
      guard a.typeName == b.typeName, try reader.haveSameBytes(ComparedTensor(a), ComparedTensor(b)) else {
        throw .unsuitable(
          Location(model.path, tensor: b.name),
          why:
            "is \(words: b.typeName) and not the same in \(reference.path): only real numbers are added up",
          hint: nil)
      }
    }
  }
}

/// How the files beside two checkpoints differ.
private struct ModelDifferences {
  /// A line for each file of the other that is not the reference's.
  let losses: [Loss]

  init(_ other: MergeModel, from reference: MergeModel, system: any SystemCalls) {
    let mine = Self.files(of: other, system: system)
    let theirs = Self.files(of: reference, system: system)
    losses = mine.compactMap { name, bytes in
      let path = FilePath.join(other.path, name)
      guard let twin = theirs.first(where: { $0.name == name }) else {
        return .leftBehind(path, "stays: \(reference.path) has none, and its files go along")
      }
      guard twin.bytes != bytes else { return nil }
      return .leftBehind(path, Self.difference(bytes, twin.bytes, name, reference))
    }
  }

  /// Known companions, inside or beside a checkpoint.
  private static func files(of model: MergeModel, system: any SystemCalls) -> [(name: String, bytes: [UInt8])]
  {
    let inside = model.checkpoint.companions.map { (name: $0.name, bytes: $0.bytes) }
    guard inside.isEmpty else { return inside }
    let scan = CompanionScan(of: model.path, model.checkpoint, system: system)
    return scan.entries.filter { CompanionName.isKnown($0.name) }.compactMap { entry in
      (try? Companions.read(scan.path(of: entry), system: system)).map { (entry.name, $0) }
    }
  }

  /// What differs: of two documents the keys.
  private static func difference(
    _ bytes: [UInt8], _ other: [UInt8], _ name: String, _ reference: MergeModel
  ) -> Evidence {
    guard name.hasSuffix(".json"), let a = try? JSONDocument.object(bytes),
      let b = try? JSONDocument.object(other)
    else { return "stays: it differs from that of \(reference.path), which goes along" }
    let keys =
      a.entries.filter { b[$0.key] != $0.value }.map(\.key)
      + b.entries.map(\.key).filter { a[$0] == nil }
    guard !keys.isEmpty else {
      return "stays: it says the same as that of \(reference.path), which goes along"
    }
    return
      "stays: it differs in \(keys.prefix(6).joined(separator: ", ")) from that of \(reference.path), which goes along"
  }
}
