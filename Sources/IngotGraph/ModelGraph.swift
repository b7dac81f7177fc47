// SPDX-License-Identifier: Apache-2.0
// A model as a graph: nodes in the order in which they can be computed, typed edges, parameters by role. It knows
// neither files nor the names in them.
import IngotCore

/// The value that flows from one node to others.
package struct EdgeID: Hashable, Sendable {
  /// Index into ``ModelGraph/edges``.
  package let index: Int
}

/// A node: one operator, applied to edges and parameters.
package struct GraphNode: Sendable {
  /// The name by which reports call it: `h.3.attn.c_attn`.
  package let name: String
  /// What it computes.
  package let operation: any GraphOperator
  /// What goes in.
  package let inputs: [EdgeID]
  /// The parameters it uses, in the operator's order: weight or table first, then bias.
  package let parameters: [TensorRole]
  /// What comes out.
  package let output: EdgeID
}

/// A parameter that a graph needs.
package struct GraphParameter: Hashable, Sendable {
  /// What it is for.
  package let role: TensorRole
  /// The shape it must have.
  package let shape: Shape
  /// The config's words for each dimension: `n_embd`, `n_inner`.
  package let dimensionNames: [String]
  /// The dimension of the output channel: 1 for `[in, out]`, 0 for `[out, in]` and for rows of tokens; `nil` for
  /// vectors and positions.
  package let outputAxis: Int?
  /// Whether it is the weight of a linear node, which publishers store either way round.
  package let isLinear: Bool
  /// Whether quantizing the weights takes it: linear weights and the token embedding.
  package let isQuantizable: Bool
  /// How it starts out in an untrained model.
  package let initialization: Initialization

  /// Makes a parameter.
  package init(
    _ role: TensorRole, shape: Shape, dimensionNames: [String], outputAxis: Int? = nil,
    isLinear: Bool = false, isQuantizable: Bool = false, initialization: Initialization = .constant(0)
  ) {
    self.role = role
    self.shape = shape
    self.dimensionNames = dimensionNames
    self.outputAxis = outputAxis
    self.isLinear = isLinear
    self.isQuantizable = isQuantizable
    self.initialization = initialization
  }
}

extension GraphParameter {
  /// How a linear weight is stored.
  package var weightLayout: WeightLayout { outputAxis == 1 ? .inOut : .outIn }
}

/// A model as a graph.
package struct ModelGraph: Sendable {
  /// An input with the edge on which it comes.
  package struct Input: Sendable {
    /// What it is.
    package let input: GraphInput
    /// Where it comes.
    package let edge: EdgeID
  }

  /// The architecture's id: `gpt2`.
  package let architecture: String
  /// The numbers it was built with.
  package let config: ModelConfig
  /// The types of all edges.
  package let edges: [EdgeType]
  /// The nodes; each comes behind those whose outputs it takes.
  package let nodes: [GraphNode]
  /// The parameters, in the order in which nodes first use them.
  package let parameters: [GraphParameter]
  /// What goes in, in the order in which the builder asked for it.
  package let inputs: [Input]
  /// Outputs by the names that fixtures give them, in order: `hidden_states.0`, …, `logits`.
  package let outputs: [(name: String, edge: EdgeID)]
  /// What did not fit while it was built; empty for a sound graph.
  package let conflicts: [(node: String, conflict: ShapeConflict)]
  /// Places among the parameters: models with experts have tens of thousands.
  fileprivate let places: [TensorRole: Int]

  /// The parameter of a role.
  package func parameter(_ role: TensorRole) -> GraphParameter? { places[role].map { parameters[$0] } }

  /// The edge of an input; `nil` for what the model does not take.
  package func edge(of input: GraphInput) -> EdgeID? {
    inputs.first { $0.input == input }?.edge
  }

  /// Whether it says of each token which one comes next, and looks at no later ones.
  package var continuesText: Bool {
    guard let logits = outputs.first(where: { $0.name == Self.logits })?.edge, edges[logits.index].hasTokens
    else { return false }
    var needed: Set<EdgeID> = [logits]
    for node in nodes.reversed() where needed.contains(node.output) {
      guard node.operation.reach != .sequence else { return false }
      needed.formUnion(node.inputs)
    }
    return true
  }

  /// The name of what a head says, of each token or of a whole sequence.
  package static let logits = "logits"

  /// Whether a node gives the logits.
  package func isLogits(_ node: GraphNode) -> Bool {
    outputs.contains { $0.name == Self.logits && $0.edge == node.output }
  }

  /// The types of the caches, in order; none for a model that keeps nothing between runs.
  package var caches: [EdgeType] { inputs.map(\.input.type).filter { $0.element == .cache } }

  /// How many values the integers of an edge may have, from 0: one bound for each look-up by them.
  package func valueCounts(of edge: EdgeID) -> [SymbolicDimension] {
    nodes.flatMap { node -> [SymbolicDimension] in
      let takers = node.inputs.indices.filter { node.inputs[$0] == edge }
      guard !takers.isEmpty else { return [] }
      let shapes = node.parameters.compactMap { parameter($0)?.shape }
      return takers.compactMap { node.operation.valueCount(ofInput: $0, parameters: shapes) }
    }
  }

  /// The least value that the integers of an edge may have.
  package func leastValue(of edge: EdgeID) -> Int {
    nodes.flatMap { node in
      node.inputs.indices.filter { node.inputs[$0] == edge }.map { node.operation.leastValue(ofInput: $0) }
    }.max() ?? 0
  }

  /// All numbers the parameters hold; a tied head counts once.
  package var parameterCount: Int {
    parameters.reduce(0) { $0 + $1.shape.elementCount }
  }
}

/// Builds a graph node by node, checking each operator's shape rule on the way.
package struct GraphBuilder {
  private var edges: [EdgeType] = []
  private var nodes: [GraphNode] = []
  private var parameters: [GraphParameter] = []
  private var shapes: [TensorRole: Shape] = [:]
  private var inputs: [ModelGraph.Input] = []
  private var outputs: [(name: String, edge: EdgeID)] = []
  private var conflicts: [(node: String, conflict: ShapeConflict)] = []

  /// Starts a graph.
  package init() {}

  /// The edge of an input, which the graph takes from now on.
  package mutating func input(_ input: GraphInput) -> EdgeID {
    if let known = inputs.first(where: { $0.input == input }) { return known.edge }
    let edge = addEdge(input.type)
    inputs.append(ModelGraph.Input(input: input, edge: edge))
    return edge
  }

  private mutating func addEdge(_ type: EdgeType) -> EdgeID {
    edges.append(type)
    return EdgeID(index: edges.count - 1)
  }

  /// Adds a node.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - operation: what it computes.
  ///   - inputs: what goes in.
  ///   - parameters: what it uses; a role met before is used again.
  /// - Returns: what comes out.
  package mutating func add(
    _ name: String, _ operation: some GraphOperator, _ inputs: [EdgeID], _ parameters: [GraphParameter] = []
  ) -> EdgeID {
    for parameter in parameters where shapes[parameter.role] == nil {
      shapes[parameter.role] = parameter.shape
      self.parameters.append(parameter)
    }
    var type = EdgeType.activations(0)
    do throws(ShapeConflict) {
      type = try operation.outputType(
        of: inputs.map { edges[$0.index] }, parameters: parameters.map(\.shape))
    } catch {
      conflicts.append((name, error))
    }
    let output = addEdge(type)
    nodes.append(
      GraphNode(
        name: name, operation: operation, inputs: inputs, parameters: parameters.map(\.role), output: output))
    return output
  }

  /// Adds `x W + b`, of a weight in the order in which it is stored.
  ///
  /// - Parameters:
  ///   - name: the node's name.
  ///   - input: x.
  ///   - parameters: the weight, then the bias if there is one.
  /// - Returns: what comes out.
  package mutating func linear(_ name: String, _ input: EdgeID, _ parameters: [GraphParameter]) -> EdgeID {
    add(
      name,
      Linear(weightLayout: parameters.first?.weightLayout ?? .outIn, hasBias: parameters.count > 1),
      [input], parameters)
  }

  /// Adds attention, with the mask and, where it keeps keys and values, its cache.
  ///
  /// - Parameters:
  ///   - name: the node's name.
  ///   - attention: the operator.
  ///   - projected: the edges that hold queries, keys and values.
  ///   - parameters: the sinks, where there are some.
  /// - Returns: what comes out.
  package mutating func addAttention(
    _ name: String, _ attention: Attention, _ projected: [EdgeID], _ parameters: [GraphParameter] = []
  ) -> EdgeID {
    let cache = attention.cacheSlot.map { [input(.cache($0, width: attention.keys.width))] } ?? []
    return add(name, attention, projected + [input(.mask)] + cache, parameters)
  }

  /// Names an edge as an output.
  package mutating func name(_ edge: EdgeID, _ name: String) {
    outputs.append((name, edge))
  }

  /// The graph.
  package func build(architecture: String, config: ModelConfig) -> ModelGraph {
    ModelGraph(
      architecture: architecture, config: config, edges: edges, nodes: nodes, parameters: parameters,
      inputs: inputs, outputs: outputs, conflicts: conflicts,
      places: Dictionary(uniqueKeysWithValues: parameters.indices.map { (parameters[$0].role, $0) }))
  }
}
