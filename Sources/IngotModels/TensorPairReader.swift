// SPDX-License-Identifier: Apache-2.0
// Streams tensors, or parameters seen as lazy views, of two checkpoints side by side: bytes first, then values.
import IngotBytes
import IngotCore
import IngotKernels
import IngotOutput
import IngotTransforms

/// What is compared under one name.
package struct ComparedTensor {
  /// The name.
  package let name: String
  /// The name of the element type: a dtype's, or a block type's.
  package let typeName: String
  /// The element type; of what blocks, or values with scales, stand for.
  package let dtype: DType
  /// The dimensions.
  package let shape: Shape
  /// How values stand for real numbers.
  package let quantization: Quantization?
  /// What it is made of, in the order of digests.
  package let parts: [LazyPart]
  /// The values as elements of ``dtype``; `nil` for blocks that are kept as they are.
  package let values: LazyPart?
  /// The tensor that it is another name of.
  package let aliasOf: String?

  /// A stored tensor.
  package init(_ tensor: TensorDescriptor) {
    name = tensor.name
    aliasOf = tensor.aliasOf
    typeName = tensor.typeName
    shape = tensor.shape
    quantization = tensor.quantization?.scheme
    parts = tensor.parts.map { .stored(name: tensor.name, $0) }
    values = tensor.values
    dtype = values?.dtype ?? tensor.dtype
  }

  /// A parameter.
  package init(_ name: String, _ view: ParameterView) {
    self.name = name
    aliasOf = nil
    typeName = view.dtype.rawValue
    dtype = view.quantization == nil ? view.dtype : .f32
    shape = view.shape
    quantization = view.quantization
    parts = view.parts.map(\.part)
    values = view.quantization.map { .scaled(view.parts, $0) } ?? view.values
  }

  /// Canonical bytes of all parts.
  package var byteCount: Int { parts.reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) } }
}

/// Streams tensors of two checkpoints side by side.
package final class TensorPairReader {
  private let files: (SourceFiles, SourceFiles)
  private let scratchFolder: String

  /// Prepares to read two checkpoints.
  package init(_ checkpoints: (Checkpoint, Checkpoint), work: WorkOptions) {
    files = (
      SourceFiles(checkpoints.0.files, system: work.system),
      SourceFiles(checkpoints.1.files, system: work.system)
    )
    scratchFolder = work.scratchFolder
  }

  /// Whether two tensors have the same shape and the same values, whatever their dtypes.
  func areEqual(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> Bool {
    guard a.shape == b.shape else { return false }
    if a.typeName == b.typeName, a.quantization == b.quantization, try haveSameBytes(a, b) { return true }
    guard a.quantization == nil, b.quantization == nil else { return false }
    return try difference(a, b)?.maxAbs == 0
  }

  private func open(_ part: LazyPart, _ files: SourceFiles) throws(IngotError) -> any TileSource {
    try part.open(files: files, scratchFolder: scratchFolder)
  }

  /// Whether two tensors are the same bytes, part by part.
  package func haveSameBytes(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> Bool {
    for (left, right) in zip(a.parts, b.parts) {
      if try !areEqual(open(left, files.0), open(right, files.1)) { return false }
    }
    return a.parts.count == b.parts.count
  }

  private func areEqual(_ a: any TileSource, _ b: any TileSource) throws(IngotError) -> Bool {
    guard a.byteCount == b.byteCount, a.elementType == b.elementType else { return false }
    var isSame = true
    try forEachPair(a, b) { left, right in
      if isSame { isSame = left.bytes.elementsEqual(right.bytes) }
    }
    return isSame
  }

  /// The position of the first element whose bits differ, of two tensors of one type.
  ///
  /// - Parameters:
  ///   - a: a tensor of the first.
  ///   - b: one of the second, of the same shape.
  /// - Returns: the position in C order, of a block that of its first element; `nil` where no element's own bits differ, as
  ///   where a scale does.
  /// - Throws: the readers' errors.
  package func firstUnlikeElement(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> Int? {
    guard let left = a.parts.first, let right = b.parts.first else { return nil }
    let sources = (try open(left, files.0), try open(right, files.1))
    let type = sources.0.elementType
    guard type == sources.1.elementType, sources.0.byteCount == sources.1.byteCount else { return nil }
    let valueCount = if case .block(let block) = type { block.elementCount } else { 1 }
    guard sources.0.byteCount * 8 / type.bitWidth * valueCount == a.shape.elementCount else { return nil }
    var byteCount = 0
    var bit: Int?
    try forEachPair(sources.0, sources.1) { left, right in
      if bit == nil {
        bit = zip(left.bytes, right.bytes).enumerated().first { $1.0 != $1.1 }.map { index, pair in
          (byteCount + index) * 8 + (pair.0 ^ pair.1).trailingZeroBitCount
        }
      }
      byteCount += left.bytes.count
    }
    return bit.map { $0 / type.bitWidth * valueCount }
  }

  /// Whether the second of two tensors is the first, cast to its dtype in one rounding.
  package func isSecondCast(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> Bool {
    try isCast((a, files.0), (b, files.1))
  }

  /// Whether the first of two tensors is the second, cast to its dtype in one rounding.
  package func isFirstCast(_ a: ComparedTensor, _ b: ComparedTensor) throws(IngotError) -> Bool {
    try isCast((b, files.1), (a, files.0))
  }

  /// Whether a tensor is another, cast to its dtype in one rounding.
  private func isCast(
    _ source: (tensor: ComparedTensor, files: SourceFiles),
    _ target: (tensor: ComparedTensor, files: SourceFiles)
  ) throws(IngotError) -> Bool {
    let (a, b) = (source.tensor, target.tensor)
    guard ElementConversion(from: a.dtype, to: b.dtype) != nil, b.typeName == b.dtype.rawValue,
      let values = a.values, let expected = b.parts.first
    else { return false }
    let cast = LazyPart.cast(values, to: b.dtype, onOverflow: .infinity)
    return try areEqual(open(cast, source.files), open(expected, target.files))
  }

  /// How far the values of two tensors of one shape are apart; `nil` where they are no real numbers.
  package func difference(
    _ a: ComparedTensor, _ b: ComparedTensor
  ) throws(IngotError) -> ValueDifference? {
    func comparable(_ tensor: ComparedTensor) -> LazyPart? {
      guard let values = tensor.values else { return nil }
      if ValueDifference.takes(values.dtype) { return values }
      guard ElementConversion(from: values.dtype, to: .f64) != nil else { return nil }
      return values.casting(to: .f64, onOverflow: .infinity)
    }
    guard let left = comparable(a), let right = comparable(b) else { return nil }
    var difference = ValueDifference()
    try forEachPair(open(left, files.0), open(right, files.1)) { (left, right) throws(IngotError) in
      try difference.add(left, right)
    }
    return difference
  }

  /// SHA-256 over the parts of a tensor of one of the two, as digests of tensors are.
  package func digest(of tensor: ComparedTensor, isSecond: Bool) throws(IngotError) -> String {
    var hash = SHA256()
    let engine = TileEngine()
    for part in tensor.parts {
      try engine.forEachTile(of: open(part, isSecond ? files.1 : files.0)) { (tile, _) throws(IngotError) in
        hash.update(tile)
      }
    }
    return hash.finishHex()
  }

  /// Streams two parts of as many elements side by side.
  private func forEachPair(
    _ a: any TileSource, _ b: any TileSource, _ body: (Elements, Elements) throws(IngotError) -> Void
  ) throws(IngotError) {
    // Each is cut where it can be, wherever the other one is.
    let readers = (AnyOffsetReader(a), AnyOffsetReader(b))
    let widths = (a.elementType.bitWidth, b.elementType.bitWidth)
    let total = a.byteCount * 8 / max(1, widths.0)
    // Whole bytes of elements narrower than one.
    let step = max(8, TileEngine.tileByteCount * 8 / max(widths.0, widths.1, 1) / 8 * 8)
    let left = UnsafeMutableRawBufferPointer.allocate(byteCount: step * widths.0 / 8, alignment: 64)
    let right = UnsafeMutableRawBufferPointer.allocate(byteCount: step * widths.1 / 8, alignment: 64)
    defer {
      left.deallocate()
      right.deallocate()
    }
    var index = 0
    while index < total {
      if Process.isInterrupted { throw .interrupted }
      let count = min(step, total - index)
      let (l, r) = (
        UnsafeMutableRawBufferPointer(rebasing: left[..<(count * widths.0 / 8)]),
        UnsafeMutableRawBufferPointer(rebasing: right[..<(count * widths.1 / 8)])
      )
      try readers.0.read(bytesAt: index * widths.0 / 8, into: l)
      try readers.1.read(bytesAt: index * widths.1 / 8, into: r)
      try body(
        Elements(UnsafeRawBufferPointer(l), a.elementType), Elements(UnsafeRawBufferPointer(r), b.elementType)
      )
      index += count
    }
    try a.finish()
    try b.finish()
  }
}
