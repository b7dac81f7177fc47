// SPDX-License-Identifier: Apache-2.0
// The letters that stand for bytes in byte-level vocabularies: openai/gpt-2, src/encoder.py, `bytes_to_unicode`.

/// The letters that stand for bytes in byte-level vocabularies.
package enum ByteLetters {
  /// The code point of each byte's letter: printable characters of Latin-1 stand for themselves, the others for what follows
  /// U+00FF.
  package static let codePoints: [UInt32] = {
    let plain = Set(0x21...0x7E).union(0xA1...0xAC).union(0xAE...0xFF)
    var next: UInt32 = 256
    return (0..<256).map { byte in
      if plain.contains(byte) { return UInt32(byte) }
      defer { next += 1 }
      return next
    }
  }()

  /// The byte of each letter, by its code point; none from 256 on.
  private static let bytes: [UInt16] = {
    var bytes: [UInt16] = Array(repeating: 256, count: 512)
    for (byte, letter) in codePoints.enumerated() { bytes[Int(letter)] = UInt16(byte) }
    return bytes
  }()

  /// The bytes that a token's letters stand for; `nil` where one of them stands for none.
  static func bytes(of text: some Collection<UInt8>) -> [UInt8]? {
    let letters = bytes
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var lead: UInt8 = 0
    for unit in text {
      var code = Int(unit)
      if lead > 0 {
        guard unit & 0xC0 == 0x80 else { return nil }
        code = Int(lead & 0x1F) << 6 | Int(unit & 0x3F)
        lead = 0
      } else if unit >= 0x80 {
        // All letters are below U+0200: one byte, or two.
        guard (0xC2...0xC7).contains(unit) else { return nil }
        lead = unit
        continue
      }
      guard letters[code] < 256 else { return nil }
      result.append(UInt8(truncatingIfNeeded: letters[code]))
    }
    return lead == 0 ? result : nil
  }
}
