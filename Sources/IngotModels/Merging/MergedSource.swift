// SPDX-License-Identifier: Apache-2.0
// What a merge makes of several checkpoints: one with the first one's tensors and the files of all, and for those tensors
// that become others what they are made of.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotOutput
import IngotTransforms

/// What a tensor becomes.
package struct MergedValues: Sendable {
  /// The values, in float64 unless they are stored so.
  package let part: LazyPart
  /// What was done, in order.
  package let notes: [Provenance]
}

/// A checkpoint with tensors that are made of those of several.
package struct MergedSource: Sendable {
  /// One of the checkpoints that went into it.
  package struct Input: Sendable {
    /// Its path.
    package let path: String
    /// What its values were multiplied by.
    package let weight: Double
    /// Tensors of the base that it changed.
    package let tensorCount: Int
    /// The prefix in which its names and the base's differ.
    package let prefix: NamePrefix?
  }

  /// The base's tensors, with the files of all.
  package private(set) var checkpoint: Checkpoint
  /// What tensors become, by index.
  package private(set) var values: [Int: MergedValues] = [:]
  /// What went in.
  package private(set) var inputs: [Input] = []
  /// What is not kept.
  package var losses: [Loss] = []
  /// Remarks.
  package var findings: [Finding] = []
  /// Bytes of values that are kept in memory as long as the work goes on.
  package private(set) var heldByteCount = 0

  /// Starts with a base, whose tensors stay as they are.
  package init(_ base: Checkpoint) { checkpoint = base }

  /// Adds a checkpoint's files; returns its tensors as they are read from here on.
  mutating func addFiles(of other: Checkpoint) -> [TensorDescriptor] {
    let first = checkpoint.files.count
    checkpoint.files += other.files
    checkpoint.indexByteCount += other.indexByteCount
    return other.tensors.map { $0.movingFiles(by: first) }
  }

  /// The tensor whose storage one shares, or itself.
  func canonical(_ index: Int, _ names: [ExactName: Int]) -> Int {
    guard let target = checkpoint.tensors[index].aliasOf else { return index }
    return names[ExactName(target)] ?? index
  }

  /// The values of a tensor as they are so far.
  func part(of index: Int) -> LazyPart {
    let tensor = checkpoint.tensors[index]
    return values[index]?.part ?? .stored(name: tensor.name, tensor.parts[0])
  }

  /// Says what a tensor becomes.
  mutating func set(_ index: Int, _ part: LazyPart, _ note: Provenance) {
    values[index] = MergedValues(part: part, notes: (values[index]?.notes ?? []) + [note])
  }

  /// Says that a tensor is another name of none.
  mutating func separate(_ index: Int) { checkpoint.tensors[index].aliasOf = nil }

  /// Notes what went in.
  mutating func note(_ input: Input, heldByteCount: Int = 0) {
    inputs.append(input)
    self.heldByteCount += heldByteCount
  }

  /// Gives other names of tensors what those become.
  package mutating func followAliases() {
    var names: [ExactName: Int] = [:]
    for (index, tensor) in checkpoint.tensors.enumerated() { names[ExactName(tensor.name)] = index }
    for (index, tensor) in checkpoint.tensors.enumerated() where tensor.aliasOf != nil && values[index] == nil
    {
      if let made = values[canonical(index, names)] { values[index] = made }
    }
  }
}

extension TensorDescriptor {
  /// Whether its numbers can be computed with in float64.
  var isRealWeight: Bool {
    !isQuantized && dtype.isFloating && ElementConversion(from: dtype, to: .f64) != nil
      && ElementConversion(from: .f64, to: dtype) != nil
  }
}
