// SPDX-License-Identifier: Apache-2.0
// Tensors of repeated blocks as one: alike but for the numbers in their names.
import IngotCore

/// Tensors of one type and shape whose names are alike but for numbers: the same weight of every block, or of every expert.
public struct TensorFamily: Sendable {
  /// What the names have in common, with the least and the largest of each number that differs: `h.{0…11}.ln_1.weight`.
  public var name: String
  /// Indexes of its tensors, by their numbers.
  public var members: [Int]

  /// Sorts tensors into families.
  ///
  /// - Parameter tensors: the tensors.
  /// - Returns: the families, in the order of their first tensors.
  static func families(of tensors: [TensorDescriptor]) -> [TensorFamily] {
    var places: [Key: Int] = [:]
    var families: [(key: Key, members: [(numbers: [UInt32], index: Int)])] = []
    for (index, tensor) in tensors.enumerated() {
      let name = NumberedName(tensor.name)
      let key = Key(text: ExactName(name.text), numberCount: name.numbers.count, type: tensor.type)
      if let place = places[key] {
        families[place].members.append((name.numbers, index))
      } else {
        places[key] = families.count
        families.append((key, [(name.numbers, index)]))
      }
    }
    return families.map { key, members in
      guard members.count > 1 else {
        return TensorFamily(name: tensors[members[0].index].name, members: members.map(\.index))
      }
      let sorted = members.sorted {
        $0.numbers == $1.numbers ? $0.index < $1.index : $0.numbers.lexicographicallyPrecedes($1.numbers)
      }
      return TensorFamily(
        name: name(key.text.text, sorted.map(\.numbers)), members: sorted.map(\.index))
    }
  }

  /// The name of several: a range where numbers differ.
  private static func name(_ text: String, _ numbers: [[UInt32]]) -> String {
    let pieces = text.split(separator: "\0", omittingEmptySubsequences: false)
    var name = String(pieces.first ?? "")
    for (place, piece) in pieces.dropFirst().enumerated() {
      let values = numbers.map { $0.indices.contains(place) ? $0[place] : 0 }
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      name += (low == high ? String(low) : "{\(low)…\(high)}") + piece
    }
    return name
  }

  /// What the tensors of a family have in common.
  private struct Key: Hashable {
    var text: ExactName
    var numberCount: Int
    var type: TensorType
  }
}
