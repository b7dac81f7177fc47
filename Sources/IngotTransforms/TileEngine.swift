// SPDX-License-Identifier: Apache-2.0
// The one loop that streams parts through a fixed buffer. PartPass runs many of them at the same time.
import IngotBytes
import IngotCore

/// Streams parts through one buffer of fixed size.
package final class TileEngine {
  /// Bytes of a tile: large enough that calls cost nothing, small enough to stay in the second-level cache while it is
  /// read, changed, checksummed and written.
  package static let tileByteCount = 1 << 18
  /// Bytes of a tile of rows whose elements are gathered from all over the storage: it is read once a tile.
  package static let gatheredTileByteCount = 1 << 20

  private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Makes an engine; its buffer comes with the first tile.
  package init() {}

  deinit { buffer.deallocate() }

  /// Hands over all tiles of a part in order.
  ///
  /// - Parameters:
  ///   - source: the part.
  ///   - body: takes a tile's bytes and its offset in the part.
  /// - Throws: the source's errors, `body`'s, and ``IngotCore/IngotError/interrupted``.
  package func forEachTile(
    of source: any TileSource,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    try forEachTile(of: source, in: 0..<source.byteCount, body)
    try source.finish()
  }

  /// Hands over the tiles of a stretch of a part in order; the source is not told to finish.
  ///
  /// - Parameters:
  ///   - source: the part.
  ///   - stretch: the bytes to read, from a multiple of the source's grain to another, or to the end.
  ///   - body: takes a tile's bytes and its offset in the part.
  /// - Throws: the source's errors, `body`'s, and ``IngotCore/IngotError/interrupted``.
  package func forEachTile(
    of source: any TileSource, in stretch: Range<Int>,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    let grain = source.grainByteCount
    // A single row may be larger than the buffer: storage in another order is cut between rows only.
    let step = min(max(grain, source.tileByteCount / grain * grain), max(1, stretch.count))
    if step > buffer.count {
      buffer.deallocate()
      buffer = .allocate(byteCount: step, alignment: 64)
    }
    var offset = stretch.lowerBound
    while offset < stretch.upperBound {
      if Process.isInterrupted { throw .interrupted }
      let tile = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(step, stretch.upperBound - offset)])
      try source.read(bytesAt: offset, into: tile)
      try body(UnsafeRawBufferPointer(tile), offset)
      offset += tile.count
    }
  }
}
