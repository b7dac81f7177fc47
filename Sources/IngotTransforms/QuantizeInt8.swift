// SPDX-License-Identifier: Apache-2.0
// Makes int8 of floating-point values with scales that are known, while they stream by. Which scales, and which
// tensors, is IngotQuantization's to say.
import IngotBytes
import IngotCore
import IngotKernels

/// A part of F32 values that becomes symmetric int8 on the way.
final class QuantizedTiles: TileSource {
  private static let width = MemoryLayout<Float>.size

  private let source: any TileSource
  private var quantizer: Int8Quantizer
  private(set) var peaks: MatrixPeaks?
  private var buffer = TileBuffer()

  /// - Parameters:
  ///   - source: values, F32.
  ///   - shape: their shape.
  ///   - scales: one for each channel along the axis, or one for all: the largest magnitude over 127.
  ///   - axis: the dimension along which scales run; `nil` where there is one.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(_ source: any TileSource, shape: Shape, scales: [Float], axis: Int?) throws(IngotError) {
    try source.require(.number(.f32))
    self.source = source
    quantizer = Int8Quantizer(
      ChannelLayout(shape: shape, axis: axis), scales: scales, coverPeaks: true)
    peaks = MatrixPeaks(shape)
  }

  var elementType: ElementType { .number(.i8) }
  var byteCount: Int { source.byteCount / Self.width }
  var grainByteCount: Int { max(1, source.grainByteCount / Self.width) }
  var castReport: CastReport? { source.castReport }
  var quantizationError: QuantizationError? { quantizer.error }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { max(TileEngine.tileByteCount, source.tileByteCount / Self.width) }
  var bufferByteCount: Int { source.tileByteCount + source.bufferByteCount + (peaks?.byteCount ?? 0) }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let range = (offset * Self.width)..<((offset + tile.count) * Self.width)
    try buffer.forEachPiece(of: source, in: range, width: Self.width) {
      (piece, position) throws(IngotError) in
      let first = position / Self.width
      let output = tile.elements((first - offset)..<(first - offset + piece.count), width: 1)
      let values = try piece.floats()
      quantizer.quantize(values, from: first, into: output.bindMemory(to: Int8.self))
      peaks?.add(values, from: first)
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset * Self.width) }

  func endStretch() {
    buffer.release()
    source.endStretch()
  }

  func merge(_ next: QuantizedTiles) throws(IngotError) {
    quantizer.merge(next.quantizer)
    if let others = next.peaks { peaks?.merge(others) }
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
  }
}
