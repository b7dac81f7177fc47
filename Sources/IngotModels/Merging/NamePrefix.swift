// SPDX-License-Identifier: Apache-2.0
// One model's names with and without the prefix of the class that it was loaded as: `transformer.h.0…` and `h.0…`. A
// prefix is found where it is the only one that gives every tensor its place.
import IngotCore

/// A prefix that the names of one checkpoint have and those of another lack.
package struct NamePrefix: Hashable, Sendable {
  /// What is taken away from the adapter's names; empty for nothing.
  package let dropped: String
  /// What is put before them; empty for nothing.
  package let added: String

  /// The base's name of a module or tensor.
  fileprivate func apply(to name: String) -> String? {
    guard name.hasPrefix(dropped) else { return nil }
    return added + name.dropFirst(dropped.count)
  }
}

/// Finds the base's tensors by the adapter's names.
struct BaseNames {
  private let indexes: [ExactName: Int]
  /// The prefix that differs, where one does.
  let prefix: NamePrefix?

  /// Looks for the way in which all names are the base's.
  ///
  /// - Parameters:
  ///   - base: the base's tensors.
  ///   - wanted: names of tensors that are to be found.
  init(_ base: [TensorDescriptor], wanted: [String]) {
    var indexes: [ExactName: Int] = [:]
    for (index, tensor) in base.enumerated() { indexes[ExactName(tensor.name)] = index }
    self.indexes = indexes
    let missing = wanted.filter { indexes[ExactName($0)] == nil }
    guard let first = missing.first else {
      prefix = nil
      return
    }
    let fitting = Self.candidates(for: first, among: base).filter { candidate in
      missing.allSatisfy { name in candidate.apply(to: name).map { indexes[ExactName($0)] != nil } ?? false }
    }
    prefix = fitting.count == 1 ? fitting.first : nil
  }

  /// The index of the base's tensor of a name; `nil` when there is none.
  func index(of name: String) -> Int? {
    indexes[ExactName(name)] ?? prefix?.apply(to: name).flatMap { indexes[ExactName($0)] }
  }

  /// The prefixes that make a name one of the base's.
  private static func candidates(for name: String, among base: [TensorDescriptor]) -> Set<NamePrefix> {
    var found = Set<NamePrefix>()
    let ends = name.unicodeScalars.indices.filter { name.unicodeScalars[$0] == "." }.map {
      name.unicodeScalars.index(after: $0)
    }
    let shorter = Dictionary(
      ends.map { (ExactName(String(name[$0...])), String(name[..<$0])) },
      uniquingKeysWith: { first, _ in first })
    for tensor in base {
      if let dropped = shorter[ExactName(tensor.name)] {
        found.insert(NamePrefix(dropped: dropped, added: ""))
      }
      if tensor.name.hasSuffix("." + name) {
        found.insert(NamePrefix(dropped: "", added: String(tensor.name.dropLast(name.count))))
      }
    }
    return found
  }
}
