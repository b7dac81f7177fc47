// SPDX-License-Identifier: Apache-2.0
// Dimensions of a tensor, outermost first, with a checked element count.
//
// Shape letters used in every comment of this package:
//   B batch, T tokens, P past tokens, D width, H heads, E head dimension, F feed-forward width, V vocabulary,
//   L blocks, K input and N output of a matrix product.

/// The dimensions of a tensor, outermost first, whatever order its container uses.
///
/// A value exists only when the product of its dimensions, taken in order, fits an `Int`: code that holds a `Shape`
/// need not check its element count again.
public struct Shape: Hashable, Sendable {
  /// The dimensions, each at least zero, outermost first; none for a scalar.
  public let dimensions: [Int]

  /// The product of the dimensions; 1 for a scalar.
  public let elementCount: Int

  /// The shape of a scalar: no dimensions, one element.
  public static let scalar = Shape(unchecked: [], elementCount: 1)

  private init(unchecked dimensions: [Int], elementCount: Int) {
    self.dimensions = dimensions
    self.elementCount = elementCount
  }

  /// Makes a shape of dimensions from a file; `nil` when one is negative or the product overflows.
  ///
  /// The product is taken in order, as the safetensors reference takes it: `[0, huge, huge]` is a shape and
  /// `[huge, huge, 0]` is not.
  public init?(_ dimensions: some Sequence<some BinaryInteger>) {
    self.init(checking: dimensions)
  }

  /// Makes a shape of dimensions at hand; `nil` when one is negative or the product overflows.
  package init?(_ dimensions: [Int]) { self.init(checking: dimensions) }

  /// Makes a shape of dimensions from a file; `nil` when the product overflows.
  package init?(_ dimensions: [UInt64]) { self.init(checking: dimensions) }

  private init?(checking dimensions: some Sequence<some BinaryInteger>) {
    var checked: [Int] = []
    var count = 1
    for dimension in dimensions {
      guard let value = Int(exactly: dimension), value >= 0, let next = count.checkedMultiply(value) else {
        return nil
      }
      checked.append(value)
      count = next
    }
    self.init(unchecked: checked, elementCount: count)
  }

  /// The number of dimensions.
  public var rank: Int { dimensions.count }

  /// Bytes of a contiguous tensor of this shape; `nil` when that overflows or elements do not fill whole bytes.
  public func byteCount(of dtype: DType) -> Int? {
    guard let bits = elementCount.checkedMultiply(dtype.bitWidth), bits % 8 == 0 else { return nil }
    return bits / 8
  }

  /// Elements of one row: the product of all dimensions but the first; 1 for scalars and vectors.
  public var rowElementCount: Int {
    guard let first = dimensions.first else { return 1 }
    guard first > 0 else { return 0 }
    return elementCount / first
  }
}

/// The shapes of one checkpoint, each with its dimensions once: a million tensors have few.
package struct SharedShapes: Sendable {
  private static let limit = 1024
  private var known = Set<Shape>()

  /// Starts without any.
  package init() {}

  /// A shape that shares its dimensions with equal ones.
  package mutating func shared(_ shape: Shape) -> Shape {
    if let index = known.firstIndex(of: shape) { return known[index] }
    if known.count < Self.limit { known.insert(shape) }
    return shape
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// Makes a shape that the program itself wrote down.
  ///
  /// - Precondition: the dimensions are a valid shape; only a programmer's error can break this.
  public init(arrayLiteral elements: Int...) {
    let shape = Shape(elements)
    precondition(shape != nil, "a literal shape is valid")
    self = shape ?? .scalar
  }
}

extension Shape: CustomStringConvertible {
  /// The dimensions as digests and messages write them: `768,2304`; empty for a scalar.
  public var description: String {
    dimensions.map(String.init).joined(separator: ",")
  }
}
