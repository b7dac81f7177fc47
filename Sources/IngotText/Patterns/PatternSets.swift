// SPDX-License-Identifier: Apache-2.0
// Sets of characters in regular expressions: escapes, properties, and what stands in brackets.
import IngotCore

extension PatternParser {
  /// What an escape stands for, behind its backslash.
  mutating func escaped(from start: Int) throws(IngotError) -> ScalarSet {
    guard let scalar = take() else { throw refused("a backslash at the end", from: start) }
    switch scalar {
    case "s": return .whiteSpace
    case "S": return ScalarSet.whiteSpace.inverted
    case "d": return try property("Nd", from: start)
    case "D": return try property("Nd", from: start).inverted
    case "w": return word
    case "W": return word.inverted
    case "h" where dialect == .oniguruma: return .hexDigits
    case "H" where dialect == .oniguruma: return ScalarSet.hexDigits.inverted
    case "p": return try property(from: start)
    case "P": return try property(from: start).inverted
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "f": return ScalarSet("\u{C}")
    case "v": return ScalarSet("\u{B}")
    case "x": return try codePoint(digits: 2, from: start)
    case "u" where !take("{"): return try codePoint(digits: 4, from: start)
    case "b", "B": throw refused("a look at a word's border", from: start)
    case _ where scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil):
      throw refused("an escape of its kind", from: start)
    default: return ScalarSet(scalar)
    }
  }

  private var word: ScalarSet { dialect == .oniguruma ? .wordOfOniguruma : .wordOfRust }

  /// A code point in hexadecimal: a count of digits, or as many as stand in braces.
  private mutating func codePoint(digits: Int, from start: Int) throws(IngotError) -> ScalarSet {
    var text = ""
    if take("{") {
      while let scalar = take(), scalar != "}" { text.unicodeScalars.append(scalar) }
    } else {
      for _ in 0..<digits { if let scalar = take() { text.unicodeScalars.append(scalar) } }
    }
    guard text.unicodeScalars.allSatisfy({ $0.properties.isASCIIHexDigit }),
      let number = UInt32(text, radix: 16), let scalar = Unicode.Scalar(number)
    else { throw refused("an escape that is not a character", from: start) }
    return ScalarSet(scalar)
  }

  /// A property by its name: `L`, `{Lu}`, `{^Lu}`, `{Han}`, `{Script=Han}`.
  private mutating func property(from start: Int) throws(IngotError) -> ScalarSet {
    var name = ""
    if take("{") {
      while let scalar = take(), scalar != "}" { name.unicodeScalars.append(scalar) }
    } else if let scalar = take() {
      name.unicodeScalars.append(scalar)
    }
    if name.unicodeScalars.first == "^" {
      return try property(String(name.unicodeScalars.dropFirst()), from: start).inverted
    }
    return try property(name, from: start)
  }

  private func property(_ name: String, from start: Int) throws(IngotError) -> ScalarSet {
    var name = name
    for prefix in ["Script=", "sc=", "General_Category=", "gc="] where name.hasPrefix(prefix) {
      name = String(name.dropFirst(prefix.count))
    }
    guard let set = ScalarSet.named(name) else { throw refused("a property of its name", from: start) }
    return set
  }

  // MARK: - Brackets

  /// What stands in brackets, behind the opening one.
  mutating func bracketed() throws(IngotError) -> ScalarSet {
    let start = place - 1
    let isInverted = take("^")
    var all = try union(from: start)
    while take("&&") { all = all.intersection(try union(from: start)) }
    guard take("]") else { throw refused("brackets that are not closed", from: start) }
    return isInverted ? all.inverted : all
  }

  private mutating func union(from start: Int) throws(IngotError) -> ScalarSet {
    var all = ScalarSet.none
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      if take("&&") {
        place -= 2
        break
      }
      let itemStart = place
      let item = try item()
      if let low = item.single, let high = try rangeEnd() {
        guard low <= high else { throw refused("a range that goes down", from: itemStart) }
        all = all.union(ScalarSet(low...high))
      } else {
        all = all.union(item)
      }
      isFirst = false
    }
    return all
  }

  /// The end of a range, where a hyphen and one follow.
  private mutating func rangeEnd() throws(IngotError) -> UInt32? {
    let start = place
    guard take("-") else { return nil }
    guard next != "]", next != "[", next != nil, let high = try item().single else {
      place = start
      return nil
    }
    return high
  }

  private mutating func item() throws(IngotError) -> ScalarSet {
    let start = place
    if take("[:") {
      var name = ""
      while let scalar = next, scalar != ":" {
        place += 1
        name.unicodeScalars.append(scalar)
      }
      guard take(":]"), let set = ScalarSet.posix(name) else {
        throw refused("a class of its name", from: start)
      }
      return set
    }
    switch take() {
    case "["?: return try nested { (parser) throws(IngotError) in try parser.bracketed() }
    case "\\"?: return try escaped(from: start)
    case "-"? where next == "-": throw refused("a difference of sets", from: start)
    case let scalar?: return ScalarSet(scalar)
    case nil: throw refused("brackets that are not closed", from: start)
    }
  }
}

extension ScalarSet {
  /// Hexadecimal digits of ASCII.
  static let hexDigits = ScalarSet("0123456789abcdefABCDEF")
  /// `\w` as Rust's regular expressions have it: with the two joiners.
  package static let wordOfRust = word.union(ScalarSet(0x200C...0x200D))
  /// `\w` as Oniguruma has it: with the digits of Latin-1 that are raised or parts.
  package static let wordOfOniguruma = word.union(ScalarSet("\u{B2}\u{B3}\u{B9}\u{BC}\u{BD}\u{BE}"))

  /// The code point of a set that has one only.
  fileprivate var single: UInt32? { bounds.count == 2 && bounds[0] + 1 == bounds[1] ? bounds[0] : nil }

  /// A property that regular expressions name.
  fileprivate static func named(_ name: String) -> ScalarSet? {
    switch name {
    case "Any": .all
    case "Letter": category("L")
    case "Number": category("N")
    case "Mark": category("M")
    case "Punctuation", "Punct": category("P")
    case "Symbol": category("S")
    case "White_Space", "Space": .whiteSpace
    default: category(name) ?? script(name)
    }
  }

  /// A class that brackets name.
  fileprivate static func posix(_ name: String) -> ScalarSet? {
    switch name {
    case "space": .whiteSpace
    case "digit": category("Nd")
    case "xdigit": .hexDigits
    default: nil
    }
  }
}
