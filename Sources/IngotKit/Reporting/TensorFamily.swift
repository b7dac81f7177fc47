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
    var families: [(key: Key, members: [(numbers: [Int], index: Int)])] = []
    for (index, tensor) in tensors.enumerated() {
      let name = NumberedName(tensor.name)
      let key = Key(pieces: name.pieces, type: tensor.type)
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
        name: name(key.pieces.map(\.text), sorted.map(\.numbers)), members: sorted.map(\.index))
    }
  }

  /// The name of several: a range where numbers differ.
  private static func name(_ pieces: [String], _ numbers: [[Int]]) -> String {
    var name = pieces.first ?? ""
    for (place, piece) in pieces.dropFirst().enumerated() {
      let values = numbers.map { $0.indices.contains(place) ? $0[place] : 0 }
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      name += (low == high ? String(low) : "{\(low)…\(high)}") + piece
    }
    return name
  }

  /// What the tensors of a family have in common.
  private struct Key: Hashable {
    var pieces: [ExactName]
    var type: TensorType
  }
}

/// A name taken apart at its numbers: parts between dots and slashes that are digits, behind a word for a layer at the most.
private struct NumberedName {
  /// What stands before, between and behind the numbers.
  private(set) var pieces: [ExactName] = []
  private(set) var numbers: [Int] = []

  /// Words before a number that make it a layer's: `h0`, `layer_0`.
  private static let words = ["", "h", "layer_", "layers_", "layer", "block_", "block"].map { Array($0.utf8) }
  /// Digits of a number, and numbers of a name, at the most.
  private static let (digitLimit, numberLimit) = (7, 4)

  init(_ name: String) {
    var pending: [UInt8] = []
    var part: [UInt8] = []
    func close(_ part: [UInt8]) {
      let digits = part.reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
      let word = Array(part.dropLast(digits))
      let text = part.suffix(digits)
      // Another spelling of the same number is another name.
      let isPlain = text.count == 1 || text.first != UInt8(ascii: "0")
      if (1...Self.digitLimit).contains(digits), isPlain, numbers.count < Self.numberLimit,
        Self.words.contains(word), let number = Int(String(decoding: text, as: UTF8.self))
      {
        pieces.append(ExactName(String(decoding: pending + word, as: UTF8.self)))
        numbers.append(number)
        pending = []
      } else {
        pending += part
      }
    }
    for byte in name.utf8 {
      guard byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") else {
        part.append(byte)
        continue
      }
      close(part)
      part = []
      pending.append(byte)
    }
    close(part)
    pieces.append(ExactName(String(decoding: pending, as: UTF8.self)))
  }
}
