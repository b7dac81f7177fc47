// SPDX-License-Identifier: Apache-2.0
// Which scale each value of a tensor has, walked in pieces that loops can be made of, and the arithmetic that makes
// real numbers of small ones. Where the scales come from is the caller's to know.
import IngotCore

/// How values are made of small numbers and their scales.
package struct ScaleArithmetic: Hashable, Sendable {
  /// What the stored scale means.
  package var kind: Quantization.ScaleKind

  /// Makes the arithmetic of a kind of scale.
  package init(_ kind: Quantization.ScaleKind) {
    self.kind = kind
  }

  /// Makes factors, or divisors, of stored scales, in place.
  package func prepare(_ scales: UnsafeMutableBufferPointer<Float>) {
    guard kind == .absmax else { return }
    for index in scales.indices { scales[index] /= 127 }
  }
}

/// The scales of a tensor's values: one for each block of them, values and scales both in C order.
package struct ScaleGrid: Hashable, Sendable {
  /// Values of one row that lie side by side, with the scales that they have.
  package struct Piece: Hashable, Sendable {
    /// Positions of the values, counted from where the walk began.
    package let positions: Range<Int>
    /// Indexes of their scales.
    package let scales: Range<Int>
    /// Values that the first of the scales is for.
    fileprivate let lead: Int
    /// Values that each of the others is for.
    fileprivate let block: Int
  }

  /// The most values of a piece, which bounds the scales that are needed at a time.
  package static let pieceLimit = 1 << 16

  /// Dimensions of the values, outermost first, those that scales do not tell apart put together; at least one.
  private let dimensions: [Int]
  /// Values that share a scale along each dimension.
  private let blocks: [Int]
  /// Scales in all.
  package let scaleCount: Int

  /// Describes the scales of values; `nil` when the granularity does not fit them.
  package init?(_ granularity: Quantization.Granularity, values: Shape) {
    var dimensionsOfValues = values.dimensions
    let sizes: [Int]
    if case .perRun(let size) = granularity {
      guard size > 0 else { return nil }
      (dimensionsOfValues, sizes) = ([values.elementCount], [size])
    } else {
      guard let blocks = granularity.blocks(of: values) else { return nil }
      sizes = blocks
    }
    guard values.elementCount > 0 else {
      (dimensions, blocks, scaleCount) = ([0], [1], 0)
      return
    }
    var (dimensions, blocks) = ([1], [1])
    for (dimension, size) in zip(dimensionsOfValues, sizes) {
      let block = min(size, dimension)
      guard let last = dimensions.last, let lastBlock = blocks.last else { return nil }
      if block == dimension || (lastBlock == 1 && block == 1) || last == 1 {
        // Within a shape's element count, which is known to fit.
        guard let merged = last.checkedMultiply(dimension), let share = lastBlock.checkedMultiply(block)
        else {
          return nil
        }
        dimensions[dimensions.count - 1] = merged
        blocks[blocks.count - 1] = share
      } else {
        dimensions.append(dimension)
        blocks.append(block)
      }
    }
    self.dimensions = dimensions
    self.blocks = blocks
    scaleCount = zip(dimensions, blocks).reduce(1) { $0 * $1.0.dividedUp(by: $1.1) }
  }

  /// Walks values `start ..< start + count`, piece by piece.
  ///
  /// - Throws: what the body throws.
  package func forEachPiece(
    from start: Int, count: Int, _ body: (Piece) throws(IngotError) -> Void
  ) throws(IngotError) {
    guard let width = dimensions.last, let block = blocks.last else { return }
    var position = 0
    while position < count {
      let (row, column) = (start + position).quotientAndRemainder(dividingBy: width)
      let length = min(count - position, width - column, Self.pieceLimit)
      let first = firstScale(ofRow: row)
      let scales = (first + column / block)..<(first + (column + length - 1) / block + 1)
      try body(
        Piece(
          positions: position..<(position + length), scales: scales, lead: block - column % block,
          block: block))
      position += length
    }
  }

  /// The index of the first scale of a row: of an index of all dimensions but the last.
  private func firstScale(ofRow row: Int) -> Int {
    var rest = row
    var stride = dimensions[dimensions.count - 1].dividedUp(by: blocks[blocks.count - 1])
    var first = 0
    for axis in dimensions.indices.dropLast().reversed() {
      let (next, index) = rest.quotientAndRemainder(dividingBy: dimensions[axis])
      first += index / blocks[axis] * stride
      stride *= dimensions[axis].dividedUp(by: blocks[axis])
      rest = next
    }
    return first
  }
}

extension ScaleArithmetic {
  /// Makes real numbers of a piece's values, in place.
  ///
  /// - Parameters:
  ///   - piece: where the values are.
  ///   - values: the values of the walk, F32, from its start.
  ///   - scales: the piece's scales, prepared.
  ///   - zeroPoints: what is subtracted from the values that each scale is for, before; `nil` for nothing.
  /// - Returns: whether a finite value and scale have made a number that is beyond F32.
  package func apply(
    _ piece: ScaleGrid.Piece, to values: UnsafeMutablePointer<Float>, scales: UnsafePointer<Float>,
    zeroPoints: UnsafePointer<Float>?
  ) -> Bool {
    let input = values + piece.positions.lowerBound
    let count = piece.positions.count
    guard piece.block > 1 else {
      if let zeroPoints { for index in 0..<count { input[index] -= zeroPoints[index] } }
      let isBeyond =
        kind == .inverse
        ? Self.change(input, count) { $0 / scales[$1] } : Self.change(input, count) { $0 * scales[$1] }
      return isBeyond && (0..<count).allSatisfy { scales[$0].isFinite }
    }
    var (start, run) = (0, min(piece.lead, count))
    var isBeyond = false
    for index in 0..<piece.scales.count {
      let (values, scale) = (input + start, scales[index])
      if let zero = zeroPoints?[index] { for offset in 0..<run { values[offset] -= zero } }
      let isRunBeyond =
        kind == .inverse
        ? Self.change(values, run) { value, _ in value / scale }
        : Self.change(values, run) { value, _ in value * scale }
      isBeyond = isBeyond || (isRunBeyond && scale.isFinite)
      start += run
      run = min(piece.block, count - start)
    }
    return isBeyond
  }

  /// Changes values in place; tells whether one that was finite no longer is.
  @inline(__always) private static func change(
    _ values: UnsafeMutablePointer<Float>, _ count: Int, _ result: (Float, _ index: Int) -> Float
  ) -> Bool {
    // The exponent of what is not finite; counted without branches, so that the loop becomes vectors.
    let top = Float.infinity.bitPattern
    var beyond: UInt32 = 0
    for index in 0..<count {
      let value = values[index]
      let new = result(value, index)
      values[index] = new
      beyond |= (new.bitPattern & top == top ? 1 : 0) & (value.bitPattern & top == top ? 0 : 1)
    }
    return beyond != 0
  }
}
