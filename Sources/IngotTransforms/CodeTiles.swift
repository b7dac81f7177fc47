// SPDX-License-Identifier: Apache-2.0
// Makes numbers of packed codes while they stream by: bits are taken out of rows of bytes, or of columns of words, and
// looked up. What the codes of a scheme mean is IngotFormats' to know.
import IngotBytes
import IngotCore
import IngotKernels

/// F32 numbers that the codes of a part stand for.
final class CodeTiles: TileSource {
  private static let width = MemoryLayout<Float>.size
  private static let wordByteCount = 4
  /// Numbers made at a time.
  private static let pieceLimit = 1 << 15

  private let reader: AnyOffsetReader
  private let layout: CodeLayout
  /// Numbers of a row of the result, and rows.
  private let rowLength: Int
  private let rowCount: Int
  /// Bytes of a row of what is stored.
  private let storedRowByteCount: Int
  private var low: AlignedBuffer?
  private var high: AlignedBuffer?
  /// The words that the first buffer holds.
  private var held: (row: Int, columns: Range<Int>)?

  /// - Parameters:
  ///   - source: the bytes of the codes.
  ///   - layout: how they lie.
  ///   - shape: of the numbers.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source that has fewer codes.
  init(_ source: any TileSource, _ layout: CodeLayout, shape: Shape) throws(IngotError) {
    reader = AnyOffsetReader(source)
    self.layout = layout
    rowLength = shape.dimensions.last ?? 1
    rowCount = rowLength == 0 ? 0 : shape.elementCount / rowLength
    guard (1...8).contains(layout.bits), layout.table.count == 1 << layout.bits else {
      throw .internal("codes of \(layout.bits, "bit") without a table of their own")
    }
    guard rowCount > 0 else {
      storedRowByteCount = 0
      return
    }
    let (count, rows) = layout.runsDown ? (rowCount, 1) : (rowLength, rowCount)
    storedRowByteCount = layout.runsDown ? rowLength * Self.wordByteCount : source.byteCount / rows
    let runBits = layout.runsDown ? source.byteCount / storedRowByteCount * 32 : storedRowByteCount * 8
    guard let needed = count.checkedMultiply(layout.bits), needed <= runBits,
      layout.lanes.allSatisfy({ $0 >= 0 })
    else { throw .internal("fewer codes than numbers") }
  }

  var elementType: ElementType { .number(.f32) }
  var byteCount: Int { rowCount * rowLength * Self.width }
  var grainByteCount: Int { Self.width }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }
  var bufferByteCount: Int { reader.source.bufferByteCount + 2 * Self.pieceLimit * Self.wordByteCount }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let output = tile.bindMemory(to: Float.self)
    let start = offset / Self.width
    var position = 0
    while position < output.count {
      let (row, column) = (start + position).quotientAndRemainder(dividingBy: rowLength)
      let length = min(output.count - position, rowLength - column, Self.pieceLimit)
      let piece = UnsafeMutableBufferPointer(rebasing: output[position..<(position + length)])
      if layout.runsDown {
        try readDown(row, column..<(column + length), into: piece)
      } else {
        try readAlong(row, column..<(column + length), into: piece)
      }
      position += length
    }
  }

  /// Numbers of a row whose codes lie along it.
  private func readAlong(
    _ row: Int, _ columns: Range<Int>, into output: UnsafeMutableBufferPointer<Float>
  ) throws(IngotError) {
    let group = max(1, layout.lanes.count)
    let first = columns.lowerBound / group * group
    let end = (columns.upperBound + group - 1) / group * group
    let firstByte = first * layout.bits / 8
    let endByte = min(storedRowByteCount, (end * layout.bits + 7) / 8)
    let count = endByte - firstByte
    let buffer = room(in: &low, count + 1)
    try reader.read(
      bytesAt: row * storedRowByteCount + firstByte,
      into: UnsafeMutableRawBufferPointer(start: buffer.start, count: count))
    let bytes = buffer.pointer(as: UInt8.self)
    // A code is taken out of two bytes, the last of which may be behind the end.
    bytes[count] = 0
    let (bits, mask) = (layout.bits, UInt32(1) << UInt32(layout.bits) - 1)
    // SAFETY: codes are below 2 to the power of their bits, which the table has as many entries as; their places are
    // within the bytes read, which `init` has compared with the numbers.
    layout.table.withUnsafeBufferPointer { table in
      layout.lanes.withUnsafeBufferPointer { lanes in
        for (index, column) in columns.enumerated() {
          let place = lanes.isEmpty ? column : column - column % group + lanes[column % group]
          let bit = place * bits - firstByte * 8
          let pair = UInt32(bytes[bit >> 3]) | UInt32(bytes[(bit >> 3) + 1]) << 8
          output[index] = table[Int(pair >> UInt32(bit & 7) & mask)]
        }
      }
    }
  }

  /// Numbers of a row whose codes lie in words above one another.
  private func readDown(
    _ row: Int, _ columns: Range<Int>, into output: UnsafeMutableBufferPointer<Float>
  ) throws(IngotError) {
    let (word, shift) = (row * layout.bits).quotientAndRemainder(dividingBy: 32)
    let low = room(in: &self.low, columns.count * Self.wordByteCount)
    if held?.row != word || held?.columns != columns {
      held = nil
      try readWords(word, columns, into: low)
      held = (word, columns)
    }
    let isSplit = shift + layout.bits > 32
    let high = isSplit ? room(in: &self.high, columns.count * Self.wordByteCount) : low
    if isSplit { try readWords(word + 1, columns, into: high) }
    let (lowWords, highWords) = (low.pointer(as: UInt32.self), high.pointer(as: UInt32.self))
    let mask = UInt32(1) << UInt32(layout.bits) - 1
    // SAFETY: both buffers hold a word a column; codes are below the table's count.
    layout.table.withUnsafeBufferPointer { table in
      for index in 0..<columns.count {
        var code = UInt32(littleEndian: lowWords[index]) >> UInt32(shift)
        if isSplit { code |= UInt32(littleEndian: highWords[index]) << UInt32(32 - shift) }
        output[index] = table[Int(code & mask)]
      }
    }
  }

  private func readWords(_ row: Int, _ columns: Range<Int>, into buffer: AlignedBuffer) throws(IngotError) {
    try reader.read(
      bytesAt: row * storedRowByteCount + columns.lowerBound * Self.wordByteCount,
      into: UnsafeMutableRawBufferPointer(start: buffer.start, count: columns.count * Self.wordByteCount))
  }

  private func room(in buffer: inout AlignedBuffer?, _ byteCount: Int) -> AlignedBuffer {
    if let buffer, buffer.byteCount >= byteCount { return buffer }
    let new = AlignedBuffer(uninitializedByteCount: byteCount)
    held = nil
    buffer = new
    return new
  }

  func endStretch() {
    (low, high, held) = (nil, nil, nil)
    reader.source.endStretch()
  }

  func merge(_ next: CodeTiles) throws(IngotError) { try reader.source.mergeStretch(next.reader.source) }

  func finish() throws(IngotError) { try reader.source.finish() }
}
