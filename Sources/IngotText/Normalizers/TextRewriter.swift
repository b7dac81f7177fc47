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
  /// Where what was there comes from; empty where nobody asks.
  private let oldOrigins: [Range<Int>]
  private let start: Int
  private let tracks: Bool

  /// Begins before the first byte of a text.
  init(_ text: NormalizedText) {
    old = text.bytes
    start = text.start
    tracks = text.tracksOrigins
    oldOrigins = tracks ? text.listedOrigins : []
    bytes.reserveCapacity(old.count)
    if tracks { origins.reserveCapacity(old.count) }
  }

  /// Whether all bytes are taken.
  var isAtEnd: Bool { offset >= old.count }

  /// Takes bytes over as they are.
  mutating func keep(_ count: Int) {
    let end = min(offset + count, old.count)
    bytes.append(contentsOf: old[offset..<end])
    if tracks { origins.append(contentsOf: oldOrigins[offset..<end]) }
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

  /// Puts a character in place of the next bytes of the old text; it stands for the first of these.
  mutating func replace(_ count: Int, withScalar scalar: UInt32) {
    let before = bytes.count
    bytes.append(scalar: scalar)
    markOrigins(since: before, from: offset)
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
    markOrigins(since: before, from: place)
  }

  private mutating func markOrigins(since before: Int, from place: Int) {
    guard tracks else { return }
    let origin = oldOrigins.indices.contains(place) ? oldOrigins[place] : start..<start
    origins.append(contentsOf: repeatElement(origin, count: bytes.count - before))
  }
}
