// SPDX-License-Identifier: Apache-2.0
// What the one streaming loop reads: a tensor's canonical bytes, tile by tile, whether stored or computed on the way.
import IngotBytes
import IngotCore
import IngotKernels

// Where a source computes with another's values it asks for their type, when it is made (``TileSource/require(_:)``) and
// by the elements that it is handed (IngotKernels, Elements.swift).

/// Canonical bytes (little-endian, C order) of one part of a tensor, read tile by tile.
package protocol TileSource: AnyObject {
  /// What the bytes are.
  var elementType: ElementType { get }
  /// Bytes of the whole part.
  var byteCount: Int { get }
  /// The bytes at whose multiples a tile may be cut.
  var grainByteCount: Int { get }

  /// Fills a tile.
  ///
  /// - Parameters:
  ///   - offset: where the tile starts; a multiple of ``grainByteCount``.
  ///   - buffer: the tile; it ends at a multiple of ``grainByteCount`` or at the end.
  /// - Throws: the errors of the source, and a container's checksum that does not hold.
  func read(bytesAt offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError)

  /// Called when the last tile has been read: throws what only the whole part tells.
  func finish() throws(IngotError)

  /// What conversions on the way lost so far.
  var castReport: CastReport? { get }

  /// What rounding to small integers on the way cost so far.
  var quantizationError: QuantizationError? { get }

  /// The largest magnitudes by channel of a matrix that is rounded to small integers on the way; `nil` where nobody looks.
  var peaks: MatrixPeaks? { get }

  /// XXH3 of the canonical bytes as they were stored, when the source was asked to take it.
  var sourceDigest: XXH3Digest? { get }

  /// Bytes of a tile that suit the source.
  var tileByteCount: Int { get }

  /// Bytes of the source's own buffers, at the most.
  var bufferByteCount: Int { get }

  /// Tells that this source reads from here on; others, opened alike, read what comes before.
  ///
  /// Each source of a divided part is told so, and by ``endStretch()`` that it is done; then what they found is merged
  /// into the first, in order, and the first alone is told to ``finish()``. What was found must be the same whoever read
  /// what, so that results do not depend on the number of threads.
  func beginStretch(at offset: Int)

  /// Tells that no more tiles will be read: buffers can go.
  func endStretch()

  /// Merges what the source of the next stretch found.
  ///
  /// - Throws: a container's checksum that does not hold, once all of it has been seen.
  func merge(_ next: Self) throws(IngotError)
}

extension TileSource {
  /// Throws unless the bytes are what they are about to be computed with as.
  func require(_ type: ElementType) throws(IngotError) {
    guard elementType == type else {
      throw .internal("a part of \(words: elementType.description) where \(words: type.description) is read")
    }
  }

  /// Nothing is rounded to small integers in most sources.
  package var quantizationError: QuantizationError? { nil }
  /// No channels are looked at in most sources.
  package var peaks: MatrixPeaks? { nil }
  /// Tiles that stay in the second-level cache.
  package var tileByteCount: Int { TileEngine.tileByteCount }
  /// Most sources have none.
  package var bufferByteCount: Int { 0 }
  /// A source that is not divided begins at 0.
  package func beginStretch(at offset: Int) {}
  /// A source without buffers has nothing to let go of.
  package func endStretch() {}
  /// A source that finds out nothing has nothing to take over.
  package func merge(_ next: Self) throws(IngotError) {}

  /// Merges what the source of the next stretch found: one that was opened alike, and so of the same kind.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for one of another kind, whose checksum would be lost; else as
  ///   ``merge(_:)``.
  func mergeStretch(_ next: any TileSource) throws(IngotError) {
    guard let next = next as? Self else { throw .internal("stretches of one part by different sources") }
    try merge(next)
  }
}

/// A part as it is stored.
final class StoredTiles: TileSource {
  private let reader: TensorReader
  private var digest: XXH3?
  /// Where a digest in passing goes on; `nil` when the part was not read from its start to its end.
  private var nextOffset: Int? = 0

  init(_ reader: TensorReader, digests: Bool) {
    self.reader = reader
    if digests { digest = XXH3() }
  }

  var elementType: ElementType { reader.part.elementType }
  var byteCount: Int { reader.byteCount }
  var grainByteCount: Int {
    if let blockType = reader.part.blockType { return blockType.byteCount }
    return max(1, reader.cutsAnywhere ? reader.part.dtype.byteWidth ?? 1 : reader.rowByteCount)
  }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { digest?.value }
  /// Rows that are gathered from all over the storage come many at a time.
  var tileByteCount: Int { reader.cutsAnywhere ? TileEngine.tileByteCount : TileEngine.gatheredTileByteCount }

  func read(bytesAt offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try reader.read(bytesAt: offset, into: buffer)
    guard digest != nil, offset == nextOffset else {
      nextOffset = nil
      return
    }
    digest?.update(UnsafeRawBufferPointer(buffer))
    nextOffset = offset + buffer.count
  }

  func beginStretch(at offset: Int) { reader.beginStretch(at: offset) }

  func merge(_ next: StoredTiles) throws(IngotError) { try reader.merge(next.reader) }

  func finish() throws(IngotError) {
    try reader.verifyStoredChecksum()
    if digest != nil, nextOffset != byteCount { try takeDigest() }
  }

  /// Takes the digest in a pass of its own, for a part that was read in another order.
  private func takeDigest() throws(IngotError) {
    var digest = XXH3()
    let step = max(grainByteCount, (1 << 20) / grainByteCount * grainByteCount)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(step, byteCount), alignment: 64)
    defer { buffer.deallocate() }
    for offset in stride(from: 0, to: byteCount, by: max(1, step)) {
      let tile = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(step, byteCount - offset)])
      try reader.read(bytesAt: offset, into: tile)
      digest.update(UnsafeRawBufferPointer(tile))
    }
    self.digest = consume digest
    nextOffset = byteCount
  }
}

/// A part whose bytes are at hand.
final class LiteralTiles: TileSource {
  private let bytes: [UInt8]
  let elementType: ElementType

  init(_ bytes: [UInt8], _ dtype: DType) {
    self.bytes = bytes
    elementType = .number(dtype)
  }

  var byteCount: Int { bytes.count }
  var grainByteCount: Int { 1 }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }

  func read(bytesAt offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard offset >= 0, let end = offset.checkedAdd(buffer.count), end <= bytes.count else {
      throw .internal("a read past the end of literal bytes")
    }
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<end])) }
  }

  func finish() throws(IngotError) {}
}
