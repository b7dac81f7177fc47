// SPDX-License-Identifier: Apache-2.0
// What flows along an edge: what its elements are, and its dimensions, some of which are known at run time only.

/// One dimension of an edge, known or to be known at run time.
package enum SymbolicDimension: Hashable, Sendable, CustomStringConvertible {
  /// B.
  case batch
  /// T: tokens of this run.
  case tokens
  /// P + T: tokens that can be seen, cached ones included.
  case context
  /// A number.
  case fixed(Int)

  /// The letter or number.
  package var description: String {
    switch self {
    case .batch: "B"
    case .tokens: "T"
    case .context: "P+T"
    case .fixed(let count): String(count)
    }
  }
}

/// What flows along an edge.
package struct EdgeType: Hashable, Sendable, CustomStringConvertible {
  /// What the elements are.
  package enum Element: String, Hashable, Sendable {
    /// Integers: token ids, positions, and other indexes.
    case ids
    /// 0 or 1.
    case mask
    /// Reals, in the precision of the run.
    case activations
    /// Keys and values of one block, kept between runs.
    case cache
  }

  /// What the elements are.
  package var element: Element
  /// The dimensions.
  package var dimensions: [SymbolicDimension]

  /// Makes a type.
  package init(_ element: Element, _ dimensions: [SymbolicDimension]) {
    self.element = element
    self.dimensions = dimensions
  }

  /// Activations `[B, T, width]`.
  package static func activations(_ width: Int) -> EdgeType {
    EdgeType(.activations, [.batch, .tokens, .fixed(width)])
  }

  /// The type as drawings write it: `[B, T, 768]`.
  package var description: String {
    "\(element == .activations ? "" : element.rawValue + " ")[\(dimensions.map(\.description).joined(separator: ", "))]"
  }

  /// The last dimension, when it is a number.
  package var width: Int? {
    guard case .fixed(let width)? = dimensions.last else { return nil }
    return width
  }
  /// Whether there is a row for each token, and not only one for each sequence.
  package var hasTokens: Bool { dimensions.contains(.tokens) }
}
