// SPDX-License-Identifier: Apache-2.0
// A model as a graph: nodes in the order in which they can be computed, typed edges, parameters by role. It knows
// neither files nor the names in them.
import IngotCore

/// The value that flows from one node to others.
public struct EdgeID: Hashable, Sendable {
  /// Index into ``ModelGraph/edges``.
  public let index: Int
}

/// A node: one operator, applied to edges and parameters.
public struct GraphNode: Hashable, Sendable {
  /// The name by which reports call it: `h.3.attn.c_attn`.
  public let name: String
  /// What it computes.
  public let operation: Operator
  /// What goes in.
  public let inputs: [EdgeID]
  /// The parameters it uses, in the operator's order: weight or table first, then bias.
  public let parameters: [TensorRole]
  /// What comes out.
  public let output: EdgeID
}

/// A parameter that a graph needs.
public struct GraphParameter: Hashable, Sendable {
  /// What it is for.
  public let role: TensorRole
  /// The shape it must have.
  public let shape: Shape
  /// The config's words for each dimension: `n_embd`, `n_inner`.
  public let dimensionNames: [String]
  /// The dimension of the output channel: 1 for `[in, out]`, 0 for `[out, in]` and for rows of tokens; `nil` for
  /// vectors and positions.
  public let outputAxis: Int?
  /// Whether it is the weight of a linear node, which publishers store either way round.
  public let isLinear: Bool
  /// Whether quantizing the weights takes it: linear weights and the token embedding.
  public let isQuantizable: Bool
  /// How it starts out in an untrained model.
  public let initialization: Initialization

  /// Makes a parameter.
  public init(
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
  public var weightLayout: WeightLayout { outputAxis == 1 ? .inOut : .outIn }
}

/// A model as a graph.
public struct ModelGraph: Sendable {
  /// The inputs that every graph has.
  public struct Inputs: Hashable, Sendable {
    /// Token ids, `[B, T]`.
    public let ids: EdgeID
    /// Positions, `[B, T]`.
    public let positions: EdgeID
    /// 1 where a token may be seen, `[B, P + T]`.
    public let mask: EdgeID
    /// The cache of each block.
    public let caches: [EdgeID]
  }

  /// The architecture's id: `gpt2`.
  public let architecture: String
  /// The numbers it was built with.
  public let config: ModelConfig
  /// The types of all edges.
  public let edges: [EdgeType]
  /// The nodes; each comes behind those whose outputs it takes.
  public let nodes: [GraphNode]
  /// The parameters, in the order in which nodes first use them.
  public let parameters: [GraphParameter]
  /// The inputs.
  public let inputs: Inputs
  /// Outputs by the names that fixtures give them, in order: `hidden_states.0`, …, `logits`.
  public let outputs: [(name: String, edge: EdgeID)]
  /// What did not fit while it was built; empty for a sound graph.
  public let conflicts: [(node: String, conflict: ShapeConflict)]

  /// The parameter of a role.
  public func parameter(_ role: TensorRole) -> GraphParameter? {
    parameters.first { $0.role == role }
  }

  /// All numbers the parameters hold; a tied head counts once.
  public var parameterCount: Int {
    parameters.reduce(0) { $0 + $1.shape.elementCount }
  }
}

/// Builds a graph node by node, checking each operator's shape rule on the way.
public struct GraphBuilder {
  private var edges: [EdgeType]
  private var nodes: [GraphNode] = []
  private var parameters: [GraphParameter] = []
  private var shapes: [TensorRole: Shape] = [:]
  private var outputs: [(name: String, edge: EdgeID)] = []
  private var conflicts: [(node: String, conflict: ShapeConflict)] = []
  /// The graph's inputs.
  public let inputs: ModelGraph.Inputs

  /// Starts a graph with caches for so many blocks.
  public init(blockCount: Int) {
    var edges: [EdgeType] = []
    func edge(_ type: EdgeType) -> EdgeID {
      edges.append(type)
      return EdgeID(index: edges.count - 1)
    }
    let ids = edge(EdgeType(.ids, [.batch, .tokens]))
    let positions = edge(EdgeType(.ids, [.batch, .tokens]))
    let mask = edge(EdgeType(.mask, [.batch, .context]))
    let caches = (0..<blockCount).map { _ in edge(EdgeType(.cache, [.batch, .context])) }
    self.edges = edges
    inputs = ModelGraph.Inputs(ids: ids, positions: positions, mask: mask, caches: caches)
  }

  /// Adds a node.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - operation: what it computes.
  ///   - inputs: what goes in.
  ///   - parameters: what it uses; a role met before is used again.
  /// - Returns: what comes out.
  public mutating func add(
    _ name: String, _ operation: Operator, _ inputs: [EdgeID], _ parameters: [GraphParameter] = []
  ) -> EdgeID {
    for parameter in parameters where shapes[parameter.role] == nil {
      shapes[parameter.role] = parameter.shape
      self.parameters.append(parameter)
    }
    var type = EdgeType.activations(0)
    do throws(ShapeConflict) {
      type = try ShapeInference.output(
        of: operation, inputs: inputs.map { edges[$0.index] }, parameters: parameters.map(\.shape))
    } catch {
      conflicts.append((name, error))
    }
    edges.append(type)
    let output = EdgeID(index: edges.count - 1)
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
  public mutating func linear(_ name: String, _ input: EdgeID, _ parameters: [GraphParameter]) -> EdgeID {
    add(
      name,
      .linear(weightLayout: parameters.first?.weightLayout ?? .outIn, hasBias: parameters.count > 1),
      [input], parameters)
  }

  /// Names an edge as an output.
  public mutating func name(_ edge: EdgeID, _ name: String) {
    outputs.append((name, edge))
  }

  /// The graph.
  public func build(architecture: String, config: ModelConfig) -> ModelGraph {
    ModelGraph(
      architecture: architecture, config: config, edges: edges, nodes: nodes, parameters: parameters,
      inputs: inputs,
      outputs: outputs, conflicts: conflicts)
  }
}
