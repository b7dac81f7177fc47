// SPDX-License-Identifier: Apache-2.0
// Arrays in memory: integers and reals with a shape.
import IngotCore

/// Integers with a shape: token ids, positions, masks.
package struct IntegerArray: Hashable, Sendable {
  /// The dimensions, `[B, T]` for all inputs.
  package var shape: Shape
  /// The values in C order.
  package var values: [Int]

  /// Makes an array.
  package init(shape: Shape, values: [Int]) {
    self.shape = shape
    self.values = values
  }
}

/// Reals with a shape: an expected output.
package struct RealArray: Hashable, Sendable {
  /// The dimensions.
  package var shape: Shape
  /// The values in C order.
  package var values: [Double]
  /// The dtype they are stored in, which bounds how well they can be met.
  package var dtype: DType

  /// Makes an array.
  package init(shape: Shape, values: [Double], dtype: DType) {
    self.shape = shape
    self.values = values
    self.dtype = dtype
  }

  /// The same values in another shape, of as many.
  package init(shape: Shape, of other: RealArray) {
    self.init(shape: shape, values: other.values, dtype: other.dtype)
  }
}

extension Shape {
  /// The shape with its first two dimensions made one, where they are these.
  package func merging(_ leading: [Int]) -> Shape {
    guard Array(dimensions.prefix(2)) == leading else { return self }
    return Shape([leading.reduce(1, *)] + dimensions.dropFirst(2)) ?? self
  }

  /// The shape without dimensions of 1 at its end.
  package var withoutTrailingOnes: Shape {
    let kept = dimensions.lastIndex { $0 != 1 }.map { $0 + 1 } ?? 0
    return Shape(Array(dimensions.prefix(kept))) ?? self
  }
}
