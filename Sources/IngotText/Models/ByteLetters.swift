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

  private static let bytes: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: codePoints.enumerated().map { ($1, UInt8($0)) })

  /// The bytes that a token's letters stand for; `nil` where one of them stands for none.
  static func bytes(of text: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = bytes[scalar.value] else { return nil }
      result.append(byte)
    }
    return result
  }
}
