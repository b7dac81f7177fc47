// SPDX-License-Identifier: Apache-2.0
// Colour and width of the text that people read. Meaning never hangs on colour alone.

/// How text is laid out for the place it goes to.
public struct TextStyle: Sendable {
  /// What a piece of text is.
  public enum Emphasis: Sendable {
    /// An error.
    case error
    /// A note.
    case note
    /// What repeats or matters less.
    case dim
    /// What the eye should find first.
    case strong
  }

  /// Whether to colour.
  public var usesColor: Bool
  /// Columns there are; `nil` when it does not matter, as in a pipe.
  public var columns: Int?

  /// Makes a style; the default is for a pipe.
  public init(usesColor: Bool = false, columns: Int? = nil) {
    self.usesColor = usesColor
    self.columns = columns
  }

  /// Text with an emphasis.
  public func text(_ text: String, _ emphasis: Emphasis) -> String {
    guard usesColor else { return text }
    let code =
      switch emphasis {
      case .error: "31"
      case .note: "33"
      case .dim: "2"
      case .strong: "1"
      }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }

  /// Text from a stranger's file, made safe to print: control characters are escaped, long text is cut.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - limit: characters that are kept.
  /// - Returns: text without control characters, bidirectional ones included.
  public static func printable(_ text: String, limit: Int = 200) -> String {
    // Names are plain nearly always.
    if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return text }
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else { return result + "…" }
      count += 1
      if let byte = PathText.byte(of: scalar) {
        result += "\\x" + String(byte, radix: 16)
        continue
      }
      if mayDeceive(scalar) {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A JSON document made safe to print: in its strings, characters that a terminal obeys are escaped.
  static func escapedInJSON(_ document: String) -> String {
    if document.utf8.allSatisfy({ $0 < 0x7f }) { return document }
    var result = ""
    for scalar in document.unicodeScalars {
      if scalar != "\n", mayDeceive(scalar) {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Whether a character is no sign, but something that a terminal obeys, or that turns or hides others.
  private static func mayDeceive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
