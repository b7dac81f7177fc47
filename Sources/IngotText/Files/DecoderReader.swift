// SPDX-License-Identifier: Apache-2.0
// Decoders by their names in tokenizer.json. Page: formats/tokenizer.md.
import IngotCore

/// Reads decoders.
enum DecoderReader {
  private typealias Reader = @Sendable (ComponentObject) throws(IngotError) -> any TokenDecoder

  /// The decoders that are known, a line each.
  private static let readers: [String: Reader] = [
    "ByteLevel": { (_) throws(IngotError) in FuseDecoder() },
    "Fuse": { (_) throws(IngotError) in FuseDecoder() },
    "ByteFallback": { (_) throws(IngotError) in ByteFallbackDecoder() },
    "BPEDecoder": suffix, "Metaspace": metaspace, "Replace": replace, "Strip": strip, "WordPiece": wordPiece,
  ]

  /// Reads a decoder.
  ///
  /// - Parameters:
  ///   - value: its object; null for none, which puts spaces between tokens.
  ///   - location: the file and its key.
  /// - Returns: the decoder.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that is not known, and
  ///   ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10.
  static func decoder(_ value: MetadataValue?, at location: Location) throws(IngotError) -> any TokenDecoder {
    guard let value, value != .null else { return JoinDecoder() }
    let component = try ComponentObject(value, at: location)
    let decoder = component.type == "Sequence" ? try sequence(component) : try single(component)
    guard decoder.growth <= mostGrowth else {
      throw .unsupported("a decoder that may make more than \(mostGrowth) bytes of one", at: location)
    }
    return decoder
  }

  /// Bytes that may come of one, as with normalizers; published decoders make one of several.
  private static let mostGrowth = 1024

  private static func sequence(_ component: ComponentObject) throws(IngotError) -> any TokenDecoder {
    try component.requireKnown(["decoders"])
    var decoders: [any TokenDecoder] = []
    for (index, value) in try component.parts("decoders").enumerated() {
      let next = try ComponentObject(value, at: component.place(of: "decoders[\(index)]"))
      // Bytes are texts only behind it; before it another decoder would see letters.
      if next.type == "ByteLevel", index > 0 {
        throw .unsupported("the decoder ByteLevel behind another", at: next.location)
      }
      decoders.append(try single(next))
    }
    return DecoderSequence(decoders)
  }

  /// Whether the decoder takes tokens as bytes.
  static func takesBytes(_ value: MetadataValue?) -> Bool {
    guard case .object(let object)? = value else { return false }
    if object.string("type") == "ByteLevel" { return true }
    guard case .array(let decoders)? = object["decoders"], case .object(let first)? = decoders.first else {
      return false
    }
    return first.string("type") == "ByteLevel"
  }

  private static func single(_ component: ComponentObject) throws(IngotError) -> any TokenDecoder {
    guard let type = component.type, let reader = readers[type] else {
      throw component.unknownType("decoder")
    }
    return try reader(component)
  }

  private static let suffix: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["suffix"])
    let suffix = Array((try component.text("suffix", or: "</w>") ?? "").utf8)
    guard !suffix.isEmpty else {
      throw .unsupported("an empty suffix of BPEDecoder", at: component.place(of: "suffix"))
    }
    return SuffixDecoder(suffix: suffix)
  }

  private static let metaspace: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"])
    let mark = try character(component, "replacement", or: "\u{2581}")
    let adds = try component.flag("add_prefix_space", or: true)
    let scheme = try component.text("prepend_scheme", or: adds ? "always" : "never")
    return MetaspaceDecoder(mark: mark, dropsFirst: scheme != "never")
  }

  private static let replace: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["pattern", "content"])
    let pattern = try component.component("pattern")
    guard let text = try pattern.text("String"), !text.isEmpty else {
      throw .unsupported("the decoder Replace by a regular expression", at: pattern.location)
    }
    return ReplaceDecoder(Array(text.utf8), with: Array(try component.requiredText("content").utf8))
  }

  private static let strip: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["content", "start", "stop"])
    let (start, stop) = (try component.number("start", or: 0), try component.number("stop", or: 0))
    guard max(start, stop) <= 1000 else {
      throw .unsupported("a decoder that strips more than 1000 characters", at: component.location)
    }
    return StripDecoder(try character(component, "content", or: nil), startCount: start, endCount: stop)
  }

  private static let wordPiece: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["prefix", "cleanup"])
    return WordPieceDecoder(
      prefix: Array((try component.text("prefix", or: "##") ?? "").utf8),
      cleansUp: try component.flag("cleanup", or: true))
  }

  /// An option that is a character.
  private static func character(
    _ component: ComponentObject, _ key: String, or value: String?
  ) throws(IngotError) -> [UInt8] {
    guard let text = try component.text(key, or: value), text.unicodeScalars.count == 1 else {
      throw .malformed(
        TokenizerRule.component.rule, at: component.place(of: key), found: "something else",
        expected: "one character")
    }
    return Array(text.utf8)
  }
}
