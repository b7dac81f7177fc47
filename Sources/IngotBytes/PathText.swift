// SPDX-License-Identifier: Apache-2.0
// Paths are bytes to the system and text to us. Bytes that are no UTF-8 become characters of a private plane on their
// way in, and the same bytes on their way out; only what is shown is escaped. SystemCalls.swift is the one door.

/// Between a path's bytes and the text that stands for it.
package enum PathText {
  /// The character of byte 0; no other program's text has those up to byte 255 but by the way of this one.
  private static let first: UInt32 = 0x10_FF00
  /// The byte that all of these characters begin with in UTF-8.
  private static let lead: UInt8 = 0xF4

  /// The byte that a character stands for; `nil` for an ordinary one.
  package static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    scalar.value >= first + 0x80 ? UInt8(exactly: scalar.value - first) : nil
  }

  /// The text of a path.
  ///
  /// - Parameter bytes: the path, as the system has it.
  /// - Returns: text from which ``bytes(of:)`` makes the same bytes, whatever they are.
  package static func text(_ bytes: some Collection<UInt8>) -> String {
    if !bytes.contains(lead), let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = String.UnicodeScalarView()
    var rest = ArraySlice(bytes)
    while !rest.isEmpty {
      let character = (1...min(4, rest.count)).lazy.compactMap {
        String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.first
      }.first
      // A character that stands for a byte itself is taken as the bytes that it is.
      if let character, byte(of: character) == nil {
        text.append(character)
        rest = rest.dropFirst(String(character).utf8.count)
      } else if let byte = rest.popFirst(), let escape = Unicode.Scalar(first + UInt32(byte)) {
        text.append(escape)
      }
    }
    return String(text)
  }

  /// The bytes of a path.
  package static func bytes(of text: String) -> [UInt8] {
    guard text.utf8.contains(lead) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      byte(of: scalar).map { [$0] } ?? Array(String(scalar).utf8)
    }
  }

  /// The text as it is shown or stored: `lat\\xe9n` for what no text can hold.
  package static func shown(_ text: String, escape: String = "\\x") -> String {
    guard text.utf8.contains(lead) else { return text }
    return text.unicodeScalars.reduce(into: "") { shown, scalar in
      guard let byte = byte(of: scalar) else { return shown.unicodeScalars.append(scalar) }
      shown += escape + String(byte, radix: 16)
    }
  }
}
