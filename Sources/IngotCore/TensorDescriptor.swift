// SPDX-License-Identifier: Apache-2.0
// A tensor without its bytes. A checkpoint may have a million of them: rare fields live behind a reference, so that a
// descriptor stays small.

/// A tensor without its bytes: what it is called, what it holds, and where that is stored.
public struct TensorDescriptor: Hashable, Sendable {
  /// The name in the container.
  public var name: String
  /// The element type; of the values, when quantized.
  public var dtype: DType
  /// The dimensions, outermost first; of the values, when quantized.
  public var shape: Shape
  /// Where the elements are.
  package var storage: TensorStorage
  private var rarities: Rarities?

  /// What few tensors have.
  private final class Rarities: Hashable, Sendable {
    let quantization: QuantizedStorage?
    let blockType: BlockType?
    let aliasOf: String?

    /// One for each block type: a quantized model's tensors have nothing else.
    private static let byBlockType = Dictionary(
      uniqueKeysWithValues: BlockType.allCases.map {
        ($0, Rarities(quantization: nil, blockType: $0, aliasOf: nil))
      })

    init(quantization: QuantizedStorage?, blockType: BlockType?, aliasOf: String?) {
      self.quantization = quantization
      self.blockType = blockType
      self.aliasOf = aliasOf
    }

    static func make(quantization: QuantizedStorage?, blockType: BlockType?, aliasOf: String?) -> Rarities? {
      if quantization == nil, aliasOf == nil { return blockType.flatMap { byBlockType[$0] } }
      return Rarities(quantization: quantization, blockType: blockType, aliasOf: aliasOf)
    }

    static func == (left: Rarities, right: Rarities) -> Bool {
      left.quantization == right.quantization && left.blockType == right.blockType
        && left.aliasOf == right.aliasOf
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(quantization)
      hasher.combine(blockType)
      hasher.combine(aliasOf)
    }
  }

  /// Makes a descriptor that its reader has checked.
  package init(
    name: String, dtype: DType, shape: Shape, storage: TensorStorage,
    quantization: QuantizedStorage? = nil, blockType: BlockType? = nil, aliasOf: String? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    rarities = .make(quantization: quantization, blockType: blockType, aliasOf: aliasOf)
  }

  /// Scales and zero points, when the elements stand for other numbers.
  public var quantization: QuantizedStorage? {
    get { rarities?.quantization }
    set { rarities = .make(quantization: newValue, blockType: blockType, aliasOf: aliasOf) }
  }

  /// The ggml block type, when the elements are stored in blocks together with their scales.
  ///
  /// ``dtype`` is then F32, which the blocks become when they are dequantized, and the one part of ``parts`` is the
  /// blocks' bytes.
  public var blockType: BlockType? { rarities?.blockType }

  /// The name of the tensor whose storage this one shares, when the container says so.
  public var aliasOf: String? {
    get { rarities?.aliasOf }
    set { rarities = .make(quantization: quantization, blockType: blockType, aliasOf: newValue) }
  }

  /// The name of the element type as reports and digests have it: a dtype's, or a block type's.
  public var typeName: String { blockType?.rawValue ?? dtype.rawValue }

  /// Canonical, uncompressed bytes: values first, then scales and zero points of a quantized tensor; whole blocks where
  /// there are blocks.
  public var byteCount: Int {
    if let blockType { return blockType.byteShape(of: shape)?.elementCount ?? 0 }
    let values = shape.byteCount(of: dtype) ?? 0
    guard let quantization else { return values }
    return quantization.parts.reduce(values) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
  }

  /// Everything the tensor is stored as, in the order of its digest; one part for a plain tensor, and one of bytes for
  /// blocks.
  package var parts: [StoredPart] {
    if let blockType {
      let bytes = blockType.byteShape(of: shape) ?? [0]
      return [
        StoredPart(kind: .values, dtype: .u8, shape: bytes, storage: storage, blockType: blockType)
      ]
    }
    let values = StoredPart(kind: .values, dtype: dtype, shape: shape, storage: storage)
    return [values] + (quantization?.parts ?? [])
  }
}
