// SPDX-License-Identifier: Apache-2.0
// Two small changes of F32 numbers that stream by, as scales need them: rows or columns taken by number, and a number
// added.
import IngotBytes
import IngotCore
import IngotKernels

/// Rows, or columns, of a matrix of F32 numbers, by number.
final class GatheredTiles: TileSource {
  private static let width = MemoryLayout<Float>.size

  private let reader: AnyOffsetReader
  private let indexes: [Int32]
  private let isByRow: Bool
  /// Numbers of a row of the source, and of the result.
  private let sourceRowLength: Int
  private let rowLength: Int
  private let rowCount: Int
  private var row: AlignedBuffer?

  /// - Parameters:
  ///   - source: F32, a matrix.
  ///   - shape: the matrix's.
  ///   - indexes: rows, or columns, each within the matrix.
  ///   - axis: 0 for rows, 1 for columns.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for anything else.
  init(_ source: any TileSource, shape: Shape, indexes: [Int32], axis: Int) throws(IngotError) {
    try source.require(.number(.f32))
    guard shape.rank == 2, axis == 0 || axis == 1,
      indexes.allSatisfy({ $0 >= 0 && $0 < shape.dimensions[axis] })
    else { throw .internal("rows that are not there") }
    reader = AnyOffsetReader(source)
    self.indexes = indexes
    isByRow = axis == 0
    sourceRowLength = shape.dimensions[1]
    rowLength = isByRow ? sourceRowLength : indexes.count
    rowCount = isByRow ? indexes.count : shape.dimensions[0]
  }

  var elementType: ElementType { .number(.f32) }
  var byteCount: Int { rowCount * rowLength * Self.width }
  var grainByteCount: Int { Self.width }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }
  var bufferByteCount: Int { reader.source.bufferByteCount + (isByRow ? 0 : sourceRowLength * Self.width) }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    var done = 0
    while done < tile.count {
      let (index, column) = ((offset + done) / Self.width).quotientAndRemainder(dividingBy: rowLength)
      let count = min(tile.count - done, (rowLength - column) * Self.width)
      let piece = UnsafeMutableRawBufferPointer(rebasing: tile[done..<(done + count)])
      if isByRow {
        let start = Int(indexes[index]) * sourceRowLength + column
        try reader.read(bytesAt: start * Self.width, into: piece)
      } else {
        try takeColumns(of: index, from: column, into: piece.bindMemory(to: Float.self))
      }
      done += count
    }
  }

  private func takeColumns(
    of index: Int, from column: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws(IngotError) {
    let byteCount = sourceRowLength * Self.width
    let buffer = row ?? AlignedBuffer(uninitializedByteCount: byteCount)
    row = buffer
    try reader.read(
      bytesAt: index * byteCount, into: UnsafeMutableRawBufferPointer(start: buffer.start, count: byteCount))
    // SAFETY: `init` has seen that each index is within a row of the source.
    let values = buffer.pointer(as: Float.self)
    for place in output.indices { output[place] = values[Int(indexes[column + place])] }
  }

  func endStretch() {
    row = nil
    reader.source.endStretch()
  }

  func merge(_ next: GatheredTiles) throws(IngotError) { try reader.source.mergeStretch(next.reader.source) }

  func finish() throws(IngotError) { try reader.source.finish() }
}

/// Numbers of F32 or F64 with a number added to each.
final class ShiftedTiles: TileSource {
  private let source: any TileSource
  private let shift: Float
  private var report = CastReport()

  /// - Parameters:
  ///   - source: F32 or F64.
  ///   - shift: what is added.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(_ source: any TileSource, by shift: Float) throws(IngotError) {
    if source.elementType != .number(.f64) { try source.require(.number(.f32)) }
    self.source = source
    self.shift = shift
  }

  var elementType: ElementType { source.elementType }
  var byteCount: Int { source.byteCount }
  var grainByteCount: Int { source.grainByteCount }
  /// Counts what does not come back when the number is taken off again.
  var castReport: CastReport? { report }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { source.tileByteCount }
  var bufferByteCount: Int { source.bufferByteCount }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try source.read(bytesAt: offset, into: tile)
    if elementType == .number(.f64) {
      add(Double(shift), to: tile.bindMemory(to: Double.self))
    } else {
      add(shift, to: tile.bindMemory(to: Float.self))
    }
  }

  private func add<Number: BinaryFloatingPoint>(
    _ shift: Number, to values: UnsafeMutableBufferPointer<Number>
  ) {
    var inexactCount = 0
    for index in values.indices {
      let value = values[index]
      values[index] = value + shift
      if values[index] - shift != value, !value.isNaN { inexactCount += 1 }
    }
    report.inexactCount += inexactCount
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset) }
  func endStretch() { source.endStretch() }

  func merge(_ next: ShiftedTiles) throws(IngotError) {
    report.merge(next.report)
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) { try source.finish() }
}
