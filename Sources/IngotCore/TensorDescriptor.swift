// SPDX-License-Identifier: Apache-2.0
// A stored tensor without its bytes. A checkpoint may have a million of them: rare fields live behind a reference, so
// that a descriptor stays small.

/// A stored tensor without its bytes: what it is called, what it is, and where that is stored.
public struct TensorDescriptor: Hashable, Sendable {
  /// The name in the container.
  public var name: String
  /// What it is.
  public package(set) var type: TensorType
  /// Where the elements are.
  package var storage: TensorStorage
  private var rarities: Rarities?

  /// What few tensors have.
  private indirect enum Rarities: Hashable, Sendable {
    case rare(sideStorages: [TensorStorage], aliasOf: String?)

    init?(sideStorages: [TensorStorage], aliasOf: String?) {
      guard !sideStorages.isEmpty || aliasOf != nil else { return nil }
      self = .rare(sideStorages: sideStorages, aliasOf: aliasOf)
    }
  }

  /// Makes a descriptor that its reader has checked.
  ///
  /// - Parameters:
  ///   - name: its name in the container.
  ///   - dtype: of the values.
  ///   - shape: of the values.
  ///   - storage: where the values are, or the blocks.
  ///   - blockType: the type of the blocks that are stored instead of values; `dtype` is then F32.
  ///   - aliasOf: the tensor whose storage this one shares.
  package init(
    name: String, dtype: DType, shape: Shape, storage: TensorStorage, blockType: BlockType? = nil,
    aliasOf: String? = nil
  ) {
    self.name = name
    type = TensorType(dtype: dtype, shape: shape, blockType: blockType)
    self.storage = storage
    rarities = Rarities(sideStorages: [], aliasOf: aliasOf)
  }

  /// Says that the values are quantized.
  ///
  /// - Parameters:
  ///   - scheme: how they stand for real numbers.
  ///   - parts: scales, then zero points, then rows that are kept, when there are any.
  package mutating func quantize(_ scheme: Quantization, _ parts: [StoredPart]) {
    type.quantization = QuantizedType(scheme: scheme, parts: parts.map(\.type))
    rarities = Rarities(sideStorages: parts.map(\.storage), aliasOf: aliasOf)
  }

  /// Says that the tensor is made of several arrays.
  ///
  /// - Parameters:
  ///   - packing: how numbers are made of them.
  ///   - shape: of the numbers.
  ///   - storages: where the arrays behind the first are.
  package mutating func pack(_ packing: Packing, shape: Shape, _ storages: [TensorStorage]) {
    type = TensorType(packing, shape: shape)
    rarities = Rarities(sideStorages: storages, aliasOf: aliasOf)
  }

  /// How the numbers are made of stored arrays, when other programs keep them packed.
  package var packing: Packing? { type.packing }
  /// Whether its elements stand for other numbers: blocks, values with scales, packed values.
  package var isQuantized: Bool { blockType != nil || quantization != nil || packing != nil }

  /// The element type; of the values, when quantized.
  public var dtype: DType { type.dtype }
  /// The dimensions, outermost first; of the values, when quantized.
  public var shape: Shape { type.shape }
  /// Scales and zero points, when the elements stand for other numbers.
  public var quantization: QuantizedType? { type.quantization }
  /// The ggml block type, when the elements are stored in blocks together with their scales.
  public var blockType: BlockType? { type.blockType }
  /// The name of the element type as reports and digests have it: a dtype's, or a block type's.
  public var typeName: String { type.typeName }
  /// Canonical, uncompressed bytes of all parts.
  public var byteCount: Int { type.byteCount }

  /// The name of the tensor whose storage this one shares, when the container says so.
  public var aliasOf: String? {
    get {
      guard case .rare(_, let aliasOf)? = rarities else { return nil }
      return aliasOf
    }
    set { rarities = Rarities(sideStorages: sideStorages, aliasOf: newValue) }
  }

  /// Where the parts beside the values are, in the order of ``QuantizedType/parts``.
  package var sideStorages: [TensorStorage] {
    get {
      guard case .rare(let storages, _)? = rarities else { return [] }
      return storages
    }
    set { rarities = Rarities(sideStorages: newValue, aliasOf: aliasOf) }
  }

  /// Everything the tensor is stored as, in the order of its digest; one part for a plain tensor, and one of bytes for
  /// blocks.
  package var parts: [StoredPart] {
    zip(type.parts, CollectionOfOne(storage) + sideStorages).map { StoredPart($0, $1) }
  }

  /// The plain tensors that it is stored as: values, scales and zero points each by itself, the bytes of blocks, or itself.
  package var storedTensors: [TensorDescriptor] {
    guard quantization != nil || blockType != nil else { return [self] }
    return parts.map { part in
      TensorDescriptor(
        name: name + part.kind.nameSuffix, dtype: part.dtype, shape: part.shape, storage: part.storage,
        aliasOf: aliasOf.map { $0 + part.kind.nameSuffix })
    }
  }
}
