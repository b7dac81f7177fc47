// SPDX-License-Identifier: Apache-2.0
// Decodes one block of Snappy's raw format. The output has the length that the block declares or it is refused, and no
// length is believed that so few bytes can't give. Page: formats/containers/sorted-table.md.
import IngotBytes

/// Snappy's raw block format.
///
/// - SeeAlso: `google/snappy: format_description.txt`.
enum SnappyBlock {
  /// The most that a byte of a block can stand for: a copy of 64 bytes takes three.
  static let greatestRatio = 22

  /// Why a block can't be decoded.
  struct Corrupt: Error {}

  /// The length that a block declares.
  static func decodedByteCount(of block: ArraySlice<UInt8>) -> UInt64? {
    var cursor = ByteCursor(block)
    return cursor.varint().flatMap { $0 <= UInt32.max ? $0 : nil }
  }

  /// Decodes a block whose declared length the caller has found bearable.
  static func decode(_ block: ArraySlice<UInt8>) throws(Corrupt) -> [UInt8] {
    var input = ByteCursor(block)
    guard let declared = input.varint(), let count = Int(exactly: declared),
      count <= block.count * greatestRatio
    else { throw Corrupt() }
    var output: [UInt8] = []
    output.reserveCapacity(count)
    while let tag = input.byte() {
      if tag & 3 == 0 {
        try appendLiteral(tag, from: &input, to: &output, limit: count)
      } else {
        let (length, offset) = try copy(tag, from: &input)
        guard offset > 0, offset <= output.count, length <= count - output.count else { throw Corrupt() }
        // The copy may overlap what it makes: a short piece is repeated.
        let start = output.count - offset
        for index in 0..<length { output.append(output[start + index]) }
      }
    }
    guard output.count == count else { throw Corrupt() }
    return output
  }

  private static func appendLiteral(
    _ tag: UInt8, from input: inout ByteCursor, to output: inout [UInt8], limit: Int
  ) throws(Corrupt) {
    var length = Int(tag >> 2)
    if length >= 60 {
      guard let bytes = input.bytes(length - 59) else { throw Corrupt() }
      length = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard length < limit - output.count, let literal = input.bytes(length + 1) else { throw Corrupt() }
    output += literal
  }

  private static func copy(
    _ tag: UInt8, from input: inout ByteCursor
  ) throws(Corrupt) -> (length: Int, offset: Int) {
    let upper = Int(tag >> 2)
    switch tag & 3 {
    case 1:
      guard let low = input.byte() else { throw Corrupt() }
      return (upper & 7 + 4, (upper >> 3) << 8 | Int(low))
    case 2:
      guard let offset = input.little(UInt16.self) else { throw Corrupt() }
      return (upper + 1, Int(offset))
    default:
      guard let offset = input.little(UInt32.self) else { throw Corrupt() }
      return (upper + 1, Int(offset))
    }
  }
}
