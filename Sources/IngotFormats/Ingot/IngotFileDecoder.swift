// SPDX-License-Identifier: Apache-2.0
// Takes the fields of an `.ingot` file's index and tail one after the other. Each read is checked against the end of
// the bytes, each count against what the bytes left can hold. Page: formats/ingot.md, "Layout" and "Index".
import IngotBytes
import IngotCore

/// Reads fields; the first that breaks a rule ends the reading with it.
struct IngotFileDecoder {
  private var cursor: ByteCursor
  /// Where the first byte stands in the file.
  private let start: Int
  /// The file, for messages.
  let path: String
  /// What a field past the end breaks: IN-08 in the index, IN-31 in the tail.
  private let shortRule: IngotFileRule
  /// The tensor whose fields come, for messages.
  var tensor: String?
  /// Metadata values announced so far.
  private var valueCount = 0
  /// The shapes read so far.
  var shapes = SharedShapes()

  init(_ bytes: [UInt8], at start: Int, path: String, shortRule: IngotFileRule) {
    cursor = ByteCursor(bytes)
    self.start = start
    self.path = path
    self.shortRule = shortRule
  }

  /// Where the next field stands in the file.
  var offset: Int { start + cursor.offset }
  /// Bytes left.
  var remainingCount: Int { cursor.remainingCount }

  func malformed(
    _ rule: IngotFileRule, at offset: Int, key: String? = nil, found: Evidence, expected: Evidence
  ) -> IngotError {
    .malformed(
      rule.rule, at: Location(path, offset: offset, tensor: tensor, key: key), found: found,
      expected: expected)
  }

  // MARK: - Fields

  mutating func bytes(_ count: Int) throws(IngotError) -> ArraySlice<UInt8> {
    guard let bytes = cursor.bytes(count) else {
      throw malformed(
        shortRule, at: offset, found: "a field of \(count, "byte"), \(remainingCount) before the end",
        expected: "all of it")
    }
    return bytes
  }

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _: Number.Type
  ) throws(IngotError) -> Number {
    guard let number = cursor.unsigned(byteCount: MemoryLayout<Number>.size) else {
      throw malformed(
        shortRule, at: offset,
        found: "a field of \(Number.bitWidth / 8) bytes, \(remainingCount) before the end",
        expected: "all of it")
    }
    return Number(truncatingIfNeeded: number)
  }

  mutating func digest() throws(IngotError) -> XXH3Digest {
    let high = try number(UInt64.self).byteSwapped
    let low = try number(UInt64.self).byteSwapped
    return XXH3Digest(high: high, low: low)
  }

  /// Takes the count of a list whose items have at least `itemByteCount` bytes each.
  mutating func count(itemByteCount: Int) throws(IngotError) -> Int {
    let position = offset
    let count = Int(try number(UInt32.self))
    guard count <= remainingCount / itemByteCount else {
      throw malformed(
        shortRule, at: position, found: "\(count, "item") with \(remainingCount, "byte") left",
        expected: "at most \(remainingCount / itemByteCount)")
    }
    return count
  }

  mutating func text() throws(IngotError) -> String {
    let count = Int(try number(UInt32.self))
    let position = offset
    guard let text = String(validating: try bytes(count), as: UTF8.self) else {
      throw malformed(.text, at: position, found: "a text that is not UTF-8", expected: "UTF-8")
    }
    return text
  }

  mutating func code(_ name: Evidence, atMost limit: Int) throws(IngotError) -> Int {
    let position = offset
    let code = Int(try number(UInt8.self))
    guard code <= limit else {
      throw malformed(.code, at: position, found: "\(name) \(code)", expected: "at most \(limit)")
    }
    return code
  }

  mutating func truth() throws(IngotError) -> Bool {
    try code("the truth value", atMost: 1) == 1
  }

  // MARK: - Metadata

  /// Takes a block of metadata: keys with typed values.
  mutating func metadata() throws(IngotError) -> Metadata {
    try metadata(depth: 0)
  }

  private mutating func metadata(depth: Int) throws(IngotError) -> Metadata {
    let count = try valueCount(itemByteCount: 5)
    var entries: [Metadata.Entry] = []
    entries.reserveCapacity(count)
    var keys = Set<ExactName>(minimumCapacity: count)
    for _ in 0..<count {
      let position = offset
      let key = try text()
      guard keys.insert(ExactName(key)).inserted else {
        throw malformed(.uniqueKey, at: position, key: key, found: "the key again", expected: "each key once")
      }
      entries.append(Metadata.Entry(key: key, value: try value(depth: depth)))
    }
    return Metadata(entries)
  }

  /// Takes the count of a list of values; their number is limited before it is compared with the bytes left.
  private mutating func valueCount(itemByteCount: Int) throws(IngotError) -> Int {
    var ahead = cursor
    if let announced = ahead.little(UInt32.self) {
      let total = UInt64(valueCount) + UInt64(announced)
      guard total <= Limit.ingotMetadataValues.value else {
        throw malformed(
          .valueLimit, at: offset, found: "\(total, "value") of metadata",
          expected: "at most \(Limit.ingotMetadataValues.value)")
      }
    }
    let count = try count(itemByteCount: itemByteCount)
    valueCount += count
    return count
  }

  private mutating func value(depth: Int) throws(IngotError) -> MetadataValue {
    let position = offset
    let code = try number(UInt8.self)
    switch IngotFileCode.Tag(rawValue: code) {
    case .null: return .null
    case .bool: return .bool(try truth())
    case .uint8: return .uint8(try number(UInt8.self))
    case .int8: return .int8(Int8(bitPattern: try number(UInt8.self)))
    case .uint16: return .uint16(try number(UInt16.self))
    case .int16: return .int16(Int16(bitPattern: try number(UInt16.self)))
    case .uint32: return .uint32(try number(UInt32.self))
    case .int32: return .int32(Int32(bitPattern: try number(UInt32.self)))
    case .uint64: return .uint64(try number(UInt64.self))
    case .int64: return .int64(Int64(bitPattern: try number(UInt64.self)))
    case .float32: return .float32(Float(bitPattern: try number(UInt32.self)))
    case .float64: return .float64(Double(bitPattern: try number(UInt64.self)))
    case .text: return .string(try text())
    case .array:
      try enter(depth + 1, at: position)
      return .array(try array(depth: depth + 1))
    case .object:
      try enter(depth + 1, at: position)
      return .object(try metadata(depth: depth + 1))
    case .typedArray:
      try enter(depth + 1, at: position)
      return .typedArray(try typedArray(depth: depth + 1))
    case nil:
      throw malformed(.code, at: position, found: "the tag \(code)", expected: "a tag of the page")
    }
  }

  private func enter(_ depth: Int, at position: Int) throws(IngotError) {
    guard UInt64(depth) <= Limit.ingotMetadataDepth.value else {
      throw malformed(
        .depth, at: position, found: "a value at depth \(depth)",
        expected: "at most \(Limit.ingotMetadataDepth.value)")
    }
  }

  /// Takes a packed array: its elements are checked one by one and kept as they are.
  private mutating func typedArray(depth: Int) throws(IngotError) -> MetadataArray {
    let position = offset
    let code = try number(UInt32.self)
    guard let type = MetadataType(rawValue: code) else {
      throw malformed(.code, at: position, found: "the element type \(code)", expected: "0 to 12")
    }
    let announced = try number(UInt64.self)
    let least = type.byteWidth ?? (type == .string ? 8 : 12)
    guard UInt64(valueCount).checkedAdd(announced).map({ $0 <= Limit.ingotMetadataValues.value }) ?? false
    else {
      throw malformed(
        .valueLimit, at: position, found: "an array of \(announced, "value")",
        expected: "at most \(Limit.ingotMetadataValues.value) in all")
    }
    let count = Int(announced)
    guard count <= remainingCount / least else {
      throw malformed(
        shortRule, at: position, found: "\(count, "item") with \(remainingCount, "byte") left",
        expected: "at most \(remainingCount / least)")
    }
    valueCount += count
    let elements = cursor
    let start = offset
    try skip(count, of: type, depth: depth)
    var packed = elements
    return MetadataArray(checked: Array(packed.bytes(offset - start) ?? []), of: type, count: count)
  }

  /// Checks packed elements and goes on behind them.
  private mutating func skip(_ count: Int, of type: MetadataType, depth: Int) throws(IngotError) {
    switch type {
    case .bool: for _ in 0..<count { _ = try truth() }
    case .string: for _ in 0..<count { _ = try bytes(Int(clamping: try number(UInt64.self))) }
    case .array:
      for _ in 0..<count {
        try enter(depth + 1, at: offset)
        _ = try typedArray(depth: depth + 1)
      }
    default: _ = try bytes(count * (type.byteWidth ?? 1))
    }
  }

  private mutating func array(depth: Int) throws(IngotError) -> [MetadataValue] {
    let count = try valueCount(itemByteCount: 1)
    var values: [MetadataValue] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try value(depth: depth)) }
    return values
  }
}
