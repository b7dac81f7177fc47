// SPDX-License-Identifier: Apache-2.0
// Writes a sorted table as LevelDB's builder does, uncompressed: the same entries give the same bytes as TensorFlow's.
// Page: formats/containers/sorted-table.md.
import IngotBytes

/// A sorted table being written; entries are put in the order of their keys.
///
/// - SeeAlso: `tensorflow/tensorflow: third_party/xla/xla/tsl/lib/io/table_builder.cc`.
package struct SortedTableWriter: Sendable {
  /// Bytes at which a block ends: TensorFlow's own.
  private static let blockByteCount = 262_144
  /// An entry of this many gets a block of its own.
  private static let largeEntryByteCount = 2 * blockByteCount

  private var bytes: [UInt8] = []
  private var data = BlockDraft(restartInterval: 16)
  private var index = BlockDraft(restartInterval: 1)
  private var lastKey: [UInt8] = []
  /// A finished block whose index entry waits for the next key, so that a short one between both can be taken.
  private var pending: SortedTableHandle?

  /// Starts an empty table.
  package init() {}

  /// Bytes that an entry takes at the most, with its share of restarts, index and block ends.
  package static func greatestByteCount(keyByteCount: Int, valueByteCount: Int) -> Int {
    let lengths = 3 * 5
    let restart = 4
    // In the worst case the entry has a block of its own, named by its whole key.
    let block = 4 + 4 + SortedTableHandle.trailerByteCount
    let indexEntry = lengths + keyByteCount + 20 + restart
    return lengths + keyByteCount + valueByteCount + restart + block + indexEntry
  }

  /// Bytes of a table without entries.
  package static let emptyByteCount =
    2 * (8 + SortedTableHandle.trailerByteCount) + SortedTableFooter.byteCount

  /// Puts an entry.
  ///
  /// - Precondition: the key is above the one before, by its bytes.
  package mutating func put(_ key: [UInt8], _ value: [UInt8]) {
    if !data.isEmpty, key.count + value.count >= Self.largeEntryByteCount { endBlock() }
    nameBlock(before: key)
    data.put(key, value)
    lastKey = key
    if data.byteCount >= Self.blockByteCount { endBlock() }
  }

  /// Ends the table.
  ///
  /// - Returns: all of its bytes.
  package consuming func finish() -> [UInt8] {
    endBlock()
    var metaindex = BlockDraft(restartInterval: 16)
    let metaindexHandle = append(metaindex.finish())
    nameBlock(before: nil)
    let indexHandle = append(index.finish())
    var footer = metaindexHandle.encoded + indexHandle.encoded
    footer += [UInt8](repeating: 0, count: SortedTableFooter.byteCount - 8 - footer.count)
    footer.appendLittle(SortedTableFooter.magic)
    return bytes + footer
  }

  private mutating func endBlock() {
    guard !data.isEmpty else { return }
    pending = append(data.finish())
    data = BlockDraft(restartInterval: 16)
  }

  /// Puts the index entry of a finished block, by a short key that is not below its last and below the next.
  private mutating func nameBlock(before next: [UInt8]?) {
    guard let handle = pending else { return }
    index.put(next.map { Self.separator(lastKey, $0) } ?? Self.successor(lastKey), handle.encoded)
    pending = nil
  }

  private mutating func append(_ block: [UInt8]) -> SortedTableHandle {
    let handle = SortedTableHandle(offset: bytes.count, byteCount: block.count)
    bytes += block
    bytes.append(0)
    var crc = CRC32C()
    crc.update(block)
    crc.update([0])
    bytes.appendLittle(CRC32C.masked(crc.value))
    return handle
  }

  /// The first key itself, or a shorter one above it and below the second.
  private static func separator(_ key: [UInt8], _ next: [UInt8]) -> [UInt8] {
    let common = zip(key, next).prefix { $0 == $1 }.count
    guard common < min(key.count, next.count), key[common] < 0xFF, key[common] + 1 < next[common] else {
      return key
    }
    return key[..<common] + [key[common] + 1]
  }

  /// The key itself, or a shorter one above it.
  private static func successor(_ key: [UInt8]) -> [UInt8] {
    guard let position = key.firstIndex(where: { $0 != 0xFF }) else { return key }
    return key[..<position] + [key[position] + 1]
  }
}

/// A block being written.
private struct BlockDraft: Sendable {
  private let restartInterval: Int
  private var bytes: [UInt8] = []
  private var restarts: [UInt32] = [0]
  private var entriesSinceRestart = 0
  private var lastKey: [UInt8] = []

  init(restartInterval: Int) {
    self.restartInterval = restartInterval
  }

  var isEmpty: Bool { bytes.isEmpty }

  /// Bytes that the block would have if it ended here.
  var byteCount: Int { bytes.count + 4 * restarts.count + 4 }

  mutating func put(_ key: [UInt8], _ value: [UInt8]) {
    var shared = 0
    if entriesSinceRestart < restartInterval {
      shared = zip(lastKey, key).prefix { $0 == $1 }.count
    } else {
      restarts.append(UInt32(bytes.count))
      entriesSinceRestart = 0
    }
    for count in [shared, key.count - shared, value.count] { bytes.appendVarint(UInt64(count)) }
    bytes += key[shared...]
    bytes += value
    lastKey = key
    entriesSinceRestart += 1
  }

  /// The block's bytes.
  mutating func finish() -> [UInt8] {
    for restart in restarts { bytes.appendLittle(restart) }
    bytes.appendLittle(UInt32(restarts.count))
    return bytes
  }
}
