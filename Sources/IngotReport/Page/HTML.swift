// SPDX-License-Identifier: Apache-2.0
// Pieces of a page. What a source file spells out is HTML; what is put in is text, and escaped, unless it is HTML itself: so
// that no name of a file becomes a tag.
import IngotKit

/// A piece of HTML.
struct HTML: ExpressibleByStringInterpolation, Sendable {
  /// The source text.
  private(set) var source: String

  init(stringLiteral value: String) { source = value }
  init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }
  /// Source text that is HTML already.
  fileprivate init(source: String) { self.source = source }

  /// Pieces behind each other.
  init(_ pieces: some Sequence<HTML>) { source = pieces.map(\.source).joined() }

  /// Its length in bytes.
  var byteCount: Int { source.utf8.count }

  static func + (left: HTML, right: HTML) -> HTML { HTML(source: left.source + right.source) }
  static func += (left: inout HTML, right: HTML) { left.source += right.source }

  /// Text as HTML shows it: control characters, those that turn or hide others among them, are spelled out, so that they are
  /// seen; what could be a tag, an entity or the end of an attribute is escaped.
  static func escaped(_ text: String) -> String {
    let printable = PrintableText.escaped(text, limit: .max)
    var result = ""
    result.reserveCapacity(printable.utf8.count)
    for scalar in printable.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// What a literal with values in it is made of.
  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ html: HTML) { source += html.source }
    mutating func appendInterpolation(_ text: String) { source += HTML.escaped(text) }
    mutating func appendInterpolation(_ number: Int) { source += String(number) }
    mutating func appendInterpolation(_ count: Count) { source += HTML.escaped(count.description) }
  }
}

/// Numbers in drawings, with one decimal at the most.
extension HTML.StringInterpolation {
  mutating func appendInterpolation(_ coordinate: Double) {
    let text = Quantity.fixed(coordinate, decimals: 1)
    source += text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
