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
  /// Integers by input, `[B, T]` or `[B]`; inputs without any take their defaults.
  public var integers: [GraphInput: [Int]]
  /// False where a token may not be seen, `[B, P + T]`; `nil` where all may.
  public var mask: [Bool]?
  /// Names of outputs (`hidden_states.0`, `logits`) and of nodes (`h.3.attn.c_attn`) that are wanted.
  public var wanted: Set<String>
  /// Whether the logits of the last token of each row are enough; of logits that each token has.
  public var lastLogitsOnly = false

  /// Makes a request for all tokens of some rows.
  public init(batchCount: Int, tokenCount: Int, ids: [Int], wanted: Set<String> = ["logits"]) {
    self.batchCount = batchCount
    self.tokenCount = tokenCount
    integers = [.ids: ids]
    self.wanted = wanted
  }

  /// Token ids, `[B, T]`.
  public var ids: [Int] {
    get { integers[.ids] ?? [] }
    set { integers[.ids] = newValue }
  }

  /// Positions, `[B, T]`; `nil` to count on from what the cache holds.
  public var positions: [Int]? {
    get { integers[.positions] }
    set { integers[.positions] = newValue }
  }
}

extension RunRequest {
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
