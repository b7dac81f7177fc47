// SPDX-License-Identifier: Apache-2.0
// Edits of a text from its first byte to its last, with the origin that each new byte gets: that of the character it
// replaces, or of the byte before it (huggingface/tokenizers, NormalizedString::transform_range).

/// Takes a text from its first byte to its last and writes another.
struct TextRewriter {
  /// The text as it was.
  let old: [UInt8]
  /// The offset in ``old`` of the next byte to take.
  private(set) var offset = 0
  /// What is written.
  private(set) var bytes: [UInt8] = []
  /// Where what is written comes from; empty where nobody asks.
  private(set) var origins: [Range<Int>] = []
  private let oldOrigins: [Range<Int>]?
  private let start: Int
  private let tracks: Bool

  /// Begins before the first byte of a text.
  init(_ text: NormalizedText) {
    old = text.bytes
    oldOrigins = text.origins
    start = text.start
    tracks = text.tracksOrigins
    bytes.reserveCapacity(old.count)
    if tracks { origins.reserveCapacity(old.count) }
  }

  /// Whether all bytes are taken.
  var isAtEnd: Bool { offset >= old.count }

  /// The origin of the whole character that a byte of the old text belongs to.
  private func origin(at place: Int) -> Range<Int> {
    if let oldOrigins { return place < oldOrigins.count ? oldOrigins[place] : start..<start }
    let character = old.characterRange(at: place)
    return start + character.lowerBound..<start + character.upperBound
  }

  /// Takes bytes over as they are.
  mutating func keep(_ count: Int) {
    let end = min(offset + count, old.count)
    bytes.append(contentsOf: old[offset..<end])
    if tracks { for place in offset..<end { origins.append(origin(at: place)) } }
    offset = end
  }

  /// Takes over all that is left.
  mutating func keepRest() { keep(old.count - offset) }

  /// Leaves bytes out.
  mutating func remove(_ count: Int) { offset = min(offset + count, old.count) }

  /// Puts bytes in place of the next ones of the old text; they stand for the first of these.
  mutating func replace(_ count: Int, with new: some Sequence<UInt8>) {
    write(new, from: offset)
    remove(count)
  }

  /// Puts in bytes that stand for what the byte taken last stands for; at the start for nothing.
  mutating func insert(_ new: some Sequence<UInt8>) {
    write(new, from: offset - 1)
  }

  /// Puts in bytes that stand for what the next byte stands for.
  mutating func insertBefore(_ new: some Sequence<UInt8>) {
    write(new, from: offset)
  }

  private mutating func write(_ new: some Sequence<UInt8>, from place: Int) {
    let before = bytes.count
    bytes.append(contentsOf: new)
    guard tracks else { return }
    let origin = place >= 0 ? origin(at: place) : start..<start
    origins.append(contentsOf: repeatElement(origin, count: bytes.count - before))
  }
}
