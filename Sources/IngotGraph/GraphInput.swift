// SPDX-License-Identifier: Apache-2.0
// What goes into graphs from outside. A builder asks for what its model takes; a new kind is a constant here or in the
// file of the architecture that brings it.
import IngotCore

/// Something that goes into a graph from outside.
package struct GraphInput: Sendable {
  /// The name in drawings, and what makes it this input and no other.
  package let name: String
  /// What it holds.
  package let type: EdgeType
  /// What one and what several of its integers are called.
  package let noun: StaticString, plural: StaticString
  /// Integers for runs that give none, as many as its dimensions say; `nil` for what a run has to give.
  package let defaultValues: (@Sendable (RunExtent) -> [Int])?
  /// What is to be said of an integer that is not below the bound.
  package let outOfRange: @Sendable (_ value: Int, _ bound: Int) -> Evidence

  /// Makes an input of integers.
  ///
  /// - Parameters:
  ///   - name: its name in drawings.
  ///   - dimensions: `[B, T]`, or `[B]` for one a sequence.
  ///   - noun: what one of the integers is called.
  ///   - plural: what several are called.
  ///   - defaultValues: integers for runs that give none; `nil` for what a run has to give.
  ///   - outOfRange: what is to be said of one that is not below the bound.
  package init(
    integers name: String, _ dimensions: [SymbolicDimension], noun: StaticString, plural: StaticString,
    defaultValues: (@Sendable (RunExtent) -> [Int])? = nil,
    outOfRange: @escaping @Sendable (_ value: Int, _ bound: Int) -> Evidence
  ) {
    self.name = name
    type = EdgeType(.ids, dimensions)
    self.noun = noun
    self.plural = plural
    self.defaultValues = defaultValues
    self.outOfRange = outOfRange
  }

  private init(_ name: String, _ type: EdgeType) {
    self.name = name
    self.type = type
    noun = "value"
    plural = "values"
    defaultValues = nil
    outOfRange = { _, _ in "" }
  }
}

extension GraphInput: Hashable {
  /// Whether both have one name.
  package static func == (a: GraphInput, b: GraphInput) -> Bool { a.name == b.name }

  /// Hashes the name.
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension GraphInput {
  /// Token ids, `[B, T]`.
  package static let ids = GraphInput(
    integers: "ids", [.batch, .tokens], noun: "id", plural: "ids",
    outOfRange: { "token id \($0) is outside the vocabulary of \($1)" })

  /// Positions, `[B, T]`; they count on from what a cache holds.
  package static let positions = GraphInput(
    integers: "positions", [.batch, .tokens], noun: "position", plural: "positions",
    defaultValues: { run in
      (0..<run.batchCount).flatMap { _ in run.pastCount..<run.contextCount }
    },
    outOfRange: { "position \($0) is past the context of \($1)" })

  /// Which of a pair of texts a token belongs to, `[B, T]`; the first when nothing is said.
  package static let tokenTypes = GraphInput(
    integers: "token_types", [.batch, .tokens], noun: "token type", plural: "token types",
    defaultValues: { run in [Int](repeating: 0, count: run.batchCount * run.tokenCount) },
    outOfRange: { "token type \($0) is none of \($1)" })

  /// The token of this run that stands for its sequence, `[B]`; the last when nothing is said, whatever the mask, as in
  /// transformers.
  package static let tokenIndexes = GraphInput(
    integers: "token_indexes", [.batch], noun: "token index", plural: "token indexes",
    defaultValues: { run in [Int](repeating: run.tokenCount - 1, count: run.batchCount) },
    outOfRange: { "token index \($0) is outside \($1, "token")" })

  /// 1 where a token may be seen, `[B, P + T]`.
  package static let mask = GraphInput("mask", EdgeType(.mask, [.batch, .context]))

  /// Keys and values that attention keeps between runs, `[B, P + T, width]` each.
  package static func cache(_ slot: Int, width: Int) -> GraphInput {
    GraphInput("cache.\(slot)", EdgeType(.cache, [.batch, .context, .fixed(width)]))
  }
}

/// How much one run takes in.
package struct RunExtent: Sendable {
  /// B.
  package let batchCount: Int
  /// T.
  package let tokenCount: Int
  /// P: tokens of earlier runs, which caches hold.
  package let pastCount: Int
  /// False where a token may not be seen, `[B, P + T]`; `nil` where all may.
  package let mask: [Bool]?

  /// Makes an extent.
  package init(batchCount: Int, tokenCount: Int, pastCount: Int, mask: [Bool]?) {
    self.batchCount = batchCount
    self.tokenCount = tokenCount
    self.pastCount = pastCount
    self.mask = mask
  }

  /// P + T: tokens that can be seen.
  package var contextCount: Int { pastCount + tokenCount }

  /// Whether a row's tokens may look at one of the P + T.
  package func isVisible(_ position: Int, row: Int) -> Bool { mask?[row * contextCount + position] ?? true }

  /// The last token of this run that a row's mask shows, counted from the run's first; 0 when it shows none.
  package func lastVisibleToken(row: Int) -> Int {
    (0..<tokenCount).last { isVisible(pastCount + $0, row: row) } ?? 0
  }
}
