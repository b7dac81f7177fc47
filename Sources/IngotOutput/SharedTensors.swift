// SPDX-License-Identifier: Apache-2.0
// What an output says of tensors that share stored bytes in its source and are each written in full.
import IngotCore

/// Tensors of a source, with what they share.
package struct SharedTensors {
  private let tensors: [TensorDescriptor]
  private let owners: [Int: Int]

  /// Finds what shares stored bytes.
  package init(_ tensors: [TensorDescriptor]) {
    self.tensors = tensors
    owners = SharedStorage(tensors).owners
  }

  /// The losses of an output that has bytes more than once which the source has once.
  ///
  /// - Parameters:
  ///   - written: the tensors that it has, or that its own are made of.
  ///   - tied: of them those that it has as other names of others.
  /// - Returns: a loss for each that another of them has the bytes of in the source, in the source's order.
  package func losses(writing written: Set<Int>, tied: Set<Int> = []) -> [Loss] {
    guard !owners.isEmpty || tensors.contains(where: { $0.aliasOf != nil }) else { return [] }
    let names = Set(written.map { ExactName(tensors[$0].name) })
    return written.subtracting(tied).sorted().compactMap { index in
      let name = tensors[index].name
      if let target = tensors[index].aliasOf {
        return names.contains(ExactName(target)) ? .copied(name, of: target) : nil
      }
      guard let owner = owners[index], written.contains(owner) else { return nil }
      return .copied(name, ofView: tensors[owner].name)
    }
  }
}

extension Loss {
  /// A tensor is stored though another that has its bytes is too.
  package static func copied(_ tensor: String, of target: String) -> Loss {
    Loss(.alias, tensor: tensor, detail: "shares its bytes with \(target), and is stored in full")
  }

  /// The same where both are differing views of the bytes.
  fileprivate static func copied(_ tensor: String, ofView target: String) -> Loss {
    Loss(
      .alias, tensor: tensor,
      detail: "shares its bytes with \(target) as another view of them, and is stored in full")
  }
}
