// SPDX-License-Identifier: Apache-2.0
// Normalizers by their names in tokenizer.json. Page: formats/tokenizer.md, "Components".
import IngotCore
import IngotEncodings

/// Reads normalizers.
package enum NormalizerReader {
  private typealias Reader = @Sendable (ComponentObject) throws(IngotError) -> any Normalizer

  /// The normalizers that are known, a line each; `Sequence` is beside them.
  private static let readers: [String: Reader] = [
    "BertNormalizer": bert,
    "ByteLevel": plain(ByteLevelNormalizer()),
    "Lowercase": plain(Lowercase()),
    "NFC": plain(UnicodeNormalizer(form: .nfc)),
    "NFD": plain(UnicodeNormalizer(form: .nfd)),
    "NFKC": plain(UnicodeNormalizer(form: .nfkc)),
    "NFKD": plain(UnicodeNormalizer(form: .nfkd)),
    "Precompiled": precompiled,
    "Prepend": prepend,
    "Replace": replace,
    "Strip": strip,
    "StripAccents": plain(Removal.accents),
  ]

  /// Reads a normalizer.
  ///
  /// - Parameters:
  ///   - value: its object; null for none.
  ///   - location: the file and its key.
  /// - Returns: `nil` for none.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that is not known, or that blows text up, and
  ///   ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10.
  package static func normalizer(
    _ value: MetadataValue, at location: Location
  ) throws(IngotError) -> (any Normalizer)? {
    guard value != .null else { return nil }
    let normalizer = try single(ComponentObject(value, at: location), depth: 0)
    guard normalizer.growth <= mostGrowth else {
      throw .unsupported("a normalizer that may make more than \(mostGrowth) bytes of one", at: location)
    }
    return normalizer
  }

  /// Bytes that may come of one: SentencePiece's map makes 33, and a form of Unicode that and small letters 726.
  private static let mostGrowth = 1024

  /// Sequences in each other; published ones have one.
  private static let deepest = 8

  private static func single(_ component: ComponentObject, depth: Int) throws(IngotError) -> any Normalizer {
    guard component.type == "Sequence" else {
      guard let type = component.type, let reader = readers[type] else {
        throw component.unknownType("normalizer")
      }
      return try reader(component)
    }
    try component.requireKnown(["normalizers"])
    guard depth < deepest else { throw .unsupported("sequences in each other", at: component.location) }
    var parts: [any Normalizer] = []
    for (index, value) in try component.parts("normalizers").enumerated() {
      let next = try ComponentObject(value, at: component.place(of: "normalizers[\(index)]"))
      if parts.contains(where: {
        ($0 as? NormalizerSequence)?.parts.last is ByteLevelNormalizer || $0 is ByteLevelNormalizer
      }) {
        throw .unsupported(
          "the normalizer \(next.type ?? "without a type") behind ByteLevel", at: next.location)
      }
      parts.append(try single(next, depth: depth + 1))
    }
    return NormalizerSequence(parts)
  }

  private static func plain(_ normalizer: @autoclosure @escaping @Sendable () -> any Normalizer) -> Reader {
    { (component) throws(IngotError) in
      try component.requireKnown([])
      return normalizer()
    }
  }

  private static let bert: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
    let lowercases = try component.flag("lowercase", or: true)
    return BertNormalizer.steps(
      cleansText: try component.flag("clean_text", or: true),
      spacesChinese: try component.flag("handle_chinese_chars", or: true),
      stripsAccents: try component.flag("strip_accents", or: lowercases),
      lowercases: lowercases)
  }

  private static let precompiled: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["precompiled_charsmap"])
    let place = component.place(of: "precompiled_charsmap")
    guard let bytes = Base64.bytes(of: try component.requiredText("precompiled_charsmap")) else {
      throw .malformed(
        TokenizerRule.component.rule, at: place, found: "something else", expected: "bytes in base64")
    }
    return try Precompiled(bytes, at: place)
  }

  private static let prepend: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["prepend"])
    return Prepend(prefix: Array(try component.requiredText("prepend").utf8))
  }

  private static let replace: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["pattern", "content"])
    return Replace(
      pattern: try TextPattern(component), content: Array(try component.requiredText("content").utf8))
  }

  private static let strip: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["strip_left", "strip_right"])
    return Strip(
      left: try component.flag("strip_left", or: true), right: try component.flag("strip_right", or: true))
  }
}

extension TextPattern {
  /// The pattern of a component: `{"Regex": …}` or `{"String": …}`.
  init(_ component: ComponentObject) throws(IngotError) {
    let pattern = try component.component("pattern")
    try pattern.requireKnown(["Regex", "String"])
    if let source = try pattern.text("Regex") {
      try self.init(source, dialect: .oniguruma, at: pattern.place(of: "Regex"))
    } else {
      try self.init(literal: pattern.requiredText("String"), at: pattern.place(of: "String"))
    }
  }
}
