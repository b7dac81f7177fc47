// SPDX-License-Identifier: Apache-2.0
// Reads the entries of a sorted table in the order of their keys, one block in memory at a time.
// Page: formats/containers/sorted-table.md.
import IngotBytes
import IngotCore

/// A range of a table's file that holds a block, without the type and checksum behind it.
struct SortedTableHandle {
  /// Bytes of type and checksum behind a block.
  static let trailerByteCount = 5

  var offset: Int
  var byteCount: Int

  /// Where the next block can begin.
  var end: Int { offset + byteCount + Self.trailerByteCount }

  /// Reads a handle; `nil` when there is none, or none that fits 63 bits.
  init?(_ cursor: inout ByteCursor) {
    guard let offset = cursor.varint().flatMap({ Int(exactly: $0) }),
      let byteCount = cursor.varint().flatMap({ Int(exactly: $0) })
    else { return nil }
    self.init(offset: offset, byteCount: byteCount)
  }

  init(offset: Int, byteCount: Int) {
    self.offset = offset
    self.byteCount = byteCount
  }

  /// The handle as files have it.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendVarint(UInt64(offset))
    bytes.appendVarint(UInt64(byteCount))
    return bytes
  }
}

/// What all sorted tables end with.
enum SortedTableFooter {
  static let byteCount = 48
  /// The first 64 bits of the SHA-1 of `http://code.google.com/p/leveldb/`.
  static let magic: UInt64 = 0xDB47_7524_8B80_FB57
}

/// The entries of a sorted table, read in the order of their keys.
package struct SortedTableReader {
  /// Bytes of keys, written out, that each byte of the file may stand for: names of real tables have a tenth of it.
  private static let greatestKeyRatio = 32
  /// Bytes of keys that any table may have.
  private static let freeKeyByteCount = 1 << 20

  /// The key of the entry read last.
  package var key: [UInt8] { block?.key ?? [] }
  /// Bytes of all keys and values read so far, written out.
  package private(set) var decodedByteCount = 0

  private let source: any ByteSource
  private let footerStart: Int
  private var index: SortedTableBlock
  private var block: SortedTableBlock?
  /// The end of the block read last: the next one stands behind it.
  private var end = 0
  private var previousIndexKey: [UInt8]?
  private var lastKey: [UInt8]?
  private var keyByteCount = 0

  /// Reads the footer and the index.
  ///
  /// - Parameter source: the table's file.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TBL-01 to TBL-07, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a file or block over its limit.
  package init(_ source: any ByteSource) throws(IngotError) {
    self.source = source
    guard UInt64(source.byteCount) <= Limit.sortedTableBytes.value else {
      throw .limitExceeded(.sortedTableBytes, at: Location(source.path), asked: UInt64(source.byteCount))
    }
    footerStart = source.byteCount - SortedTableFooter.byteCount
    let handle = try Self.indexHandle(source)
    index = try SortedTableBlock(
      Self.read(handle, of: source, footerStart: footerStart),
      at: Location(source.path, offset: handle.offset))
  }

  /// Reads the next entry, whose key is then ``key``.
  ///
  /// - Returns: the entry's value; `nil` behind the last entry.
  /// - Throws: as ``init(_:)``, with TBL-03 to TBL-14.
  package mutating func next() throws(IngotError) -> ArraySlice<UInt8>? {
    while true {
      if let value = try block?.next() {
        try check(value)
        return value
      }
      guard try openNextBlock() else { return nil }
    }
  }

  /// Checks an entry against its index and the table's bounds: TBL-10, TBL-13 and TBL-14.
  private mutating func check(_ value: ArraySlice<UInt8>) throws(IngotError) {
    let key = key
    if let lastKey {
      guard lastKey.lexicographicallyPrecedes(key) else {
        throw malformed(.order, .value(text(key)), "a key above the one before, \(text(lastKey))")
      }
      self.lastKey = nil
    }
    let isAbove = previousIndexKey.map { $0.lexicographicallyPrecedes(key) } ?? true
    guard isAbove, !index.key.lexicographicallyPrecedes(key) else {
      throw malformed(.indexKey, .value(text(key)), "a key that the index leads to this block")
    }
    keyByteCount += key.count
    decodedByteCount += key.count + value.count
    guard keyByteCount <= Self.freeKeyByteCount + Self.greatestKeyRatio * source.byteCount else {
      throw malformed(
        .keyBytes, "keys of more than \(keyByteCount, "byte") in a file of \(source.byteCount)",
        "at most \(Self.greatestKeyRatio) for each of its bytes")
    }
  }

  /// Goes to the next block that the index names; `false` when there is none.
  private mutating func openNextBlock() throws(IngotError) -> Bool {
    if let block {
      lastKey = block.key
      previousIndexKey = index.key
    }
    guard let value = try index.next() else { return false }
    var cursor = ByteCursor(value)
    guard let handle = SortedTableHandle(&cursor), cursor.remainingCount == 0 else {
      throw .malformed(
        SortedTableRule.handle.rule, at: Location(source.path), found: "\(value.count, "byte") in the index",
        expected: "the offset and the length of a block")
    }
    guard handle.offset >= end else {
      throw .malformed(
        SortedTableRule.blockOrder.rule, at: Location(source.path, offset: handle.offset),
        found: "a block before byte \(end)", expected: "blocks one behind the other")
    }
    block = try SortedTableBlock(
      Self.read(handle, of: source, footerStart: footerStart),
      at: Location(source.path, offset: handle.offset))
    end = handle.end
    return true
  }

  private func malformed(_ rule: SortedTableRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(rule.rule, at: Location(source.path), found: found, expected: expected)
  }

  private func text(_ key: [UInt8]) -> String { String(decoding: key, as: UTF8.self) }

  // MARK: - Blocks

  /// Reads the footer: TBL-01 and TBL-02.
  private static func indexHandle(_ source: any ByteSource) throws(IngotError) -> SortedTableHandle {
    let start = source.byteCount - SortedTableFooter.byteCount
    guard start >= 0 else {
      throw .malformed(
        SortedTableRule.footer.rule, at: Location(source.path),
        found: "a file of \(source.byteCount, "byte")",
        expected: "at least the \(SortedTableFooter.byteCount) of a footer")
    }
    let bytes = try source.bytes(at: start, count: SortedTableFooter.byteCount)
    var end = ByteCursor(bytes.suffix(8))
    guard end.little(UInt64.self) == SortedTableFooter.magic else {
      throw .malformed(
        SortedTableRule.footer.rule, at: Location(source.path, offset: start + 40), found: "another mark",
        expected: "57 fb 80 8b 24 75 47 db")
    }
    var cursor = ByteCursor(bytes.prefix(40))
    guard SortedTableHandle(&cursor) != nil, let index = SortedTableHandle(&cursor) else {
      throw .malformed(
        SortedTableRule.footerHandles.rule, at: Location(source.path, offset: start), found: "other bytes",
        expected: "the handles of two blocks")
    }
    return index
  }

  /// Reads, checks and decodes a block: TBL-03 to TBL-06.
  private static func read(
    _ handle: SortedTableHandle, of source: any ByteSource, footerStart: Int
  ) throws(IngotError) -> [UInt8] {
    let location = Location(source.path, offset: handle.offset)
    let end = handle.offset.checkedAdd(handle.byteCount)?.checkedAdd(SortedTableHandle.trailerByteCount)
    guard let end, end <= footerStart else {
      throw .malformed(
        SortedTableRule.blockInFile.rule, at: location, found: "a block of \(handle.byteCount, "byte")",
        expected: "its end, with five bytes more, before the footer at \(footerStart)")
    }
    let bytes = try source.bytes(
      at: handle.offset, count: handle.byteCount + SortedTableHandle.trailerByteCount)
    let type = bytes[handle.byteCount]
    guard type <= 1 else {
      throw .malformed(
        SortedTableRule.blockType.rule, at: location, found: "a block of type \(type)",
        expected: "0, plain, or 1, Snappy")
    }
    var trailer = ByteCursor(bytes.suffix(4))
    let stored = CRC32C.unmasked(trailer.little(UInt32.self) ?? 0)
    guard CRC32C.value(of: bytes.dropLast(4)) == stored else {
      throw .malformed(
        SortedTableRule.blockChecksum.rule, at: location, found: "a block with another CRC-32C",
        expected: "the one behind it")
    }
    return try decode(bytes[..<handle.byteCount], isPacked: type == 1, at: location)
  }

  private static func decode(
    _ block: ArraySlice<UInt8>, isPacked: Bool, at location: Location
  ) throws(IngotError) -> [UInt8] {
    let count = isPacked ? SnappyBlock.decodedByteCount(of: block) : UInt64(block.count)
    if let count, count > Limit.sortedTableBlockBytes.value {
      throw .limitExceeded(.sortedTableBlockBytes, at: location, asked: count)
    }
    guard isPacked else { return Array(block) }
    do throws(SnappyBlock.Corrupt) {
      return try SnappyBlock.decode(block)
    } catch {
      throw .malformed(
        SortedTableRule.snappy.rule, at: location,
        found: "\(block.count, "byte that does", "bytes that do") not decode",
        expected: "a Snappy block of the length it declares")
    }
  }
}
