// SPDX-License-Identifier: Apache-2.0
// An object of tokenizer.json that describes a component: its options are asked for one by one, and one that nobody asked for
// is refused by its name.
import IngotCore

/// An object that describes a component.
struct ComponentObject {
  /// The object's keys and values.
  let object: Metadata
  /// The file, and the way to the object within.
  let location: Location

  /// Takes an object.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10 for a value that is none.
  init(_ value: MetadataValue?, at location: Location) throws(IngotError) {
    guard case .object(let object)? = value else {
      throw .malformed(
        TokenizerRule.component.rule, at: location, found: "no object", expected: "a component")
    }
    self.object = object
    self.location = location
  }

  /// What the component is called.
  var type: String? { object.string("type") }

  /// The place of a key.
  func place(of key: String) -> Location {
    var location = location
    location.key = (location.key.map { "\($0)." } ?? "") + key
    return location
  }

  private func wrong(_ key: String, expected: Evidence) -> IngotError {
    .malformed(TokenizerRule.component.rule, at: place(of: key), found: "something else", expected: expected)
  }

  /// A text, or what holds where it is absent or null.
  func text(_ key: String, or value: String? = nil) throws(IngotError) -> String? {
    switch object[key] {
    case nil, .null: return value
    case .string(let text): return text
    default: throw wrong(key, expected: "a text")
    }
  }

  /// A text that has to be there.
  func requiredText(_ key: String) throws(IngotError) -> String {
    guard let text = try text(key) else { throw wrong(key, expected: "a text") }
    return text
  }

  /// A truth value.
  func flag(_ key: String, or value: Bool) throws(IngotError) -> Bool {
    switch object[key] {
    case nil, .null: return value
    case .bool(let flag): return flag
    default: throw wrong(key, expected: "true or false")
    }
  }

  /// A number from 0 on.
  func number(_ key: String, or value: Int) throws(IngotError) -> Int {
    switch object[key] {
    case nil, .null: return value
    case let found?:
      guard let number = found.integer, number >= 0 else { throw wrong(key, expected: "a number from 0 on") }
      return number
    }
  }

  /// A list.
  func list(_ key: String) throws(IngotError) -> [MetadataValue] {
    guard case .array(let values)? = object[key] else { throw wrong(key, expected: "a list") }
    return values
  }

  /// The components of a sequence, each of which looks at all of a text.
  ///
  /// - Throws: as ``list(_:)``, and ``IngotCore/IngotError/unsupported(_:at:)`` for very many; published ones are seven at
  ///   the most.
  func parts(_ key: String) throws(IngotError) -> [MetadataValue] {
    let parts = try list(key)
    guard parts.count <= Self.mostParts else {
      throw .unsupported("a sequence of \(parts.count, "component")", at: place(of: key))
    }
    return parts
  }

  private static let mostParts = 128

  /// An object within.
  func component(_ key: String) throws(IngotError) -> ComponentObject {
    try ComponentObject(object[key], at: place(of: key))
  }

  /// Refuses options that are not among those that are known.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that is not, unless it is null.
  func requireKnown(_ keys: Set<String>) throws(IngotError) {
    guard
      let unknown = object.entries.first(where: {
        !keys.contains($0.key) && $0.key != "type" && $0.value != .null
      })
    else { return }
    throw .unsupported(
      "the option \(unknown.key) of \(type ?? "a component"), which is not known", at: place(of: unknown.key))
  }

  /// The refusal of a component that is not known.
  func unknownType(_ kind: StaticString) -> IngotError {
    .unsupported(
      "the \(words: "\(kind)") \(type ?? "without a type"), which is not known", at: place(of: "type"))
  }
}
