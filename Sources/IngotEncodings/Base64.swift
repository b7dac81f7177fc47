// SPDX-License-Identifier: Apache-2.0
// Bytes as text: RFC 4648, section 4, with padding.

/// Bytes as text of 64 letters.
package enum Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8: UInt32] = Dictionary(
    uniqueKeysWithValues: letters.enumerated().map { ($1, UInt32($0)) })
  private static let padding = UInt8(ascii: "=")

  /// The text of some bytes.
  package static func text(of bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let number = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let letter = letters[Int(number >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? letter : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of a text; `nil` when it is none that ``text(of:)`` gives.
  package static func bytes(of text: String) -> [UInt8]? {
    let text = Array(text.utf8)
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    for start in stride(from: 0, to: text.count, by: 4) {
      var group = text[start..<(start + 4)]
      let isLast = start + 4 == text.count
      while isLast, group.count > 2, group.last == padding { group.removeLast() }
      var number: UInt32 = 0
      for letter in group {
        guard let value = values[letter] else { return nil }
        number = number << 6 | value
      }
      number <<= UInt32(6 * (4 - group.count))
      for place in 0..<(group.count - 1) {
        bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(16 - 8 * place)))
      }
    }
    // Another spelling of the same bytes, with bits behind the last one, is not taken.
    return Self.text(of: bytes).utf8.elementsEqual(text) ? bytes : nil
  }
}
