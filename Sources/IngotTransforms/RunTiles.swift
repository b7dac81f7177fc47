// SPDX-License-Identifier: Apache-2.0
// Makes int8 of floating-point values run by run while they stream by. Integers and scales are two parts, each of which
// reads the values for itself, so that neither is held. Runs of a matrix's columns are turned, some rows at a time, so that
// each stands together. Which tensors become so is IngotModels' to say.
import IngotBytes
import IngotCore
import IngotKernels

/// What a part holds of values that are quantized run by run.
package enum RunContent: Hashable, Sendable {
  /// An integer for each value, I8.
  case integers
  /// A scale for each run, as the rule stores it.
  case scales
}

/// F32 values as symmetric int8 with a scale for each run of them: the integers, or the scales.
final class RunTiles: TileSource {
  private static let valueWidth = MemoryLayout<Float>.size
  /// Bytes of the least tile of scales, which takes many times as many of values.
  private static let scaleTileByteCount = 1 << 12

  private let name: String
  private let source: any TileSource
  private let content: RunContent
  private var quantizer: RunQuantizer
  /// Of the integers alone; the scales are of the same values.
  private(set) var peaks: MatrixPeaks?
  /// Stores scales, which are of their type already.
  private let narrowing: ElementConversion
  /// Bytes of the values of a run, or of those of all columns that stand beside each other.
  private let valueByteCount: Int
  /// Bytes of what becomes of them.
  private let runByteCount: Int
  /// Bytes of values that begin and end with both a run and a grain of the source.
  private let stepByteCount: Int
  private var buffer = TileBuffer()
  /// Runs of columns, one after another, and what becomes of them.
  private var turned: (values: AlignedBuffer, integers: AlignedBuffer)?

  /// - Parameters:
  ///   - name: the tensor's, for messages.
  ///   - source: values, F32, which are whole runs.
  ///   - shape: their shape.
  ///   - rule: how scales are found.
  ///   - content: what is wanted of them.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a source of anything else.
  init(
    _ name: String, _ source: any TileSource, shape: Shape, _ rule: RunRule, _ content: RunContent
  ) throws(IngotError) {
    try source.require(.number(.f32))
    guard rule.size > 0, rule.columnCount > 0,
      let valueCount = rule.size.checkedMultiply(rule.columnCount),
      let valueByteCount = valueCount.checkedMultiply(Self.valueWidth),
      let narrowing = ElementConversion(from: .f32, to: rule.scaleType.dtype),
      let scaleWidth = rule.scaleType.dtype.byteWidth,
      source.byteCount.isMultiple(of: valueByteCount),
      let step = source.grainByteCount.checkedCommonMultiple(with: valueByteCount)
    else { throw .internal("values that are no whole runs of \(rule.size)") }
    self.name = name
    self.source = source
    self.content = content
    self.valueByteCount = valueByteCount
    quantizer = RunQuantizer(rule)
    peaks = content == .integers ? MatrixPeaks(shape) : nil
    self.narrowing = narrowing
    runByteCount = content == .integers ? valueCount : scaleWidth * rule.columnCount
    stepByteCount = step
  }

  var elementType: ElementType { .number(content == .integers ? .i8 : quantizer.rule.scaleType.dtype) }
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
  var bufferByteCount: Int {
    let turned = quantizer.rule.columnCount > 1 ? valueByteCount + valueByteCount / Self.valueWidth : 0
    return max(source.tileByteCount, stepByteCount) + source.bufferByteCount + turned
      + (peaks?.byteCount ?? 0)
  }

  func read(bytesAt offset: Int, into tile: UnsafeMutableRawBufferPointer) throws(IngotError) {
    let count = tile.count / runByteCount
    guard count > 0 else { return }
    let start = offset / runByteCount * valueByteCount
    let range = start..<(start + count * valueByteCount)
    try buffer.forEachPiece(of: source, in: range, width: valueByteCount) {
      (piece, position) throws(IngotError) in
      peaks?.add(try piece.floats(), from: position / Self.valueWidth)
      let (first, end) = (
        (position - start) / valueByteCount, (position - start + piece.bytes.count) / valueByteCount
      )
      if quantizer.rule.columnCount == 1 {
        return try quantize(piece, into: tile.elements(first..<end, width: runByteCount))
      }
      for index in first..<end {
        let start = (index - first) * valueByteCount
        let rows = UnsafeRawBufferPointer(rebasing: piece.bytes[start..<(start + valueByteCount)])
        try quantizeColumns(rows, into: tile.elements(index..<(index + 1), width: runByteCount))
      }
    }
  }

  private func quantize(_ runs: Elements, into room: UnsafeMutableRawBufferPointer) throws(IngotError) {
    switch content {
    case .integers: try quantizer.quantize(runs, to: room)
    case .scales: store(try quantizer.scales(of: runs), in: room)
    }
  }

  /// Quantizes as many rows of a matrix as a run has, each column of them by itself.
  private func quantizeColumns(
    _ rows: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    guard let from = rows.baseAddress, let to = room.baseAddress else { return }
    let (size, columnCount) = (quantizer.rule.size, quantizer.rule.columnCount)
    let turned =
      self.turned
      ?? (
        AlignedBuffer(uninitializedByteCount: valueByteCount),
        AlignedBuffer(uninitializedByteCount: valueByteCount / Self.valueWidth)
      )
    self.turned = turned
    MatrixTransposition(elementWidth: Self.valueWidth).transpose(
      rows: size, columns: columnCount, from: from, sourceStride: columnCount * Self.valueWidth,
      to: turned.values.start, targetStride: size * Self.valueWidth)
    let runs = Elements(
      UnsafeRawBufferPointer(start: turned.values.start, count: valueByteCount), .number(.f32))
    guard content == .integers else { return try quantize(runs, into: room) }
    try quantize(
      runs, into: UnsafeMutableRawBufferPointer(start: turned.integers.start, count: room.count))
    MatrixTransposition(elementWidth: 1).transpose(
      rows: columnCount, columns: size, from: turned.integers.start, sourceStride: size, to: to,
      targetStride: columnCount)
  }

  private func store(_ scales: [Float], in room: UnsafeMutableRawBufferPointer) {
    scales.withUnsafeBytes { scales in
      guard let from = scales.baseAddress, let to = room.baseAddress else { return }
      _ = narrowing.convert(count: scales.count / Self.valueWidth, from: from, to: to)
    }
  }

  func beginStretch(at offset: Int) { source.beginStretch(at: offset / runByteCount * valueByteCount) }

  func endStretch() {
    buffer.release()
    turned = nil
    source.endStretch()
  }

  func merge(_ next: RunTiles) throws(IngotError) {
    quantizer.merge(next.quantizer)
    if let others = next.peaks { peaks?.merge(others) }
    try source.mergeStretch(next.source)
  }

  func finish() throws(IngotError) {
    try source.finish()
    guard quantizer.nonFiniteCount == 0 else {
      throw .unrepresentable(
        tensor: name, target: DType.i8.rawValue,
        why: "\(quantizer.nonFiniteCount, "of its values is", "of its values are") not finite",
        hint: .remedy(.findNonFinite))
    }
    guard quantizer.overflowCount == 0 else {
      throw .unrepresentable(
        tensor: name, target: quantizer.rule.scaleType.dtype.rawValue,
        why:
          "\(quantizer.overflowCount, "scale of its groups is", "scales of its groups are") beyond its range",
        hint: "\(option: .scaleDType, "bf16") has the range of F32")
    }
  }
}
