// SPDX-License-Identifier: Apache-2.0
// The bytes of a pickle, read in order through a window: where a pickle ends is known only when it has been run.
import IngotBytes
import IngotCore

/// Reads a pickle's bytes in order.
struct PickleInput {
  private static let windowByteCount = 1 << 16

  private let source: any ByteSource
  private let start: Int
  private let end: Int
  private let location: Location
  private var window: [UInt8] = []
  private var next = 0

  /// The position in the source of the next byte.
  private(set) var position: Int

  /// Prepares to read a range of a source.
  ///
  /// - Parameters:
  ///   - source: what holds the pickle.
  ///   - range: where it starts, and where it must have ended.
  ///   - location: the file and member that holds it; its offset, if any, is that of the source's first byte.
  init(_ source: any ByteSource, _ range: Range<Int>, at location: Location) {
    self.source = source
    self.location = location
    start = range.lowerBound
    end = range.upperBound
    position = range.lowerBound
  }

  /// Bytes of the pickle read so far.
  var readCount: Int { position - start }
  /// Bytes between the next and the end of the range.
  var remainingCount: Int { end - position }

  /// The place of a byte, for messages.
  func place(_ position: Int) -> Location {
    var place = location
    place.offset = (location.offset ?? 0) + position
    return place
  }

  private func cutOff() -> IngotError {
    .malformed(
      PickleRule.whole.rule, at: place(end), found: "the end inside a pickle", expected: "the rest of it")
  }

  mutating func byte() throws(IngotError) -> UInt8 {
    if next == window.count { try refill() }
    defer {
      next += 1
      position += 1
    }
    return window[next]
  }

  private mutating func refill() throws(IngotError) {
    guard position < end else { throw cutOff() }
    guard UInt64(readCount) <= Limit.pickleBytes.value else {
      throw .limitExceeded(.pickleBytes, at: place(start), asked: UInt64(readCount))
    }
    window = try source.bytes(at: position, count: min(Self.windowByteCount, end - position))
    next = 0
  }

  /// Takes bytes; a count beyond the end is refused before anything is allocated.
  mutating func bytes(_ count: Int) throws(IngotError) -> [UInt8] {
    guard count <= remainingCount else { throw cutOff() }
    if count <= window.count - next {
      defer {
        next += count
        position += count
      }
      return Array(window[next..<(next + count)])
    }
    guard UInt64(readCount + count) <= Limit.pickleBytes.value else {
      throw .limitExceeded(.pickleBytes, at: place(start), asked: UInt64(readCount + count))
    }
    let bytes = try source.bytes(at: position, count: count)
    position += count
    window = []
    next = 0
    return bytes
  }

  /// Takes a little-endian number.
  mutating func little<Number: FixedWidthInteger>(_: Number.Type) throws(IngotError) -> Number {
    var number: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      number |= Number(truncatingIfNeeded: try byte()) << Number(truncatingIfNeeded: shift)
    }
    return number
  }

  /// Takes a length of 8 bytes; one that no file has is cut off.
  mutating func length64() throws(IngotError) -> Int {
    guard let length = Int(exactly: try little(UInt64.self)) else { throw cutOff() }
    return length
  }

  /// Takes bytes up to a line feed, which is left out, or so many.
  mutating func line(byteLimit: Int = .max) throws(IngotError) -> [UInt8] {
    var line: [UInt8] = []
    while line.count < byteLimit {
      let byte = try byte()
      if byte == UInt8(ascii: "\n") { return line }
      line.append(byte)
    }
    return line
  }
}
