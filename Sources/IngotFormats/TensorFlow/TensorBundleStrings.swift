// SPDX-License-Identifier: Apache-2.0
// Tensors of strings, which are metadata here: their bytes in a data file to values, and back.
// Page: formats/tensorflow-bundle.md, "Strings".
import IngotBytes
import IngotCore
import IngotEncodings

/// A tensor of strings.
struct TensorBundleStrings {
  /// The key under which bytes that are no text are kept, as Base64.
  private static let bytesKey = "base64"

  /// The strings, in the order of elements.
  var strings: [[UInt8]]
  /// Whether there is one string, and no dimension.
  var isScalar: Bool

  // MARK: - Reading

  /// Decodes the bytes of a tensor and checks both checksums: TF-15, TF-16.
  ///
  /// - Parameters:
  ///   - bytes: the tensor's bytes.
  ///   - tensor: what the index says of it.
  ///   - byteOrder: the bundle's.
  ///   - location: the tensor.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TF-15 or TF-16.
  init(
    _ bytes: [UInt8], of tensor: TensorBundleIndex.Other, byteOrder: ByteOrder, at location: Location
  ) throws(IngotError) {
    func malformed(_ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(TensorFlowRule.strings.rule, at: location, found: found, expected: expected)
    }
    isScalar = tensor.shape.rank == 0
    strings = []
    var crc = CRC32C()
    if !bytes.isEmpty || tensor.shape.elementCount > 0 {
      guard tensor.shape.elementCount < bytes.count else {
        throw malformed(
          "\(tensor.shape.elementCount, "string") in \(bytes.count, "byte")", "a length of each")
      }
      var cursor = ByteCursor(bytes)
      let counts = try Self.counts(tensor.shape.elementCount, &cursor, &crc, byteOrder, malformed)
      guard let stored = cursor.bytes(4) else { throw malformed("no checksum of the lengths", "four bytes") }
      let number = stored.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard CRC32C.unmasked(byteOrder == .big ? number : number.byteSwapped) == crc.value else {
        throw malformed("lengths with another CRC-32C", "the one behind them")
      }
      crc.update(Array(stored))
      for count in counts {
        guard let string = cursor.bytes(count) else {
          throw malformed("\(cursor.remainingCount, "byte") left", "a string of \(count)")
        }
        crc.update(Array(string))
        strings.append(Array(string))
      }
      guard cursor.remainingCount == 0 else {
        throw malformed("\(cursor.remainingCount, "byte") left", "none")
      }
    }
    guard crc.value == tensor.range.crc32c else {
      throw .malformed(
        TensorFlowRule.checksum.rule, at: location, found: "strings with another CRC-32C",
        expected: "the one in the index")
    }
  }

  /// Reads the lengths; the checksum covers them as numbers of 4 or 8 bytes in the bundle's order.
  private static func counts(
    _ count: Int, _ cursor: inout ByteCursor, _ crc: inout CRC32C, _ byteOrder: ByteOrder,
    _ malformed: (Evidence, Evidence) -> IngotError
  ) throws(IngotError) -> [Int] {
    var counts: [Int] = []
    for _ in 0..<count {
      guard let number = cursor.varint(), let exact = Int(exactly: number) else {
        throw malformed("no length of string \(counts.count)", "a varint")
      }
      counts.append(exact)
      crc.update(encoded(number, byteOrder))
    }
    return counts
  }

  /// A length as the checksum sees it.
  private static func encoded(_ number: UInt64, _ byteOrder: ByteOrder) -> [UInt8] {
    var bytes: [UInt8] = []
    if let narrow = UInt32(exactly: number) { bytes.appendLittle(narrow) } else { bytes.appendLittle(number) }
    return byteOrder == .little ? bytes : bytes.reversed()
  }

  /// The strings as metadata: text as it is, other bytes as Base64.
  var value: MetadataValue {
    let values = strings.map(Self.value)
    return isScalar ? values.first ?? .null : .array(values)
  }

  private static func value(of bytes: [UInt8]) -> MetadataValue {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return .object(Metadata([.init(key: bytesKey, value: .string(Base64.text(of: bytes)))]))
  }

  // MARK: - Writing

  /// Makes strings of metadata; `nil` for a value that is neither a string nor a list of them.
  init?(_ value: MetadataValue) {
    if case .array(let values) = value {
      let strings = values.compactMap(Self.bytes)
      guard strings.count == values.count else { return nil }
      self.strings = strings
      isScalar = false
    } else {
      guard let bytes = Self.bytes(of: value) else { return nil }
      strings = [bytes]
      isScalar = true
    }
  }

  private static func bytes(of value: MetadataValue) -> [UInt8]? {
    switch value {
    case .string(let text): return Array(text.utf8)
    case .object(let object):
      guard object.entries.count == 1, let text = object.string(bytesKey) else { return nil }
      return Base64.bytes(of: text)
    default: return nil
    }
  }

  /// The dimensions.
  var shape: Shape { isScalar ? .scalar : Shape([strings.count]) ?? .scalar }

  /// The bytes as TensorFlow writes them, and their checksum.
  func encoded() -> (bytes: [UInt8], crc32c: UInt32) {
    var bytes: [UInt8] = []
    var crc = CRC32C()
    for string in strings {
      bytes.appendVarint(UInt64(string.count))
      crc.update(Self.encoded(UInt64(string.count), .little))
    }
    var checksum: [UInt8] = []
    checksum.appendLittle(CRC32C.masked(crc.value))
    crc.update(checksum)
    bytes += checksum
    for string in strings {
      crc.update(string)
      bytes += string
    }
    return (bytes, crc.value)
  }
}
