// SPDX-License-Identifier: Apache-2.0
// Values of metadata as a command line writes them: of the type that a key has, or of the one that the text tells.
import IngotCore
import IngotEncodings

/// Values written as text.
enum GGUFValueText {
  /// A value as it is asked for: of the type that the key has, or of the one that the text tells.
  ///
  /// - Parameters:
  ///   - text: the value.
  ///   - key: the key that gets it.
  ///   - old: the value that the key has; `nil` for a new one.
  /// - Returns: the value.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a text that is none of the type.
  static func value(
    _ text: String, for key: String, old: MetadataValue?
  ) throws(IngotError) -> MetadataValue {
    guard let old else {
      guard let value = value(text) else {
        throw .invalidRequest(option: .values, why: "\(text) is not a list of values of one type")
      }
      return value
    }
    guard let value = value(text, as: old) else {
      throw .invalidRequest(
        option: .values, why: "\(key) holds \(words: typeName(of: old)), and \(text) is none")
    }
    return value
  }

  /// A value of a type that is there already.
  ///
  /// - Parameters:
  ///   - text: the value; a list is JSON's.
  ///   - old: a value of the type.
  /// - Returns: the value; `nil` for a text that is none of this type.
  static func value(_ text: String, as old: MetadataValue) -> MetadataValue? {
    switch old {
    case .string: .string(text)
    case .float32: Float(text).map { .float32($0) }
    case .float64: Double(text).map { .float64($0) }
    case .typedArray(let array): list(text).flatMap { typedArray($0, of: array.elementType) }
    case .array: list(text).map { .array($0) }
    case .object: object(text)
    default: old.type.flatMap { converted(scalar(text), to: $0) }
    }
  }

  /// A value of the type that its text tells: a truth value, a number in the type that llama.cpp has for most of its
  /// own, a list of either or of strings, a string in quotes; all else is a string as it stands.
  ///
  /// - Parameter text: the value.
  /// - Returns: the value; `nil` for a list without elements, or whose elements have several types.
  static func value(_ text: String) -> MetadataValue? {
    if let values = list(text) { return typedArray(values) }
    switch scalar(text) {
    case .float64: return Float(text).map { .float32($0) }
    case let value where value.integer != nil:
      return converted(value, to: .uint32) ?? converted(value, to: .int32) ?? value
    case let value: return value
    }
  }

  /// What a type is called in messages.
  static func typeName(of value: MetadataValue) -> String {
    switch value {
    case .typedArray(let array): "a list of \(array.elementType)"
    case .array: "a list"
    case .object: "an object"
    default: value.type.map { "\($0)" } ?? "another type"
    }
  }

  // MARK: - Parsing

  /// What a text alone tells.
  private static func scalar(_ text: String) -> MetadataValue {
    if text == "true" || text == "false" { return .bool(text == "true") }
    if let integer = Int64(text) { return .int64(integer) }
    if let integer = UInt64(text) { return .uint64(integer) }
    // `1e-05` and `0.5` are numbers, `nan` and `0x1p3` are words.
    if text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }), let number = Double(text) {
      return .float64(number)
    }
    if text.hasPrefix("\""), case .string(let quoted)? = json(text) { return .string(quoted) }
    return .string(text)
  }

  /// The elements of a list; `nil` for a text that is none.
  private static func list(_ text: String) -> [MetadataValue]? {
    guard text.hasPrefix("["), case .array(let values)? = json(text) else { return nil }
    return values
  }

  private static func object(_ text: String) -> MetadataValue? {
    guard case .object(let metadata)? = json(text) else { return nil }
    return .object(metadata)
  }

  private static func json(_ text: String) -> MetadataValue? {
    // As the one member of an object, which is what documents are.
    guard let document = try? JSONDocument.object(Array("{\"\":\(text)}".utf8)), document.entries.count == 1
    else { return nil }
    return document[""]
  }

  // MARK: - Types

  /// Elements as an array of a type.
  private static func typedArray(_ values: [MetadataValue], of type: MetadataType) -> MetadataValue? {
    var packer = MetadataPacker()
    for value in values {
      guard let element = converted(value, to: type), packer.put(element) else { return nil }
    }
    return .typedArray(MetadataArray(checked: packer.bytes, of: type, count: values.count))
  }

  /// Elements as an array of the narrowest type that llama.cpp has for them.
  private static func typedArray(_ values: [MetadataValue]) -> MetadataValue? {
    guard !values.isEmpty else { return nil }
    for type in [MetadataType.bool, .string, .int32, .int64, .float32] {
      if let array = typedArray(values, of: type) { return array }
    }
    return nil
  }

  /// A value as another type; `nil` when it is none of that type.
  private static func converted(_ value: MetadataValue, to type: MetadataType) -> MetadataValue? {
    switch (type, value) {
    case (.bool, .bool), (.string, .string): value
    case (.uint8, _): exactly(value).map { .uint8($0) }
    case (.int8, _): exactly(value).map { .int8($0) }
    case (.uint16, _): exactly(value).map { .uint16($0) }
    case (.int16, _): exactly(value).map { .int16($0) }
    case (.uint32, _): exactly(value).map { .uint32($0) }
    case (.int32, _): exactly(value).map { .int32($0) }
    case (.uint64, _): exactly(value).map { .uint64($0) }
    case (.int64, _): exactly(value).map { .int64($0) }
    case (.float32, _): number(value).map { .float32(Float($0)) }
    case (.float64, _): number(value).map { .float64($0) }
    default: nil
    }
  }

  private static func exactly<Number: FixedWidthInteger>(_ value: MetadataValue) -> Number? {
    switch value {
    case .int64(let integer): Number(exactly: integer)
    case .uint64(let integer): Number(exactly: integer)
    default: nil
    }
  }

  private static func number(_ value: MetadataValue) -> Double? {
    switch value {
    case .float64(let number): number
    case .int64(let integer): Double(integer)
    case .uint64(let integer): Double(integer)
    default: nil
    }
  }
}
