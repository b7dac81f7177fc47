// SPDX-License-Identifier: Apache-2.0
// The rows of each head in another order: those that are turned together side by side, or half a head apart. Rows are moved
// whole, so that their elements may be of any type.
import IngotBytes
import IngotCore
import IngotKernels

/// How the rows of a head that are turned together stand.
package enum PairOrder: Hashable, Sendable {
  /// Row 2i and row 2i + 1: Meta's order, and llama.cpp's of some models.
  case sideBySide
  /// Row i and row i + E / 2: the order of transformers.
  case apart

  /// The other one.
  package var inverse: PairOrder { self == .apart ? .sideBySide : .apart }
}

/// A matrix whose heads' rows stand in an order, made of one where they stand in the other.
final class PairedRowTiles: TileSource {
  /// Bytes of the source that are read before they are moved, at the least a row.
  private static let windowByteCount = 512 << 10

  private let reader: AnyOffsetReader
  private let headRowCount: Int
  private let rowByteCount: Int
  private let order: PairOrder
  private var window: AlignedBuffer?

  /// Makes rows in an order.
  ///
  /// - Parameters:
  ///   - source: rows in the other order.
  ///   - headRowCount: E, rows of a head; even.
  ///   - rowByteCount: bytes of a row.
  ///   - order: the order of the result.
  init(_ source: any TileSource, headRowCount: Int, rowByteCount: Int, order: PairOrder) {
    reader = AnyOffsetReader(source)
    self.headRowCount = headRowCount
    self.rowByteCount = rowByteCount
    self.order = order
  }

  var elementType: ElementType { reader.source.elementType }
  var byteCount: Int { reader.source.byteCount }
  var grainByteCount: Int { max(1, rowByteCount) }
  var castReport: CastReport? { reader.source.castReport }
  var quantizationError: QuantizationError? { reader.source.quantizationError }
  var sourceDigest: XXH3Digest? { reader.source.sourceDigest }
  var bufferByteCount: Int { max(Self.windowByteCount, rowByteCount) + reader.source.bufferByteCount }
  /// A head is worth its reads.
  var tileByteCount: Int {
    let head = headRowCount * rowByteCount
    return head > Self.largestTileByteCount
      ? TileEngine.tileByteCount : max(TileEngine.tileByteCount / head, 1) * head
  }

  private static let largestTileByteCount = 4 << 20

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard let target = tile.baseAddress, tile.count > 0 else { return }
    let rows = (offset / rowByteCount)..<((offset + tile.count) / rowByteCount)
    var row = rows.lowerBound
    while row < rows.upperBound {
      let head = row / headRowCount
      let first = row - head * headRowCount
      let last = min(headRowCount, rows.upperBound - head * headRowCount)
      try fill(
        head: head, rows: first..<last, into: target + (row - rows.lowerBound) * rowByteCount)
      row = head * headRowCount + last
    }
  }

  /// Makes rows of one head.
  private func fill(head: Int, rows: Range<Int>, into target: UnsafeMutableRawPointer) throws(IngotError) {
    let half = headRowCount / 2
    for part in 0..<2 {
      // Of the first of each pair, then of the second: which pairs are wanted, and where they stand.
      let pairs: Range<Int>
      switch order {
      case .sideBySide:
        pairs = ((rows.lowerBound + 1 - part) / 2)..<((rows.upperBound + 1 - part) / 2)
      case .apart:
        let start = part * half
        let lower = min(max(rows.lowerBound - start, 0), half)
        pairs = lower..<max(lower, min(max(rows.upperBound - start, 0), half))
      }
      try move(pairs, part: part, head: head) { pair in
        target + ((self.order == .sideBySide ? 2 * pair + part : part * half + pair) - rows.lowerBound)
          * self.rowByteCount
      }
    }
  }

  /// Reads the rows of some pairs, many at a time, and puts each in its place.
  private func move(
    _ pairs: Range<Int>, part: Int, head: Int, to place: (_ pair: Int) -> UnsafeMutableRawPointer
  ) throws(IngotError) {
    let window = window ?? AlignedBuffer(uninitializedByteCount: max(Self.windowByteCount, rowByteCount))
    self.window = window
    // Rows from one pair's to the next's in the source.
    let step = order == .sideBySide ? 1 : 2
    let start = head * headRowCount + (order == .sideBySide ? part * headRowCount / 2 : part)
    let group = max(1, window.byteCount / rowByteCount / step)
    for first in stride(from: pairs.lowerBound, to: pairs.upperBound, by: group) {
      let count = min(group, pairs.upperBound - first)
      // What stands between the last and the next one is not read.
      let rowCount = (count - 1) * step + 1
      try reader.read(
        bytesAt: (start + first * step) * rowByteCount,
        into: UnsafeMutableRawBufferPointer(start: window.start, count: rowCount * rowByteCount))
      for index in 0..<count {
        place(first + index).copyMemory(
          from: window.start + index * step * rowByteCount, byteCount: rowByteCount)
      }
    }
  }

  func endStretch() {
    window = nil
    reader.source.endStretch()
  }

  func merge(_ next: PairedRowTiles) throws(IngotError) {
    try reader.source.mergeStretch(next.reader.source)
  }

  func finish() throws(IngotError) { try reader.source.finish() }
}
