// SPDX-License-Identifier: Apache-2.0
// Gives the blocks of a broken sorted table checksums that hold, as far as they can be found.
import IngotBytes
import IngotKit

/// Mends the checksums of sorted tables, so that a reader goes on to what they guard.
package enum TableMender {
  /// A table with the checksums of its index block and of the data blocks that this names.
  package static func mend(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    guard bytes.count >= 48 else { return bytes }
    var footer = ByteCursor(bytes[(bytes.count - 48)...])
    guard handle(&footer) != nil, let index = handle(&footer) else { return bytes }
    mendBlock(&bytes, index)
    guard let contents = range(index, in: bytes), bytes[contents.upperBound] == 0 else { return bytes }
    var entries = ByteCursor(entries(of: bytes[contents]))
    while let _ = entries.varint(), let unshared = entries.varint(), let _ = entries.varint(),
      let _ = Int(exactly: unshared).flatMap({ entries.bytes($0) }), let block = handle(&entries)
    {
      mendBlock(&bytes, block)
    }
    return bytes
  }

  /// The entries of a block, without the list of restarts behind them, which would be read as more entries.
  private static func entries(of block: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var end = ByteCursor(block.suffix(4))
    let restartCount = end.little(UInt32.self).map(Int.init) ?? 0
    return block.dropLast(min(block.count, 4 * (restartCount + 1)))
  }

  private static func handle(_ cursor: inout ByteCursor) -> (offset: UInt64, count: UInt64)? {
    guard let offset = cursor.varint(), let count = cursor.varint() else { return nil }
    return (offset, count)
  }

  /// The contents of a block that lies in the file with the five bytes behind it.
  private static func range(_ handle: (offset: UInt64, count: UInt64), in bytes: [UInt8]) -> Range<Int>? {
    guard let offset = Int(exactly: handle.offset), let count = Int(exactly: handle.count),
      offset <= bytes.count, count <= bytes.count - offset - 5
    else { return nil }
    return offset..<(offset + count)
  }

  private static func mendBlock(_ bytes: inout [UInt8], _ handle: (offset: UInt64, count: UInt64)) {
    guard let range = range(handle, in: bytes) else { return }
    var checksum: [UInt8] = []
    checksum.appendLittle(CRC32C.masked(CRC32C.value(of: bytes[range.lowerBound...range.upperBound])))
    bytes.replaceSubrange((range.upperBound + 1)..<(range.upperBound + 5), with: checksum)
  }
}
