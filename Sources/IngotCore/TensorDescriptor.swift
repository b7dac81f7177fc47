// SPDX-License-Identifier: Apache-2.0
// A tensor without its bytes.

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
  /// Scales and zero points, when the elements stand for other numbers.
  public var quantization: QuantizedStorage?
  /// The name of the tensor whose storage this one shares, when the container says so.
  public var aliasOf: String?

  /// Makes a descriptor that its reader has checked.
  public init(
    name: String, dtype: DType, shape: Shape, storage: TensorStorage,
    quantization: QuantizedStorage? = nil, aliasOf: String? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.quantization = quantization
    self.aliasOf = aliasOf
  }

  /// Canonical, uncompressed bytes: values first, then scales and zero points of a quantized tensor.
  public var byteCount: Int {
    parts.reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
  }

  /// Everything the tensor is stored as, in the order of its digest; one part for a plain tensor.
  public var parts: [QuantizedPart] {
    let values = QuantizedPart(kind: .values, dtype: dtype, shape: shape, storage: storage)
    return [values] + (quantization?.parts ?? [])
  }
}
