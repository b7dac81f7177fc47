// SPDX-License-Identifier: Apache-2.0
// The symbols that a piece begins as, before any are joined: one for each byte, or one for each character.

/// The symbol of each character, by its code point; bytes count as such where a model works on bytes.
struct SymbolTable: Sendable {
  /// What stands for a character that has no symbol.
  static let none = UInt32.max

  /// By code points below 256.
  private var first: [UInt32] = Array(repeating: Self.none, count: 256)
  private var others: [UInt32: UInt32] = [:]

  /// Symbols of characters, or none.
  subscript(codePoint: UInt32) -> UInt32 {
    get { codePoint < 256 ? first[Int(codePoint)] : others[codePoint, default: Self.none] }
    set {
      if codePoint < 256 { first[Int(codePoint)] = newValue } else { others[codePoint] = newValue }
    }
  }

  /// How many of the first 256 have a symbol.
  var byteCount: Int { first.count { $0 != Self.none } }
}

/// A character of valid UTF-8.
struct Character8 {
  /// Its code point.
  var codePoint: UInt32
  /// How many bytes it has.
  var length: Int

  /// Reads the character that begins at an offset; a byte that is no UTF-8 is a character of its own.
  init(_ bytes: [UInt8], at offset: Int, before end: Int) {
    let lead = bytes[offset]
    let length = lead.sequenceLength
    guard length > 1, offset + length <= end else {
      (codePoint, self.length) = (UInt32(lead), 1)
      return
    }
    var code = UInt32(lead) & (0x7F >> UInt32(length))
    for place in offset + 1..<offset + length { code = code << 6 | UInt32(bytes[place] & 0x3F) }
    (codePoint, self.length) = (code, length)
  }

  /// The character that a text is, if it is one.
  init?(only bytes: some Collection<UInt8>) {
    guard let first = bytes.first, bytes.count == first.sequenceLength,
      first < 0x80 || first.sequenceLength > 1
    else { return nil }
    self.init(Array(bytes), at: 0, before: bytes.count)
  }
}
