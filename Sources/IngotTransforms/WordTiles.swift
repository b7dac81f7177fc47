// SPDX-License-Identifier: Apache-2.0
// Puts int8 four in a word, as compressed-tensors packs them: each plus 128, the first in the lowest byte, every row filled up
// with zero bytes to whole words.
// - SeeAlso: `vllm-project/compressed-tensors: compressors/pack_quantized/helpers.py`, `pack_to_int32`.
import IngotBytes
import IngotCore
import IngotKernels

/// The integers of a matrix, I8, as words, I32.
final class WordTiles: TileSource {
  static let wordByteCount = 4
  /// What is added to an integer of eight bits, so that none is below 0.
  private static let offset: UInt8 = 0x80

  private let source: any TileSource
  /// Integers of a row, and bytes of its words.
  private let row: (count: Int, byteCount: Int)
  /// Bytes of the result that begin and end with both a grain of the source and a word.
  let grainByteCount: Int

  /// - Parameters:
  ///   - source: I8.
  ///   - rowLength: integers of a row, at least 1.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else, or of no whole rows.
  init(_ source: any TileSource, rowLength: Int) throws(IngotError) {
    try source.require(.number(.i8))
    guard rowLength > 0, source.byteCount.isMultiple(of: rowLength),
      let byteCount = rowLength.dividedUp(by: Self.wordByteCount).checkedMultiply(Self.wordByteCount),
      let step = source.grainByteCount.checkedCommonMultiple(
        with: byteCount == rowLength ? Self.wordByteCount : rowLength)
    else { throw .internal("integers that are no whole rows of \(rowLength)") }
    self.source = source
    row = (rowLength, byteCount)
    grainByteCount = byteCount == rowLength ? step : step / rowLength * byteCount
  }

  var elementType: ElementType { .number(.i32) }
  var byteCount: Int { source.byteCount / row.count * row.byteCount }
  var castReport: CastReport? { source.castReport }
  var quantizationError: QuantizationError? { source.quantizationError }
  var peaks: MatrixPeaks? { source.peaks }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { max(grainByteCount, source.tileByteCount / grainByteCount * grainByteCount) }
  var bufferByteCount: Int { source.bufferByteCount }

  /// Where the integers of some bytes of the result begin, or end.
  private func sourceOffset(_ offset: Int) -> Int {
    row.count == row.byteCount ? offset : offset / row.byteCount * row.count
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let start = sourceOffset(offset)
    let count = sourceOffset(offset + tile.count) - start
    try source.read(bytesAt: start, into: UnsafeMutableRawBufferPointer(rebasing: tile[..<count]))
    for index in tile[..<count].indices { tile[index] ^= Self.offset }
    guard row.count < row.byteCount else { return }
    // From the last row to the first, so that none is written over before it is moved.
    for index in stride(from: tile.count / row.byteCount - 1, through: 0, by: -1) {
      let target = UnsafeMutableRawBufferPointer(
        rebasing: tile[(index * row.byteCount)..<((index + 1) * row.byteCount)])
      target.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: tile[(index * row.count)..<((index + 1) * row.count)]))
      for padding in row.count..<row.byteCount { target[padding] = 0 }
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: sourceOffset(offset)) }

  func endStretch() { source.endStretch() }

  func merge(_ next: WordTiles) throws(IngotError) { try source.mergeStretch(next.source) }

  func finish() throws(IngotError) { try source.finish() }
}
