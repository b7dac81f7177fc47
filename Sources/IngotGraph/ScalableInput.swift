// SPDX-License-Identifier: Apache-2.0
// Inputs of products whose channels may be divided by numbers, if weights are multiplied by them: the model computes what it
// did, and rounding sees other ranges. Xiao et al., "SmoothQuant", 2023, section 4.
import IngotCore

/// An input that products share and that a norm, a product or a gate gives: `(x / s) · (s W) = x W`.
package struct ScalableInput: Hashable, Sendable {
  /// A parameter whose outputs are the channels, or some of whose outputs are.
  package struct Giver: Hashable, Sendable {
    /// The parameter: a norm's gain or bias, or a product's weight or bias.
    package let role: TensorRole
    /// The first of its outputs that is a channel.
    package let firstOutput: Int
  }

  /// Numbers of a row.
  package let width: Int
  /// The weights that it is multiplied by, in the graph's order.
  package let takers: [TensorRole]
  /// What is divided.
  package let givers: [Giver]
}

extension ModelGraph {
  /// The inputs whose channels may be scaled, in the graph's order.
  ///
  /// They are those that only products take, by weights that have no other use; that no output is; and that are what a norm
  /// gives, or one of two factors that a product gives, or a rectifier behind a product. A norm that adds to its gain is left
  /// out: sums of the two are not scaled without rounding.
  package var scalableInputs: [ScalableInput] {
    let uses = ParameterUses(self)
    return edges.indices.compactMap { index -> ScalableInput? in
      let edge = EdgeID(index: index)
      guard let takers = uses.takers(of: edge), let width = edges[index].width,
        let givers = uses.givers(of: edge, width: width)
      else { return nil }
      return ScalableInput(width: width, takers: takers, givers: givers)
    }
  }
}

/// Who takes the edges of a graph, who gives them, and how often each parameter is used.
private struct ParameterUses {
  private let graph: ModelGraph
  private var takers: [EdgeID: [GraphNode]] = [:]
  private var producers: [EdgeID: GraphNode] = [:]
  private var counts: [TensorRole: Int] = [:]
  private let outputs: Set<EdgeID>

  init(_ graph: ModelGraph) {
    self.graph = graph
    outputs = Set(graph.outputs.map(\.edge))
    for node in graph.nodes {
      for input in Set(node.inputs) { takers[input, default: []].append(node) }
      for role in node.parameters { counts[role, default: 0] += 1 }
      producers[node.output] = node
    }
  }

  /// The weights that an edge is multiplied by, where nothing else is done with it.
  func takers(of edge: EdgeID) -> [TensorRole]? {
    guard !outputs.contains(edge), let nodes = takers[edge] else { return nil }
    let weights = nodes.compactMap { $0.operation is Linear ? $0.parameters.first : nil }
    return weights.count == nodes.count && weights.allSatisfy(isUsedOnce) ? weights : nil
  }

  private func isUsedOnce(_ role: TensorRole) -> Bool { counts[role] == 1 }

  /// What gives an edge, of parameters that are used for nothing else.
  func givers(of edge: EdgeID, width: Int) -> [ScalableInput.Giver]? {
    guard let node = producers[edge] else { return nil }
    let givers: [ScalableInput.Giver]? =
      switch node.operation {
      case is LayerNorm: parameters(of: node)
      case let norm as RMSNorm: norm.offset == 0 && norm.partCount == 1 ? parameters(of: node) : nil
      case is Multiply: node.inputs.reversed().lazy.compactMap { product(giving: $0, width: width) }.first
      // Of the two halves the second is multiplied with what the first lets through.
      case is Gate: node.inputs.first.flatMap { product(giving: $0, width: 2 * width, from: width) }
      case let function as Activation where function.kind == .relu:
        node.inputs.first.flatMap { product(giving: $0, width: width) }
      default: nil
      }
    return givers.flatMap { $0.allSatisfy { isUsedOnce($0.role) } ? $0 : nil }
  }

  private func parameters(of node: GraphNode, from firstOutput: Int = 0) -> [ScalableInput.Giver] {
    node.parameters.map { ScalableInput.Giver(role: $0, firstOutput: firstOutput) }
  }

  /// Weight and bias of the product that gives an edge of so many numbers for one use alone.
  private func product(giving edge: EdgeID, width: Int, from first: Int = 0) -> [ScalableInput.Giver]? {
    guard let node = producers[edge], node.operation is Linear, takers[edge]?.count == 1,
      !outputs.contains(edge), graph.edges[edge.index].width == width
    else { return nil }
    return parameters(of: node, from: first)
  }
}
