// SPDX-License-Identifier: Apache-2.0
// The one loop that streams parts through a fixed buffer.
import IngotBytes
import IngotCore

/// Streams parts through one buffer of fixed size.
public final class TileEngine {
  /// Bytes of a tile: large enough that calls cost nothing, small enough to stay in the second-level cache's reach.
  public static let tileByteCount = 4 << 20

  private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: tileByteCount, alignment: 64)

  /// Makes an engine with its buffer.
  public init() {}

  deinit { buffer.deallocate() }

  /// Hands over all tiles of a part in order.
  ///
  /// - Parameters:
  ///   - source: the part.
  ///   - body: takes a tile's bytes and its offset in the part.
  /// - Throws: the source's errors, `body`'s, and ``IngotCore/IngotError/interrupted``.
  public func forEachTile(
    of source: any TileSource,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    let grain = source.grainByteCount
    // A single row may be larger than the buffer: storage in another order is cut between rows only.
    let step = max(grain, Self.tileByteCount / grain * grain)
    if step > buffer.count {
      buffer.deallocate()
      buffer = .allocate(byteCount: step, alignment: 64)
    }
    var offset = 0
    while offset < source.byteCount {
      if Process.isInterrupted { throw .interrupted }
      let tile = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(step, source.byteCount - offset)])
      try source.read(bytesAt: offset, into: tile)
      try body(UnsafeRawBufferPointer(tile), offset)
      offset += tile.count
    }
    try source.finish()
  }
}
