// SPDX-License-Identifier: Apache-2.0
// WordPiece: the longest token that a word begins with, then the longest of what is left.
// Wu et al., "Google's Neural Machine Translation System", 2016, section 4.1; google-research/bert, tokenization.py.

/// WordPiece.
package struct WordPieceModel: TokenModel {
  /// Tokens that begin a word.
  private let beginning: TokenTable
  /// Tokens that go on with a word, without their prefix.
  private let continuing: TokenTable
  private let unknown: UInt32
  private let longestWord: Int

  /// Makes a model.
  ///
  /// - Parameters:
  ///   - tokens: all tokens.
  ///   - prefix: what those begin with that go on with a word.
  ///   - unknown: the token of a word that the others don't cover.
  ///   - longestWord: how many characters a word has at the most; a longer one is unknown.
  init(tokens: TokenTable, prefix: [UInt8], unknown: UInt32, longestWord: Int) {
    beginning = tokens
    var continuing = TokenTable()
    for id in 0..<tokens.idCount {
      guard let bytes = tokens.bytes(of: id), bytes.starts(with: prefix), bytes.count > prefix.count else {
        continue
      }
      continuing.set(id, to: bytes.dropFirst(prefix.count))
    }
    self.continuing = continuing
    self.unknown = unknown
    self.longestWord = longestWord
  }

  package var takesAnyBytes: Bool { false }

  package func encode(
    _ bytes: [UInt8], _ piece: Range<Int>, to output: inout [PieceToken], scratch: inout MergeScratch
  ) {
    let start = output.count
    let characterCount = bytes[piece].count { $0 & 0xC0 != 0x80 }
    var offset = piece.lowerBound
    while characterCount <= longestWord, offset < piece.upperBound {
      let table = offset == piece.lowerBound ? beginning : continuing
      guard let found = table.longestToken(in: bytes, offset..<piece.upperBound) else { break }
      output.append(PieceToken(id: found.id, length: UInt32(truncatingIfNeeded: found.end - offset)))
      offset = found.end
    }
    guard offset < piece.upperBound else { return }
    output.removeSubrange(start...)
    output.append(PieceToken(id: unknown, length: UInt32(truncatingIfNeeded: piece.count)))
  }
}
