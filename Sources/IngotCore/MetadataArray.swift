// SPDX-License-Identifier: Apache-2.0
// Arrays of one element type, kept packed: a tokenizer's hundred thousand strings take the memory that they take in
// the file, and an empty array still knows what it is an array of.

/// The types of metadata values, numbered as GGUF numbers them, so that packed arrays are its bytes.
public enum MetadataType: UInt32, CaseIterable, Hashable, Sendable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value; `nil` for strings and arrays, whose lengths differ.
  public var byteWidth: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// An array whose elements are of one type, packed little-endian.
///
/// Numbers are consecutive; a string is its length as 64 bits, then its bytes; a nested array is its element
/// type as 32 bits, its count as 64 bits, then its elements.
public struct MetadataArray: Hashable, Sendable {
  /// The type of every element.
  public let elementType: MetadataType
  /// The number of elements.
  public let count: Int
  /// The elements, packed.
  package let packed: [UInt8]

  /// Makes an array of bytes that its reader has checked: exactly `count` elements, nested ones as deep as a limit says.
  package init(checked packed: [UInt8], of elementType: MetadataType, count: Int) {
    self.elementType = elementType
    self.count = count
    self.packed = packed
  }

  /// Makes an array of strings.
  package init(_ strings: some Sequence<String>) {
    var packer = MetadataPacker()
    var count = 0
    for string in strings {
      packer.put(string)
      count += 1
    }
    self.init(checked: packer.bytes, of: .string, count: count)
  }

  /// Makes an array of 32-bit integers, such as token types.
  package init(_ integers: some Sequence<Int32>) {
    var packer = MetadataPacker()
    var count = 0
    for integer in integers {
      packer.put(integer)
      count += 1
    }
    self.init(checked: packer.bytes, of: .int32, count: count)
  }

  /// Makes an array of values that are all of one type; `nil` when they are not, when there are none, and for nulls and
  /// objects.
  package init?(of values: [MetadataValue]) {
    guard let type = values.first?.type else { return nil }
    var packer = MetadataPacker()
    for value in values {
      guard value.type == type, packer.put(value) else { return nil }
    }
    self.init(checked: packer.bytes, of: type, count: values.count)
  }

  /// Hands over the elements in order.
  public func forEach(_ body: (MetadataValue) -> Void) {
    var unpacker = MetadataUnpacker(packed[...])
    for _ in 0..<count {
      guard let value = unpacker.value(of: elementType) else { return }
      body(value)
    }
  }

  /// The elements, unpacked.
  public var values: [MetadataValue] {
    var values: [MetadataValue] = []
    values.reserveCapacity(count)
    forEach { values.append($0) }
    return values
  }
}

extension MetadataValue {
  /// The type of the value as a packed array has it; `nil` for nulls, objects and arrays whose elements may differ.
  public var type: MetadataType? {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .uint64: .uint64
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .string: .string
    case .typedArray: .array
    case .null, .array, .object: nil
    }
  }

  /// The elements of an array of either kind; `nil` for other values.
  public var elements: [MetadataValue]? {
    switch self {
    case .array(let values): values
    case .typedArray(let array): array.values
    default: nil
    }
  }
}

/// Packs consecutive values.
package struct MetadataPacker {
  /// What was packed.
  package private(set) var bytes: [UInt8] = []

  /// Starts with nothing.
  package init() {}

  /// Packs a value without its type; `false`, and nothing, for one that a packed array can't hold.
  package mutating func put(_ value: MetadataValue) -> Bool {
    switch value {
    case .bool(let value): put(UInt8(value ? 1 : 0))
    case .uint8(let value): put(value)
    case .int8(let value): put(value)
    case .uint16(let value): put(value)
    case .int16(let value): put(value)
    case .uint32(let value): put(value)
    case .int32(let value): put(value)
    case .uint64(let value): put(value)
    case .int64(let value): put(value)
    case .float32(let value): put(value.bitPattern)
    case .float64(let value): put(value.bitPattern)
    case .string(let value): put(value)
    case .typedArray(let value): put(value)
    case .null, .array, .object: return false
    }
    return true
  }

  /// Packs an integer, least significant byte first.
  package mutating func put(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Packs bytes as they are.
  package mutating func put(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

  /// Packs a string: its length as 64 bits, its bytes.
  package mutating func put(_ string: String) {
    put(UInt64(string.utf8.count))
    bytes.append(contentsOf: string.utf8)
  }

  /// Packs an array: its element type as 32 bits, its count as 64 bits, its elements.
  package mutating func put(_ array: MetadataArray) {
    put(array.elementType.rawValue)
    put(UInt64(array.count))
    bytes.append(contentsOf: array.packed)
  }
}

/// Takes packed values one after the other.
private struct MetadataUnpacker {
  private var rest: ArraySlice<UInt8>

  init(_ packed: ArraySlice<UInt8>) {
    rest = packed
  }

  private mutating func bytes(_ count: UInt64) -> ArraySlice<UInt8>? {
    guard let count = Int(exactly: count), count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  private mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    guard let raw = bytes(UInt64(MemoryLayout<Number>.size)) else { return nil }
    return raw.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  mutating func value(of type: MetadataType) -> MetadataValue? {
    switch type {
    case .uint8: number(UInt8.self).map { .uint8($0) }
    case .int8: number(Int8.self).map { .int8($0) }
    case .uint16: number(UInt16.self).map { .uint16($0) }
    case .int16: number(Int16.self).map { .int16($0) }
    case .uint32: number(UInt32.self).map { .uint32($0) }
    case .int32: number(Int32.self).map { .int32($0) }
    case .uint64: number(UInt64.self).map { .uint64($0) }
    case .int64: number(Int64.self).map { .int64($0) }
    case .float32: number(UInt32.self).map { .float32(Float(bitPattern: $0)) }
    case .float64: number(UInt64.self).map { .float64(Double(bitPattern: $0)) }
    case .bool: number(UInt8.self).map { .bool($0 != 0) }
    case .string:
      number(UInt64.self).flatMap { bytes($0) }.map { .string(String(decoding: $0, as: UTF8.self)) }
    case .array: array().map { .typedArray($0) }
    }
  }

  /// Takes a nested array: its extent is found by walking over its elements.
  private mutating func array() -> MetadataArray? {
    guard let type = number(UInt32.self).flatMap(MetadataType.init(rawValue:)),
      let count = number(UInt64.self).flatMap({ Int(exactly: $0) })
    else { return nil }
    var walker = self
    guard walker.skip(count, of: type) else { return nil }
    let packed = rest.prefix(rest.count - walker.rest.count)
    self = walker
    return MetadataArray(checked: Array(packed), of: type, count: count)
  }

  private mutating func skip(_ count: Int, of type: MetadataType) -> Bool {
    if let width = type.byteWidth {
      guard let total = count.checkedMultiply(width) else { return false }
      return bytes(UInt64(total)) != nil
    }
    for _ in 0..<count {
      if type == .string {
        guard number(UInt64.self).flatMap({ bytes($0) }) != nil else { return false }
      } else {
        guard let inner = number(UInt32.self).flatMap(MetadataType.init(rawValue:)),
          let innerCount = number(UInt64.self).flatMap({ Int(exactly: $0) }), skip(innerCount, of: inner)
        else { return false }
      }
    }
    return true
  }
}
