// SPDX-License-Identifier: Apache-2.0
// Compares a container's own checksum of a tensor with that of the bytes that were read.
import IngotCore

/// A container's checksum, being recomputed.
final class StoredChecksumCheck {
  private let expected: StoredChecksum
  private let location: Location
  private var crc = CRC32()
  private var xxh3 = XXH3()

  init(_ expected: StoredChecksum, location: Location) {
    self.expected = expected
    self.location = location
  }

  /// Bytes before the tensor's that the checksum covers too, where they are not part of the stream.
  var prefix: Int {
    if case .crc32(_, let prefix, _) = expected { return prefix }
    return 0
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    switch expected {
    case .crc32: crc.update(bytes)
    case .xxh3: xxh3.update(bytes)
    }
  }

  /// Appends what another check has seen of the bytes behind these; for CRC-32 only.
  func append(_ next: StoredChecksumCheck) { crc.append(next.crc) }

  func finish() throws(IngotError) {
    switch expected {
    case .crc32(let value, _, let rule):
      guard value != crc.value else { return }
      throw .malformed(
        rule, at: location, found: "CRC-32 \(words: hex(UInt64(crc.value), digits: 8))",
        expected: "\(words: hex(UInt64(value), digits: 8))")
    case .xxh3(let value, let rule):
      let actual = xxh3.value
      guard value != actual else { return }
      throw .malformed(
        rule, at: location,
        found: "XXH3 \(words: hex(actual.high, digits: 16) + hex(actual.low, digits: 16))",
        expected: "\(words: hex(value.high, digits: 16) + hex(value.low, digits: 16))")
    }
  }
}

private func hex(_ number: UInt64, digits: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
