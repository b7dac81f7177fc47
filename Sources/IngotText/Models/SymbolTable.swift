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
