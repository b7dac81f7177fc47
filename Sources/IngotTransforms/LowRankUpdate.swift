// SPDX-License-Identifier: Apache-2.0
// A matrix plus the product of two narrow ones, made in float64 while the matrix streams by: W + scale · L R, as adapters
// change weights (Hu et al., 2021), and with the size of each channel set anew where that is asked for (Liu et al., 2024).
import IngotBytes
import IngotCore
import IngotKernels

/// What is added to a matrix `[rows, columns]`.
package struct LowRankUpdate: Sendable {
  /// One of the two narrow matrices.
  package struct Factor: Sendable {
    /// The values, F64.
    let part: LazyPart
    /// Whether it is stored as its transpose.
    let isTurned: Bool

    /// Makes a factor of a matrix of any dtype that F64 can be made of.
    package init(_ part: LazyPart, isTurned: Bool) {
      self.part = part.casting(to: .f64, onOverflow: .refuse)
      self.isTurned = isTurned
    }
  }

  /// What each row, or each column, of the sum is multiplied by.
  package enum ChannelFactors: Sendable {
    case rows([Double])
    case columns([Double])
  }

  /// L, `[rows, rank]`; `[rank, rows]` where it is turned.
  let left: Factor
  /// R, `[rank, columns]`; `[columns, rank]` where it is turned.
  let right: Factor
  /// What the product is multiplied by.
  let scale: Double
  /// What the sum is multiplied by.
  package var factors: ChannelFactors?
  /// The file that both come from, for messages.
  let path: String

  /// Makes an update.
  ///
  /// - Parameters:
  ///   - left: L.
  ///   - right: R, of the same rank.
  ///   - scale: what their product is multiplied by.
  ///   - path: the file that they come from.
  package init(left: Factor, right: Factor, scale: Double, path: String) {
    (self.left, self.right) = (left, right)
    (self.scale, self.path) = (scale, path)
  }

  /// Both parts.
  var parts: [LazyPart] { [left.part, right.part] }
}

/// A matrix of F64 values with a product added on the way.
final class UpdatedTiles: TileSource {
  private static let width = MemoryLayout<Double>.size
  /// Bytes of values that are made at a time: the more rows, the less often R is read.
  private static let wideTileByteCount = 2 << 20
  /// Values of a piece of R, and of L, that are at hand.
  private static let rightCount = 1 << 18
  private static let leftCount = 1 << 16
  /// Ranks that are multiplied at a time.
  private static let rankCount = 512

  private let name: String
  private let source: any TileSource
  private let columnCount: Int
  private let rank: Int
  private let scale: Double
  private let factors: LowRankUpdate.ChannelFactors?
  private let path: String
  private let left: FactorWindow
  private let right: FactorWindow
  private var nonFiniteCount = 0

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - source: the values, F64.
  ///   - shape: `[rows, columns]`.
  ///   - update: what is added.
  ///   - open: opens L and R.
  /// - Throws: what opening throws, and ``IngotCore/IngotError/internal(_:)`` for shapes that do not fit.
  init(
    _ name: String, _ source: any TileSource, shape: Shape, _ update: LowRankUpdate,
    open: (LazyPart) throws(IngotError) -> any TileSource
  ) throws(IngotError) {
    try source.require(.number(.f64))
    let (left, right) = (update.left, update.right)
    guard shape.rank == 2, left.part.shape.rank == 2 else {
      throw .internal("an update of what is no matrix")
    }
    let rank = left.part.shape.dimensions[left.isTurned ? 0 : 1]
    let dimensions = shape.dimensions
    guard left.part.shape == Self.shape([dimensions[0], rank], isTurned: left.isTurned),
      right.part.shape == Self.shape([rank, dimensions[1]], isTurned: right.isTurned)
    else { throw .internal("factors that do not fit their matrix") }
    self.name = name
    self.source = source
    columnCount = dimensions[1]
    self.rank = rank
    scale = update.scale
    factors = update.factors
    path = update.path
    self.left = FactorWindow(try open(left.part), columnCount: left.part.shape.dimensions[1])
    self.right = FactorWindow(try open(right.part), columnCount: right.part.shape.dimensions[1])
    (self.left.isTurned, self.right.isTurned) = (left.isTurned, right.isTurned)
  }

  private static func shape(_ dimensions: [Int], isTurned: Bool) -> Shape? {
    Shape(isTurned ? dimensions.reversed() : dimensions)
  }

  var elementType: ElementType { .number(.f64) }
  var byteCount: Int { source.byteCount }
  var grainByteCount: Int {
    let grain = max(1, source.grainByteCount)
    return grain.isMultiple(of: Self.width) ? grain : grain * Self.width
  }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { max(source.tileByteCount, Self.wideTileByteCount) }
  var bufferByteCount: Int {
    // Each factor is kept as it is read and, where it has to be turned, once more.
    source.bufferByteCount + 2 * (Self.rightCount + Self.leftCount) * Self.width
      + left.bufferByteCount + right.bufferByteCount
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try source.read(bytesAt: offset, into: tile)
    let values = tile.bindMemory(to: Double.self)
    guard let start = values.baseAddress, !values.isEmpty, columnCount > 0 else { return }
    let piece = Piece(values: start, range: (offset / Self.width)..<(offset / Self.width + values.count))
    for first in stride(from: 0, to: rank, by: Self.rankCount) {
      try addProducts(to: piece, ranks: first..<min(rank, first + Self.rankCount))
    }
    multiply(piece)
    nonFiniteCount += values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
  }

  /// Values of the matrix that are at hand.
  private struct Piece {
    let values: UnsafeMutablePointer<Double>
    /// Which ones, counted from the first of the first row.
    let range: Range<Int>
  }

  /// Adds the products of some ranks, panel by panel of R's columns and block by block of L's rows.
  private func addProducts(to piece: Piece, ranks: Range<Int>) throws(IngotError) {
    let rows = (piece.range.lowerBound / columnCount)..<((piece.range.upperBound - 1) / columnCount + 1)
    // Of a piece within one row only some columns are wanted.
    let wanted =
      rows.count > 1
      ? 0..<columnCount
      : (piece.range.lowerBound - rows.lowerBound * columnCount)..<(piece.range.upperBound - rows.lowerBound
        * columnCount)
    let panelCount = max(1, Self.rightCount / ranks.count)
    let blockCount = max(1, Self.leftCount / ranks.count)
    for column in stride(from: wanted.lowerBound, to: wanted.upperBound, by: panelCount) {
      let columns = column..<min(wanted.upperBound, column + panelCount)
      let panel = try right.values(rows: ranks, columns: columns)
      for row in stride(from: rows.lowerBound, to: rows.upperBound, by: blockCount) {
        let block = row..<min(rows.upperBound, row + blockCount)
        let weights = try left.values(rows: block, columns: ranks)
        for row in block {
          let begin = row * columnCount
          let low = max(piece.range.lowerBound, begin + columns.lowerBound)
          let high = min(piece.range.upperBound, begin + columns.upperBound)
          guard low < high else { continue }
          addRow(
            to: piece.values + (low - piece.range.lowerBound), count: high - low,
            weights: weights + (row - block.lowerBound) * ranks.count, rankCount: ranks.count,
            panel: panel + (low - begin - columns.lowerBound), stride: columns.count)
        }
      }
    }
  }

  /// Adds to values of one row: each of them gets its products in the order of ranks, whatever the pieces.
  private func addRow(
    to values: UnsafeMutablePointer<Double>, count: Int, weights: UnsafePointer<Double>, rankCount: Int,
    panel: UnsafePointer<Double>, stride: Int
  ) {
    var rank = 0
    while rank + 4 <= rankCount {
      let (a, b) = (scale * weights[rank], scale * weights[rank + 1])
      let (c, d) = (scale * weights[rank + 2], scale * weights[rank + 3])
      let first = panel + rank * stride
      let (second, third, fourth) = (first + stride, first + 2 * stride, first + 3 * stride)
      for index in 0..<count {
        let sum = values[index] + a * first[index] + b * second[index]
        values[index] = sum + c * third[index] + d * fourth[index]
      }
      rank += 4
    }
    while rank < rankCount {
      let a = scale * weights[rank]
      let line = panel + rank * stride
      for index in 0..<count { values[index] += a * line[index] }
      rank += 1
    }
  }

  /// Multiplies each channel by its factor.
  private func multiply(_ piece: Piece) {
    guard let factors else { return }
    for (offset, index) in piece.range.enumerated() {
      switch factors {
      case .rows(let values): piece.values[offset] *= values[index / columnCount]
      case .columns(let values): piece.values[offset] *= values[index % columnCount]
      }
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset) }

  func endStretch() {
    left.release()
    right.release()
    source.endStretch()
  }

  func merge(_ next: UpdatedTiles) throws(IngotError) {
    nonFiniteCount += next.nonFiniteCount
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    try left.finish()
    try right.finish()
    if nonFiniteCount > 0 { throw .notFinite(nonFiniteCount, in: name, path: path) }
  }
}

extension IngotError {
  /// The error of values that were to be computed and are no numbers.
  static func notFinite(_ count: Int, in tensor: String, path: String) -> IngotError {
    .unsuitable(
      Location(path, tensor: tensor), why: "makes \(count, "value") of it NaN or infinite",
      hint: .remedy(.findNonFinite))
  }
}

/// Values of a stored matrix that are at hand: a rectangle of it, and another when that is asked for.
private final class FactorWindow {
  private static let width = MemoryLayout<Double>.size

  private let reader: AnyOffsetReader
  private let columnCount: Int
  /// Whether what is asked for is counted by the matrix's transpose.
  var isTurned = false
  private var stored: AlignedBuffer?
  private var turned: AlignedBuffer?
  private var held: (rows: Range<Int>, columns: Range<Int>)?

  init(_ source: any TileSource, columnCount: Int) {
    reader = AnyOffsetReader(source)
    self.columnCount = columnCount
  }

  var bufferByteCount: Int { reader.source.bufferByteCount + reader.source.tileByteCount }

  /// Some values, row by row, valid until others are asked for.
  func values(rows: Range<Int>, columns: Range<Int>) throws(IngotError) -> UnsafePointer<Double> {
    if let held, held.rows == rows, held.columns == columns, let buffer = isTurned ? turned : stored {
      return UnsafePointer(buffer.pointer(as: Double.self))
    }
    held = nil
    let buffer = try isTurned ? read(columns, rows) : read(rows, columns)
    let values = buffer.pointer(as: Double.self)
    held = (rows, columns)
    guard isTurned else { return UnsafePointer(values) }
    let target = Self.room(rows.count * columns.count, in: &turned)
    for row in 0..<rows.count {
      for column in 0..<columns.count {
        target[row * columns.count + column] = values[column * rows.count + row]
      }
    }
    return UnsafePointer(target)
  }

  /// Reads a rectangle as it is stored.
  private func read(_ rows: Range<Int>, _ columns: Range<Int>) throws(IngotError) -> AlignedBuffer {
    _ = Self.room(rows.count * columns.count, in: &stored)
    guard let stored else { throw .internal("a window without memory") }
    let isWhole = columns.count == columnCount
    let lineCount = isWhole ? rows.count * columnCount : columns.count
    for line in isWhole ? 0..<1 : 0..<rows.count {
      let start = (rows.lowerBound + line) * columnCount + columns.lowerBound
      try reader.read(
        bytesAt: start * Self.width,
        into: UnsafeMutableRawBufferPointer(
          start: stored.start + line * lineCount * Self.width, count: lineCount * Self.width))
    }
    return stored
  }

  private static func room(_ count: Int, in buffer: inout AlignedBuffer?) -> UnsafeMutablePointer<Double> {
    let memory =
      if let buffer, buffer.byteCount >= count * width { buffer } else {
        AlignedBuffer(uninitializedByteCount: count * width)
      }
    buffer = memory
    return memory.pointer(as: Double.self)
  }

  func release() {
    (stored, turned, held) = (nil, nil, nil)
    reader.source.endStretch()
  }

  func finish() throws(IngotError) { try reader.source.finish() }
}
