// SPDX-License-Identifier: Apache-2.0
// What a model is run on, and what is wanted of it.
import IngotCore
import IngotGraph

/// What a model is run on, and what is wanted of it.
package struct RunRequest: Sendable {
  /// Rows of tokens, B.
  package var batchCount: Int
  /// Tokens a row, T.
  package var tokenCount: Int
  /// Integers by input, `[B, T]` or `[B]`; inputs without any take their defaults.
  package var integers: [GraphInput: [Int]]
  /// False where a token may not be seen, `[B, P + T]`; `nil` where all may.
  package var mask: [Bool]?
  /// Names of outputs (`hidden_states.0`, `logits`) and of nodes (`h.3.attn.c_attn`) that are wanted.
  package var wanted: Set<String>
  /// Whether the logits of the last token of each row are enough; of logits that each token has.
  package var lastLogitsOnly = false

  /// Makes a request for all tokens of some rows.
  package init(batchCount: Int, tokenCount: Int, ids: [Int], wanted: Set<String> = ["logits"]) {
    self.batchCount = batchCount
    self.tokenCount = tokenCount
    integers = [.ids: ids]
    self.wanted = wanted
  }

  /// Token ids, `[B, T]`.
  package var ids: [Int] {
    get { integers[.ids] ?? [] }
    set { integers[.ids] = newValue }
  }

  /// Positions, `[B, T]`; `nil` to count on from what the cache holds.
  package var positions: [Int]? {
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
  func targets(in graph: ModelGraph) throws(IngotError) -> [String: EdgeID] { try graph.edges(of: wanted) }
}

extension ModelGraph {
  /// The edges of outputs and nodes.
  ///
  /// - Parameter names: their names.
  /// - Returns: edges by name.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a name that there is not.
  func edges(of names: Set<String>) throws(IngotError) -> [String: EdgeID] {
    var edges: [String: EdgeID] = [:]
    for node in nodes where names.contains(node.name) { edges[node.name] = node.output }
    for output in outputs where names.contains(output.name) { edges[output.name] = output.edge }
    if let unknown = names.subtracting(edges.keys).min() {
      throw .unsuitable(Location("input"), why: "the model has no output or node \(unknown)", hint: nil)
    }
    return edges
  }

  /// The inputs of a node that hold one kind of element.
  func inputs(of node: GraphNode, _ element: EdgeType.Element) -> [EdgeID] {
    node.inputs.filter { edges[$0.index].element == element }
  }
}
