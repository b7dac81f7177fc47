// SPDX-License-Identifier: Apache-2.0
// One token's row of each sequence, for heads that say one thing of a whole sequence.
import IngotCore

/// One token's row of each sequence: `[B, T, D]` → `[B, D]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct SelectToken: GraphOperator {
  /// Which token.
  package enum Choice: Hashable, Sendable {
    /// The first, as BERT's pooler does. No further input.
    case first
    /// The last that the mask shows; the first when it shows none. Further input: the mask `[B, P + T]`.
    case last
    /// The last that is not the id of padding; the first when there is none, as transformers' sequence classification by
    /// decoders does, whatever the mask. Further input: ids `[B, T]`.
    case lastOther(than: Int)
    /// One by number among the T tokens of a run. Further input: integers `[B]`.
    case given
  }

  /// Which token.
  package var choice: Choice

  /// Makes the operator.
  package init(_ choice: Choice) {
    self.choice = choice
  }

  package var name: String { "select token" }

  package var attributes: Metadata {
    func token(_ text: String) -> Metadata.Entry { .init(key: "token", value: .string(text)) }
    return switch choice {
    case .first: Metadata([token("first")])
    case .last: Metadata([token("last")])
    case .lastOther(let padding):
      Metadata([token("last"), .init(key: "padding", value: .int64(Int64(padding)))])
    case .given: Metadata([token("given")])
    }
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    let selector: EdgeType? =
      switch choice {
      case .first: nil
      case .last: EdgeType(.mask, [.batch, .context])
      case .lastOther: EdgeType(.ids, [.batch, .tokens])
      case .given: EdgeType(.ids, [.batch])
      }
    try expectCount(inputs, selector == nil ? 1 : 2)
    let width = try width(of: inputs[0])
    guard inputs[0] == .activations(width) else {
      throw ShapeConflict(found: "\(words: inputs[0].description)", expected: "a row for each token")
    }
    if let selector, inputs[1] != selector {
      throw ShapeConflict(
        found: "\(words: inputs[1].description)", expected: "\(words: selector.description)")
    }
    return EdgeType(.activations, [.batch, .fixed(width)])
  }

  package func valueCount(ofInput index: Int, parameters: [Shape]) -> SymbolicDimension? {
    choice == .given ? .tokens : nil
  }

  package var reach: TokenReach { .sequence }
}
