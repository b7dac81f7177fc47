// SPDX-License-Identifier: Apache-2.0
// A tensor without its bytes. A checkpoint may have a million of them, so that what few of them have is kept apart.

/// A tensor without its bytes: what it is called, what it holds, and where that is stored.
public struct TensorDescriptor: Hashable, Sendable {
  /// The name in the container.
  public var name: String
  /// The element type; of the values, when quantized.
  public var dtype: DType
  /// The dimensions, outermost first; of the values, when quantized.
  public var shape: Shape
  /// Where the elements are.
  public var storage: TensorStorage
  private var rarities: Rarities?

  /// What few tensors have.
  private final class Rarities: Hashable, Sendable {
    let quantization: QuantizedStorage?
    let aliasOf: String?

    init(quantization: QuantizedStorage?, aliasOf: String?) {
      self.quantization = quantization
      self.aliasOf = aliasOf
    }

    static func make(quantization: QuantizedStorage?, aliasOf: String?) -> Rarities? {
      guard quantization != nil || aliasOf != nil else { return nil }
      return Rarities(quantization: quantization, aliasOf: aliasOf)
    }

    static func == (left: Rarities, right: Rarities) -> Bool {
      left.quantization == right.quantization && left.aliasOf == right.aliasOf
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(quantization)
      hasher.combine(aliasOf)
    }
  }

  /// Makes a descriptor that its reader has checked.
  public init(
    name: String, dtype: DType, shape: Shape, storage: TensorStorage,
    quantization: QuantizedStorage? = nil, aliasOf: String? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    rarities = .make(quantization: quantization, aliasOf: aliasOf)
  }

  /// Scales and zero points, when the elements stand for other numbers.
  public var quantization: QuantizedStorage? {
    get { rarities?.quantization }
    set { rarities = .make(quantization: newValue, aliasOf: aliasOf) }
  }

  /// The name of the tensor whose storage this one shares, when the container says so.
  public var aliasOf: String? {
    get { rarities?.aliasOf }
    set { rarities = .make(quantization: quantization, aliasOf: newValue) }
  }

  /// Canonical, uncompressed bytes: values first, then scales and zero points of a quantized tensor.
  public var byteCount: Int {
    let values = shape.byteCount(of: dtype) ?? 0
    guard let quantization else { return values }
    return quantization.parts.reduce(values) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
  }

  /// Everything the tensor is stored as, in the order of its digest; one part for a plain tensor.
  public var parts: [QuantizedPart] {
    let values = QuantizedPart(kind: .values, dtype: dtype, shape: shape, storage: storage)
    return [values] + (quantization?.parts ?? [])
  }
}
