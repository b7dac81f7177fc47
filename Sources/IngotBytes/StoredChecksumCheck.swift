// SPDX-License-Identifier: Apache-2.0
// Compares a container's own checksum of a tensor with that of the bytes that were read.
import IngotCore

/// A container's checksum, being recomputed.
final class StoredChecksumCheck {
  private let expected: StoredChecksum
  private let location: Location
  private var crc = CRC32()
  private var crc32c = CRC32C()
  private var xxh3 = XXH3()
  private var segments: SegmentChecksums

  init(_ expected: StoredChecksum, of storage: TensorStorage, location: Location) {
    self.expected = expected
    self.location = location
    segments = SegmentChecksums(storage.segments)
  }

  /// Bytes before the tensor's that the checksum covers too, where they are not part of the stream.
  var prefix: Int {
    if case .crc32(_, let prefix, _) = expected { return prefix }
    return 0
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    switch expected {
    case .crc32: crc.update(bytes)
    case .crc32c: crc32c.update(bytes)
    case .crc32cOfSegments: segments.update(bytes)
    case .xxh3: xxh3.update(bytes)
    }
  }

  /// Appends what another check has seen of the bytes behind these; for CRC-32 and CRC-32C only.
  func append(_ next: StoredChecksumCheck) {
    crc.append(next.crc)
    crc32c.append(next.crc32c)
  }

  func finish() throws(IngotError) {
    switch expected {
    case .crc32(let value, _, let rule):
      guard value != crc.value else { return }
      throw .checksum(found: crc.value, expected: value, rule: rule, at: location)
    case .crc32c(let value, let rule):
      try compare(crc32c.value, with: value, rule)
    case .crc32cOfSegments(let values, let rule):
      let found = segments.finish()
      guard found.count == values.count else { throw .internal("a checksum without its segment") }
      for (actual, value) in zip(found, values) { try compare(actual, with: value, rule) }
    case .xxh3(let value, let rule):
      let actual = xxh3.value
      guard value != actual else { return }
      throw .malformed(
        rule, at: location,
        found: "XXH3 \(words: hex(actual.high, digits: 16) + hex(actual.low, digits: 16))",
        expected: "\(words: hex(value.high, digits: 16) + hex(value.low, digits: 16))")
    }
  }

  private func compare(_ actual: UInt32, with value: UInt32, _ rule: Rule) throws(IngotError) {
    guard value != actual else { return }
    throw .malformed(
      rule, at: location, found: "CRC-32C \(words: hex(UInt64(actual), digits: 8))",
      expected: "\(words: hex(UInt64(value), digits: 8))")
  }
}

/// CRC-32C of each of several segments, whose bytes arrive in order.
private struct SegmentChecksums {
  private let byteCounts: [Int]
  private var found: [UInt32] = []
  private var current = CRC32C()
  private var currentByteCount = 0

  init(_ segments: TensorStorage.Segments) {
    switch segments {
    case .one: byteCounts = []
    case .many(let segments): byteCounts = segments.map(\.byteCount)
    }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while found.count < byteCounts.count, !rest.isEmpty {
      let count = min(byteCounts[found.count] - currentByteCount, rest.count)
      current.update(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
      currentByteCount += count
      rest = rest.dropFirst(count)
      if currentByteCount == byteCounts[found.count] { endSegment() }
    }
  }

  /// The checksums of all segments; those at the end without bytes are that of no bytes.
  mutating func finish() -> [UInt32] {
    while found.count < byteCounts.count { endSegment() }
    return found
  }

  private mutating func endSegment() {
    found.append(current.value)
    current = CRC32C()
    currentByteCount = 0
  }
}

extension IngotError {
  /// A CRC-32 that is not the one that a container carries.
  package static func checksum(
    found: UInt32, expected: UInt32, rule: Rule, at location: Location
  ) -> IngotError {
    .malformed(
      rule, at: location, found: "CRC-32 \(words: hex(UInt64(found), digits: 8))",
      expected: "\(words: hex(UInt64(expected), digits: 8))")
  }
}

private func hex(_ number: UInt64, digits: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
