// SPDX-License-Identifier: Apache-2.0
// Makes int8 of floating-point values run by run while they stream by. Integers and scales are two parts, each of which
// reads the values for itself, so that neither is held. Which tensors become so is IngotModels' to say.
import IngotBytes
import IngotCore
import IngotKernels

/// What a part holds of values that are quantized run by run.
package enum RunContent: Hashable, Sendable {
  /// An integer for each value, I8.
  case integers
  /// A scale for each run, F32.
  case scales
}

/// F32 values as symmetric int8 with a scale for each run of them: the integers, or the scales.
final class RunTiles: TileSource {
  private static let width = MemoryLayout<Float>.size
  /// Bytes of the least tile of scales, which takes many times as many of values.
  private static let scaleTileByteCount = 1 << 12

  private let name: String
  private let source: any TileSource
  private let content: RunContent
  private var quantizer: RunQuantizer
  /// Bytes of a run's values.
  private let valueByteCount: Int
  /// Bytes of what becomes of a run.
  private let runByteCount: Int
  /// Bytes of values that begin and end with both a run and a grain of the source.
  private let stepByteCount: Int
  private var buffer = TileBuffer()

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - source: values, F32, which are whole runs.
  ///   - size: values that share a scale.
  ///   - content: what is wanted of them.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(_ name: String, _ source: any TileSource, size: Int, _ content: RunContent) throws(IngotError) {
    try source.require(.number(.f32))
    guard size > 0, let valueByteCount = size.checkedMultiply(Self.width),
      source.byteCount.isMultiple(of: valueByteCount),
      let step = source.grainByteCount.checkedCommonMultiple(with: valueByteCount)
    else { throw .internal("values that are no whole runs of \(size)") }
    self.name = name
    self.source = source
    self.content = content
    self.valueByteCount = valueByteCount
    quantizer = RunQuantizer(size: size)
    runByteCount = content == .integers ? size : Self.width
    stepByteCount = step
  }

  var elementType: ElementType { .number(content == .integers ? .i8 : .f32) }
  var byteCount: Int { source.byteCount / valueByteCount * runByteCount }
  var grainByteCount: Int { stepByteCount / valueByteCount * runByteCount }
  /// The integers tell it; the scales are of the same values.
  var castReport: CastReport? { content == .integers ? source.castReport : nil }
  var quantizationError: QuantizationError? { content == .integers ? quantizer.error : nil }
  var sourceDigest: XXH3Digest? { content == .integers ? source.sourceDigest : nil }
  var tileByteCount: Int {
    let least = content == .integers ? TileEngine.tileByteCount : Self.scaleTileByteCount
    return max(least, source.tileByteCount / valueByteCount * runByteCount)
  }
  var bufferByteCount: Int { max(source.tileByteCount, stepByteCount) + source.bufferByteCount }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let count = tile.count / runByteCount
    guard count > 0 else { return }
    let start = offset / runByteCount * valueByteCount
    let range = start..<(start + count * valueByteCount)
    try buffer.forEachPiece(of: source, in: range, width: valueByteCount) {
      (piece, position) throws(IngotError) in
      let (first, end) = (
        (position - start) / valueByteCount, (position - start + piece.bytes.count) / valueByteCount
      )
      let room = tile.elements(first..<end, width: runByteCount)
      switch content {
      case .integers: try quantizer.quantize(piece, to: room)
      case .scales: try quantizer.scales(of: piece).withUnsafeBytes { room.copyMemory(from: $0) }
      }
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset / runByteCount * valueByteCount) }

  func endStretch() {
    buffer.release()
    source.endStretch()
  }

  func merge(_ next: RunTiles) throws(IngotError) {
    quantizer.merge(next.quantizer)
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    guard quantizer.nonFiniteCount > 0 else { return }
    throw .unrepresentable(
      tensor: name, target: DType.i8.rawValue,
      why: "\(quantizer.nonFiniteCount, "of its values is", "of its values are") not finite",
      hint: .remedy(.findNonFinite))
  }
}
