// SPDX-License-Identifier: Apache-2.0
// A bounded cursor over header bytes: every read is checked against the end.

/// Reads numbers and strings from header bytes; each read past the end is `nil`.
package struct ByteCursor: Sendable {
  private let bytes: ArraySlice<UInt8>
  /// The position of the next byte, from the start of the bytes.
  package private(set) var offset = 0

  /// Makes a cursor at the start of the bytes.
  package init(_ bytes: some Collection<UInt8>) {
    self.bytes = ArraySlice(Array(bytes))
  }

  /// Makes a cursor at the start of a slice, which is not copied.
  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  /// Bytes between the cursor and the end.
  package var remainingCount: Int { bytes.count - offset }

  /// Takes the next bytes.
  package mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= remainingCount else { return nil }
    let start = bytes.startIndex + offset
    offset += count
    return bytes[start..<(start + count)]
  }

  /// Takes the next byte.
  package mutating func byte() -> UInt8? {
    guard remainingCount > 0 else { return nil }
    defer { offset += 1 }
    return bytes[bytes.startIndex + offset]
  }

  /// Takes a little-endian number of 8 bits.
  package mutating func little(_: UInt8.Type) -> UInt8? { byte() }

  /// Takes a little-endian number of 16 bits.
  package mutating func little(_: UInt16.Type) -> UInt16? {
    unsigned(byteCount: 2).map { UInt16(truncatingIfNeeded: $0) }
  }

  /// Takes a little-endian number of 32 bits.
  package mutating func little(_: UInt32.Type) -> UInt32? {
    unsigned(byteCount: 4).map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Takes a little-endian number of 64 bits.
  package mutating func little(_: UInt64.Type) -> UInt64? { unsigned(byteCount: 8) }

  /// Takes a little-endian number of some bytes, eight at the most.
  package mutating func unsigned(byteCount: Int) -> UInt64? {
    guard byteCount <= 8, byteCount <= remainingCount else { return nil }
    let start = bytes.startIndex + offset
    var number: UInt64 = 0
    for index in 0..<byteCount { number |= UInt64(bytes[start + index]) << UInt64(8 * index) }
    offset += byteCount
    return number
  }

  /// Takes a little-endian number of 64 bits that must fit an `Int`; larger ones are `nil`, as past the end.
  package mutating func count64() -> Int? {
    little(UInt64.self).flatMap { Int(exactly: $0) }
  }

  /// Takes a number of 7 bits a byte, least significant first, of at most 10 bytes and 64 bits; `nil` for a longer one,
  /// and at the end.
  package mutating func varint() -> UInt64? {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64, let byte = byte() {
      let payload = UInt64(byte & 0x7F)
      guard shift < 63 || payload <= 1 else { return nil }
      number |= payload << shift
      if byte < 0x80 { return number }
      shift += 7
    }
    return nil
  }

  /// Takes UTF-8 text; invalid text is `nil`.
  package mutating func text(byteCount: Int) -> String? {
    bytes(byteCount).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Moves to a position; `false` when that is past the end.
  package mutating func seek(to position: Int) -> Bool {
    guard position >= 0, position <= bytes.count else { return false }
    offset = position
    return true
  }
}

extension Array where Element == Float {
  /// Takes little-endian F32 numbers, as many as there are whole ones.
  package init(littleEndian bytes: [UInt8]) {
    self = []
    var cursor = ByteCursor(bytes)
    while let bits = cursor.little(UInt32.self) { append(Float(bitPattern: bits)) }
  }

  /// The numbers as little-endian F32.
  package var littleEndianBytes: [UInt8] {
    var bytes: [UInt8] = []
    for number in self { bytes.appendLittle(number.bitPattern) }
    return bytes
  }
}

extension Array where Element == UInt8 {
  /// Appends a number, 7 bits a byte, least significant first.
  package mutating func appendVarint(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a number of 16 bits, least significant byte first.
  package mutating func appendLittle(_ number: UInt16) { appendLittle(UInt64(number), byteCount: 2) }

  /// Appends a number of 32 bits, least significant byte first.
  package mutating func appendLittle(_ number: UInt32) { appendLittle(UInt64(number), byteCount: 4) }

  /// Appends a number of 32 bits, least significant byte first.
  package mutating func appendLittle(_ number: Int32) { appendLittle(UInt32(bitPattern: number)) }

  /// Appends a number of 64 bits, least significant byte first.
  package mutating func appendLittle(_ number: UInt64) { appendLittle(number, byteCount: 8) }

  /// Appends a number of 64 bits, least significant byte first.
  package mutating func appendLittle(_ number: Int64) { appendLittle(UInt64(bitPattern: number)) }

  /// Appends the low bytes of a number, eight at the most, least significant byte first.
  package mutating func appendLittle(_ number: UInt64, byteCount: Int) {
    // SAFETY: the bytes are the number's own, and are copied before it is gone.
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0.prefix(byteCount)) }
  }
}
