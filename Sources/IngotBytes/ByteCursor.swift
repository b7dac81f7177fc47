// SPDX-License-Identifier: Apache-2.0
// A bounded cursor over header bytes: every read is checked against the end.

/// Reads numbers and strings from header bytes; each read past the end is `nil`.
public struct ByteCursor: Sendable {
  private let bytes: ArraySlice<UInt8>
  /// The position of the next byte, from the start of the bytes.
  public private(set) var offset = 0

  /// Makes a cursor at the start of the bytes.
  public init(_ bytes: some Collection<UInt8>) {
    self.bytes = ArraySlice(Array(bytes))
  }

  /// Makes a cursor at the start of a slice, which is not copied.
  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  /// Bytes between the cursor and the end.
  public var remainingCount: Int { bytes.count - offset }

  /// Takes the next bytes.
  public mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= remainingCount else { return nil }
    let start = bytes.startIndex + offset
    offset += count
    return bytes[start..<(start + count)]
  }

  /// Takes the next byte.
  public mutating func byte() -> UInt8? {
    guard remainingCount > 0 else { return nil }
    defer { offset += 1 }
    return bytes[bytes.startIndex + offset]
  }

  /// Takes a little-endian number of at most 64 bits.
  @inlinable
  public mutating func little<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type) -> Number? {
    unsigned(byteCount: MemoryLayout<Number>.size).map { Number(truncatingIfNeeded: $0) }
  }

  /// Takes a little-endian number of some bytes, eight at the most; not generic, so that it is fast from any module.
  @usableFromInline
  mutating func unsigned(byteCount: Int) -> UInt64? {
    guard byteCount <= 8, byteCount <= remainingCount else { return nil }
    let start = bytes.startIndex + offset
    var number: UInt64 = 0
    for index in 0..<byteCount { number |= UInt64(bytes[start + index]) << UInt64(8 * index) }
    offset += byteCount
    return number
  }

  /// Takes a little-endian number of 64 bits that must fit an `Int`; larger ones are `nil`, as past the end.
  public mutating func count64() -> Int? {
    little(UInt64.self).flatMap { Int(exactly: $0) }
  }

  /// Takes a number of 7 bits a byte, least significant first, of at most 10 bytes and 64 bits; `nil` for a longer one,
  /// and at the end.
  public mutating func varint() -> UInt64? {
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
  public mutating func text(byteCount: Int) -> String? {
    bytes(byteCount).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Moves to a position; `false` when that is past the end.
  public mutating func seek(to position: Int) -> Bool {
    guard position >= 0, position <= bytes.count else { return false }
    offset = position
    return true
  }
}

extension Array where Element == UInt8 {
  /// Appends a number, 7 bits a byte, least significant first.
  public mutating func appendVarint(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a number, least significant byte first.
  @inlinable
  public mutating func appendLittle(_ number: some FixedWidthInteger) {
    // SAFETY: the bytes are a number's own, and are copied before it is gone.
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}
