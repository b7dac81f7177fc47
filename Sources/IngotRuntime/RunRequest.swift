// SPDX-License-Identifier: Apache-2.0
// What a model is run on, and what is wanted of it.
import IngotCore
import IngotGraph

/// What a model is run on, and what is wanted of it.
public struct RunRequest: Sendable {
  /// Rows of tokens, B.
  public var batchCount: Int
  /// Tokens a row, T.
  public var tokenCount: Int
  /// Token ids, `[B, T]`.
  public var ids: [Int]
  /// Positions, `[B, T]`; `nil` to count on from what the cache holds.
  public var positions: [Int]?
  /// False where a token may not be seen, `[B, P + T]`; `nil` where all may.
  public var mask: [Bool]?
  /// Names of outputs (`hidden_states.0`, `logits`) and of nodes (`h.3.attn.c_attn`) that are wanted.
  public var wanted: Set<String>
  /// Whether the logits of the last token of each row are enough.
  public var lastLogitsOnly = false

  /// Makes a request for all tokens of some rows.
  public init(batchCount: Int, tokenCount: Int, ids: [Int], wanted: Set<String> = ["logits"]) {
    self.batchCount = batchCount
    self.tokenCount = tokenCount
    self.ids = ids
    self.wanted = wanted
  }
}

extension RunRequest {
  /// The positions, given or counted on, when the request fits the model.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - past: tokens that the cache holds.
  /// - Returns: positions, `[B, T]`.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context, and a mask of another length.
  func checkedPositions(for graph: ModelGraph, past: Int) throws(IngotError) -> [Int] {
    func unsuitable(_ why: Evidence) -> IngotError { .unsuitable(Location("input"), why: why, hint: nil) }
    let positions = positions ?? (0..<batchCount).flatMap { _ in past..<(past + tokenCount) }
    let count = batchCount * tokenCount
    guard count > 0, ids.count == count, positions.count == count else {
      throw unsuitable("\(ids.count, "id") for \(batchCount) × \(tokenCount) tokens")
    }
    let (vocabulary, context) = (graph.config.vocabularySize, graph.config.contextLength)
    if let id = ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
      throw unsuitable("token id \(id) is outside the vocabulary of \(vocabulary)")
    }
    if let position = positions.first(where: { $0 < 0 || $0 >= context }) {
      throw unsuitable("position \(position) is past the context of \(context)")
    }
    if let mask, mask.count != batchCount * (past + tokenCount) {
      throw unsuitable("a mask of \(mask.count) for \(past + tokenCount, "token") a row")
    }
    return positions
  }

  /// The edges of the wanted names.
  ///
  /// - Parameter graph: the model.
  /// - Returns: edges by name.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a name that it does not have.
  func targets(in graph: ModelGraph) throws(IngotError) -> [String: EdgeID] {
    var targets: [String: EdgeID] = [:]
    for node in graph.nodes where wanted.contains(node.name) { targets[node.name] = node.output }
    for output in graph.outputs where wanted.contains(output.name) { targets[output.name] = output.edge }
    if let unknown = wanted.subtracting(targets.keys).min() {
      throw .unsuitable(Location("input"), why: "the model has no output or node \(unknown)", hint: nil)
    }
    return targets
  }
}

/// One output of a run.
public struct RunOutput<Element: Sendable>: Sendable {
  /// The dimensions, `[B, T, width]`; T is 1 where only the last token was wanted.
  public var shape: Shape
  /// The values in C order.
  public var values: [Element]

  /// Makes an output.
  public init(shape: Shape, values: [Element]) {
    self.shape = shape
    self.values = values
  }
}

/// Keys and values of the tokens seen so far, one slot a block.
public struct KVCache<Element: Sendable>: Sendable {
  /// Tokens seen, P.
  public private(set) var tokenCount = 0
  /// Rows, B.
  public let batchCount: Int
  /// Keys of each slot, `[B]` of `[P, D]`.
  var keys: [[[Element]]]
  /// Values of each slot, `[B]` of `[P, D]`.
  var values: [[[Element]]]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - slotCount: blocks of the model.
  ///   - batchCount: rows.
  public init(slotCount: Int, batchCount: Int) {
    self.batchCount = batchCount
    keys = Array(repeating: Array(repeating: [], count: batchCount), count: slotCount)
    values = keys
  }

  /// Appends a row's new keys and values, `[T, D]` each.
  mutating func append(slot: Int, row: Int, keys newKeys: [Element], values newValues: [Element]) {
    keys[slot][row] += newKeys
    values[slot][row] += newValues
  }

  /// Counts tokens as seen, when all slots hold them.
  mutating func advance(by count: Int) { tokenCount += count }
}
