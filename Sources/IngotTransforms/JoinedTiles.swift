// SPDX-License-Identifier: Apache-2.0
// Parts sliced out of others, concatenated, or made of zeros: what slicing, stacking and padding come to.
import IngotBytes
import IngotCore
import IngotKernels

/// A range of the bytes of another part.
final class SlicedTiles: TileSource {
  private let reader: AnyOffsetReader
  private let start: Int
  let byteCount: Int
  let grainByteCount: Int

  var elementType: ElementType { reader.source.elementType }

  /// Cuts bytes `range` out of a source; `width` are the bytes of an element.
  init(_ source: any TileSource, range: Range<Int>, width: Int) {
    reader = AnyOffsetReader(source)
    start = range.lowerBound
    byteCount = range.count
    grainByteCount = width
  }

  var castReport: CastReport? { reader.source.castReport }
  var quantizationError: QuantizationError? { reader.source.quantizationError }
  /// What is stored is more than this part.
  var sourceDigest: XXH3Digest? { nil }

  var tileByteCount: Int { reader.source.tileByteCount }
  var bufferByteCount: Int { reader.source.bufferByteCount + reader.source.grainByteCount }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try reader.read(bytesAt: start + offset, into: tile)
  }

  func endStretch() { reader.source.endStretch() }

  func merge(_ next: SlicedTiles) throws(IngotError) { try reader.source.mergeStretch(next.reader.source) }

  func finish() throws(IngotError) { try reader.source.finish() }
}

/// Concatenated parts, each but the first opened when it is first read, and closed when the next one is.
final class JoinedTiles: TileSource {
  private let parts: [LazyPart]
  private let ends: [Int]
  private let open: (LazyPart) throws(IngotError) -> any TileSource
  private var current: (index: Int, reader: AnyOffsetReader)?
  private(set) var castReport: CastReport?
  private(set) var quantizationError: QuantizationError?
  let elementType: ElementType
  let grainByteCount: Int
  /// Parts that are joined are alike: the first stands for all.
  let tileByteCount: Int
  let bufferByteCount: Int

  /// Joins parts whose elements have `width` bytes.
  init(
    _ parts: [LazyPart], width: Int, open: @escaping (LazyPart) throws(IngotError) -> any TileSource
  ) throws(IngotError) {
    var ends: [Int] = []
    var end = 0
    for part in parts {
      guard let count = part.shape.byteCount(of: part.dtype), let next = end.checkedAdd(count) else {
        throw .internal("parts whose bytes overflow")
      }
      end = next
      ends.append(end)
    }
    self.parts = parts
    self.ends = ends
    self.open = open
    grainByteCount = width
    let first = try parts.first.map(open)
    elementType = first?.elementType ?? .number(.u8)
    current = first.map { (0, AnyOffsetReader($0)) }
    tileByteCount = first?.tileByteCount ?? TileEngine.tileByteCount
    bufferByteCount = first.map { $0.bufferByteCount + $0.grainByteCount } ?? 0
  }

  var byteCount: Int { ends.last ?? 0 }
  /// It is made of several.
  var sourceDigest: XXH3Digest? { nil }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    var done = 0
    while done < tile.count {
      let position = offset + done
      guard let index = firstPart(endingBehind: position) else {
        throw .internal("a read past the end of joined parts")
      }
      let start = index > 0 ? ends[index - 1] : 0
      let count = min(tile.count - done, ends[index] - position)
      try reader(of: index).read(
        bytesAt: position - start,
        into: UnsafeMutableRawBufferPointer(rebasing: tile[done..<(done + count)]))
      done += count
    }
  }

  private func firstPart(endingBehind position: Int) -> Int? {
    if let current, position < ends[current.index],
      current.index == 0 || position >= ends[current.index - 1]
    {
      return current.index
    }
    return ends.firstIndex { position < $0 }
  }

  private func reader(of index: Int) throws(IngotError) -> AnyOffsetReader {
    if let current, current.index == index { return current.reader }
    try closeCurrent()
    let source = try open(parts[index])
    try source.require(elementType)
    let reader = AnyOffsetReader(source)
    current = (index, reader)
    return reader
  }

  /// Takes what the current part has to tell.
  private func closeCurrent() throws(IngotError) {
    guard let source = current.take()?.reader.source else { return }
    try source.finish()
    if let report = source.castReport { castReport = castReport.merged(with: report) }
    if let error = source.quantizationError {
      var total = quantizationError ?? QuantizationError()
      total.merge(error)
      quantizationError = total
    }
  }

  func endStretch() { current?.reader.source.endStretch() }

  func finish() throws(IngotError) { try closeCurrent() }
}

extension CastReport? {
  /// The sum of two reports.
  fileprivate func merged(with other: CastReport) -> CastReport {
    var total = self ?? CastReport()
    total.merge(other)
    return total
  }
}

/// A part that is all zeros.
final class ZeroTiles: TileSource {
  let byteCount: Int
  let elementType: ElementType

  init(byteCount: Int, _ dtype: DType) {
    self.byteCount = byteCount
    elementType = .number(dtype)
  }

  var grainByteCount: Int { 1 }
  var castReport: CastReport? { nil }
  var sourceDigest: XXH3Digest? { nil }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    tile.initializeMemory(as: UInt8.self, repeating: 0)
  }

  func finish() throws(IngotError) {}
}
