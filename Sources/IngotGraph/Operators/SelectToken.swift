// SPDX-License-Identifier: Apache-2.0
// One token's row of each sequence, for heads that say one thing of a whole sequence.
import IngotCore

/// One token's row of each sequence: `[B, T, D]` → `[B, D]`.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public struct SelectToken: GraphOperator {
  /// Which token.
  public enum Choice: String, CaseIterable, Hashable, Sendable {
    /// The first, as BERT's pooler does. No further input.
    case first
    /// The last that the mask shows, or the first when it shows none, as transformers' sequence classification by
    /// decoders does. Further input: the mask `[B, P + T]`.
    case last
    /// One by number among the T tokens of a run. Further input: integers `[B]`.
    case given
  }

  /// Which token.
  public var choice: Choice

  /// Makes the operator.
  public init(_ choice: Choice) {
    self.choice = choice
  }

  public var name: String { "select token" }

  public var attributes: Metadata { Metadata([.init(key: "token", value: .string(choice.rawValue))]) }

  public func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, choice == .first ? 1 : 2)
    let width = try width(of: inputs[0])
    guard inputs[0] == .activations(width) else {
      throw ShapeConflict(found: "\(words: inputs[0].description)", expected: "a row for each token")
    }
    if let selector = inputs.dropFirst().first {
      let expected =
        choice == .last ? EdgeType(.mask, [.batch, .context]) : EdgeType(.ids, [.batch])
      guard selector == expected else {
        throw ShapeConflict(
          found: "\(words: selector.description)", expected: "\(words: expected.description)")
      }
    }
    return EdgeType(.activations, [.batch, .fixed(width)])
  }

  public func valueCount(ofInput index: Int, parameters: [Shape]) -> SymbolicDimension? { .tokens }

  public var reach: TokenReach { .sequence }
}
