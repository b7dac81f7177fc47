// SPDX-License-Identifier: Apache-2.0
// What a tensor is, without its name and its bytes: one for tensors that are stored and for those that are planned.
// A checkpoint may have a million of them: rare fields live behind a reference, so that a type stays small.

/// What a tensor is: its elements, its dimensions, and how the elements stand for numbers.
public struct TensorType: Hashable, Sendable {
  /// The element type; of the values, when quantized.
  public var dtype: DType
  /// The dimensions, outermost first; of the values, when quantized.
  public var shape: Shape
  private var rarities: Rarities?

  /// What few tensors have.
  private final class Rarities: Hashable, Sendable {
    let quantization: QuantizedType?
    let blockType: BlockType?
    let packing: Packing?

    /// One for each block type: a quantized model's tensors have nothing else.
    private static let byBlockType = Dictionary(
      uniqueKeysWithValues: BlockType.allCases.map {
        ($0, Rarities(quantization: nil, blockType: $0, packing: nil))
      })

    private init(quantization: QuantizedType?, blockType: BlockType?, packing: Packing?) {
      self.quantization = quantization
      self.blockType = blockType
      self.packing = packing
    }

    static func make(
      quantization: QuantizedType?, blockType: BlockType?, packing: Packing? = nil
    ) -> Rarities? {
      guard quantization != nil || packing != nil else { return blockType.flatMap { byBlockType[$0] } }
      return Rarities(quantization: quantization, blockType: blockType, packing: packing)
    }

    static func == (left: Rarities, right: Rarities) -> Bool {
      left.quantization == right.quantization && left.blockType == right.blockType
        && left.packing == right.packing
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(quantization)
      hasher.combine(blockType)
      hasher.combine(packing)
    }
  }

  /// Makes a type.
  ///
  /// - Parameters:
  ///   - dtype: of the values.
  ///   - shape: of the values.
  ///   - quantization: scales and zero points, of quantized values.
  ///   - blockType: the type of the blocks that are stored instead of values; `dtype` is then F32.
  package init(
    dtype: DType, shape: Shape, quantization: QuantizedType? = nil, blockType: BlockType? = nil
  ) {
    self.dtype = dtype
    self.shape = shape
    rarities = .make(quantization: quantization, blockType: blockType)
  }

  /// Makes the type of int8 with scales beside them.
  ///
  /// - Parameters:
  ///   - shape: of the values.
  ///   - scheme: how values and scales stand for numbers.
  ///   - scales: the element type of the scales.
  ///   - scaleShape: their shape.
  package init(int8 shape: Shape, _ scheme: Quantization, scales: DType, of scaleShape: Shape) {
    self.init(
      dtype: .i8, shape: shape,
      quantization: QuantizedType(
        scheme: scheme, parts: [PartType(kind: .scales, dtype: scales, shape: scaleShape)]))
  }

  /// Makes the type of a tensor that is packed: its numbers, in F32, are made of several arrays.
  package init(_ packing: Packing, shape: Shape) {
    dtype = .f32
    self.shape = shape
    rarities = .make(quantization: nil, blockType: nil, packing: packing)
  }

  /// Scales and zero points, when the elements stand for other numbers.
  public var quantization: QuantizedType? {
    get { rarities?.quantization }
    set { rarities = .make(quantization: newValue, blockType: blockType) }
  }

  /// The ggml block type, when the elements are stored in blocks together with their scales.
  ///
  /// ``dtype`` is then F32, which the blocks become when they are dequantized, and the one part of ``parts`` is the
  /// blocks' bytes.
  public var blockType: BlockType? { rarities?.blockType }

  /// How the numbers are made of stored arrays, when other programs keep them packed.
  ///
  /// ``dtype`` is then F32, as for blocks.
  package var packing: Packing? { rarities?.packing }

  /// The name of the element type as reports and digests have it: a dtype's, a block type's, or that of a
  /// scheme of packed values.
  public var typeName: String { packing?.scheme ?? blockType?.rawValue ?? dtype.rawValue }

  /// Canonical, uncompressed bytes: values first, then scales, zero points and kept rows of a quantized tensor; whole blocks where
  /// there are blocks.
  public var byteCount: Int {
    if let blockType { return blockType.byteShape(of: shape)?.elementCount ?? 0 }
    if let packing { return packing.parts.reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) } }
    let values = shape.byteCount(of: dtype) ?? 0
    guard let quantization else { return values }
    return quantization.parts.reduce(values) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
  }

  /// Its arrays in the order of its digest; one for a plain tensor, and one of bytes for blocks.
  package var parts: [PartType] {
    if let packing { return packing.parts }
    if let blockType {
      let bytes = blockType.byteShape(of: shape) ?? [0]
      return [PartType(kind: .values, dtype: .u8, shape: bytes, blockType: blockType)]
    }
    return [PartType(kind: .values, dtype: dtype, shape: shape)] + (quantization?.parts ?? [])
  }
}

/// How the values of a quantized tensor stand for numbers, and the arrays beside them that say it.
public struct QuantizedType: Hashable, Sendable {
  /// How values stand for real numbers.
  public var scheme: Quantization
  /// Scales, then zero points, then rows that are kept, when there are any.
  package var parts: [PartType]
  /// Whether nothing is taken from the values before they are scaled.
  package var isSymmetric: Bool { !parts.contains { $0.kind == .zeroPoints } }

  /// The type of rows that are kept; `nil` where there are none.
  package var keptType: DType? { parts.first { $0.kind == .keptRows }?.dtype }

  /// Makes the type of a quantized tensor's other arrays.
  package init(scheme: Quantization, parts: [PartType]) {
    self.scheme = scheme
    self.parts = parts
  }
}

/// One of the arrays of a tensor, without its bytes.
package struct PartType: Hashable, Sendable {
  /// What it holds.
  package var kind: PartKind
  /// Its element type.
  package var dtype: DType
  /// Its dimensions.
  package var shape: Shape
  /// The blocks that the bytes are, when they are blocks.
  package var blockType: BlockType?

  /// Makes the type of a part.
  package init(kind: PartKind, dtype: DType, shape: Shape, blockType: BlockType? = nil) {
    self.kind = kind
    self.dtype = dtype
    self.shape = shape
    self.blockType = blockType
  }

  /// Canonical bytes.
  ///
  /// - Throws: ``IngotError/internal(_:)`` for a size that overflows, which no reader lets through.
  package func byteCount() throws(IngotError) -> Int {
    guard let count = shape.byteCount(of: dtype) else { throw .internal("a part whose bytes overflow") }
    return count
  }
}
