// SPDX-License-Identifier: Apache-2.0
// Characters (Unicode scalars) in bytes of UTF-8, by offset. A byte that is no UTF-8 is a character of its own, U+DC00 and
// its value, which no text can hold and no class of characters but surrogates.

/// A character in bytes.
package struct UTF8Scalar {
  /// Its code point; U+DC80 to U+DCFF for a byte that is no UTF-8.
  package let value: UInt32
  /// Its bytes.
  package let length: Int
  /// Whether it is one; a byte that is no UTF-8 is not.
  package var isCharacter: Bool { !(0xDC80...0xDCFF).contains(value) }

  /// Decodes the character that begins at an offset.
  ///
  /// - Parameters:
  ///   - bytes: text.
  ///   - offset: below `end`.
  ///   - end: where the text ends, at most the count of bytes.
  @inline(__always)
  init(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, end: Int) {
    let first = UInt32(bytes[offset])
    let length = UInt8(truncatingIfNeeded: first).sequenceLength
    guard length > 1, offset + length <= end else {
      self.init(alone: first)
      return
    }
    let second = UInt32(bytes[offset + 1])
    guard second & 0xC0 == 0x80 else {
      self.init(alone: first)
      return
    }
    var value = (first & (0x7F >> UInt32(length))) << 6 | (second & 0x3F)
    for place in 2..<max(length, 2) {
      let next = UInt32(bytes[offset + place])
      guard next & 0xC0 == 0x80 else {
        self.init(alone: first)
        return
      }
      value = value << 6 | (next & 0x3F)
    }
    // The first byte excludes what two bytes could say; here what three or four must not: too long, or a surrogate.
    let isShortest = length == 2 || (length == 3 ? value >= 0x800 : value >= 0x1_0000 && value < 0x11_0000)
    guard isShortest, value & ~0x7FF != 0xD800 else {
      self.init(alone: first)
      return
    }
    self.init(value: value, length: length)
  }

  /// Decodes the character that begins at an offset, below `end`, which is at most the count of bytes.
  init(_ bytes: [UInt8], at offset: Int, end: Int) {
    self = bytes.withUnsafeBufferPointer { UTF8Scalar($0, at: offset, end: end) }
  }

  /// The character that a text is, if it is one.
  init?(only text: some Collection<UInt8>) {
    guard !text.isEmpty else { return nil }
    self.init(Array(text), at: 0, end: text.count)
    guard isCharacter, length == text.count else { return nil }
  }

  private init(alone byte: UInt32) {
    self.init(value: byte < 0x80 ? byte : 0xDC00 + byte, length: 1)
  }

  private init(value: UInt32, length: Int) {
    self.value = value
    self.length = length
  }
}

extension [UInt8] {
  /// The characters, in order.
  package var scalars: [UTF8Scalar] {
    withUnsafeBufferPointer { bytes in
      var scalars: [UTF8Scalar] = []
      scalars.reserveCapacity(bytes.count)
      var offset = 0
      while offset < bytes.count {
        let scalar = UTF8Scalar(bytes, at: offset, end: bytes.count)
        scalars.append(scalar)
        offset += scalar.length
      }
      return scalars
    }
  }

  /// The range of the character that a byte belongs to; of the byte alone where it is no UTF-8.
  func characterRange(at place: Int) -> Range<Int> {
    guard indices.contains(place) else { return count..<count }
    var first = place
    while first > 0, place - first < 3, self[first] & 0xC0 == 0x80 { first -= 1 }
    let scalar = withUnsafeBufferPointer { bytes in
      UTF8Scalar(bytes, at: first, end: bytes.count)
    }
    let range = first..<first + scalar.length
    return range.contains(place) ? range : place..<place + 1
  }

  /// How many bytes of a chunk stand before a character that is cut at its end.
  package var countOfWholeCharacters: Int {
    for back in 1...3 where back <= count {
      let length = self[count - back].sequenceLength
      if length > back { return count - back }
      if self[count - back] & 0xC0 != 0x80 { break }
    }
    return count
  }

  /// Adds a character; U+DC80 to U+DCFF as the byte it stands for.
  mutating func append(scalar value: UInt32) {
    switch value {
    case 0..<0x80: append(UInt8(value))
    case 0x80..<0x800:
      append(UInt8(0xC0 | value >> 6))
      append(UInt8(0x80 | value & 0x3F))
    case 0xDC80...0xDCFF: append(UInt8(value & 0xFF))
    case 0x800..<0x1_0000:
      append(UInt8(0xE0 | value >> 12))
      append(UInt8(0x80 | value >> 6 & 0x3F))
      append(UInt8(0x80 | value & 0x3F))
    default:
      append(UInt8(0xF0 | value >> 18 & 7))
      append(UInt8(0x80 | value >> 12 & 0x3F))
      append(UInt8(0x80 | value >> 6 & 0x3F))
      append(UInt8(0x80 | value & 0x3F))
    }
  }

  /// The bytes of one character.
  package init(scalar value: UInt32) {
    self = []
    append(scalar: value)
  }
}

extension UInt8 {
  /// How many bytes a character has that begins with this one, by the first byte alone; 1 where none begins so.
  var sequenceLength: Int {
    switch self {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }
}
