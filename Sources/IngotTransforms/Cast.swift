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
  private var buffer: [UInt8] = []
  private var report = CastReport()

  init(_ name: String, _ source: any TileSource, conversion: ElementConversion) {
    self.name = name
    self.source = source
    self.conversion = conversion
    sourceWidth = max(1, conversion.source.bitWidth / 8)
    targetWidth = max(1, conversion.target.bitWidth / 8)
  }

  var byteCount: Int { source.byteCount / sourceWidth * targetWidth }
  var castReport: CastReport? { report }
  var sourceDigest: XXH3Digest? { source.sourceDigest }

  var grainByteCount: Int {
    // Whole elements of both sides, and whole grains of the source.
    max(1, source.grainByteCount / sourceWidth) * targetWidth
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let count = tile.count / targetWidth
    guard count > 0, let target = tile.baseAddress else { return }
    if buffer.count < count * sourceWidth { buffer = [UInt8](repeating: 0, count: count * sourceWidth) }
    var failure: IngotError?
    buffer.withUnsafeMutableBytes { raw in
      let input = UnsafeMutableRawBufferPointer(rebasing: raw[..<(count * sourceWidth)])
      do throws(IngotError) {
        try source.read(bytesAt: offset / targetWidth * sourceWidth, into: input)
      } catch {
        failure = error
        return
      }
      guard let start = input.baseAddress else { return }
      report.merge(conversion.convert(count: count, from: start, to: target))
    }
    if let failure { throw failure }
  }

  func finish() throws(IngotError) {
    try source.finish()
    guard conversion.onOverflow == .refuse, report.overflowCount > 0 else { return }
    throw .unrepresentable(
      tensor: name, target: conversion.target.rawValue,
      why:
        "\(report.overflowCount) values are beyond its range, the largest of magnitude \(report.largestOverflow)",
      hint: "--on-overflow saturate or infinity allows that")
  }
}
