// SPDX-License-Identifier: Apache-2.0
// What a source that changes its input on the way reads it into: a buffer of fixed size, filled as often as a tile needs.
import IngotCore

/// A buffer between two sources.
struct TileBuffer {
  private var bytes: [UInt8] = []

  /// Reads the input of a tile piece by piece.
  ///
  /// - Parameters:
  ///   - source: what is read.
  ///   - range: the input's bytes in the source; from a multiple of its grain to another, or to the end.
  ///   - width: bytes that may not be cut.
  ///   - body: takes a piece and its offset in the source.
  /// - Throws: the source's errors.
  mutating func forEachPiece(
    of source: any TileSource, in range: Range<Int>, width: Int,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(IngotError) {
    let grain = source.grainByteCount * (source.grainByteCount.isMultiple(of: width) ? 1 : width)
    let step = min(max(grain, source.tileByteCount / grain * grain), range.count)
    if bytes.count < step { bytes = [UInt8](repeating: 0, count: step) }
    var failure: IngotError?
    bytes.withUnsafeMutableBytes { raw in
      var offset = range.lowerBound
      while offset < range.upperBound {
        let piece = UnsafeMutableRawBufferPointer(rebasing: raw[..<min(step, range.upperBound - offset)])
        do throws(IngotError) {
          try source.read(bytesAt: offset, into: piece)
        } catch {
          failure = error
          return
        }
        body(UnsafeRawBufferPointer(piece), offset)
        offset += piece.count
      }
    }
    if let failure { throw failure }
  }

  /// Gives the memory back.
  mutating func release() { bytes = [] }
}
