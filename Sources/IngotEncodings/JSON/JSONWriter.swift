// SPDX-License-Identifier: Apache-2.0
// Writes JSON: compact for headers, indented for people; keys in the order given.
import IngotCore

/// Writes metadata as JSON text.
package struct JSONWriter: Sendable {
  /// How the text is laid out.
  package enum Style: Hashable, Sendable {
    /// No white space at all, as the safetensors reference writes headers.
    case compact
    /// Two spaces a level and one entry a line; arrays of scalars stay on one line.
    case indented
  }

  private let style: Style
  private var text = ""

  /// Writes an object; non-finite numbers become the strings `NaN`, `Infinity` and `-Infinity`.
  package static func text(_ metadata: Metadata, style: Style = .compact) -> String {
    text(.object(metadata), style: style)
  }

  /// Writes any value; inside other text, its lines but the first begin so many levels to the right.
  package static func text(_ value: MetadataValue, style: Style = .compact, indent: Int = 0) -> String {
    var writer = JSONWriter(style: style)
    writer.write(value, indent: indent)
    return writer.text
  }

  /// A string as a JSON literal, with quotes.
  package static func quoted(_ string: String) -> String {
    var writer = JSONWriter(style: .compact)
    writer.write(string)
    return writer.text
  }

  private init(style: Style) {
    self.style = style
  }

  private mutating func write(_ value: MetadataValue, indent: Int) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .uint8(let value): text += String(value)
    case .int8(let value): text += String(value)
    case .uint16(let value): text += String(value)
    case .int16(let value): text += String(value)
    case .uint32(let value): text += String(value)
    case .int32(let value): text += String(value)
    case .uint64(let value): text += String(value)
    case .int64(let value): text += String(value)
    case .float32(let value): write(value)
    case .float64(let value): write(value)
    case .string(let value): write(value)
    case .array(let values): write(values, indent: indent)
    case .typedArray(let array): write(array, indent: indent)
    case .object(let metadata): write(metadata, indent: indent)
    }
  }

  private mutating func write(_ number: some BinaryFloatingPoint & CustomStringConvertible) {
    guard number.isFinite else {
      text += number.isNaN ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\""
      return
    }
    text += number.description
  }

  private mutating func write(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\u{00}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  private mutating func write(_ values: [MetadataValue], indent: Int) {
    let isFlat = style == .compact || values.allSatisfy(\.isScalar)
    text += "["
    for (index, value) in values.enumerated() {
      if index > 0 { text += isFlat && style == .indented ? ", " : "," }
      if !isFlat { startLine(indent + 1) }
      write(value, indent: indent + 1)
    }
    if !isFlat { startLine(indent) }
    text += "]"
  }

  /// Writes a packed array, whose elements may be a million, one by one.
  private mutating func write(_ array: MetadataArray, indent: Int) {
    guard array.elementType != .array else { return write(array.values, indent: indent) }
    var isFirst = true
    text += "["
    array.forEach { value in
      if !isFirst { text += style == .indented ? ", " : "," }
      isFirst = false
      write(value, indent: indent + 1)
    }
    text += "]"
  }

  private mutating func write(_ metadata: Metadata, indent: Int) {
    guard !metadata.isEmpty else {
      text += "{}"
      return
    }
    text += "{"
    for (index, entry) in metadata.entries.enumerated() {
      if index > 0 { text += "," }
      if style == .indented { startLine(indent + 1) }
      write(entry.key)
      text += style == .indented ? ": " : ":"
      write(entry.value, indent: indent + 1)
    }
    if style == .indented { startLine(indent) }
    text += "}"
  }

  private mutating func startLine(_ indent: Int) {
    text += "\n" + String(repeating: "  ", count: indent)
  }
}

extension MetadataValue {
  /// Whether it is neither an array nor an object.
  fileprivate var isScalar: Bool {
    switch self {
    case .array, .typedArray, .object: false
    default: true
    }
  }
}
