// SPDX-License-Identifier: Apache-2.0
// Pre-tokenizers by their names in tokenizer.json. Page: formats/tokenizer.md, "Components".
import IngotCore

/// Reads pre-tokenizers.
package enum PreTokenizerReader {
  private typealias Reader = @Sendable (ComponentObject) throws(IngotError) -> any PreTokenizer

  /// The pre-tokenizers that are known, a line each; `Sequence` is beside them.
  private static let readers: [String: Reader] = [
    "BertPreTokenizer": bert, "ByteLevel": byteLevel, "CharDelimiterSplit": delimiter, "Digits": digits,
    "FixedLength": fixedLength, "Metaspace": metaspace, "Punctuation": punctuation, "Split": split,
    "Whitespace": whitespace, "WhitespaceSplit": whitespaceSplit,
  ]
  /// Those that may stand behind ByteLevel, where each byte is a letter.
  private static let readLetters: Set<String> = [
    "BertPreTokenizer", "CharDelimiterSplit", "Digits", "FixedLength", "Punctuation", "Split", "Whitespace",
    "WhitespaceSplit",
  ]

  /// Reads a pre-tokenizer.
  ///
  /// - Parameters:
  ///   - value: its object; null for none.
  ///   - location: the file and its key.
  /// - Returns: `nil` for none.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that is not known, and
  ///   ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10.
  package static func preTokenizer(
    _ value: MetadataValue, at location: Location
  ) throws(IngotError) -> (any PreTokenizer)? {
    guard value != .null else { return nil }
    var parts: [any PreTokenizer] = []
    var isBehindBytes = false
    try add(ComponentObject(value, at: location), to: &parts, &isBehindBytes, depth: 0)
    return parts.count == 1 ? parts[0] : PreTokenizerSequence(parts: parts)
  }

  /// Sequences in each other; published ones have one.
  private static let deepest = 8

  private static func add(
    _ component: ComponentObject, to parts: inout [any PreTokenizer], _ isBehindBytes: inout Bool, depth: Int
  ) throws(IngotError) {
    if component.type == "Sequence" {
      try component.requireKnown(["pretokenizers"])
      guard depth < deepest else { throw .unsupported("sequences in each other", at: component.location) }
      for (index, value) in try component.parts("pretokenizers").enumerated() {
        let next = try ComponentObject(value, at: component.place(of: "pretokenizers[\(index)]"))
        try add(next, to: &parts, &isBehindBytes, depth: depth + 1)
      }
      return
    }
    guard let type = component.type, let reader = readers[type] else {
      throw component.unknownType("pre-tokenizer")
    }
    guard !isBehindBytes || readLetters.contains(type) else {
      throw .unsupported("the pre-tokenizer \(type) behind ByteLevel", at: component.location)
    }
    isBehindBytes = isBehindBytes || type == "ByteLevel"
    parts.append(try reader(component))
  }

  private static let bert: Reader = { (component) throws(IngotError) in
    try component.requireKnown([])
    return PreTokenizerSequence(parts: [
      Split(pattern: try set(.whiteSpace, component), behavior: .removed),
      Split(pattern: try set(.punctuation, component), behavior: .isolated),
    ])
  }

  private static let byteLevel: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["add_prefix_space", "trim_offsets", "use_regex"])
    let isCut = try component.flag("use_regex", or: true)
    return ByteLevel(
      addsPrefixSpace: try component.flag("add_prefix_space", or: true),
      pattern: isCut
        ? try TextPattern(ByteLevel.patternOfGPT2, dialect: .oniguruma, at: component.location) : nil)
  }

  private static let delimiter: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["delimiter"])
    let text = try character(component, "delimiter", or: nil)
    return Split(pattern: try TextPattern(literal: text, at: component.location), behavior: .removed)
  }

  private static let digits: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["individual_digits"])
    let isSingle = try component.flag("individual_digits", or: false)
    return Split(pattern: try set(.numeric, component), behavior: isSingle ? .isolated : .contiguous)
  }

  private static let fixedLength: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["length"])
    let length = try component.number("length", or: 5)
    guard length > 0 else {
      throw .malformed(
        TokenizerRule.component.rule, at: component.place(of: "length"), found: "0",
        expected: "a number from 1 on")
    }
    return FixedLength(length: length)
  }

  private static let metaspace: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"])
    let mark = try character(component, "replacement", or: "\u{2581}")
    let adds = try component.flag("add_prefix_space", or: true)
    let name = try component.text("prepend_scheme", or: adds ? "always" : "never") ?? ""
    guard let prepending = Metaspace.Prepending(rawValue: name), adds || prepending == .never else {
      throw .unsupported("the prepend_scheme \(name) of Metaspace", at: component.place(of: "prepend_scheme"))
    }
    let isCut = try component.flag("split", or: true)
    return Metaspace(
      mark: Array(mark.utf8), prepending: prepending,
      pattern: isCut ? try TextPattern(literal: mark, at: component.location) : nil)
  }

  private static let punctuation: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["behavior"])
    return Split(
      pattern: try set(.punctuation, component), behavior: try behavior(component, or: .isolated))
  }

  private static let split: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["pattern", "behavior", "invert"])
    return Split(
      pattern: try TextPattern(component), behavior: try behavior(component, or: nil),
      isInverted: try component.flag("invert", or: false))
  }

  /// Words and what is neither a word nor white space: Rust's `\w+|[^\w\s]+`.
  private static let whitespace: Reader = { (component) throws(IngotError) in
    try component.requireKnown([])
    let pattern = try TextPattern(#"\w+|[^\w\s]+"#, dialect: .fancyRegex, at: component.location)
    return Split(pattern: pattern, behavior: .removed, isInverted: true)
  }

  private static let whitespaceSplit: Reader = { (component) throws(IngotError) in
    try component.requireKnown([])
    return Split(pattern: try set(.whiteSpace, component), behavior: .removed)
  }

  // MARK: - Options

  private static func set(_ set: ScalarSet, _ component: ComponentObject) throws(IngotError) -> TextPattern {
    try TextPattern(.set(set), at: component.location)
  }

  private static func behavior(
    _ component: ComponentObject, or value: SplitBehavior?
  ) throws(IngotError) -> SplitBehavior {
    let name = try component.text("behavior", or: value?.rawValue) ?? ""
    guard let behavior = SplitBehavior(rawValue: name) else {
      throw .unsupported(
        "the behavior \(name) of \(component.type ?? "")", at: component.place(of: "behavior"))
    }
    return behavior
  }

  /// An option that is one character.
  private static func character(
    _ component: ComponentObject, _ key: String, or value: String?
  ) throws(IngotError) -> String {
    guard let text = try component.text(key, or: value), text.unicodeScalars.count == 1 else {
      throw .malformed(
        TokenizerRule.component.rule, at: component.place(of: key), found: "something else",
        expected: "one character")
    }
    return text
  }
}
