// SPDX-License-Identifier: Apache-2.0
// Which tensors have bytes of their own: a file may give one any number of other names, in a few bytes each, and what is
// computed of it is computed once.
import IngotCore

/// Tensors, each with the one whose bytes it has.
package struct DistinctTensors {
  /// For each tensor, the index of the one that is read for it: its own, or that of another name of the same bytes.
  package let owners: [Int]
  /// The tensors that are read.
  package let indexes: [Int]
  /// Canonical bytes of those.
  package let byteCount: Int

  /// Finds the tensors that are other names of one; their storages tell, whatever they are called.
  package init(_ tensors: [TensorDescriptor]) {
    let targets = Set(tensors.compactMap { $0.aliasOf.map { ExactName($0) } })
    var first: [TensorDescriptor: Int] = [:]
    owners = tensors.indices.map { index in
      guard !targets.isEmpty,
        tensors[index].aliasOf != nil || targets.contains(ExactName(tensors[index].name))
      else { return index }
      var nameless = tensors[index]
      nameless.name = ""
      nameless.aliasOf = nil
      if let owner = first[nameless] { return owner }
      first[nameless] = index
      return index
    }
    let owners = owners
    indexes = tensors.indices.filter { owners[$0] == $0 }
    byteCount = indexes.reduce(0) { $0 + tensors[$1].byteCount }
  }
}
