// SPDX-License-Identifier: Apache-2.0
// Reads a regular expression, as far as published tokenizers use the language and it can be matched in linear time.
// What is left out is refused by its name: formats/tokenizer.md, "Patterns".
import IngotCore

/// Whose regular expressions they are, where these differ.
package enum PatternDialect: Sendable {
  /// Oniguruma with Ruby's syntax, as Hugging Face's tokenizers have it: `$` stands before each line's end, and `{1,3}+`
  /// repeats the repetition.
  case oniguruma
  /// Rust's fancy-regex, as tiktoken has it: `$` stands at the text's end, and `{1,3}+` gives nothing back.
  case fancyRegex
}

/// Reads a regular expression from its first character to its last.
struct PatternParser {
  let dialect: PatternDialect
  let location: Location
  private let scalars: [Unicode.Scalar]
  var place = 0
  private var depth = 0
  /// Whether letters stand for both of their cases.
  private var ignoresCase = false

  /// Groups and sets in each other; published patterns have three.
  private static let deepest = 32
  /// Times that may be counted; published patterns count to 512.
  private static let mostTimes = 1000

  init(_ source: String, dialect: PatternDialect, location: Location) {
    self.dialect = dialect
    self.location = location
    scalars = Array(source.unicodeScalars)
  }

  /// The whole expression.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for what is not known, with its text.
  mutating func parse() throws(IngotError) -> PatternSyntax {
    let syntax = try alternatives()
    guard place == scalars.count else { throw refused("a parenthesis that closes nothing", from: place) }
    guard !syntax.canBeEmpty else { throw refused("a pattern that matches nothing at all", from: 0) }
    return syntax
  }

  // MARK: - Characters

  /// The next character, which is not taken.
  var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

  /// Takes a character.
  mutating func take() -> Unicode.Scalar? {
    guard place < scalars.count else { return nil }
    place += 1
    return scalars[place - 1]
  }

  /// Takes a text where it comes next.
  mutating func take(_ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    guard scalars.count - place >= text.count, scalars[place..<place + text.count].elementsEqual(text) else {
      return false
    }
    place += text.count
    return true
  }

  /// The error for what is not known, with the text from a place on.
  func refused(_ what: Evidence, from start: Int) -> IngotError {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[min(start, scalars.count)...].prefix(24))
    let shown = String(text)
    let place: Evidence = " in a regular expression: \(shown)"
    return .unsupported(Evidence(pieces: what.pieces + place.pieces), at: location)
  }

  /// Goes one level deeper, as far as that goes.
  mutating func nested<Value>(
    _ body: (inout PatternParser) throws(IngotError) -> Value
  ) throws(IngotError) -> Value {
    guard depth < Self.deepest else { throw refused("nesting deeper than \(Self.deepest)", from: place) }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: - Structure

  private mutating func alternatives() throws(IngotError) -> PatternSyntax {
    let casing = ignoresCase
    defer { ignoresCase = casing }
    var all = [try sequence()]
    while take("|") { all.append(try sequence()) }
    return all.count == 1 ? all[0] : .alternatives(all)
  }

  private mutating func sequence() throws(IngotError) -> PatternSyntax {
    var parts: [PatternSyntax] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      let start = place
      let atom = try atom()
      parts.append(try repeated(atom, from: start))
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func atom() throws(IngotError) -> PatternSyntax {
    let start = place
    switch take() {
    case "("?: return try nested { (parser) throws(IngotError) in try parser.group(from: start) }
    case "["?:
      let set = try nested { (parser) throws(IngotError) in try parser.bracketed() }
      return .set(try cased(set, from: start))
    case "."?: return .set(ScalarSet("\n").inverted)
    case "$"?: return .lookahead(dialect == .oniguruma ? ScalarSet("\n") : .none, orEnd: true)
    case "^"?: throw refused("a look back to a line's start", from: start)
    case "*"?, "+"?, "?"?: throw refused("a repetition of nothing", from: start)
    case "\\"?: return .set(try cased(try escaped(from: start), from: start))
    case let scalar?: return .set(try cased(ScalarSet(scalar), from: start))
    case nil: throw refused("an end", from: start)
    }
  }

  private mutating func group(from start: Int) throws(IngotError) -> PatternSyntax {
    guard take("?") else { return try closed(from: start) }
    if take(":") { return try closed(from: start) }
    if take("=") { return try lookahead(isNegative: false, from: start) }
    if take("!") { return try lookahead(isNegative: true, from: start) }
    if take(">") {
      guard case .repetition(.set(let set), let from, let to, true) = try closed(from: start) else {
        throw refused("a group that gives nothing back, of more than one repeated character", from: start)
      }
      return .possessive(set, from: from, to: to)
    }
    if take("i:") { return try closed(from: start, ignoringCase: true) }
    if start == 0, take("i)") {
      ignoresCase = true
      return .sequence([])
    }
    throw refused("a group of its kind", from: start)
  }

  private mutating func closed(from start: Int, ignoringCase: Bool? = nil) throws(IngotError) -> PatternSyntax
  {
    let casing = ignoresCase
    ignoresCase = ignoringCase ?? casing
    let inside = try alternatives()
    ignoresCase = casing
    guard take(")") else { throw refused("a group that is not closed", from: start) }
    return inside
  }

  private mutating func lookahead(isNegative: Bool, from start: Int) throws(IngotError) -> PatternSyntax {
    guard let (set, orEnd) = Self.oneCharacter(try closed(from: start)) else {
      throw refused("a look ahead further than one character", from: start)
    }
    return isNegative ? .lookahead(set.inverted, orEnd: !orEnd) : .lookahead(set, orEnd: orEnd)
  }

  /// What is asked of the next character by an expression that asks of no other.
  private static func oneCharacter(_ syntax: PatternSyntax) -> (ScalarSet, orEnd: Bool)? {
    switch syntax {
    case .set(let set): return (set, false)
    case .lookahead(let set, let orEnd): return (set, orEnd)
    case .alternatives(let parts):
      var all = ScalarSet.none
      var orEnd = false
      for part in parts {
        guard let one = oneCharacter(part) else { return nil }
        all = all.union(one.0)
        orEnd = orEnd || one.orEnd
      }
      return (all, orEnd)
    default: return nil
    }
  }

  // MARK: - Repetition

  private mutating func repeated(_ atom: PatternSyntax, from start: Int) throws(IngotError) -> PatternSyntax {
    var syntax = atom
    while let (from, to, isCounted) = try times() {
      if to == nil || to != from, to != 1, syntax.canBeEmpty {
        throw refused("a repetition of what may be empty", from: start)
      }
      if take("?") {
        guard !isCounted || from != to else { throw refused("a count that is optional", from: start) }
        syntax = .repetition(syntax, from: from, to: to, isGreedy: false)
      } else if !(isCounted && dialect == .oniguruma), take("+") {
        guard case .set(let set) = syntax else {
          throw refused("a repetition that gives nothing back, of more than one character", from: start)
        }
        syntax = .possessive(set, from: from, to: to)
      } else {
        syntax = .repetition(syntax, from: from, to: to, isGreedy: true)
      }
    }
    return syntax
  }

  private mutating func times() throws(IngotError) -> (from: Int, to: Int?, isCounted: Bool)? {
    if take("*") { return (0, nil, false) }
    if take("+") { return (1, nil, false) }
    if take("?") { return (0, 1, false) }
    let start = place
    guard take("{") else { return nil }
    let from = try number()
    var to = from
    if take(",") { to = try number() }
    let isOpen = scalars[start..<place].last == ","
    guard take("}"), from != nil || to != nil else {
      // No repetition: the brace stands for itself.
      place = start
      return nil
    }
    guard isOpen || (to ?? 0) >= (from ?? 0) else { throw refused("counts in the wrong order", from: start) }
    return (from ?? 0, isOpen ? nil : to, true)
  }

  private mutating func number() throws(IngotError) -> Int? {
    let start = place
    var number: Int?
    while let digit = next.flatMap({
      $0.isASCII ? $0.properties.numericType == .decimal ? Int($0.value) - 48 : nil : nil
    }) {
      place += 1
      number = (number ?? 0) * 10 + digit
      if let number, number > Self.mostTimes { throw refused("a count over \(Self.mostTimes)", from: start) }
    }
    return number
  }

  // MARK: - Case

  /// A set with the other case of its letters, where case is ignored.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` where letters beyond ASCII have another case that it lacks.
  func cased(_ set: ScalarSet, from start: Int) throws(IngotError) -> ScalarSet {
    guard ignoresCase else { return set }
    var all = set
    for (upper, lower) in Self.cases where set.contains(upper) != set.contains(lower) {
      guard upper < 0x80 || lower < 0x80 else { throw refused("case ignored beyond ASCII", from: start) }
      for scalar in [upper, lower] { all = all.union(ScalarSet(scalar...scalar)) }
    }
    // Their lower case and fold are ASCII, but no upper case of ASCII is theirs: the long s and the Kelvin sign.
    for (letter, other) in [("s", 0x17F), ("k", 0x212A)] as [(String, UInt32)]
    where all.contains(ScalarSet(letter).bounds[0]) {
      all = all.union(ScalarSet(other...other))
    }
    return all
  }

  /// Letters with their lower case, where it is one letter.
  private static let cases: [(UInt32, UInt32)] = UnicodeTables.mappings(UnicodeTables.lowercase)
    .compactMap { upper, lower in lower.count == 1 && upper != 0x212A ? (upper, lower[0]) : nil }
}
