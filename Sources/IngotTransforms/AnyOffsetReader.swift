// SPDX-License-Identifier: Apache-2.0
// Reads a tile source at any place: what can only be cut between grains is read in whole grains, of which the last one
// is remembered, so that reading on from the middle of it reads nothing twice.
import IngotBytes
import IngotCore

/// A tile source that can be read at any offset.
package final class AnyOffsetReader {
  /// The source.
  package let source: any TileSource
  private var edge: [UInt8] = []
  private var edgeOffset = -1

  /// Makes a reader.
  package init(_ source: any TileSource) {
    self.source = source
  }

  /// Fills a buffer from any position.
  ///
  /// - Parameters:
  ///   - offset: where it starts.
  ///   - buffer: the buffer.
  /// - Throws: the source's errors.
  package func read(bytesAt offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let grain = max(1, source.grainByteCount)
    guard offset >= 0, let end = offset.checkedAdd(buffer.count), end <= source.byteCount else {
      throw .internal("a read past the end of a part")
    }
    var done = 0
    while done < buffer.count {
      let position = offset + done
      let rest = end == source.byteCount ? end - position : (end - position) / grain * grain
      if position % grain == 0, rest > 0, position != edgeOffset {
        try source.read(
          bytesAt: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + rest)]))
        done += rest
      } else {
        done += try copyEdge(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      }
    }
  }

  /// Copies what a buffer needs of the grain that holds a position; returns how many bytes that is.
  private func copyEdge(
    at position: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) -> Int {
    let grain = max(1, source.grainByteCount)
    let start = position / grain * grain
    if edgeOffset != start {
      edge = [UInt8](repeating: 0, count: min(grain, source.byteCount - start))
      edgeOffset = -1
      try edge.withMutableBytes { (bytes) throws(IngotError) in try source.read(bytesAt: start, into: bytes) }
      edgeOffset = start
    }
    let count = min(buffer.count, start + edge.count - position)
    edge.withUnsafeBytes { bytes in
      let piece = bytes[(position - start)..<(position - start + count)]
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece))
    }
    return count
  }
}
