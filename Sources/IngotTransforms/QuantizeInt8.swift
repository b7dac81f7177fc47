// SPDX-License-Identifier: Apache-2.0
// Makes int8 of floating-point values with scales that are known, while they stream by. Which scales, and which
// tensors, is IngotQuantization's to say.
import IngotBytes
import IngotCore
import IngotKernels

/// A part that becomes symmetric int8: `q = clamp(round(x ÷ scale), −127, 127)`, ties to even.
final class QuantizedTiles: TileSource {
  private let source: any TileSource
  private let scales: [Float]
  /// Elements between two of the same channel, and how many elements in a row share a channel.
  private let channelStride: Int
  private var buffer: [Float] = []

  /// Prepares to quantize.
  ///
  /// - Parameters:
  ///   - source: the values, F32.
  ///   - shape: their shape.
  ///   - scales: one value, or one for each index along `axis`.
  ///   - axis: the channels' dimension; `nil` for one scale.
  init(_ source: any TileSource, shape: Shape, scales: [Float], axis: Int?) {
    self.source = source
    self.scales = scales
    channelStride = axis.map { shape.dimensions[($0 + 1)...].reduce(1, *) } ?? max(1, shape.elementCount)
  }

  var byteCount: Int { source.byteCount / MemoryLayout<Float>.size }
  var grainByteCount: Int { max(1, source.grainByteCount / MemoryLayout<Float>.size) }
  var castReport: CastReport? { source.castReport }
  var sourceDigest: XXH3Digest? { source.sourceDigest }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    if buffer.count < tile.count { buffer = [Float](repeating: 0, count: tile.count) }
    var failure: IngotError?
    buffer.withUnsafeMutableBytes { raw in
      do throws(IngotError) {
        let input = UnsafeMutableRawBufferPointer(rebasing: raw[..<(tile.count * MemoryLayout<Float>.size)])
        try source.read(bytesAt: offset * MemoryLayout<Float>.size, into: input)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    quantize(from: offset, into: tile.bindMemory(to: Int8.self))
  }

  private func quantize(from start: Int, into tile: UnsafeMutableBufferPointer<Int8>) {
    var index = 0
    while index < tile.count {
      let element = start + index
      let runCount = min(channelStride - element % channelStride, tile.count - index)
      let scale = scales[element / channelStride % scales.count]
      for position in index..<(index + runCount) {
        tile[position] = Self.quantize(buffer[position], scale: scale)
      }
      index += runCount
    }
  }

  /// One value; a scale of zero, which an all-zero channel has, gives zero.
  static func quantize(_ value: Float, scale: Float) -> Int8 {
    guard scale > 0 else { return 0 }
    let quotient = max(-127, min(127, value / scale))
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer, ties to even.
    let magic: Float = 12_582_912
    return Int8((quotient + magic) - magic)
  }

  func finish() throws(IngotError) {
    try source.finish()
  }
}
