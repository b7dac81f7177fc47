// SPDX-License-Identifier: Apache-2.0
// Where a picture ends by its own marks, so that what stands behind it is looked at. PNG, third edition, 5.3; GIF89a, 18 to
// 27; RIFF's length; JPEG, ITU-T T.81, B.1.
import IngotBytes
import IngotCore

/// The end of a picture.
enum PictureEnd {
  /// Bytes of a picture that are looked through: real ones have less.
  private static let byteLimit = 256 << 20

  /// Where a picture ends; `nil` for one that is not whole, or too long.
  ///
  /// - Parameter source: a file that begins as a picture.
  /// - Returns: the offset behind its last byte.
  /// - Throws: read errors.
  static func offset(in source: any ByteSource) throws(IngotError) -> Int? {
    guard source.byteCount <= byteLimit else { return nil }
    let bytes = try source.bytes(at: 0, count: source.byteCount)
    switch bytes.first {
    case 0x89: return png(bytes)
    case 0xFF: return jpeg(bytes)
    case UInt8(ascii: "G"): return gif(bytes)
    case UInt8(ascii: "R"): return riff(bytes)
    default: return nil
    }
  }

  /// Chunks of a length, a name and a checksum, up to the one called IEND.
  private static func png(_ bytes: [UInt8]) -> Int? {
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - position - 12 else { return nil }
      let name = bytes[(position + 4)..<(position + 8)]
      position += 12 + length
      if name.elementsEqual("IEND".utf8) { return position }
    }
    return nil
  }

  /// A length of what is behind the first eight bytes, filled up to an even one.
  private static func riff(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 12 else { return nil }
    let length = bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - 8 else { return nil }
    return min(8 + length + length % 2, bytes.count)
  }

  /// Segments of a mark and a length, and coded bytes behind the start of a scan, up to the mark of the end.
  private static func jpeg(_ bytes: [UInt8]) -> Int? {
    var position = 2
    while position + 1 < bytes.count {
      guard bytes[position] == 0xFF else { return nil }
      switch bytes[position + 1] {
      case 0xFF: position += 1
      case 0xD9: return position + 2
      case 0x01, 0xD0...0xD7: position += 2
      default:
        guard position + 3 < bytes.count else { return nil }
        let isScan = bytes[position + 1] == 0xDA
        let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
        guard length >= 2, length <= bytes.count - position - 2 else { return nil }
        position += 2 + length
        if isScan { position = endOfScan(bytes, from: position) }
      }
    }
    return nil
  }

  /// Where the next mark is that stands for itself: coded bytes escape theirs with a zero, and have marks of restarts.
  private static func endOfScan(_ bytes: [UInt8], from start: Int) -> Int {
    var position = start
    while position + 1 < bytes.count {
      let next = bytes[position + 1]
      if bytes[position] == 0xFF, next != 0, !(0xD0...0xD7).contains(next) { return position }
      position += 1
    }
    return bytes.count
  }

  /// Blocks behind a screen, each of parts with a length, up to the trailer.
  private static func gif(_ bytes: [UInt8]) -> Int? {
    func table(_ packed: UInt8) -> Int { packed & 0x80 == 0 ? 0 : 3 << (Int(packed & 7) + 1) }
    guard bytes.count > 13 else { return nil }
    var position = 13 + table(bytes[10])
    while position < bytes.count {
      switch bytes[position] {
      case 0x3B: return position + 1
      case 0x21: position += 2
      case 0x2C:
        guard position + 9 < bytes.count else { return nil }
        position += 11 + table(bytes[position + 9])
      default: return nil
      }
      while position < bytes.count, bytes[position] != 0 { position += 1 + Int(bytes[position]) }
      position += 1
    }
    return nil
  }
}
