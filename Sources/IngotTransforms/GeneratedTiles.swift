// SPDX-License-Identifier: Apache-2.0
// Values that are made while they stream by, each from its place alone: a tensor of any size takes no memory.
import IngotBytes
import IngotCore
import IngotKernels

/// F32 values that are made, not read.
package enum GeneratedValues: Hashable, Sendable {
  /// The same number everywhere.
  case constant(Float)
  /// Normal deviates, from the first of their sequence.
  case normal(NormalDeviates)
}

/// A part whose values are made.
final class GeneratedTiles: TileSource {
  private let values: GeneratedValues
  private let elementCount: Int

  init(_ values: GeneratedValues, elementCount: Int) {
    self.values = values
    self.elementCount = elementCount
  }

  var elementType: ElementType { .number(.f32) }
  var byteCount: Int { elementCount * MemoryLayout<Float>.size }
  /// Deviates come in pairs.
  var grainByteCount: Int { 2 * MemoryLayout<Float>.size }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let width = MemoryLayout<Float>.size
    guard offset >= 0, let end = offset.checkedAdd(tile.count), end <= byteCount else {
      throw .internal("a read past the end of generated values")
    }
    let floats = tile.bindMemory(to: Float.self)
    guard let start = floats.baseAddress else { return }
    switch values {
    case .constant(let value): floats.update(repeating: value)
    case .normal(let sequence): sequence.fill(from: offset / width, count: floats.count, into: start)
    }
  }

  func finish() throws(IngotError) {}
}
