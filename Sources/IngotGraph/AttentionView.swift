// SPDX-License-Identifier: Apache-2.0
// Where queries, keys or values stand in what goes into attention. One fused product, three separate ones and grouped heads
// are three ways to make the same view.

/// Queries, keys or values, `[T, H, E]`, as a part of the rows of an edge.
package struct AttentionView: Hashable, Sendable {
  /// The input that holds them.
  package var input: Int
  /// Numbers of a row that stand before the first head.
  package var offset: Int
  /// H.
  package var headCount: Int
  /// E.
  package var headDimension: Int
  /// Numbers from one token's row to the next: the width of the edge.
  package var rowStride: Int

  /// Makes a view.
  package init(input: Int, offset: Int, headCount: Int, headDimension: Int, rowStride: Int) {
    self.input = input
    self.offset = offset
    self.headCount = headCount
    self.headDimension = headDimension
    self.rowStride = rowStride
  }

  /// H · E: the numbers of all heads.
  package var width: Int { headCount * headDimension }
}
