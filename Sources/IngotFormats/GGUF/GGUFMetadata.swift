// SPDX-License-Identifier: Apache-2.0
// Values of metadata: read as they are typed, and written again as they were. Page: formats/gguf.md, "Bytes".
import IngotCore

extension GGUFCursor {
  /// Takes a value behind its type: GG-04 to GG-06, GG-09 and GG-10.
  mutating func value() throws(IngotError) -> MetadataValue {
    switch try type() {
    case .uint8: return .uint8(try number(UInt8.self))
    case .int8: return .int8(try number(Int8.self))
    case .uint16: return .uint16(try number(UInt16.self))
    case .int16: return .int16(try number(Int16.self))
    case .uint32: return .uint32(try number(UInt32.self))
    case .int32: return .int32(try number(Int32.self))
    case .uint64: return .uint64(try number(UInt64.self))
    case .int64: return .int64(try number(Int64.self))
    case .float32: return .float32(Float(bitPattern: try number(UInt32.self)))
    case .float64: return .float64(Double(bitPattern: try number(UInt64.self)))
    case .bool: return .bool(try truth() == 1)
    case .string: return .string(try text())
    case .array:
      var packer = MetadataPacker()
      let (type, count) = try array(&packer, depth: 1)
      return .typedArray(MetadataArray(checked: packer.bytes, of: type, count: count))
    }
  }

  private mutating func type() throws(IngotError) -> MetadataType {
    let start = offset
    let code = try number(UInt32.self)
    guard let type = MetadataType(rawValue: code) else {
      throw malformed(.valueType, at: start, "value type \(code)", "0 to 12")
    }
    return type
  }

  private mutating func truth() throws(IngotError) -> UInt8 {
    let start = offset
    let value = try number(UInt8.self)
    guard value <= 1 else { throw malformed(.truth, at: start, "the truth value \(value)", "0 or 1") }
    return value
  }

  /// Takes an array's element type, count and elements, which it packs.
  private mutating func array(
    _ packer: inout MetadataPacker, depth: Int
  ) throws(IngotError) -> (MetadataType, count: Int) {
    guard UInt64(depth) <= Limit.ggufArrayDepth.value else {
      throw .limitExceeded(.ggufArrayDepth, at: location(), asked: UInt64(depth))
    }
    let type = try type()
    let count = try count(itemByteCount: type.byteWidth ?? (type == .string ? 8 : 12))
    switch type {
    case .uint8, .int8: packer.put(raw: try bytes(count))
    case .bool: for _ in 0..<count { packer.put(try truth()) }
    case .uint16, .int16: for _ in 0..<count { packer.put(try number(UInt16.self)) }
    case .uint32, .int32, .float32: for _ in 0..<count { packer.put(try number(UInt32.self)) }
    case .uint64, .int64, .float64: for _ in 0..<count { packer.put(try number(UInt64.self)) }
    case .string:
      for _ in 0..<count {
        let string = try string()
        packer.put(UInt64(string.count))
        packer.put(raw: string)
      }
    case .array: for _ in 0..<count { try nested(&packer, depth: depth + 1) }
    }
    return (type, count)
  }

  /// Takes an array within an array.
  private mutating func nested(_ packer: inout MetadataPacker, depth: Int) throws(IngotError) {
    var inner = MetadataPacker()
    let (type, count) = try array(&inner, depth: depth)
    packer.put(MetadataArray(checked: inner.bytes, of: type, count: count))
  }
}

/// Puts the fields of a header one after the other, little-endian.
struct GGUFEncoder {
  /// What was put.
  private(set) var packer = MetadataPacker()

  init() {
    packer.put(raw: GGUFLayout.magic)
  }

  mutating func number(_ number: some FixedWidthInteger) { packer.put(number) }

  mutating func text(_ text: String) { packer.put(text) }

  /// Puts a key with its value; `false`, and nothing, for a value that GGUF has no type for.
  mutating func entry(_ key: String, _ value: MetadataValue) -> Bool {
    guard let (type, value) = Self.typed(value) else { return false }
    packer.put(key)
    packer.put(type.rawValue)
    return packer.put(value)
  }

  /// A value with its type; lists whose elements have one type become arrays of it.
  private static func typed(_ value: MetadataValue) -> (MetadataType, MetadataValue)? {
    if case .array(let values) = value {
      return MetadataArray(of: values).map { (.array, .typedArray($0)) }
    }
    return value.type.map { ($0, value) }
  }

  /// Whether GGUF has a type for a value.
  static func holds(_ value: MetadataValue) -> Bool { typed(value) != nil }
}
