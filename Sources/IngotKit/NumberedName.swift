// SPDX-License-Identifier: Apache-2.0
// Names taken apart at their numbers, by which those of repeated blocks are told to be alike.

/// A name with its numbers taken out.
package struct NumberedName {
  /// The name, with NUL where a number stood; the name itself where it has none.
  package private(set) var text: String
  /// The numbers from left to right.
  package private(set) var numbers: [UInt32] = []

  /// Digits of a number at the most.
  private static let digitLimit = 7

  /// Words before a number that make it a layer's: `h0`, `layer_1`.
  private static let words = ["h", "layer", "layer_", "layers_", "block", "block_"].map { Array($0.utf8) }

  /// Takes out parts between dots or slashes that are numbers, those behind a layer's word, and with slashes those behind `_`.
  package init(_ name: String) {
    text = name
    guard name.utf8.contains(where: Self.isDigit), !name.utf8.contains(0) else { return }
    let bytes = Array(name.utf8)
    let hasSlashes = bytes.contains(UInt8(ascii: "/"))
    var result: [UInt8] = []
    var start = 0
    for end in 0...bytes.count {
      guard end == bytes.count || bytes[end] == UInt8(ascii: ".") || bytes[end] == UInt8(ascii: "/") else {
        continue
      }
      let part = bytes[start..<end]
      let digits = part.reversed().prefix { Self.isDigit($0) }.count
      let head = part.dropLast(digits)
      let isIndex =
        head.isEmpty || (hasSlashes && head.last == UInt8(ascii: "_"))
        || Self.words.contains { head.elementsEqual($0) }
      if isIndex, let number = Self.number(part.suffix(digits)) {
        result += head
        result.append(0)
        numbers.append(number)
      } else {
        result += part
      }
      if end < bytes.count { result.append(bytes[end]) }
      start = end + 1
    }
    if !numbers.isEmpty { text = String(decoding: result, as: UTF8.self) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// The number that digits are; `nil` for none, many, and those with zeros before them, which are other names.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
    guard (1...digitLimit).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0")
    else { return nil }
    return digits.reduce(0) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
  }
}
