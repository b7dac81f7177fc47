// SPDX-License-Identifier: Apache-2.0
// Puts the fields of an `.ingot` file's index and tail one after the other: the reverse of IngotFileDecoder.
// Page: formats/ingot.md, "Layout" and "Index".
import IngotBytes
import IngotCore

/// Writes consecutive fields.
struct IngotFileEncoder {
  /// What has been written.
  var bytes: [UInt8] = []
  /// Metadata values written so far.
  private var valueCount: UInt64 = 0

  mutating func number(_ number: some FixedWidthInteger & UnsignedInteger) {
    bytes.appendLittle(UInt64(number), byteCount: number.bitWidth / 8)
  }

  mutating func digest(_ digest: XXH3Digest) {
    number(digest.high.byteSwapped)
    number(digest.low.byteSwapped)
  }

  mutating func count(_ count: Int) throws(IngotError) {
    guard let stored = UInt32(exactly: count) else {
      throw Self.unrepresentable("a list of \(count, "item")")
    }
    number(stored)
  }

  mutating func text(_ text: String) throws(IngotError) {
    try count(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func truth(_ value: Bool) {
    number(UInt8(value ? 1 : 0))
  }

  /// Puts a block of metadata: keys with typed values.
  mutating func metadata(_ metadata: Metadata) throws(IngotError) {
    try self.metadata(metadata, depth: 0)
  }

  static func unrepresentable(_ why: Evidence, tensor: String? = nil) -> IngotError {
    .unrepresentable(tensor: tensor, target: "ingot", why: why, hint: nil)
  }

  private mutating func metadata(_ metadata: Metadata, depth: Int) throws(IngotError) {
    try valueCount(metadata.entries.count)
    var keys = Set<ExactName>()
    for entry in metadata.entries {
      guard keys.insert(ExactName(entry.key)).inserted else {
        throw Self.unrepresentable("the metadata key \(entry.key) stands twice")
      }
      try text(entry.key)
      try value(entry.value, depth: depth)
    }
  }

  private mutating func valueCount(_ added: Int) throws(IngotError) {
    try count(added)
    try noteValues(added)
  }

  private mutating func noteValues(_ added: Int) throws(IngotError) {
    valueCount += UInt64(added)
    guard valueCount <= Limit.ingotMetadataValues.value else {
      throw Self.unrepresentable("more than \(Limit.ingotMetadataValues.value) values of metadata")
    }
  }

  private mutating func tag(_ tag: IngotFileCode.Tag) {
    number(tag.rawValue)
  }

  private mutating func scalar(_ tag: IngotFileCode.Tag, _ bits: some FixedWidthInteger & UnsignedInteger) {
    self.tag(tag)
    number(bits)
  }

  private mutating func value(_ value: MetadataValue, depth: Int) throws(IngotError) {
    switch value {
    case .null: tag(.null)
    case .bool(let value):
      tag(.bool)
      truth(value)
    case .uint8(let value): scalar(.uint8, value)
    case .int8(let value): scalar(.int8, UInt8(bitPattern: value))
    case .uint16(let value): scalar(.uint16, value)
    case .int16(let value): scalar(.int16, UInt16(bitPattern: value))
    case .uint32(let value): scalar(.uint32, value)
    case .int32(let value): scalar(.int32, UInt32(bitPattern: value))
    case .uint64(let value): scalar(.uint64, value)
    case .int64(let value): scalar(.int64, UInt64(bitPattern: value))
    case .float32(let value): scalar(.float32, value.bitPattern)
    case .float64(let value): scalar(.float64, value.bitPattern)
    case .string(let value):
      tag(.text)
      try text(value)
    case .array(let values):
      tag(.array)
      try array(values, depth: try entering(depth))
    case .typedArray(let value):
      tag(.typedArray)
      try array(value, depth: try entering(depth))
    case .object(let value):
      tag(.object)
      try metadata(value, depth: try entering(depth))
    }
  }

  private mutating func array(_ values: [MetadataValue], depth: Int) throws(IngotError) {
    try valueCount(values.count)
    for value in values { try self.value(value, depth: depth) }
  }

  /// Puts a packed array as it is; values of nested ones count too.
  private mutating func array(_ array: MetadataArray, depth: Int) throws(IngotError) {
    var packer = MetadataPacker()
    packer.put(array)
    bytes += packer.bytes
    try noteValues(of: array, depth: depth)
  }

  private mutating func noteValues(of array: MetadataArray, depth: Int) throws(IngotError) {
    try noteValues(array.count)
    guard array.elementType == .array else { return }
    let depth = try entering(depth)
    for case .typedArray(let inner) in array.values { try noteValues(of: inner, depth: depth) }
  }

  private func entering(_ depth: Int) throws(IngotError) -> Int {
    guard UInt64(depth + 1) <= Limit.ingotMetadataDepth.value else {
      throw Self.unrepresentable("metadata nested deeper than \(Limit.ingotMetadataDepth.value)")
    }
    return depth + 1
  }
}
