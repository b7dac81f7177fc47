// SPDX-License-Identifier: Apache-2.0
// Text on its way through a tokenizer's normalizers: UTF-8, and for each byte the bytes of the original that it stands for.
// Origins follow huggingface/tokenizers, tokenizer/normalizer.rs, but count bytes throughout.

/// UTF-8 text as normalizers left it, and which bytes of the original each of its bytes stands for.
///
/// It is a section of a text (what stands between two added tokens), or a chunk of a section that comes as a stream.
package struct NormalizedText: Sendable {
  /// The text, in UTF-8.
  package internal(set) var bytes: [UInt8]
  /// Whether what cuts the text sees each byte as the letter that GPT-2 writes it with: ByteLevel was here.
  package internal(set) var bytesAreLetters = false
  /// Whether the section begins here: no chunk of it came before.
  package var isStart: Bool
  /// Whether the section ends here: no chunk of it follows.
  package var isEnd: Bool
  /// The offset of the section's or chunk's first byte in the whole text.
  package private(set) var start: Int
  /// Whether ``origin(of:)`` has to answer behind a change.
  ///
  /// Where ids alone are asked for, it goes faster without.
  package let tracksOrigins: Bool
  /// Bytes of the original for each byte; `nil` while nothing was changed, or where nobody asks.
  private(set) var origins: [Range<Int>]?

  /// Takes an original text.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8. Bytes that are not are kept as they are, each as a character of no class.
  ///   - start: the offset of its first byte in the whole text.
  ///   - isStart: whether the section begins with it.
  ///   - isEnd: whether the section ends with it.
  ///   - tracksOrigins: whether ``origin(of:)`` will be asked.
  package init(
    _ bytes: [UInt8], at start: Int = 0, isStart: Bool = true, isEnd: Bool = true, tracksOrigins: Bool = true
  ) {
    self.bytes = bytes
    self.start = start
    self.isStart = isStart
    self.isEnd = isEnd
    self.tracksOrigins = tracksOrigins
  }

  /// The bytes of the original, counted from the whole text's start, that a range of the normalized bytes stands for.
  ///
  /// Whole characters, from where the first byte's begins to where the last byte's ends. An empty range has an empty
  /// origin. Without ``tracksOrigins``, and behind a change, the range itself.
  package func origin(of range: Range<Int>) -> Range<Int> {
    guard let origins else {
      guard !range.isEmpty else { return start + range.lowerBound..<start + range.lowerBound }
      let first = bytes.characterRange(at: range.lowerBound)
      return start + first.lowerBound..<start + bytes.characterRange(at: range.upperBound - 1).upperBound
    }
    let range = range.clamped(to: 0..<origins.count)
    guard !range.isEmpty else {
      let place = range.lowerBound < origins.count ? origins[range.lowerBound].lowerBound : originEnd
      return place..<place
    }
    let first = origins[range.lowerBound].lowerBound
    return first..<max(first, origins[range.upperBound - 1].upperBound)
  }

  private var originEnd: Int { origins?.last?.upperBound ?? start }

  /// Puts other bytes in place of all, by edits from the first byte to the last.
  ///
  /// - Parameter edit: takes the old text through the rewriter; what it leaves is kept.
  mutating func rewrite(_ edit: (inout TextRewriter) -> Void) {
    var rewriter = TextRewriter(self)
    edit(&rewriter)
    rewriter.keepRest()
    bytes = rewriter.bytes
    if tracksOrigins { origins = rewriter.origins }
  }

  /// Cuts the text in two: what stands before an offset stays.
  ///
  /// - Parameter offset: from 0 to the count of bytes, between two characters.
  /// - Returns: the rest.
  package mutating func splitOff(from offset: Int) -> NormalizedText {
    let offset = min(max(offset, 0), bytes.count)
    var rest = self
    rest.bytes = Array(bytes[offset...])
    rest.isStart = isStart && offset == 0
    if let origins {
      rest.origins = Array(origins[offset...])
      self.origins = Array(origins[..<offset])
    } else {
      rest.start = start + offset
    }
    bytes.removeSubrange(offset...)
    isEnd = isEnd && rest.bytes.isEmpty
    return rest
  }

  /// Adds what follows: the section's next chunk, or what ``splitOff(from:)`` gave.
  package mutating func append(_ next: NormalizedText) {
    if bytes.isEmpty {
      let isStart = isStart || next.isStart
      self = next
      self.isStart = isStart
      return
    }
    let follows = start + bytes.count == next.start
    if tracksOrigins, origins != nil || next.origins != nil || !follows {
      origins = listedOrigins + next.listedOrigins
    }
    bytes += next.bytes
    isEnd = next.isEnd
    bytesAreLetters = bytesAreLetters || next.bytesAreLetters
  }

  /// Origins, listed where they are not yet: a byte's is its whole character.
  var listedOrigins: [Range<Int>] {
    if let origins { return origins }
    var listed: [Range<Int>] = []
    listed.reserveCapacity(bytes.count)
    for scalar in bytes.scalars {
      let place = start + listed.count
      listed.append(contentsOf: repeatElement(place..<place + scalar.length, count: scalar.length))
    }
    return listed
  }
}
