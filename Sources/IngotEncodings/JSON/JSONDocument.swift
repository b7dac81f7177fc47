// SPDX-License-Identifier: Apache-2.0
// A JSON document as metadata: for configs and indexes, which are small. Headers with many tensors are scanned
// token by token instead.
import IngotCore

/// Small JSON documents, read whole.
public enum JSONDocument {
  /// Reads a document whose outermost value is an object.
  ///
  /// Keys keep their order. Integers become `int64` or `uint64`, other numbers `float64`. Throws ``JSONFailure`` for
  /// anything that is not strict JSON, duplicate keys included.
  public static func object(_ bytes: [UInt8]) throws(JSONFailure) -> Metadata {
    var scanner = JSONScanner(bytes)
    let metadata = try object(&scanner)
    try scanner.finish()
    return metadata
  }

  private static func object(_ scanner: inout JSONScanner) throws(JSONFailure) -> Metadata {
    var entries: [Metadata.Entry] = []
    var keys = Set<ExactName>()
    try scanner.object { (scanner, key, keyOffset) throws(JSONFailure) in
      guard keys.insert(ExactName(key)).inserted else { throw scanner.duplicate(key, at: keyOffset) }
      entries.append(Metadata.Entry(key: key, value: try value(&scanner)))
    }
    return Metadata(entries)
  }

  /// Takes the next value of a scanner as metadata.
  public static func value(_ scanner: inout JSONScanner) throws(JSONFailure) -> MetadataValue {
    switch try scanner.peek() {
    case .object: return .object(try object(&scanner))
    case .array:
      var values: [MetadataValue] = []
      try scanner.array { (scanner) throws(JSONFailure) in values.append(try value(&scanner)) }
      return .array(values)
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
  public init(_ failure: JSONFailure, rule: Rule, at location: Location) {
    var location = location
    location.offset = (location.offset ?? 0) + failure.offset
    self = .malformed(rule, at: location, found: failure.found, expected: failure.expected)
  }
}
