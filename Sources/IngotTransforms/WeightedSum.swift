// SPDX-License-Identifier: Apache-2.0
// Adds parts of one shape up, each times its weight, in float64 while all stream by; or the differences of parts from
// another one to that one (task vectors: Ilharco et al., 2022).
import IngotBytes
import IngotCore
import IngotKernels

/// A sum of parts of one shape.
package struct WeightedSum: Sendable {
  /// A part with what it is multiplied by.
  package struct Term: Sendable {
    let weight: Double
    /// The values, F64.
    let part: LazyPart

    /// Makes a term of a part of any dtype that F64 can be made of.
    package init(_ part: LazyPart, times weight: Double) {
      self.part = part.casting(to: .f64, onOverflow: .refuse)
      self.weight = weight
    }
  }

  /// What differences are taken from, and added to; `nil` for a plain sum.
  let origin: LazyPart?
  /// The terms, at least one.
  let terms: [Term]
  /// The shape of all.
  let shape: Shape
  /// The file that is named where the sum is no number.
  let path: String

  /// Makes a sum.
  ///
  /// - Parameters:
  ///   - terms: at least one, of one shape.
  ///   - origin: what differences are taken from, of the same shape.
  ///   - path: the file that is named where the sum is no number.
  package init(_ terms: [Term], from origin: LazyPart? = nil, path: String) {
    self.terms = terms
    self.origin = origin?.casting(to: .f64, onOverflow: .refuse)
    self.path = path
    shape = terms.first?.part.shape ?? .scalar
  }

  /// All parts: the origin first, when there is one.
  var parts: [LazyPart] { (origin.map { [$0] } ?? []) + terms.map(\.part) }
}

/// F64 values that are sums.
final class WeightedSumTiles: TileSource {
  private static let width = MemoryLayout<Double>.size

  private let name: String
  private let hasOrigin: Bool
  private let weights: [Double]
  private let path: String
  private let sources: [any TileSource]
  private let readers: [AnyOffsetReader]
  private var buffers: [AlignedBuffer] = []
  private var nonFiniteCount = 0
  let byteCount: Int

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - sum: what is added up.
  ///   - open: opens the parts.
  /// - Throws: what opening throws, and ``IngotCore/IngotError/internal(_:)`` for parts of other shapes.
  init(
    _ name: String, _ sum: WeightedSum, open: (LazyPart) throws(IngotError) -> any TileSource
  ) throws(IngotError) {
    guard sum.parts.allSatisfy({ $0.shape == sum.shape }), !sum.terms.isEmpty else {
      throw .internal("terms of several shapes")
    }
    self.name = name
    hasOrigin = sum.origin != nil
    weights = sum.terms.map(\.weight)
    path = sum.path
    sources = try sum.parts.map(open)
    for source in sources { try source.require(.number(.f64)) }
    readers = sources.map { AnyOffsetReader($0) }
    byteCount = sources.first?.byteCount ?? 0
  }

  var elementType: ElementType { .number(.f64) }
  /// Each is cut where it can be, wherever the others are.
  var grainByteCount: Int {
    sources.reduce(Self.width) { max($0, $1.grainByteCount / Self.width * Self.width) }
  }
  var castReport: CastReport? { nil }
  /// It is made of several.
  var sourceDigest: XXH3Digest? { nil }
  var bufferByteCount: Int {
    sources.reduce(2 * tileByteCount) { $0 + $1.bufferByteCount + $1.grainByteCount }
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let sum = tile.bindMemory(to: Double.self)
    guard let values = sum.baseAddress, !sum.isEmpty else { return }
    let origin = hasOrigin ? try read(0, bytesAt: offset, count: tile.count, into: 0) : nil
    if let origin { values.update(from: origin, count: sum.count) }
    for (number, weight) in weights.enumerated() {
      let term = try read(number + (hasOrigin ? 1 : 0), bytesAt: offset, count: tile.count, into: 1)
      if let origin {
        for index in 0..<sum.count { values[index] += weight * (term[index] - origin[index]) }
      } else if number == 0 {
        for index in 0..<sum.count { values[index] = weight * term[index] }
      } else {
        for index in 0..<sum.count { values[index] += weight * term[index] }
      }
    }
    nonFiniteCount += sum.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
  }

  /// Reads a part into one of two buffers.
  private func read(
    _ number: Int, bytesAt offset: Int, count: Int, into slot: Int
  ) throws(IngotError) -> UnsafePointer<Double> {
    if buffers.count < 2 || buffers[slot].byteCount < count {
      buffers = (0..<2).map { index in
        index == slot || buffers.count < 2 ? AlignedBuffer(uninitializedByteCount: count) : buffers[index]
      }
    }
    let buffer = buffers[slot]
    try readers[number].read(
      bytesAt: offset, into: UnsafeMutableRawBufferPointer(start: buffer.start, count: count))
    return UnsafePointer(buffer.pointer(as: Double.self))
  }

  func beginStretch(at offset: Int) { for source in sources { source.beginStretch(at: offset) } }

  func endStretch() {
    buffers = []
    for source in sources { source.endStretch() }
  }

  func merge(_ next: WeightedSumTiles) throws(IngotError) {
    nonFiniteCount += next.nonFiniteCount
    for (source, following) in zip(sources, next.sources) { try source.mergeStretch(following) }
  }

  func finish() throws(IngotError) {
    for source in sources { try source.finish() }
    if nonFiniteCount > 0 { throw .notFinite(nonFiniteCount, in: name, path: path) }
  }
}
