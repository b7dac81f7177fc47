// SPDX-License-Identifier: Apache-2.0
// A stranger's text made safe to print.
import IngotBytes

/// Text from a stranger's file, made safe to print.
package enum PrintableText {
  /// Text without control characters, bidirectional ones included: they are escaped, and long text is cut.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - limit: characters that are kept.
  /// - Returns: text that a terminal shows as it is.
  package static func escaped(_ text: String, limit: Int = 200) -> String {
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

  /// Text of many lines without what a terminal would obey: control characters but for ends of lines and tabulators are
  /// escaped.
  package static func withoutControls(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory == .control, scalar != "\n", scalar != "\t" {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Whether a character is no sign, but something that a terminal obeys, or that turns or hides others.
  package static func mayDeceive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
