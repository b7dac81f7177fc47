// SPDX-License-Identifier: Apache-2.0
// How a tensor's numbers are approximated by small integers: the description, not the arithmetic.

/// How a quantized tensor stands for real numbers: `real = scale × (value − zeroPoint)`.
public struct Quantization: Hashable, Sendable {
  /// How many values share one scale.
  public enum Granularity: Hashable, Sendable {
    /// One scale for the whole tensor.
    case perTensor
    /// One scale for each index along `axis`, the output channel's.
    case perChannel(axis: Int)
    /// One scale for each run of `size` inputs of each output channel along `axis`.
    case perGroup(axis: Int, size: Int)
  }

  /// What the stored scale means; containers disagree.
  public enum ScaleKind: String, Hashable, Sendable {
    /// `real = value × scale`: ours, compressed-tensors, GGUF.
    case direct
    /// `real = value ÷ scale`: CTranslate2.
    case inverse
    /// `real = value × scale ÷ 127`: bitsandbytes.
    case absmax
  }

  /// How activations are treated when the weight is used.
  public enum ActivationScheme: String, Hashable, Sendable {
    /// Activations stay floating point.
    case none
    /// Activations become int8 with one scale a token, found when they are there.
    case dynamicPerToken
  }

  /// How many values share a scale.
  public var granularity: Granularity
  /// What the stored scale means.
  public var scaleKind: ScaleKind
  /// How activations are treated.
  public var activations: ActivationScheme

  /// Makes a description.
  public init(
    granularity: Granularity, scaleKind: ScaleKind = .direct, activations: ActivationScheme = .none
  ) {
    self.granularity = granularity
    self.scaleKind = scaleKind
    self.activations = activations
  }

  /// The shape of the scales, and of the zero points, for values of a shape.
  ///
  /// A scalar for one scale a tensor; `[channels]` for one a channel; for groups the values' shape with the input
  /// dimension divided by the group's size, rounded up. `nil` when the scheme does not fit the values.
  public func scaleShape(of values: Shape) -> Shape? {
    switch granularity {
    case .perTensor: return .scalar
    case .perChannel(let axis):
      guard values.dimensions.indices.contains(axis) else { return nil }
      return Shape([values.dimensions[axis]])
    case .perGroup(let axis, let size):
      guard values.rank == 2, values.dimensions.indices.contains(axis), size > 0 else { return nil }
      var dimensions = values.dimensions
      let input = dimensions[1 - axis]
      dimensions[1 - axis] = input / size + (input % size == 0 ? 0 : 1)
      return Shape(dimensions)
    }
  }
}

/// What a part of a quantized tensor holds.
///
/// The order of the cases is the order in which a digest takes the parts.
public enum QuantizedPartKind: String, CaseIterable, Hashable, Sendable {
  case values, scales
  case zeroPoints = "zero_points"

  /// What stands behind the tensor's name in containers that store the parts as tensors of their own.
  public var nameSuffix: String {
    switch self {
    case .values: ""
    case .scales: "_scale"
    case .zeroPoints: "_zero_point"
    }
  }
}

/// One of the arrays that a tensor is stored as.
public struct QuantizedPart: Hashable, Sendable {
  /// What it holds.
  public var kind: QuantizedPartKind
  /// Its element type.
  public var dtype: DType
  /// Its dimensions.
  public var shape: Shape
  /// Where its bytes are.
  public var storage: TensorStorage
  /// The blocks that the bytes are, when they are blocks.
  public var blockType: BlockType?

  /// Makes a part.
  public init(
    kind: QuantizedPartKind, dtype: DType, shape: Shape, storage: TensorStorage, blockType: BlockType? = nil
  ) {
    self.kind = kind
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.blockType = blockType
  }
}

/// The scheme of a quantized tensor with the parts that hold its scales and zero points.
public struct QuantizedStorage: Hashable, Sendable {
  /// How values stand for real numbers.
  public var scheme: Quantization
  /// Scales, then zero points when there are any.
  public var parts: [QuantizedPart]

  /// Makes a description of stored parts.
  public init(scheme: Quantization, parts: [QuantizedPart]) {
    self.scheme = scheme
    self.parts = parts
  }
}
