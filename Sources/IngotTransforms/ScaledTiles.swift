// SPDX-License-Identifier: Apache-2.0
// Makes real numbers of small ones and their scales while both stream by: scales, and numbers of rows that are kept, are read
// a window at a time, so that memory does not grow with them either.
import IngotBytes
import IngotCore
import IngotKernels

/// The scales of a part's values, and their zero points where there are any.
package struct PartScales: Sendable {
  /// F32, one for each block of values.
  let scales: LazyPart
  /// F32, as many; `nil` when nothing is subtracted.
  let zeroPoints: LazyPart?
  /// Which value has which.
  let grid: ScaleGrid
  /// What scales do.
  let arithmetic: ScaleArithmetic
  /// Rows whose numbers are another part's; `nil` for none.
  let kept: KeptRows?

  /// Rows of a matrix that are kept.
  struct KeptRows: Sendable {
    /// Which, in ascending order.
    let rows: [Int]
    /// F32, `[rows, columns]`.
    let numbers: LazyPart
  }

  /// All parts.
  var parts: [LazyPart] { [scales, zeroPoints, kept?.numbers].compactMap(\.self) }

  /// Canonical bytes of all, as they are stored.
  package var byteCount: Int {
    parts.map(\.uncast).reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
  }
}

extension LazyPart {
  /// The F32 values that small numbers stand for with their scales.
  ///
  /// - Parameters:
  ///   - parts: values, scales and, where there are any, zero points and kept rows, of any dtypes that F32 can be made of.
  ///   - scheme: what they mean.
  /// - Returns: the values, each the F32 product of a value and its scale, or the number that is kept; `nil` where there is
  ///   no such arithmetic.
  package static func scaled(
    _ parts: [(kind: PartKind, part: LazyPart)], _ scheme: Quantization
  ) -> LazyPart? {
    func single(_ kind: PartKind) -> LazyPart? {
      guard let part = parts.first(where: { $0.kind == kind })?.part else { return nil }
      if part.dtype == .f32 { return part }
      guard part.dtype != .f64, ElementConversion(from: part.dtype, to: .f32) != nil else { return nil }
      return .cast(part, to: .f32, onOverflow: .refuse)
    }
    guard let values = single(.values), let scales = single(.scales),
      let grid = ScaleGrid(scheme.granularity, values: values.shape),
      scales.shape.elementCount == grid.scaleCount
    else { return nil }
    let hasZeroPoints = parts.contains { $0.kind == .zeroPoints }
    let zeroPoints = single(.zeroPoints)
    guard hasZeroPoints == (zeroPoints != nil),
      zeroPoints?.shape.elementCount ?? grid.scaleCount == grid.scaleCount
    else { return nil }
    let numbers = single(.keptRows)
    guard numbers?.shape == scheme.keptShape(of: values.shape), scheme.keptRows.isEmpty == (numbers == nil)
    else { return nil }
    return .scaled(
      values,
      PartScales(
        scales: scales, zeroPoints: zeroPoints, grid: grid, arithmetic: ScaleArithmetic(scheme.scaleKind),
        kept: numbers.map { PartScales.KeptRows(rows: scheme.keptRows, numbers: $0) }))
  }
}

/// F32 values of small numbers, each times its scale.
final class ScaledTiles: TileSource {
  private static let width = MemoryLayout<Float>.size

  private let name: String
  private let source: any TileSource
  private let grid: ScaleGrid
  private let arithmetic: ScaleArithmetic
  private let scales: ValueWindow
  private let zeroPoints: ValueWindow?
  private let kept: (rows: [Int], columnCount: Int, numbers: ValueWindow)?
  private var hasOverflown = false

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - source: the values, as F32.
  ///   - parts: what they are to be multiplied by, and rows that are kept.
  ///   - open: opens these parts.
  /// - Throws: what opening throws, and ``IngotCore/IngotError/internal(_:)`` for values that are not F32.
  init(
    _ name: String, _ source: any TileSource, _ parts: PartScales,
    open: (LazyPart) throws(IngotError) -> any TileSource
  ) throws(IngotError) {
    try source.require(.number(.f32))
    self.name = name
    self.source = source
    grid = parts.grid
    arithmetic = parts.arithmetic
    scales = ValueWindow(try open(parts.scales), change: parts.arithmetic.prepare)
    zeroPoints = try parts.zeroPoints.map { (part) throws(IngotError) in ValueWindow(try open(part)) { _ in }
    }
    kept = try parts.kept.map { (kept) throws(IngotError) in
      (kept.rows, kept.numbers.shape.dimensions.last ?? 0, ValueWindow(try open(kept.numbers)) { _ in })
    }
  }

  var elementType: ElementType { .number(.f32) }
  var byteCount: Int { source.byteCount }
  var grainByteCount: Int { source.grainByteCount }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }
  var tileByteCount: Int { source.tileByteCount }
  var bufferByteCount: Int { source.bufferByteCount + 3 * ScaleGrid.pieceLimit * Self.width }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try source.read(bytesAt: offset, into: tile)
    let values = tile.bindMemory(to: Float.self)
    guard let start = values.baseAddress else { return }
    try grid.forEachPiece(from: offset / Self.width, count: values.count) { (piece) throws(IngotError) in
      let isBeyond = arithmetic.apply(
        piece, to: start, scales: try scales.values(piece.scales),
        zeroPoints: try zeroPoints?.values(piece.scales))
      hasOverflown = hasOverflown || isBeyond
    }
    try putKeptRows(offset / Self.width, values)
  }

  /// Puts the numbers of rows that are kept in their places among values, of which the first is at `start`.
  private func putKeptRows(
    _ start: Int, _ values: UnsafeMutableBufferPointer<Float>
  ) throws(IngotError) {
    guard let (rows, width, numbers) = kept, width > 0 else { return }
    let asked = start..<(start + values.count)
    for place in rows.indices.partitioningIndex(where: { rows[$0] >= start / width })..<rows.count {
      let row = (rows[place] * width)..<((rows[place] + 1) * width)
      let common = row.clamped(to: asked)
      guard row.lowerBound < asked.upperBound else { return }
      for piece in common.pieces(of: ScaleGrid.pieceLimit) {
        let first = place * width + piece.lowerBound - row.lowerBound
        let source = try numbers.values(first..<(first + piece.count))
        values.baseAddress?.advanced(by: piece.lowerBound - start).update(from: source, count: piece.count)
      }
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset) }

  func endStretch() {
    scales.release()
    zeroPoints?.release()
    kept?.numbers.release()
    source.endStretch()
  }

  func merge(_ next: ScaledTiles) throws(IngotError) {
    hasOverflown = hasOverflown || next.hasOverflown
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    try scales.finish()
    try zeroPoints?.finish()
    try kept?.numbers.finish()
    guard hasOverflown else { return }
    throw .unrepresentable(
      tensor: name, target: DType.f32.rawValue, why: "values times their scales are beyond its range",
      hint: nil
    )
  }
}

extension Range<Int> {
  /// The range in pieces of so many at the most.
  fileprivate func pieces(of size: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: size).map { $0..<Swift.min(upperBound, $0 + size) }
  }
}

/// F32 values of another part that are at hand: some of them, and others when those are asked for.
private final class ValueWindow {
  private static let width = MemoryLayout<Float>.size
  /// Values read at a time by who goes on where the last ones ended.
  private static let readAheadCount = 1 << 14

  private let reader: AnyOffsetReader
  private let change: (UnsafeMutableBufferPointer<Float>) -> Void
  private var buffer: AlignedBuffer?
  private var range = 0..<0

  init(_ source: any TileSource, change: @escaping (UnsafeMutableBufferPointer<Float>) -> Void) {
    reader = AnyOffsetReader(source)
    self.change = change
  }

  /// Some values, valid until others are asked for.
  func values(_ wanted: Range<Int>) throws(IngotError) -> UnsafePointer<Float> {
    let total = reader.source.byteCount / Self.width
    if let buffer, range.lowerBound <= wanted.lowerBound, wanted.upperBound <= range.upperBound {
      return UnsafePointer(buffer.pointer(as: Float.self) + (wanted.lowerBound - range.lowerBound))
    }
    guard wanted.upperBound <= total else { throw .internal("a scale behind the last one") }
    // Columns of a matrix that is turned are asked for row by row: what is behind them is another strip's.
    let goesOn = range.contains(wanted.lowerBound) || wanted.lowerBound == range.upperBound
    let count = min(total - wanted.lowerBound, goesOn ? max(wanted.count, Self.readAheadCount) : wanted.count)
    let buffer =
      if let buffer, buffer.byteCount >= count * Self.width { buffer } else {
        AlignedBuffer(uninitializedByteCount: count * Self.width)
      }
    range = 0..<0
    try reader.read(
      bytesAt: wanted.lowerBound * Self.width,
      into: UnsafeMutableRawBufferPointer(start: buffer.start, count: count * Self.width))
    let values = buffer.pointer(as: Float.self)
    change(UnsafeMutableBufferPointer(start: values, count: count))
    self.buffer = buffer
    range = wanted.lowerBound..<(wanted.lowerBound + count)
    return UnsafePointer(values)
  }

  func release() {
    buffer = nil
    range = 0..<0
    reader.source.endStretch()
  }

  func finish() throws(IngotError) { try reader.source.finish() }
}
