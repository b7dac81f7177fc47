// SPDX-License-Identifier: Apache-2.0
// Characters (Unicode scalars) in bytes of UTF-8, by offset. Bytes that are no UTF-8 are characters of their own, of no class.

extension [UInt8] {
  /// The range of the character that a byte belongs to; of the byte alone where it is no UTF-8.
  func characterRange(at place: Int) -> Range<Int> {
    guard indices.contains(place) else { return count..<count }
    var first = place
    while first > 0, place - first < 3, self[first] & 0xC0 == 0x80 { first -= 1 }
    let length = self[first].sequenceLength
    let range = first..<Swift.min(first + length, count)
    return range.contains(place) ? range : place..<place + 1
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
