// SPDX-License-Identifier: Apache-2.0
// Numbers and texts as pickles spell them: decimal in protocol 0, two's complement, and Python's escapes.
import IngotCore

/// Numbers and texts of pickles.
package enum PickleLiteral {
  /// The most digits of a decimal integer: 332 bits, far above a seed or a magic number.
  private static let digitLimit = 100
  /// The most bytes of a binary integer: a digest of 512 bits.
  static let integerByteLimit = 64

  /// An integer of any width.
  enum Integer {
    case narrow(Int64)
    /// Two's complement, least significant byte first, of more than eight bytes.
    case wide([UInt8])
  }

  /// An integer: two's complement, least significant byte first; wide ones keep their bytes.
  static func integer(littleEndian bytes: [UInt8]) -> Integer {
    guard let sign = bytes.last.map({ $0 >= 0x80 }) else { return .narrow(0) }
    // Bytes that only repeat the sign are left out, so that equal numbers are equal.
    var bytes = bytes
    while bytes.count > 1, bytes[bytes.count - 1] == (sign ? 0xFF : 0),
      (bytes[bytes.count - 2] >= 0x80) == sign
    {
      bytes.removeLast()
    }
    guard bytes.count <= 8 else { return .wide(bytes) }
    var number = UInt64(bitPattern: sign ? -1 : 0)
    for (index, byte) in bytes.prefix(8).enumerated() {
      number &= ~(0xFF << UInt64(8 * index))
      number |= UInt64(byte) << UInt64(8 * index)
    }
    return .narrow(Int64(bitPattern: number))
  }

  /// A decimal integer; `nil` for other text.
  static func integer(decimal text: some Collection<UInt8>) -> Integer? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative ? text.dropFirst() : text[...]
    guard (1...digitLimit).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    var bytes: [UInt8] = []
    for digit in digits {
      var carry = UInt(digit - 0x30)
      for index in bytes.indices {
        carry += UInt(bytes[index]) * 10
        bytes[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { bytes.append(UInt8(truncatingIfNeeded: carry)) }
    }
    // A byte for the sign.
    bytes.append(0)
    return integer(littleEndian: isNegative ? negated(bytes) : bytes)
  }

  /// An integer of any width in hexadecimal digits, with its sign.
  package static func hexadecimal(_ bytes: [UInt8]) -> String {
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    let magnitude = isNegative ? negated(bytes + [0xFF]) : bytes
    let digits = magnitude.reversed().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return (isNegative ? "-0x" : "0x") + digits.joined().drop { $0 == "0" }
  }

  /// An integer in hexadecimal digits.
  package static func hexadecimal(_ number: Int64) -> String {
    (number < 0 ? "-0x" : "0x") + String(number.magnitude, radix: 16)
  }

  /// A number as Python prints it, but for the zero behind an exponent's sign.
  package static func spelling(_ number: Double) -> String {
    number.isFinite ? "\(number)" : number.isNaN ? "nan" : number < 0 ? "-inf" : "inf"
  }

  /// Bytes as a literal of Python's has them between its quotes.
  package static func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    text.reserveCapacity(bytes.count)
    for byte in bytes {
      if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "'") { text += "\\" }
      if (0x20..<0x7F).contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return text
  }

  private static func negated(_ bytes: [UInt8]) -> [UInt8] {
    var carry: UInt = 1
    return bytes.map { byte in
      carry += UInt(~byte)
      defer { carry >>= 8 }
      return UInt8(truncatingIfNeeded: carry)
    }
  }

  /// A number as Python's `repr` writes it; `nil` for other text.
  static func real(_ text: [UInt8]) -> Double? {
    let spelling = String(decoding: text, as: UTF8.self)
    switch spelling {
    case "nan", "inf", "-inf": return Double(spelling)
    default:
      let isDecimal = text.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
      return isDecimal ? Double(spelling) : nil
    }
  }

  /// The bytes of a string literal in quotes with escapes, as protocol 0 writes text of Python 2; `nil` for others.
  static func bytes(quoted literal: [UInt8]) -> [UInt8]? {
    guard literal.count >= 2, let quote = literal.first, quote == literal.last, "'\"".utf8.contains(quote)
    else {
      return nil
    }
    var bytes: [UInt8] = []
    var rest = literal.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard let escape = rest.popFirst() else { return nil }
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.append(escape)
      case UInt8(ascii: "x"):
        guard let value = hexadecimal(&rest, digits: 2) else { return nil }
        bytes.append(UInt8(truncatingIfNeeded: value))
      default: return nil
      }
    }
    return bytes
  }

  /// Text as protocol 0 writes it: Latin-1 with `\u` and `\U` escapes; `nil` for surrogates and broken escapes.
  static func text(rawEscaped bytes: [UInt8]) -> String? {
    var text = String.UnicodeScalarView()
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escape = rest.first, "uU".utf8.contains(escape) else {
        text.append(Unicode.Scalar(byte))
        continue
      }
      rest.removeFirst()
      guard let value = hexadecimal(&rest, digits: escape == UInt8(ascii: "u") ? 4 : 8),
        let scalar = Unicode.Scalar(value)
      else { return nil }
      text.append(scalar)
    }
    return String(text)
  }

  private static func hexadecimal(_ rest: inout ArraySlice<UInt8>, digits: Int) -> UInt32? {
    guard rest.count >= digits else { return nil }
    let spelling = String(decoding: rest.prefix(digits), as: UTF8.self)
    rest.removeFirst(digits)
    guard spelling.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
    return UInt32(spelling, radix: 16)
  }
}
