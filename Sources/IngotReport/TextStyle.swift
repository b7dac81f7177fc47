// SPDX-License-Identifier: Apache-2.0
// Colour and width of the text that people read. Meaning never hangs on colour alone.

/// How text is laid out for the place it goes to.
package struct TextStyle: Sendable {
  /// What a piece of text is.
  package enum Emphasis: Sendable {
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
  package var usesColor: Bool
  /// Columns there are; `nil` when it does not matter, as in a pipe.
  package var columns: Int?

  /// Makes a style; the default is for a pipe.
  package init(usesColor: Bool = false, columns: Int? = nil) {
    self.usesColor = usesColor
    self.columns = columns
  }

  /// Text with an emphasis.
  package func text(_ text: String, _ emphasis: Emphasis) -> String {
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

  /// A JSON document made safe to print: in its strings, characters that a terminal obeys are escaped.
  static func escapedInJSON(_ document: String) -> String {
    if document.utf8.allSatisfy({ $0 < 0x7f }) { return document }
    var result = ""
    for scalar in document.unicodeScalars {
      if scalar != "\n", PrintableText.mayDeceive(scalar) {
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
}
