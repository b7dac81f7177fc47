// SPDX-License-Identifier: Apache-2.0
// Takes text apart into added tokens and what stands between them, chunk by chunk, as huggingface/tokenizers does with a whole
// text (AddedVocabulary::find_matches): from left to right, of tokens that begin at one place the longest.

/// Finds added tokens in text.
struct AddedTokenFinder: Sendable {
  /// A part of a text.
  enum Part: Hashable, Sendable {
    /// Bytes between tokens.
    case text(Range<Int>)
    /// A token, with the white space that it takes.
    case token(AddedToken, Range<Int>)
  }

  private let tokens: [AddedToken]
  private let matches: LongestMatches
  private let takesSpaceBefore: Bool

  /// Looks for tokens by their texts; `nil` where there are none.
  ///
  /// - Parameters:
  ///   - tokens: the tokens.
  ///   - texts: what each of them looks like in the text.
  init?(_ tokens: [AddedToken], texts: [[UInt8]]) {
    let pairs = zip(tokens, texts).filter { !$1.isEmpty }
    guard !pairs.isEmpty else { return nil }
    self.tokens = pairs.map(\.0)
    matches = LongestMatches(pairs.map(\.1))
    takesSpaceBefore = self.tokens.contains(where: \.takesSpaceBefore)
  }

  /// The parts of a chunk, as far as what follows can't change them.
  ///
  /// - Parameters:
  ///   - bytes: the chunk; the one after it begins behind what is settled.
  ///   - last: the character before it, if there is one.
  ///   - isEnd: whether the text ends with it.
  /// - Returns: the parts in order, and where the rest begins.
  func parts(
    of bytes: [UInt8], behind last: UInt32?, isEnd: Bool
  ) -> (parts: [Part], settled: Int) {
    /// Before here it is known which tokens begin.
    let limit = isEnd ? bytes.count : max(0, bytes.count - matches.longest)
    var parts: [Part] = []
    var settled = 0
    var behindMatch = 0
    for match in matches.matchesFromEnd(in: bytes).reversed() {
      guard match.range.lowerBound >= behindMatch else { continue }
      guard match.range.lowerBound < limit || isEnd else { break }
      let token = tokens[match.index]
      if !isEnd, token.isSingleWord || token.takesSpaceBehind,
        bytes.count - bytes.spaceEnd(from: match.range.upperBound) < max(4, matches.longest)
      {
        // Whether it is a word alone, where its space ends, and what begins within it, is not known yet.
        let start =
          token.takesSpaceBefore
          ? bytes.spaceStart(before: match.range.lowerBound, from: settled) : match.range.lowerBound
        if settled < start { parts.append(.text(settled..<start)) }
        return (parts, max(settled, start))
      }
      behindMatch = match.range.upperBound
      guard !token.isSingleWord || isAlone(match.range, in: bytes, behind: last) else { continue }
      var range = match.range
      if token.takesSpaceBefore {
        let start = max(bytes.spaceStart(before: range.lowerBound, from: 0), settled)
        range = min(start, range.upperBound)..<range.upperBound
      }
      if token.takesSpaceBehind { range = range.lowerBound..<bytes.spaceEnd(from: range.upperBound) }
      if settled < range.lowerBound { parts.append(.text(settled..<range.lowerBound)) }
      parts.append(.token(token, range))
      settled = range.upperBound
    }
    var end = max(limit, behindMatch)
    if !isEnd {
      while end > settled, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      if takesSpaceBefore { end = bytes.spaceStart(before: end, from: min(settled, end)) }
    }
    if settled < end { parts.append(.text(settled..<end)) }
    return (parts, max(settled, end))
  }

  private func isAlone(_ range: Range<Int>, in bytes: [UInt8], behind last: UInt32?) -> Bool {
    let before = range.lowerBound > 0 ? bytes.character(before: range.lowerBound).value : last
    if let before, TextClass.isWord(before) { return false }
    guard range.upperBound < bytes.count else { return true }
    return !TextClass.isWord(UTF8Scalar(bytes, at: range.upperBound, end: bytes.count).value)
  }
}

extension [UInt8] {
  /// The character that ends at an offset above 0.
  func character(before offset: Int) -> UTF8Scalar {
    var start = offset - 1
    while start > 0, offset - start < 4, self[start] & 0xC0 == 0x80 { start -= 1 }
    return UTF8Scalar(self, at: start, end: offset)
  }

  /// Where the white space begins that ends at an offset.
  func spaceStart(before offset: Int, from first: Int) -> Int {
    var start = offset
    while start > first {
      let character = character(before: start)
      guard TextClass.isSpace(character.value), start - character.length >= first else { break }
      start -= character.length
    }
    return start
  }

  /// Where the white space ends that begins at an offset.
  func spaceEnd(from offset: Int) -> Int {
    var end = offset
    while end < count {
      let character = UTF8Scalar(self, at: end, end: count)
      guard TextClass.isSpace(character.value) else { break }
      end += character.length
    }
    return end
  }
}
