// SPDX-License-Identifier: Apache-2.0
// Classes of characters that added tokens' flags ask for: Rust's regular expressions `\w` and `\s`.

/// Classes of characters.
enum TextClass {
  /// White space: `\s`.
  static func isSpace(_ codePoint: UInt32) -> Bool {
    codePoint < 0x80
      ? codePoint == 0x20 || (0x09...0x0D).contains(codePoint) : ScalarSet.whiteSpace.contains(codePoint)
  }

  /// Part of a word: `\w`.
  static func isWord(_ codePoint: UInt32) -> Bool { ScalarSet.word.contains(codePoint) }
}
