// SPDX-License-Identifier: Apache-2.0
// A JSON document as metadata: for configs and indexes, which are small. Headers with many tensors are scanned
// token by token instead.
import IngotCore

/// Small JSON documents, read whole.
package enum JSONDocument {
  /// Reads a document whose outermost value is an object.
  ///
  /// Keys keep their order. Integers become `int64` or `uint64`, other numbers `float64`. Throws ``JSONFailure`` for
  /// anything that is not strict JSON, duplicate keys included, and for more values than the limit says.
  package static func object(_ bytes: [UInt8], limit: Limit = .jsonValues) throws(JSONFailure) -> Metadata {
    var scanner = JSONScanner(bytes)
    var count = ValueCount(limit: limit)
    let metadata = try object(&scanner, &count)
    try scanner.finish()
    return metadata
  }

  /// Reads a document whose outermost value is an array, as ``object(_:limit:)`` reads one that is an object.
  package static func array(_ bytes: [UInt8], limit: Limit = .jsonValues) throws(JSONFailure)
    -> [MetadataValue]
  {
    var scanner = JSONScanner(bytes)
    var count = ValueCount(limit: limit)
    let values = try array(&scanner, &count)
    try scanner.finish()
    return values
  }

  /// Throws for a document that ``object(_:limit:)`` does not read, but for keys that are there twice; keeps none of it.
  package static func check(_ bytes: [UInt8], limit: Limit = .jsonValues) throws(JSONFailure) {
    var scanner = JSONScanner(bytes)
    var count = ValueCount(limit: limit)
    try skipObject(&scanner, &count)
    try scanner.finish()
  }

  private static func skipObject(
    _ scanner: inout JSONScanner, _ count: inout ValueCount
  ) throws(JSONFailure) {
    try scanner.enterObject()
    while try scanner.nextKey() != nil { try skip(&scanner, &count) }
  }

  private static func skip(_ scanner: inout JSONScanner, _ count: inout ValueCount) throws(JSONFailure) {
    try count.add(scanner)
    switch try scanner.peek() {
    case .object: try skipObject(&scanner, &count)
    case .array:
      try scanner.enterArray()
      while try scanner.nextElement() { try skip(&scanner, &count) }
    case .string, .number, .bool, .null: try scanner.skipValue()
    }
  }

  /// Counts values: two bytes make one, which takes many times that.
  private struct ValueCount {
    let limit: Limit
    var count: UInt64 = 0

    mutating func add(_ scanner: JSONScanner) throws(JSONFailure) {
      count += 1
      guard count <= limit.value else {
        throw JSONFailure(
          kind: .count, offset: scanner.offset, found: "more than \(limit.value, "value")",
          expected: "at most that")
      }
    }
  }

  private static func object(
    _ scanner: inout JSONScanner, _ count: inout ValueCount
  ) throws(JSONFailure) -> Metadata {
    var entries: [Metadata.Entry] = []
    var keys = Set<ExactName>()
    try scanner.enterObject()
    while let key = try scanner.nextKey() {
      guard keys.insert(ExactName(key.name)).inserted else {
        throw scanner.duplicate(key.name, at: key.offset)
      }
      entries.append(Metadata.Entry(key: key.name, value: try value(&scanner, &count)))
    }
    return Metadata(entries)
  }

  private static func array(
    _ scanner: inout JSONScanner, _ count: inout ValueCount
  ) throws(JSONFailure) -> [MetadataValue] {
    var values: [MetadataValue] = []
    try scanner.enterArray()
    while try scanner.nextElement() { values.append(try value(&scanner, &count)) }
    return values
  }

  private static func value(
    _ scanner: inout JSONScanner, _ count: inout ValueCount
  ) throws(JSONFailure) -> MetadataValue {
    try count.add(scanner)
    switch try scanner.peek() {
    case .object: return .object(try object(&scanner, &count))
    case .array: return .array(try array(&scanner, &count))
    case .string: return .string(try scanner.string())
    case .number: return try scanner.number()
    case .bool: return .bool(try scanner.bool())
    case .null:
      try scanner.null()
      return .null
    }
  }
}

extension IngotError {
  /// A JSON fault as a broken rule of a format; the location's offset is that of the document's start.
  package init(_ failure: JSONFailure, rule: Rule, at location: Location) {
    var location = location
    location.offset = (location.offset ?? 0) + failure.offset
    self = .malformed(rule, at: location, found: failure.found, expected: failure.expected)
  }
}
