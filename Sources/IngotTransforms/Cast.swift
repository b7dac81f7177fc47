// SPDX-License-Identifier: Apache-2.0
// Changes the dtype of a part while it streams by.
import IngotBytes
import IngotCore
import IngotKernels

/// A part whose elements are converted on the way.
final class CastTiles: TileSource {
  private let name: String
  private let source: any TileSource
  private let conversion: ElementConversion
  private let sourceWidth: Int
  private let targetWidth: Int
  private var buffer = TileBuffer()
  private var report = CastReport()

  init(_ name: String, _ source: any TileSource, conversion: ElementConversion) throws(IngotError) {
    try source.require(.number(conversion.source))
    self.name = name
    self.source = source
    self.conversion = conversion
    sourceWidth = max(1, conversion.source.bitWidth / 8)
    targetWidth = max(1, conversion.target.bitWidth / 8)
  }

  var elementType: ElementType { .number(conversion.target) }
  var byteCount: Int { source.byteCount / sourceWidth * targetWidth }
  var castReport: CastReport? {
    // What the source has rounded already counts too: a sum of F64 may be one that F32 holds.
    var whole = report
    whole.inexactCount = max(report.inexactCount, source.castReport?.inexactCount ?? 0)
    return whole
  }
  var sourceDigest: XXH3Digest? { source.sourceDigest }
  var tileByteCount: Int { max(TileEngine.tileByteCount, source.tileByteCount / sourceWidth * targetWidth) }
  var bufferByteCount: Int { source.tileByteCount + source.bufferByteCount }

  var grainByteCount: Int {
    // Whole elements of both sides, and whole grains of the source.
    max(1, source.grainByteCount / sourceWidth) * targetWidth
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard tile.count >= targetWidth else { return }
    let start = offset / targetWidth * sourceWidth
    let range = start..<(start + tile.count / targetWidth * sourceWidth)
    try buffer.forEachPiece(of: source, in: range, width: sourceWidth) {
      (piece, position) throws(IngotError) in
      let first = (position - start) / sourceWidth
      report.merge(
        try conversion.convert(piece, to: tile.elements(first..<(first + piece.count), width: targetWidth)))
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset / targetWidth * sourceWidth) }

  func endStretch() {
    buffer.release()
    source.endStretch()
  }

  func merge(_ next: CastTiles) throws(IngotError) {
    report.merge(next.report)
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    guard conversion.onOverflow == .refuse, !report.isInRange else { return }
    throw .unrepresentable(
      tensor: name, target: conversion.target.rawValue, why: report.outOfRange,
      hint: .remedy(.decideOverflow))
  }
}

extension CastReport {
  /// What the target's range does not hold.
  fileprivate var outOfRange: Evidence {
    let overflows: Evidence =
      "\(overflowCount, "value is", "values are") beyond its range, the largest of magnitude \(largestOverflow)"
    let infinities: Evidence =
      "\(lostInfinityCount, "value is", "values are") infinite, and it has no infinity"
    if lostInfinityCount == 0 { return overflows }
    return overflowCount == 0 ? infinities : "\(overflows), and \(infinities)"
  }
}
