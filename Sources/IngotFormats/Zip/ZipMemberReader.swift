// SPDX-License-Identifier: Apache-2.0
// Reads the start of a zip archive's member, stored or deflated. Page: formats/containers/zip.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Reads a member's decoded bytes from its start.
package final class ZipMemberReader {
  private let entry: ZipEntry
  private let source: any ByteSource
  private var offset = 0
  private let stream: DecodingStream?

  package init(_ entry: ZipEntry, source: any ByteSource) {
    self.entry = entry
    self.source = source
    guard entry.method == .deflated else {
      stream = nil
      return
    }
    stream = DecodingStream(
      segment: StorageSegment(file: 0, offset: entry.dataOffset, byteCount: entry.storedByteCount),
      files: SourceFiles(sources: [source]), decodedByteCount: entry.byteCount,
      Location(source.path, member: entry.name))
  }

  /// The next bytes.
  ///
  /// A compressed member grows as it is decoded, so that no declared length is trusted.
  package func bytes(_ count: Int) throws(IngotError) -> [UInt8] {
    guard let stream else {
      defer { offset += count }
      return try source.bytes(at: entry.dataOffset + offset, count: count)
    }
    var bytes: [UInt8] = []
    while bytes.count < count {
      var piece = [UInt8](repeating: 0, count: min(1 << 16, count - bytes.count))
      try piece.withMutableBytes { (raw) throws(IngotError) in try stream.read(into: raw) }
      bytes += piece
    }
    return bytes
  }

  /// All bytes of a member that nothing was read of, its checksum compared.
  ///
  /// - Throws: ZIP-14 and ZIP-20, and read errors.
  func wholeMember() throws(IngotError) -> [UInt8] {
    let bytes = try bytes(entry.byteCount)
    try stream?.checkEnd()
    let checksum = CRC32.value(of: bytes)
    guard checksum == entry.crc32 else {
      throw .checksum(
        found: checksum, expected: entry.crc32, rule: ZipRule.checksum.rule,
        at: Location(source.path, member: entry.name))
    }
    return bytes
  }
}

extension ZipEntry {
  /// Bytes that any deflated pickle may decode to, and bytes for each byte of the file: what it then says takes more.
  private static let freePickleBytes = 1 << 20

  /// Bytes that a pickle may have which so many were decoded to.
  static func pickleByteLimit(storedByteCount: Int) -> Int {
    storedByteCount.checkedMultiply(Int(Limit.pickleExpansion.value))?.checkedAdd(freePickleBytes) ?? .max
  }

  /// Refuses a deflated pickle that grows out of proportion.
  func checkExpansion(at location: Location) throws(IngotError) {
    try checkByteCount(.pickleBytes, at: location)
    guard byteCount <= Self.pickleByteLimit(storedByteCount: storedByteCount) else {
      throw .limitExceeded(.pickleExpansion, at: location, asked: UInt64(byteCount / max(1, storedByteCount)))
    }
  }

  /// Refuses a member that is too large to be kept in memory; one that is deflated may be a small part of that.
  func checkByteCount(_ limit: Limit, at location: Location) throws(IngotError) {
    let limit = method == .deflated ? .zipDecodedBytes : limit
    guard UInt64(byteCount) <= limit.value else {
      throw .limitExceeded(limit, at: location, asked: UInt64(byteCount))
    }
  }
}

extension ZipEntry {
  /// Whether the member begins with some bytes.
  func begins(with bytes: [UInt8], in source: any ByteSource) throws(IngotError) -> Bool {
    guard byteCount >= bytes.count else { return false }
    return try ZipMemberReader(self, source: source).bytes(bytes.count) == bytes
  }
}
