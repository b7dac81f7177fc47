// SPDX-License-Identifier: Apache-2.0
// What cuts text into pieces, which a model looks at one by one: the second stage of a tokenizer. One file a component.
// Page: formats/tokenizer.md.

/// Cuts text into pieces.
///
/// It may also change text: Metaspace puts marks, ByteLevel a space in front.
package protocol PreTokenizer: Sendable {
  /// Cuts each piece further, and what is open as far as nothing that follows can change it.
  func split(_ text: inout PreTokenizedText)

  /// Whether nothing is ever cut.
  ///
  /// An open tail then holds what will stand there, so that it may be taken bit by bit.
  var keepsWhole: Bool { get }
}

extension PreTokenizer {
  package var keepsWhole: Bool { false }
}

/// Text, and the pieces it is cut into.
package struct PreTokenizedText: Sendable {
  /// The text.
  package internal(set) var text: NormalizedText
  /// Ranges of the text's bytes, in order and none empty.
  ///
  /// Bytes between them belong to no piece.
  package internal(set) var pieces: [Range<Int>]
  /// Where the open tail begins: bytes that nobody can cut before more of the section is there.
  ///
  /// It is the count of bytes where there is no tail, as always at a section's end.
  package internal(set) var openStart: Int
  /// Whether the first piece goes on with what a chunk before ended with, as far as nobody has cut yet.
  var goesOn: Bool
  /// Whether patterns see each byte as the letter that GPT-2 writes it with.
  package var bytesAreLetters: Bool

  /// Takes normalized text as one piece; a chunk that does not end its section as an open tail.
  package init(_ text: NormalizedText) {
    self.text = text
    let count = text.bytes.count
    pieces = text.isEnd && count > 0 ? [0..<count] : []
    openStart = text.isEnd ? count : 0
    bytesAreLetters = text.bytesAreLetters
    goesOn = !text.isStart
  }

  /// Takes the open tail out, which stays as it was before anything was cut: the section's next chunk is appended to it.
  package mutating func takeOpenTail() -> NormalizedText {
    let tail = text.splitOff(from: openStart)
    openStart = text.bytes.count
    return tail
  }
}
