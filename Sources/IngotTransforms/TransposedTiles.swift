// SPDX-License-Identifier: Apache-2.0
// Transposes a matrix while it streams by, in memory that does not grow with it: rows of the result are columns of the
// source, which are read in strips of so many columns that each piece is worth its read.
import IngotBytes
import IngotCore
import IngotKernels

/// A matrix `[C, R]` made of a source `[R, C]`.
final class TransposedTiles: TileSource {
  /// Bytes of the source that are read before they are transposed.
  private static let windowByteCount = 512 << 10
  /// Bytes of the result that are made at a time where a tile alone would ask for too narrow a strip.
  private static let stripByteCount = 4 << 20
  /// A piece of a row narrower than this is not worth a read of its own.
  private static let pieceByteCount = 512

  /// The largest tile that is asked for: a smaller matrix is transposed in one, of rows that are read whole, a larger one in
  /// tiles of about the same size, so that each piece of a row is worth its read.
  private static let wideTileByteCount = 16 << 20

  private let reader: AnyOffsetReader
  private let rowCount: Int
  private let columnCount: Int
  private let width: Int
  private let transposition: MatrixTransposition
  private var window: AlignedBuffer?
  private var strip: AlignedBuffer?
  private var stripColumns = 0..<0

  /// Makes a transposition of a source of shape `[R, C]` whose elements have `width` bytes.
  init(_ source: any TileSource, rowCount: Int, columnCount: Int, width: Int) {
    reader = AnyOffsetReader(source)
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.width = width
    transposition = MatrixTransposition(elementWidth: width)
  }

  var elementType: ElementType { reader.source.elementType }
  var byteCount: Int { reader.source.byteCount }
  var grainByteCount: Int { max(1, targetRowByteCount) }
  var castReport: CastReport? { reader.source.castReport }
  var quantizationError: QuantizationError? { reader.source.quantizationError }
  var sourceDigest: XXH3Digest? { reader.source.sourceDigest }

  /// Whether tiles of a matrix of so many rows, half a kilobyte of each, are small enough to be made by several threads;
  /// strips, which hold what several tiles need, are not.
  static func isDivisible(rowCount: Int) -> Bool { rowCount <= wideTileByteCount / pieceByteCount }

  var tileByteCount: Int {
    guard Self.isDivisible(rowCount: rowCount) else { return TileEngine.tileByteCount }
    let tileCount = max(1, (byteCount + Self.wideTileByteCount - 1) / Self.wideTileByteCount)
    return max(TileEngine.tileByteCount, targetRowByteCount * ((columnCount + tileCount - 1) / tileCount))
  }

  var bufferByteCount: Int {
    Self.windowByteCount + reader.source.bufferByteCount
      + (Self.isDivisible(rowCount: rowCount) ? 0 : Self.stripByteCount)
  }

  private var targetRowByteCount: Int { rowCount * width }
  private var sourceRowByteCount: Int { columnCount * width }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard let target = tile.baseAddress, tile.count > 0 else { return }
    let columns = (offset / targetRowByteCount)..<((offset + tile.count) / targetRowByteCount)
    // A tile that is wide enough, or all that there is, needs no strip.
    guard columns.count * width < Self.pieceByteCount, columns.count < columnCount,
      tile.count < Self.wideTileByteCount / 2
    else {
      return try fill(columns, into: target)
    }
    let strip = try strip(holding: columns)
    let start = (columns.lowerBound - stripColumns.lowerBound) * targetRowByteCount
    target.copyMemory(from: strip.start + start, byteCount: tile.count)
  }

  /// The strip that holds some columns; another is read when the last one does not hold them.
  private func strip(holding columns: Range<Int>) throws(IngotError) -> AlignedBuffer {
    if let strip, stripColumns.lowerBound <= columns.lowerBound, columns.upperBound <= stripColumns.upperBound
    {
      return strip
    }
    let wanted = max(columns.count, Self.stripByteCount / targetRowByteCount)
    let count = min(wanted, columnCount - columns.lowerBound)
    let buffer =
      if let strip, stripColumns.count >= count { strip } else {
        AlignedBuffer(uninitializedByteCount: count * targetRowByteCount)
      }
    stripColumns = 0..<0
    let next = columns.lowerBound..<(columns.lowerBound + count)
    try fill(next, into: buffer.start)
    strip = buffer
    stripColumns = next
    return buffer
  }

  /// Makes rows of the result: these columns of the source.
  private func fill(_ columns: Range<Int>, into target: UnsafeMutableRawPointer) throws(IngotError) {
    let capacity = min(Self.windowByteCount, max(reader.source.byteCount, 64))
    let window = window ?? AlignedBuffer(uninitializedByteCount: capacity)
    self.window = window
    let pieceByteCount = columns.count * width
    let isCutFinely = reader.source.grainByteCount <= width
    if sourceRowByteCount <= capacity,
      !isCutFinely || pieceByteCount < Self.pieceByteCount
        || pieceByteCount * 2 >= sourceRowByteCount
    {
      return try fillFromWholeRows(columns, by: window, into: target)
    }
    var start = columns.lowerBound
    while start < columns.upperBound {
      let end = min(columns.upperBound, start + capacity / width)
      try fillFromPieces(
        start..<end, by: window,
        into: target + (start - columns.lowerBound) * targetRowByteCount)
      start = end
    }
  }

  /// Reads whole rows of the source, many at a time, and takes the columns out of them.
  private func fillFromWholeRows(
    _ columns: Range<Int>, by window: AlignedBuffer, into target: UnsafeMutableRawPointer
  ) throws(IngotError) {
    let group = max(1, window.byteCount / sourceRowByteCount)
    for row in stride(from: 0, to: rowCount, by: group) {
      let count = min(group, rowCount - row)
      try reader.read(
        bytesAt: row * sourceRowByteCount,
        into: UnsafeMutableRawBufferPointer(start: window.start, count: count * sourceRowByteCount))
      transposition.transpose(
        rows: count, columns: columns.count, from: window.start + columns.lowerBound * width,
        sourceStride: sourceRowByteCount, to: target + row * width, targetStride: targetRowByteCount)
    }
  }

  /// Reads a piece of each row of the source.
  private func fillFromPieces(
    _ columns: Range<Int>, by window: AlignedBuffer, into target: UnsafeMutableRawPointer
  ) throws(IngotError) {
    let pieceByteCount = columns.count * width
    let group = max(1, window.byteCount / pieceByteCount)
    for row in stride(from: 0, to: rowCount, by: group) {
      let count = min(group, rowCount - row)
      for index in 0..<count {
        try reader.read(
          bytesAt: (row + index) * sourceRowByteCount + columns.lowerBound * width,
          into: UnsafeMutableRawBufferPointer(
            start: window.start + index * pieceByteCount, count: pieceByteCount))
      }
      transposition.transpose(
        rows: count, columns: columns.count, from: window.start, sourceStride: pieceByteCount,
        to: target + row * width, targetStride: targetRowByteCount)
    }
  }

  func endStretch() {
    // Sources of stretches wait for one another: without their buffers.
    window = nil
    strip = nil
    stripColumns = 0..<0
    reader.source.endStretch()
  }

  func merge(_ next: TransposedTiles) throws(IngotError) {
    try reader.source.mergeStretch(next.reader.source)
  }

  func finish() throws(IngotError) { try reader.source.finish() }
}
