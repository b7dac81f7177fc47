// SPDX-License-Identifier: Apache-2.0
// Dequantizes ggml's blocks, and makes blocks of numbers, while they stream by.
import IngotBytes
import IngotCore
import IngotKernels

/// F32 values of blocks.
final class DequantizedTiles: TileSource {
  private let source: any TileSource
  private let decoder: BlockDecoder
  private let blockByteCount: Int
  private let valueByteCount: Int
  private var buffer = TileBuffer()

  /// - Parameters:
  ///   - source: whole blocks.
  ///   - decoder: for their type.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(_ source: any TileSource, decoder: BlockDecoder) throws(IngotError) {
    try source.require(.block(decoder.blockType))
    self.source = source
    self.decoder = decoder
    blockByteCount = decoder.blockType.byteCount
    valueByteCount = decoder.blockType.elementCount * MemoryLayout<Float>.size
  }

  var elementType: ElementType { .number(.f32) }
  var byteCount: Int { source.byteCount / blockByteCount * valueByteCount }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { source.tileByteCount }
  var grainByteCount: Int {
    // Whole blocks, and whole grains of the source, which are whole blocks too.
    max(1, source.grainByteCount / blockByteCount) * valueByteCount
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let count = tile.count / valueByteCount
    guard count > 0 else { return }
    let start = offset / valueByteCount * blockByteCount
    let range = start..<(start + count * blockByteCount)
    try buffer.forEachPiece(of: source, in: range, width: blockByteCount) {
      (piece, position) throws(IngotError) in
      let first = (position - start) / blockByteCount
      try decoder.decode(piece, to: tile.elements(first..<(first + piece.count), width: valueByteCount))
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset / valueByteCount * blockByteCount) }

  func endStretch() {
    buffer.release()
    source.endStretch()
  }

  func merge(_ next: DequantizedTiles) throws(IngotError) { try source.mergeStretch(next.source) }

  func finish() throws(IngotError) { try source.finish() }
}

/// Blocks of F32 values.
final class BlockTiles: TileSource {
  private let name: String
  private let source: any TileSource
  private var encoder: BlockEncoder
  private(set) var peaks: MatrixPeaks?
  private let blockByteCount: Int
  private let valueByteCount: Int
  private var buffer = TileBuffer()

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - source: values, F32, whose last dimension is a multiple of a block.
  ///   - shape: their shape.
  ///   - encoder: for the type of the blocks.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(
    _ name: String, _ source: any TileSource, shape: Shape, encoder: BlockEncoder
  ) throws(IngotError) {
    try source.require(.number(.f32))
    self.name = name
    self.source = source
    self.encoder = encoder
    peaks = MatrixPeaks(shape)
    blockByteCount = encoder.blockType.byteCount
    valueByteCount = encoder.blockType.elementCount * MemoryLayout<Float>.size
  }

  var elementType: ElementType { .block(encoder.blockType) }
  var byteCount: Int { source.byteCount / valueByteCount * blockByteCount }
  var castReport: CastReport? { source.castReport }
  var quantizationError: QuantizationError? { encoder.error }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int {
    max(TileEngine.tileByteCount, source.tileByteCount / valueByteCount * blockByteCount)
  }
  var bufferByteCount: Int { source.tileByteCount + source.bufferByteCount + (peaks?.byteCount ?? 0) }
  var grainByteCount: Int {
    // A source that is cut between rows only has rows of whole blocks.
    max(1, source.grainByteCount / valueByteCount) * blockByteCount
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let count = tile.count / blockByteCount
    guard count > 0 else { return }
    let start = offset / blockByteCount * valueByteCount
    let range = start..<(start + count * valueByteCount)
    try buffer.forEachPiece(of: source, in: range, width: valueByteCount) {
      (piece, position) throws(IngotError) in
      let (first, end) = (
        (position - start) / valueByteCount, (position - start + piece.bytes.count) / valueByteCount
      )
      peaks?.add(try piece.floats(), from: position / MemoryLayout<Float>.size)
      try encoder.encode(piece, to: tile.elements(first..<end, width: blockByteCount))
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset / blockByteCount * valueByteCount) }

  func endStretch() {
    buffer.release()
    source.endStretch()
  }

  func merge(_ next: BlockTiles) throws(IngotError) {
    encoder.merge(next.encoder)
    if let others = next.peaks { peaks?.merge(others) }
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    if encoder.nonFiniteCount > 0 {
      throw refusal(
        "\(encoder.nonFiniteCount, "of its blocks has", "of its blocks have") values that are not finite",
        hint: .remedy(.findNonFinite))
    }
    if encoder.overflowCount > 0 {
      throw refusal(
        "\(encoder.overflowCount, "of its blocks has", "of its blocks have") scales beyond half precision's range"
      )
    }
  }

  private func refusal(_ why: Evidence, hint: Evidence? = nil) -> IngotError {
    .unrepresentable(tensor: name, target: encoder.blockType.rawValue, why: why, hint: hint)
  }
}
