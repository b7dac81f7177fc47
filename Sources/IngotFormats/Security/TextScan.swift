// SPDX-License-Identifier: Apache-2.0
// One pass over a file that may be text: whether it is, and which marks of code stand in it, however they are spaced and
// escaped. In pieces, so that a file of any length takes the same memory.
import IngotBytes
import IngotCore

/// A look at a file as text.
struct TextScan {
  /// Whether no byte is one that texts lack.
  private(set) var isText = true
  /// The kinds of code whose marks were found, each once, in order.
  private(set) var kinds: [CodeKind] = []

  private static let pieceByteCount = 1 << 18
  /// Bytes of the longest escape, and of the longest mark.
  private static let longestEscape = 10
  private static let longestMark = 64

  /// Looks through a file.
  ///
  /// - Parameters:
  ///   - source: the file.
  ///   - marks: what to look for.
  ///   - isBinary: whether to go on past bytes that texts lack.
  /// - Throws: read errors.
  init(
    _ source: any ByteSource, marks: [(mark: [UInt8], kind: CodeKind)], isBinary: Bool = false
  ) throws(IngotError) {
    var position = 0
    var raw: [UInt8] = []
    var plain: [UInt8] = []
    while position < source.byteCount, isText || isBinary {
      if Process.isInterrupted { throw .interrupted }
      let piece = try source.bytes(at: position, count: min(Self.pieceByteCount, source.byteCount - position))
      position += piece.count
      isText = isText && piece.allSatisfy(Self.isOfText)
      guard !marks.isEmpty else { continue }
      raw += piece
      let isLast = position == source.byteCount
      let used = Self.append(raw[...], to: &plain, keeping: isLast ? 0 : Self.longestEscape)
      raw.removeFirst(used)
      find(marks, in: plain)
      plain.removeFirst(max(0, plain.count - Self.longestMark))
    }
  }

  private static func isOfText(_ byte: UInt8) -> Bool {
    byte >= 0x20 || (0x07...0x0D).contains(byte) || byte == 0x1B
  }

  /// Appends bytes without white space, each `\u0041` and `\x41` as its character.
  ///
  /// - Returns: how many were used; the last may be part of an escape.
  private static func append(_ bytes: ArraySlice<UInt8>, to plain: inout [UInt8], keeping rest: Int) -> Int {
    var position = bytes.startIndex
    while position < bytes.endIndex - rest {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\\"), let (character, end) = escape(bytes[position...]) {
        plain.append(character)
        position = end
        continue
      }
      if byte > 0x20 { plain.append(byte) }
      position += 1
    }
    return position - bytes.startIndex
  }

  /// The ASCII character of an escape, and where it ends.
  private static func escape(_ bytes: ArraySlice<UInt8>) -> (UInt8, end: Int)? {
    let digitCount: Int
    switch bytes.dropFirst().first {
    case UInt8(ascii: "u"): digitCount = 4
    case UInt8(ascii: "U"): digitCount = 8
    case UInt8(ascii: "x"): digitCount = 2
    default: return nil
    }
    let digits = bytes.dropFirst(2).prefix(digitCount)
    let isNumber = digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    guard digits.count == digitCount, isNumber,
      let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), value < 0x80
    else { return nil }
    return (value, digits.endIndex)
  }

  private mutating func find(_ marks: [(mark: [UInt8], kind: CodeKind)], in text: [UInt8]) {
    var isFirst = [Bool](repeating: false, count: 256)
    for case let first? in marks.map(\.mark.first) { isFirst[Int(first)] = true }
    for position in text.indices where isFirst[Int(text[position])] {
      for (mark, kind) in marks where text[position...].starts(with: mark) && !kinds.contains(kind) {
        kinds.append(kind)
      }
    }
  }
}
