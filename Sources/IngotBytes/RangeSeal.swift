// SPDX-License-Identifier: Apache-2.0
// Checksums that an archive carries for files that are read where they lie: compared before any byte of them is used,
// once for all who read the checkpoint.
import IngotCore

/// Ranges of an archive with the CRC-32 of each.
package final class RangeSeal: FileSeal {
  /// A range with its checksum.
  package struct Range: Sendable {
    /// The name of what lies there, for messages.
    package var name: String
    /// The first byte.
    package var offset: Int
    /// The number of bytes.
    package var byteCount: Int
    /// Their CRC-32.
    package var crc32: UInt32

    /// Makes a range that lies in its file.
    package init(name: String, offset: Int, byteCount: Int, crc32: UInt32) {
      self.name = name
      self.offset = offset
      self.byteCount = byteCount
      self.crc32 = crc32
    }
  }

  private let rule: Rule
  /// The ranges that are still to be checked.
  private let pending: Locked<[Range]>

  /// Makes a seal of ranges; another checksum breaks the rule.
  package init(_ ranges: [Range], rule: Rule) {
    self.rule = rule
    pending = Locked(ranges)
  }

  /// Checks the ranges, unless that was done; others who ask meanwhile wait.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` for bytes of another checksum, and read errors.
  func verify(_ source: any ByteSource) throws(IngotError) {
    try pending.withLock { (ranges) throws(IngotError) in
      guard !ranges.isEmpty else { return }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
      defer { buffer.deallocate() }
      while let range = ranges.last {
        try verify(range, of: source, using: buffer)
        ranges.removeLast()
      }
    }
  }

  private func verify(
    _ range: Range, of source: any ByteSource, using buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    var checksum = CRC32()
    while checksum.byteCount < range.byteCount {
      if Process.isInterrupted { throw .interrupted }
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, range.byteCount - checksum.byteCount)])
      try source.read(into: piece, at: range.offset + checksum.byteCount)
      checksum.update(UnsafeRawBufferPointer(piece))
    }
    guard checksum.value == range.crc32 else {
      throw .checksum(
        found: checksum.value, expected: range.crc32, rule: rule,
        at: Location(source.path, member: range.name))
    }
  }
}
