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

  /// Bytes between the cursor and the end.
  public var remainingCount: Int { bytes.count - offset }

  /// Takes the next bytes.
  public mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= remainingCount else { return nil }
    let start = bytes.startIndex + offset
    offset += count
    return bytes[start..<(start + count)]
  }

  /// Takes a little-endian number.
  public mutating func little<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type) -> Number? {
    guard let raw = bytes(MemoryLayout<Number>.size) else { return nil }
    return raw.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// Takes a little-endian number of 64 bits that must fit an `Int`; larger ones are `nil`, as past the end.
  public mutating func count64() -> Int? {
    little(UInt64.self).flatMap { Int(exactly: $0) }
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
  /// Appends a number, least significant byte first.
  public mutating func appendLittle(_ number: some FixedWidthInteger) {
    for shift in stride(from: 0, to: number.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
}
