// SPDX-License-Identifier: Apache-2.0
// What turns a piece of text into tokens: the third stage of a tokenizer. One file a model. Page: formats/tokenizer.md.

/// A token of a piece: its id, and how many bytes of the piece it stands for.
package struct PieceToken: Hashable, Sendable {
  /// The token's id.
  package var id: UInt32
  /// Bytes of the piece.
  package var length: UInt32
  /// How many of them no token covers: they stood within, and what they stood between was joined.
  package var leftOutWithin: UInt32

  /// In place of an id: no token covers these bytes, and none stands for the unknown.
  package static let leftOut = UInt32.max

  /// Makes a token.
  package init(id: UInt32, length: UInt32, leftOutWithin: UInt32 = 0) {
    self.id = id
    self.length = length
    self.leftOutWithin = leftOutWithin
  }
}

/// Turns pieces of text into tokens.
package protocol TokenModel: Sendable {
  /// Whether a piece may hold bytes that are no UTF-8.
  var takesAnyBytes: Bool { get }

  /// Adds the tokens of a piece.
  ///
  /// - Parameters:
  ///   - bytes: text that holds the piece.
  ///   - piece: its range, not empty.
  ///   - tokens: what the tokens are added to.
  ///   - scratch: memory that is used again from piece to piece.
  /// - Complexity: n log n in the bytes of the piece.
  func encode(
    _ bytes: [UInt8], _ piece: Range<Int>, to tokens: inout [PieceToken], scratch: inout MergeScratch
  )

  /// Whether the tokens of two neighbours are the same when they stand in one piece, whatever else is in it; asked where no
  /// pre-tokenizer cuts text.
  ///
  /// - Parameters:
  ///   - bytes: the text.
  ///   - offset: where the second character begins.
  /// - Returns: whether they are.
  func mayCut(_ bytes: [UInt8], at offset: Int) -> Bool
}

extension TokenModel {
  package func mayCut(_ bytes: [UInt8], at offset: Int) -> Bool { false }
}
