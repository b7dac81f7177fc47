// SPDX-License-Identifier: Apache-2.0
// What a part of an output is made of, as a value: nothing is read until its tiles are.
import IngotBytes
import IngotCore
import IngotKernels

/// How the bytes of one part of an output come to be.
package indirect enum LazyPart: Sendable {
  /// A stored part, as it is.
  case stored(name: String, StoredPart)
  /// Bytes at hand.
  case literal(DType, Shape, [UInt8])
  /// F32 values that are made, not read.
  case generated(Shape, GeneratedValues)
  /// Another part with its elements converted, in one rounding.
  case cast(LazyPart, to: DType, onOverflow: OverflowPolicy)
  /// Another part, of F32 values, as symmetric int8 with these scales along an axis, or one scale: the largest magnitude of
  /// each over 127.
  case quantized(LazyPart, scales: [Float], axis: Int?)
  /// Another part, of two dimensions, with rows and columns exchanged.
  case transposed(LazyPart)
  /// Another part with the rows of each head, of so many, in another order of pairs.
  case paired(LazyPart, headRowCount: Int, PairOrder)
  /// Another part whose rows are so many groups of so many groups, with the outer and the inner ones exchanged.
  case regrouped(LazyPart, outer: Int, inner: Int)
  /// Another part's elements in the same order, under another shape of as many.
  case reshaped(LazyPart, Shape)
  /// Some rows, that is, indexes of the first dimension, of another part.
  case rows(LazyPart, Range<Int>)
  /// Parts of one dtype, concatenated along the first dimension.
  case joined([LazyPart], Shape)
  /// Zeros.
  case zeros(DType, Shape)
  /// Another part, of blocks, as the F32 values of this shape that they stand for.
  case dequantized(LazyPart, BlockType, Shape)
  /// Another part, of F32 values, each times its scale.
  case scaled(LazyPart, PartScales)
  /// Another part, of finite F32 values whose last dimension is a multiple of a block, as blocks.
  case blocks(LazyPart, BlockType)
  /// Another part, of finite F32 values that are whole runs in C order, as symmetric int8 with a scale a run: the integers,
  /// or the scales.
  case runs(LazyPart, RunRule, RunContent)
  /// Another part, a matrix of I8, as words of four, each plus 128, along its rows.
  case words(LazyPart)

  /// The F32 numbers of this shape that another part's codes stand for.
  case codes(LazyPart, CodeLayout, Shape)
  /// Rows (axis 0) or columns (axis 1) of another part, a matrix of F32 values, by number.
  case gathered(LazyPart, [Int32], axis: Int)
  /// Another part, of F32 or F64 values, with a number added to each.
  case shifted(LazyPart, by: Float)
  /// Another part, a matrix of F64 values, with a product of two narrow matrices added.
  case updated(LazyPart, LowRankUpdate)
  /// F64 values that are sums of others.
  case summed(WeightedSum)

  /// The element type of the result.
  package var dtype: DType {
    switch self {
    case .stored(_, let part): part.dtype
    case .literal(let dtype, _, _): dtype
    case .generated: .f32
    case .cast(_, let target, _): target
    case .quantized: .i8
    case .transposed(let source), .reshaped(let source, _), .rows(let source, _), .paired(let source, _, _),
      .regrouped(let source, _, _):
      source.dtype
    case .joined(let parts, _): parts.first?.dtype ?? .u8
    case .zeros(let dtype, _): dtype
    case .shifted(let source, _): source.dtype
    case .dequantized, .scaled, .codes, .gathered: .f32
    case .blocks: .u8
    case .runs(_, let rule, let content): content == .integers ? .i8 : rule.scaleType.dtype
    case .words: .i32
    case .updated, .summed: .f64
    }
  }

  /// What the bytes of the result are.
  var elementType: ElementType {
    switch self {
    case .stored(_, let part): part.elementType
    case .blocks(_, let blockType): .block(blockType)
    case .transposed(let source), .reshaped(let source, _), .rows(let source, _), .paired(let source, _, _),
      .regrouped(let source, _, _):
      source.elementType
    case .joined(let parts, _): parts.first?.elementType ?? .number(dtype)
    default: .number(dtype)
    }
  }

  /// The shape of the result.
  package var shape: Shape {
    switch self {
    case .stored(_, let part): part.shape
    case .literal(_, let shape, _): shape
    case .generated(let shape, _): shape
    case .cast(let source, _, _), .quantized(let source, _, _), .scaled(let source, _),
      .paired(let source, _, _), .regrouped(let source, _, _), .shifted(let source, _),
      .updated(let source, _):
      source.shape
    case .summed(let sum): sum.shape
    case .transposed(let source): Shape(source.shape.dimensions.reversed()) ?? source.shape
    case .rows(let source, let rows): source.shape.withFirst(rows.count)
    case .reshaped(_, let shape), .joined(_, let shape), .zeros(_, let shape): shape
    case .dequantized(_, _, let shape), .codes(_, _, let shape): shape
    case .gathered(let source, let indexes, let axis):
      Shape(source.shape.dimensions.enumerated().map { $0.offset == axis ? indexes.count : $0.element })
        ?? source.shape
    case .blocks(let source, let blockType): blockType.byteShape(of: source.shape) ?? [0]
    case .runs(let source, _, .integers): source.shape
    case .words(let source):
      Shape(
        Array(source.shape.dimensions.dropLast(1))
          + [source.shape.rowLength.dividedUp(by: WordTiles.wordByteCount)]) ?? [0]
    case .runs(let source, let rule, .scales):
      Quantization(granularity: .perRun(rule.size)).scaleShape(of: source.shape) ?? [0]
    }
  }

  /// The stored range whose bytes are the result's without any change or check; `nil` when there is none.
  package var exactRange: StorageSegment? {
    guard case .stored(_, let part) = self, part.storage.isCanonical, part.storage.checksum == nil,
      case .one(let segment) = part.storage.segments
    else { return nil }
    return segment
  }

  /// Opens the part for reading.
  ///
  /// - Parameters:
  ///   - files: the source's files.
  ///   - scratchFolder: where scratch files go.
  ///   - digestsSource: whether to take XXH3 of what is stored.
  /// - Returns: the tiles.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a conversion there is not.
  package func open(
    files: SourceFiles, scratchFolder: String, digestsSource: Bool = false
  ) throws(IngotError) -> any TileSource {
    let tiles = try openTiles(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
    // What was planned by type and shape is what will be read.
    try tiles.require(elementType)
    guard tiles.byteCount == shape.byteCount(of: dtype) else {
      throw .internal("a part of \(tiles.byteCount, "byte") for \(shape) elements of \(dtype)")
    }
    return tiles
  }

  private func openTiles(
    files: SourceFiles, scratchFolder: String, digestsSource: Bool
  ) throws(IngotError) -> any TileSource {
    switch self {
    case .stored(let name, let part):
      let reader = try TensorReader(name, part, files: files, scratchFolder: scratchFolder)
      return StoredTiles(reader, digests: digestsSource)
    case .literal(let dtype, _, let bytes):
      return LiteralTiles(bytes, dtype)
    case .generated(let shape, let values):
      return GeneratedTiles(values, elementCount: shape.elementCount)
    case .cast(let source, let target, let onOverflow):
      guard let conversion = ElementConversion(from: source.dtype, to: target, onOverflow: onOverflow) else {
        throw .unrepresentable(
          tensor: source.name, target: target.rawValue, why: "there is no conversion from \(source.dtype)",
          hint: nil)
      }
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try CastTiles(source.name ?? "", tiles, conversion: conversion)
    case .quantized(let source, let scales, let axis):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try QuantizedTiles(tiles, shape: source.shape, scales: scales, axis: axis)
    case .dequantized(let source, let blockType, _):
      guard let decoder = BlockDecoder(blockType) else { throw source.noConversion(from: blockType) }
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try DequantizedTiles(tiles, decoder: decoder)
    case .scaled(let source, let scales):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try ScaledTiles(source.name ?? "", tiles, scales) { (part) throws(IngotError) in
        try part.open(files: files, scratchFolder: scratchFolder)
      }
    case .blocks(let source, let blockType):
      guard let encoder = BlockEncoder(blockType) else { throw source.noConversion(to: blockType) }
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try BlockTiles(source.name ?? "", tiles, shape: source.shape, encoder: encoder)
    case .runs(let source, let rule, let content):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try RunTiles(source.name ?? "", tiles, shape: source.shape, rule, content)
    case .words(let source):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try WordTiles(tiles, rowLength: source.shape.rowLength)
    case .codes(let source, let layout, let shape):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try CodeTiles(tiles, layout, shape: shape)
    case .gathered(let source, let indexes, let axis):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try GatheredTiles(tiles, shape: source.shape, indexes: indexes, axis: axis)
    case .shifted(let source, let shift):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try ShiftedTiles(tiles, by: shift)
    case .updated(let source, let update):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return try UpdatedTiles(source.name ?? "", tiles, shape: source.shape, update) {
        (part) throws(IngotError) in
        try part.open(files: files, scratchFolder: scratchFolder)
      }
    case .summed(let sum):
      return try WeightedSumTiles(name ?? "", sum) { (part) throws(IngotError) in
        try part.open(files: files, scratchFolder: scratchFolder)
      }
    case .transposed, .paired, .regrouped, .reshaped, .rows, .joined, .zeros:
      return try openMoved { (part) throws(IngotError) in
        try part.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      }
    }
  }

  /// Opens a part whose elements are those of others, or zeros, in other places.
  private func openMoved(
    _ open: @escaping (LazyPart) throws(IngotError) -> any TileSource
  ) throws(IngotError) -> any TileSource {
    guard let width = dtype.byteWidth, let byteCount = shape.byteCount(of: dtype) else {
      throw .internal("elements narrower than a byte that are to be moved")
    }
    switch self {
    case .transposed(let source) where source.shape.rank == 2:
      return TransposedTiles(
        try open(source), rowCount: source.shape.dimensions[0], columnCount: source.shape.dimensions[1],
        width: width)
    case .paired(let source, let headRowCount, let order)
    where headRowCount > 0 && headRowCount.isMultiple(of: 2)
      && (shape.dimensions.first ?? 0).isMultiple(of: headRowCount):
      return PairedRowTiles(
        try open(source), headRowCount: headRowCount, rowByteCount: shape.rowElementCount * width,
        order: order)
    case .regrouped(let source, let outer, let inner):
      guard let groups = source.groups(outer: outer, inner: inner) else { break }
      return try open(groups)
    case .reshaped(let source, let shape) where shape.elementCount == source.shape.elementCount:
      return try open(source)
    case .rows(let source, let rows):
      let rowByteCount = source.shape.rowElementCount * width
      let bytes = (rows.lowerBound * rowByteCount)..<(rows.upperBound * rowByteCount)
      return SlicedTiles(try open(source), range: bytes, width: width)
    case .joined(let parts, _):
      return try JoinedTiles(parts, width: width, open: open)
    case .zeros:
      return ZeroTiles(byteCount: byteCount, dtype)
    default: break
    }
    throw .internal("a change of layout that does not fit its part")
  }

  private func noConversion(from blockType: BlockType) -> IngotError {
    .unrepresentable(
      tensor: name, target: DType.f32.rawValue,
      why: "\(words: blockType.rawValue) blocks are kept as they are, not dequantized", hint: nil)
  }

  private func noConversion(to blockType: BlockType) -> IngotError {
    .unrepresentable(
      tensor: name, target: blockType.rawValue, why: "nothing is quantized to it", hint: nil)
  }

  /// The stored tensor's name; `nil` for what is made of none.
  package var name: String? {
    switch self {
    case .stored(let name, _): name
    case .literal, .generated, .zeros: nil
    case .cast(let source, _, _), .quantized(let source, _, _), .dequantized(let source, _, _),
      .blocks(let source, _), .runs(let source, _, _), .words(let source), .scaled(let source, _),
      .codes(let source, _, _),
      .gathered(let source, _, _), .shifted(let source, _), .updated(let source, _):
      source.name
    case .transposed(let source), .reshaped(let source, _), .rows(let source, _), .paired(let source, _, _),
      .regrouped(let source, _, _):
      source.name
    case .joined(let parts, _): parts.first?.name
    case .summed(let sum): sum.parts.first?.name
    }
  }
}

extension Shape {
  /// Elements of a row: of the last dimension; 1 for a scalar.
  fileprivate var rowLength: Int { dimensions.last ?? 1 }
}
