// SPDX-License-Identifier: Apache-2.0
// Makes int8 of floating-point values with scales that are known, while they stream by. Which scales, and which
// tensors, is IngotQuantization's to say.
import IngotBytes
import IngotCore
import IngotKernels

/// A part of F32 values that becomes symmetric int8 on the way.
final class QuantizedTiles: TileSource {
  private let source: any TileSource
  private var quantizer: Int8Quantizer
  private var buffer: [Float] = []

  init(_ source: any TileSource, layout: ChannelLayout, scales: [Float]) {
    self.source = source
    quantizer = Int8Quantizer(layout, scales: scales)
  }

  var byteCount: Int { source.byteCount / MemoryLayout<Float>.size }
  var grainByteCount: Int { max(1, source.grainByteCount / MemoryLayout<Float>.size) }
  var castReport: CastReport? { nil }
  var quantizationError: QuantizationError? { quantizer.error }
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
    buffer.withUnsafeBufferPointer { values in
      quantizer.quantize(
        UnsafeBufferPointer(rebasing: values[..<tile.count]), from: offset,
        into: tile.bindMemory(to: Int8.self))
    }
  }

  func finish() throws(IngotError) {
    try source.finish()
  }
}
