// SPDX-License-Identifier: Apache-2.0
// Pre-tokenizers that put something before pieces and then cut them: ByteLevel and Metaspace; and FixedLength.

/// ByteLevel: GPT-2's way of cutting.
///
/// The text stays bytes; the model's tokens are bytes.
struct ByteLevel: PreTokenizer {
  let addsPrefixSpace: Bool
  /// GPT-2's pattern; `nil` where others have cut the text.
  let pattern: TextPattern?

  /// openai/gpt-2, src/encoder.py.
  static let patternOfGPT2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  var keepsWhole: Bool { pattern == nil && !addsPrefixSpace }

  func split(_ text: inout PreTokenizedText) {
    if addsPrefixSpace { text.rewritePieces(prefix: [0x20]) { _ in true } }
    if let pattern { Split(pattern: pattern, behavior: .isolated).split(&text) }
    text.bytesAreLetters = true
  }
}

/// Metaspace: SentencePiece's mark for spaces, before pieces that don't begin with it, and where to cut.
struct Metaspace: PreTokenizer {
  /// Which pieces get a mark before them.
  enum Prepending: String {
    case first, never, always
  }

  let mark: [UInt8]
  let prepending: Prepending
  /// What marks look like, where text is cut before them.
  let pattern: TextPattern?

  var keepsWhole: Bool { pattern == nil }

  func split(_ text: inout PreTokenizedText) {
    let isFirst = text.text.isStart && text.text.start == 0
    text.rewritePieces(prefix: mark, space: mark) { piece in
      switch prepending {
      case .always: true
      case .first: isFirst && piece.lowerBound == 0
      case .never: false
      }
    }
    if let pattern { Split(pattern: pattern, behavior: .mergedWithNext).split(&text) }
  }
}

extension PreTokenizedText {
  /// Puts a prefix before pieces, and something in place of spaces.
  ///
  /// Done twice, it is as done once: an open tail may go through it again.
  ///
  /// - Parameters:
  ///   - prefix: what a piece begins with that has none before it yet.
  ///   - space: what stands for a space.
  ///   - isPrefixed: which pieces get the prefix.
  mutating func rewritePieces(
    prefix: [UInt8], space: [UInt8] = [0x20], _ isPrefixed: (Range<Int>) -> Bool
  ) {
    let count = text.bytes.count
    let hasTail = openStart < count
    let tail = hasTail ? [openStart..<count] : []
    var ranges: [Range<Int>] = []
    text.rewrite { rewriter in
      for (number, piece) in (pieces + tail).enumerated() {
        rewriter.keep(piece.lowerBound - rewriter.offset)
        let start = rewriter.bytes.count
        let isPiece = number > 0 || !goesOn
        let begins = rewriter.old[piece].starts(with: prefix) || rewriter.old[piece.lowerBound] == 0x20
        if isPiece, !begins, isPrefixed(piece) { rewriter.insertBefore(prefix) }
        rewriter.keep(piece.count, space: space)
        ranges.append(start..<rewriter.bytes.count)
      }
    }
    openStart = hasTail ? ranges.removeLast().lowerBound : text.bytes.count
    pieces = ranges
  }
}

extension TextRewriter {
  /// Takes bytes over, with something in place of spaces.
  fileprivate mutating func keep(_ count: Int, space: [UInt8]) {
    let end = offset + count
    guard space != [0x20] else { return keep(count) }
    while let place = old[offset..<end].firstIndex(of: 0x20) {
      keep(place - offset)
      replace(1, with: space)
    }
    keep(end - offset)
  }
}

/// FixedLength: pieces of so many characters.
struct FixedLength: PreTokenizer {
  let length: Int

  func split(_ text: inout PreTokenizedText) {
    var cut: [Range<Int>] = []
    for piece in text.pieces {
      let (whole, rest) = pieces(of: text, in: piece)
      cut += whole
      if rest < piece.upperBound { cut.append(rest..<piece.upperBound) }
    }
    let count = text.text.bytes.count
    if text.openStart < count {
      let (whole, rest) = pieces(of: text, in: text.openStart..<count)
      cut += whole
      text.openStart = rest
    }
    text.pieces = cut
    text.goesOn = false
  }

  /// The pieces that are full, and where the rest begins.
  private func pieces(of text: PreTokenizedText, in range: Range<Int>) -> ([Range<Int>], rest: Int) {
    var pieces: [Range<Int>] = []
    var start = range.lowerBound
    var place = start
    var count = 0
    while place < range.upperBound {
      place = text.bytesAreLetters ? place + 1 : text.text.bytes.characterRange(at: place).upperBound
      count += 1
      if count == length {
        pieces.append(start..<place)
        (start, count) = (place, 0)
      }
    }
    return (pieces, start)
  }
}
