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
    /// One scale for each block of values, of so many along each dimension; the last ones may be cut off.
    case perBlock([Int])
    /// One scale for each run of so many values in C order, across the ends of rows; the last one may be cut off.
    case perRun(Int)

    /// Values that share a scale along each dimension; `nil` when the granularity does not fit the values, and for runs,
    /// which are no blocks.
    public func blocks(of values: Shape) -> [Int]? {
      var blocks = values.dimensions
      switch self {
      case .perTensor: return blocks
      case .perChannel(let axis):
        guard blocks.indices.contains(axis) else { return nil }
        blocks[axis] = 1
        return blocks
      case .perGroup(let axis, let size):
        guard values.rank == 2, blocks.indices.contains(axis), size > 0 else { return nil }
        blocks[axis] = 1
        blocks[1 - axis] = size
        return blocks
      case .perBlock(let sizes):
        return sizes.count == values.rank && sizes.allSatisfy { $0 > 0 } ? sizes : nil
      case .perRun: return nil
      }
    }
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
  /// Rows, indexes of the first of two dimensions, in ascending order, whose real numbers are stored beside the values, in a
  /// type of their own; what the values stand for there does not count.
  public var keptRows: [Int]

  /// The dimension each of whose indexes has a scale; `nil` where the whole tensor shares one, or blocks have their own.
  package var axis: Int? {
    if case .perChannel(let axis) = granularity { axis } else { nil }
  }

  /// Makes a description.
  package init(
    granularity: Granularity, scaleKind: ScaleKind = .direct, activations: ActivationScheme = .none,
    keptRows: [Int] = []
  ) {
    self.granularity = granularity
    self.scaleKind = scaleKind
    self.activations = activations
    self.keptRows = keptRows
  }

  /// The shape of the numbers of the rows that are kept, for values of a shape.
  ///
  /// `nil` where the rows are not those of a matrix of that shape, in ascending order; and where there are none.
  package func keptShape(of values: Shape) -> Shape? { Self.shape(ofRows: keptRows, in: values) }

  /// The shape of the numbers of rows of a matrix; `nil` as ``keptShape(of:)`` is.
  package static func shape(ofRows rows: [Int], in values: Shape) -> Shape? {
    guard let first = rows.first, let last = rows.last, values.rank == 2,
      first >= 0, last < values.dimensions[0], zip(rows, rows.dropFirst()).allSatisfy(<)
    else { return nil }
    return Shape([rows.count, values.dimensions[1]])
  }

  /// What to say of rows that are kept and have no ``keptShape(of:)``.
  package static func keptFault(of values: Shape) -> (found: Evidence, expected: Evidence) {
    (
      "kept rows that are no rows of \(values), or not in order",
      "numbers of rows of a matrix, each above the one before"
    )
  }

  /// The types that rows are kept in.
  package static let keptTypes: [DType] = [.f16, .bf16, .f32]

  /// The shape of the scales, and of the zero points, for values of a shape.
  ///
  /// A scalar for one scale a tensor; `[channels]` for one a channel; for groups and blocks the values' shape with each
  /// dimension divided by what shares a scale along it, rounded up; for runs `[runs]`. `nil` when the scheme does not fit
  /// the values.
  public func scaleShape(of values: Shape) -> Shape? {
    if case .perRun(let size) = granularity {
      guard size > 0 else { return nil }
      return Shape([values.elementCount.dividedUp(by: size)])
    }
    guard let blocks = granularity.blocks(of: values) else { return nil }
    switch granularity {
    case .perTensor: return .scalar
    case .perChannel(let axis): return Shape([values.dimensions[axis]])
    case .perGroup, .perBlock, .perRun:
      return Shape(zip(values.dimensions, blocks).map { $0.dividedUp(by: $1) })
    }
  }
}
