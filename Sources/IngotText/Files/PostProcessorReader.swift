// SPDX-License-Identifier: Apache-2.0
// Post-processors by their names in tokenizer.json, as far as they are about one text. Page: formats/tokenizer.md.
import IngotCore

/// Reads post-processors.
enum PostProcessorReader {
  private typealias Reader = @Sendable (ComponentObject) throws(IngotError) -> PostProcessor

  /// The post-processors that are known, a line each; `Sequence` is beside them.
  private static let readers: [String: Reader] = [
    "ByteLevel": byteLevel, "TemplateProcessing": template, "BertProcessing": bert,
    "RobertaProcessing": roberta,
  ]

  /// Reads a post-processor.
  ///
  /// - Parameters:
  ///   - value: its object; null for none.
  ///   - location: the file and its key.
  /// - Returns: what is put around a text.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that is not known, and
  ///   ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10.
  static func postProcessor(
    _ value: MetadataValue?, at location: Location
  ) throws(IngotError) -> PostProcessor {
    guard let value, value != .null else { return PostProcessor() }
    let component = try ComponentObject(value, at: location)
    guard component.type == "Sequence" else { return try single(component) }
    try component.requireKnown(["processors"])
    var processor = PostProcessor()
    for (index, value) in try component.parts("processors").enumerated() {
      let place = component.place(of: "processors[\(index)]")
      processor.append(try single(ComponentObject(value, at: place)))
    }
    return processor
  }

  private static func single(_ component: ComponentObject) throws(IngotError) -> PostProcessor {
    guard let type = component.type, let reader = readers[type] else {
      throw component.unknownType("post-processor")
    }
    return try reader(component)
  }

  private static let byteLevel: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["add_prefix_space", "trim_offsets", "use_regex"])
    var processor = PostProcessor()
    processor.trimsOffsets = try component.flag("trim_offsets", or: true)
    processor.hasPrefixSpace = try component.flag("add_prefix_space", or: true)
    return processor
  }

  private static let bert: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["cls", "sep"])
    return PostProcessor(before: [try mark(component, "cls")], behind: [try mark(component, "sep")])
  }

  private static let roberta: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["cls", "sep", "trim_offsets", "add_prefix_space"])
    var processor = PostProcessor(before: [try mark(component, "cls")], behind: [try mark(component, "sep")])
    processor.trimsOffsets = try component.flag("trim_offsets", or: true)
    processor.hasPrefixSpace = try component.flag("add_prefix_space", or: true)
    return processor
  }

  /// A text with its id: `["[SEP]", 102]`.
  private static func mark(_ component: ComponentObject, _ key: String) throws(IngotError) -> UInt32 {
    let pair = try component.list(key)
    guard pair.count == 2, let id = pair[1].integer, let exact = UInt32(exactly: id) else {
      throw broken(component.place(of: key), expected: "a text and its id")
    }
    return exact
  }

  private static let template: Reader = { (component) throws(IngotError) in
    try component.requireKnown(["single", "pair", "special_tokens"])
    let special = try component.component("special_tokens")
    var processor = PostProcessor()
    var isBehind = false
    let pieces = try component.list("single")
    guard pieces.count <= 1000 else {
      throw .unsupported("a template of \(pieces.count, "piece")", at: component.place(of: "single"))
    }
    for (index, value) in pieces.enumerated() {
      let piece = try ComponentObject(value, at: component.place(of: "single[\(index)]"))
      if piece.object["Sequence"] != nil {
        guard try piece.component("Sequence").text("id") == "A", !isBehind else {
          throw .unsupported("a template that has its text twice, or another one's", at: piece.location)
        }
        isBehind = true
        continue
      }
      let ids = try PostProcessorReader.ids(
        of: piece.component("SpecialToken").requiredText("id"), in: special)
      if isBehind { processor.behind += ids } else { processor.before += ids }
    }
    guard isBehind else { throw broken(component.place(of: "single"), expected: "a template with its text") }
    return processor
  }

  /// The ids of a template's token.
  private static func ids(of name: String, in special: ComponentObject) throws(IngotError) -> [UInt32] {
    let token = try special.component(name)
    var ids: [UInt32] = []
    for value in try token.list("ids") {
      guard let id = value.integer, let exact = UInt32(exactly: id) else {
        throw broken(token.place(of: "ids"), expected: "ids")
      }
      ids.append(exact)
    }
    return ids
  }

  private static func broken(_ location: Location, expected: Evidence) -> IngotError {
    .malformed(TokenizerRule.component.rule, at: location, found: "something else", expected: expected)
  }
}
