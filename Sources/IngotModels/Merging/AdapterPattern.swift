// SPDX-License-Identifier: Apache-2.0
// Keys of `rank_pattern` and `alpha_pattern`: regular expressions for the end of a module's name, as PEFT's
// `get_pattern_key` has them. Matched in time linear in the name.
import IngotCore
import IngotText

/// A regular expression for modules: PEFT's `(.*\.)?(KEY)$`, from the name's start.
package struct AdapterPattern {
  private enum Form {
    /// Characters, of which a dot stands for any.
    case plain([Unicode.Scalar])
    /// Anything else.
    case expression(TextPattern)
  }

  /// What stands before and behind a name, so that a match is of all of it.
  private static let border: Unicode.Scalar = "\u{1}"
  /// Keys that a config may have; EVA writes one a layer.
  static let mostKeys = 4096

  private let form: Form
  /// Whether the name has to begin with it.
  private let isWhole: Bool

  /// Compiles a key.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for what is not matched in linear time.
  package init(_ key: String, at location: Location) throws(IngotError) {
    var scalars = Array(key.unicodeScalars)
    isWhole = scalars.first == "^"
    if isWhole { scalars.removeFirst() }
    if scalars.last == "$", scalars.dropLast().last != #"\"# { scalars.removeLast() }
    if scalars.allSatisfy({ Self.isPlain($0) }) {
      form = .plain(scalars)
      return
    }
    var text = String.UnicodeScalarView([Self.border])
    text.append(contentsOf: (isWhole ? "(?:" : #"(?:.*\.)?(?:"#).unicodeScalars)
    text.append(contentsOf: scalars)
    text.append(contentsOf: ")".unicodeScalars)
    text.append(Self.border)
    do throws(IngotError) {
      form = .expression(try TextPattern(String(text), dialect: .fancyRegex, at: location))
    } catch {
      throw .unsupported("the pattern \(key), which is not matched in linear time", at: location)
    }
  }

  /// Whether a character stands for itself, or is the dot.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
    default: false
    }
  }

  /// Whether it is for a module.
  package func matches(_ module: String) -> Bool {
    switch form {
    case .plain(let pattern):
      let name = Array(module.unicodeScalars)
      guard name.count >= pattern.count else { return false }
      let start = name.count - pattern.count
      guard start == 0 || (!isWhole && name[start - 1] == ".") else { return false }
      return zip(pattern, name[start...]).allSatisfy { $0 == "." || $0 == $1 }
    case .expression(let pattern):
      guard !module.unicodeScalars.contains(Self.border) else { return false }
      let text = [UInt8(1)] + Array(module.utf8) + [1]
      var scan = PatternScan(pattern)
      var isMatch = false
      _ = scan.run(text, 0..<text.count, isEnd: true, asLetters: false) { isMatch = isMatch || $1 }
      return isMatch
    }
  }
}
