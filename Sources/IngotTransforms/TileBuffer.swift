// SPDX-License-Identifier: Apache-2.0
// What a source that changes its input on the way reads it into: a buffer of fixed size, filled as often as a tile needs.
import IngotCore
import IngotKernels

/// A buffer between two sources.
struct TileBuffer {
  private var buffer: AlignedBuffer?

  /// Reads the input of a tile piece by piece.
  ///
  /// - Parameters:
  ///   - source: what is read.
  ///   - range: the input's bytes in the source; from a multiple of its grain to another, or to the end.
  ///   - width: bytes that may not be cut.
  ///   - body: takes a piece, as elements of the source's type, and its offset in the source.
  /// - Throws: the source's errors, and the body's.
  mutating func forEachPiece(
    of source: any TileSource, in range: Range<Int>, width: Int,
    _ body: (Elements, _ offset: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    guard let grain = source.grainByteCount.checkedCommonMultiple(with: width) else {
      throw .internal("a grain whose bytes overflow")
    }
    let step = min(max(grain, source.tileByteCount / grain * grain), range.count)
    let memory = memory(byteCount: step)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(step, range.upperBound - offset)
      try source.read(
        bytesAt: offset, into: UnsafeMutableRawBufferPointer(start: memory.start, count: count))
      try body(
        Elements(UnsafeRawBufferPointer(start: memory.start, count: count), source.elementType), offset)
      offset += count
    }
  }

  /// The buffer, reallocated when it is too small; a source fills what it is asked for, or throws.
  private mutating func memory(byteCount: Int) -> AlignedBuffer {
    if let buffer, buffer.byteCount >= byteCount { return buffer }
    let memory = AlignedBuffer(uninitializedByteCount: byteCount)
    buffer = memory
    return memory
  }

  /// Gives the memory back.
  mutating func release() { buffer = nil }
}

extension UnsafeMutableRawBufferPointer {
  /// The room of some elements of a width.
  func elements(_ range: Range<Int>, width: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: self[(range.lowerBound * width)..<(range.upperBound * width)])
  }
}
