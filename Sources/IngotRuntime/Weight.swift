// SPDX-License-Identifier: Apache-2.0
// A parameter as the runtime holds it: its stored bytes, mapped or owned, never copied until an operator wants another
// form.
import IngotCore
import IngotGraph
import IngotKernels

/// What keeps a weight's bytes alive and moves their pages into memory and out of it: a mapped file.
package protocol PagedBytes: AnyObject {
  /// Lets a part of the bytes leave memory until it is read again.
  func release(_ part: UnsafeRawBufferPointer)
  /// Brings a part of the bytes into memory at once, which costs less than page by page.
  func populate(_ part: UnsafeRawBufferPointer)
}

/// A parameter's stored values.
package struct Weight: @unchecked Sendable {
  /// What is stored: numbers, or blocks of them along the last dimension.
  package let type: ElementType
  /// The dimensions, in numbers.
  package let shape: Shape
  /// The elements, little-endian, C order.
  ///
  /// SAFETY: valid as long as ``owner`` lives, which this value keeps alive; never written.
  package let bytes: UnsafeRawBufferPointer
  /// The scales of int8 values; empty for plain weights.
  package let scales: [Float]
  /// The dimension along which ``scales`` run; `nil` when there is one scale.
  package let scaleAxis: Int?
  /// The scales of groups of int8 values; `nil` for other weights.
  package let groups: GroupScales?
  /// Rows of int8 values that are stored in a type of their own; `nil` for none.
  package let kept: KeptRows?
  private let owner: AnyObject

  /// Makes a weight over bytes that an object keeps alive.
  ///
  /// - Parameters:
  ///   - type: what is stored; of blocks only those that can be dequantized.
  ///   - shape: the dimensions, in numbers.
  ///   - bytes: the elements; as many as the shape says.
  ///   - owner: what keeps the bytes alive: a mapped file or an array's box.
  ///   - scales: for int8, one scale or one for each index along `scaleAxis`.
  ///   - scaleAxis: that dimension.
  ///   - groups: for int8, the scales of groups; then there are no others.
  ///   - kept: for int8, rows that are stored in a type of their own.
  package init(
    _ type: ElementType, shape: Shape, bytes: UnsafeRawBufferPointer, owner: AnyObject, scales: [Float] = [],
    scaleAxis: Int? = nil, groups: GroupScales? = nil, kept: KeptRows? = nil
  ) {
    precondition(bytes.count == type.byteCount(of: shape), "as many bytes as the shape says")
    if case .block(let blockType) = type {
      precondition(BlockDecoder.supports(blockType) && scales.isEmpty, "blocks that stand for floats")
    }
    precondition(groups?.fit(shape) ?? true, "a scale for each group")
    precondition(kept?.fit(shape) ?? true, "rows of the matrix")
    self.type = type
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
    self.scales = scales
    self.scaleAxis = scaleAxis
    self.groups = groups
    self.kept = kept
  }

  /// Makes a weight of bytes that it owns.
  package init(
    _ type: ElementType, shape: Shape, bytes: [UInt8], scales: [Float] = [], scaleAxis: Int? = nil,
    groups: GroupScales? = nil, kept: KeptRows? = nil
  ) {
    let buffer = AlignedBuffer(byteCount: bytes.count)
    buffer.start.copyMemory(from: bytes, byteCount: bytes.count)
    self.init(
      type, shape: shape, bytes: UnsafeRawBufferPointer(start: buffer.start, count: bytes.count),
      owner: buffer, scales: scales, scaleAxis: scaleAxis, groups: groups, kept: kept)
  }

  /// Lets rows of a matrix leave memory, when they can come back: for what is used in another form from now on.
  func release(rows: Range<Int>) {
    guard let rowCount = shape.dimensions.first, rowCount > 0 else { return }
    let width = bytes.count / rowCount
    (owner as? any PagedBytes)?.release(
      UnsafeRawBufferPointer(rebasing: bytes[rows.lowerBound * width..<rows.upperBound * width]))
  }

  /// Brings all bytes into memory, on the threads of a pool: for what is about to be read once.
  func populate(_ pool: ThreadPool) {
    guard let owner = owner as? any PagedBytes, let start = bytes.baseAddress else { return }
    // Pieces end where the tables of pages do, so that threads don't wait for one another's.
    let offset = Int(UInt(bitPattern: start) % UInt(Self.pieceByteCount))
    pool.forEachRange(offset + bytes.count, grain: Self.pieceByteCount) { _, range in
      let part = max(0, range.lowerBound - offset)..<(range.upperBound - offset)
      owner.populate(UnsafeRawBufferPointer(rebasing: bytes[part]))
    }
  }

  private static let pieceByteCount = 2 << 20

  /// Every value, exactly: int8 times its scale, small floats as they are, of blocks the floats that they stand for.
  package var doubles: [Double] {
    var values = scaledDoubles
    kept?.put(into: &values)
    return values
  }

  /// The same without rows that are kept.
  private var scaledDoubles: [Double] {
    guard let start = bytes.baseAddress else { return [] }
    guard case .number(let dtype) = type else { return floats.map(Double.init) }
    var values = (0..<shape.elementCount).map { ReferenceKernels.decode(start, at: $0, as: dtype) }
    if let groups {
      let width = shape.dimensions.last ?? 1
      for index in values.indices {
        values[index] *= Double(groups.scale(ofRow: index / width, column: index % width, of: shape))
      }
    }
    guard !scales.isEmpty else { return values }
    let channels = ChannelLayout(shape: shape, axis: scaleAxis)
    channels.forEachRun(from: 0, count: values.count) { positions, channel, advances in
      for position in positions {
        values[position] *= Double(scales[advances ? channel + position - positions.lowerBound : channel])
      }
    }
    return values
  }

  /// Every value rounded to float; exact for all types but F64 and scaled int8.
  package var floats: [Float] {
    guard let rows = FloatRowDecoder(type, width: shape.elementCount), scales.isEmpty, groups == nil,
      kept == nil, shape.elementCount > 0, let start = bytes.baseAddress
    else { return doubles.map { Float($0) } }
    return [Float](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
      guard let target = buffer.baseAddress else { return }
      rows.decode(start, to: target)
      count = shape.elementCount
    }
  }
}

/// Scales of groups of int8: runs of so many inputs of each output.
///
/// SAFETY: its memory is written in its initializer only.
package struct GroupScales: @unchecked Sendable {
  /// Inputs that share a scale; the last group of an output may have fewer.
  package let size: Int
  /// The dimension of the outputs: 0 for `[N, K]`, 1 for `[K, N]`.
  package let outputAxis: Int
  /// The element type of the scales: F32, F16 or BF16.
  package let dtype: DType
  /// The scales as they are stored, in C order: `[N, ⌈K / size⌉]`, or `[⌈K / size⌉, N]`.
  let memory: AlignedBuffer
  private let count: Int

  /// Takes scales; `nil` for a size or a type that products do not take.
  ///
  /// - Parameters:
  ///   - bytes: the scales as they are stored, C order.
  ///   - dtype: their type.
  ///   - size: inputs that share one.
  ///   - outputAxis: the dimension of the outputs.
  package init?(_ bytes: [UInt8], dtype: DType, size: Int, outputAxis: Int) {
    guard Self.takes(dtype, size: size), let width = dtype.byteWidth else { return nil }
    (self.size, self.outputAxis, self.dtype) = (size, outputAxis, dtype)
    memory = AlignedBuffer(byteCount: bytes.count)
    memory.start.copyMemory(from: bytes, byteCount: bytes.count)
    count = bytes.count / width
  }

  /// Whether products take scales of a type for groups of a size.
  package static func takes(_ dtype: DType, size: Int) -> Bool {
    let isFloat = dtype == .f32 || dtype == .f16 || dtype == .bf16
    return isFloat && size > 0 && size.isMultiple(of: WeightMatrix.Runs.sizeStep)
  }

  /// Whether there is a scale for each group of a matrix of a shape.
  package func fit(_ shape: Shape) -> Bool {
    let scheme = Quantization(granularity: .perGroup(axis: outputAxis, size: size))
    return scheme.scaleShape(of: shape)?.elementCount == count
  }

  /// The scale of a value of a matrix, which has one for each group.
  func scale(ofRow row: Int, column: Int, of shape: Shape) -> Float {
    let columnCount = shape.dimensions.last ?? 0
    let place =
      outputAxis == 0
      ? row * columnCount.dividedUp(by: size) + column / size : row / size * columnCount + column
    return Float(ReferenceKernels.decode(memory.start, at: place, as: dtype))
  }
}

extension ElementType {
  /// Bytes of a tensor of a shape in numbers; `nil` where that is no number of bytes, or no whole blocks.
  fileprivate func byteCount(of shape: Shape) -> Int? {
    switch self {
    case .number(let dtype): shape.byteCount(of: dtype)
    case .block(let blockType): blockType.byteShape(of: shape)?.elementCount
    }
  }
}

/// Makes floats of rows of one type.
struct FloatRowDecoder {
  /// Bytes of a row.
  let rowByteCount: Int
  private let width: Int
  private let conversion: Conversion

  private enum Conversion {
    case numbers(ElementConversion)
    case blocks(BlockDecoder, count: Int)
  }

  /// Prepares rows of so many numbers; `nil` for types that rows can't be cut from, or that have no floats.
  init?(_ type: ElementType, width: Int) {
    self.width = width
    switch type {
    case .number(let dtype):
      guard let byteWidth = dtype.byteWidth,
        let conversion = ElementConversion(from: dtype, to: .f32, onOverflow: .infinity)
      else { return nil }
      self.conversion = .numbers(conversion)
      rowByteCount = width * byteWidth
    case .block(let blockType):
      guard let decoder = BlockDecoder(blockType), width.isMultiple(of: blockType.elementCount) else {
        return nil
      }
      let count = width / blockType.elementCount
      conversion = .blocks(decoder, count: count)
      rowByteCount = count * blockType.byteCount
    }
  }

  /// Writes the floats of the row at `row`: `width` of them.
  func decode(_ row: UnsafeRawPointer, to output: UnsafeMutablePointer<Float>) {
    switch conversion {
    case .numbers(let conversion): _ = conversion.convert(count: width, from: row, to: output)
    case .blocks(let decoder, let count): decoder.decode(count: count, from: row, to: output)
    }
  }
}

/// The weights of a model by role.
package typealias WeightStore = [TensorRole: Weight]
