// SPDX-License-Identifier: Apache-2.0
// Which nodes a backward pass takes, and the sums that they add to, whatever the precision. What an operator adds is said by
// the operator.
import IngotCore
import IngotGraph

/// Which nodes a backward pass takes.
struct GradientPlan {
  /// The edge that is differentiated.
  let output: EdgeID
  /// Nodes that it depends on, in the graph's order.
  let nodes: [Int]
  /// Edges whose gradients are wanted, by name.
  let wanted: [String: EdgeID]
  /// Whether gradients with respect to parameters are.
  let wantsParameters: Bool
  private let carrying: Set<Int>

  /// Plans a pass.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for names that the graph does not have.
  init(_ graph: ModelGraph, _ request: GradientRequest) throws(IngotError) {
    let name = request.objective.output
    guard let output = try graph.edges(of: [name])[name] else { throw .internal("an output without an edge") }
    self.output = output
    wanted = try graph.edges(of: request.wanted)
    wantsParameters = request.wantsParameters
    var needed: Set<Int> = [output.index]
    var nodes: [Int] = []
    for (index, node) in graph.nodes.enumerated().reversed() where needed.contains(node.output.index) {
      needed.formUnion(node.inputs.map(\.index))
      nodes.append(index)
    }
    self.nodes = nodes.reversed()
    let ends = Set(wanted.values.map(\.index))
    var carrying: Set<Int> = []
    for index in self.nodes {
      let node = graph.nodes[index]
      let hasParameters = request.wantsParameters && !node.parameters.isEmpty
      if hasParameters || ends.contains(node.output.index)
        || node.inputs.contains(where: { carrying.contains($0.index) })
      {
        carrying.insert(node.output.index)
      }
    }
    self.carrying = carrying
  }

  /// Goes from the objective back, node by node, each adding what the chain rule gives.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - objective: what is differentiated.
  ///   - run: the shapes of what went in.
  ///   - activations: what each node of the plan has given; let go as soon as nothing takes it any more.
  ///   - add: what a node adds, by its operator, to some sums, given the activations before it and the gradient with respect
  ///     to what it gives.
  /// - Returns: the objective's value with the gradients that were wanted.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for an operator without a gradient.
  func gradients<Element: BinaryFloatingPoint & Sendable>(
    of graph: ModelGraph, _ objective: GradientRequest.Objective, run: RunInputs,
    activations: consuming [EdgeID: [Element]],
    add: (
      GraphNode, any DifferentiableOperator, [EdgeID: [Element]], _ output: [Element],
      inout NodeGradients<Element>
    ) -> Void
  ) throws(IngotError) -> LossGradients<Element> {
    var kept = activations
    let edges = graph.edges
    let (loss, gradient) = objective.differentiate(kept[output] ?? [])
    var sums = GradientSums(self, from: gradient) { run.shape(of: edges[$0.index]) }
    for index in nodes.reversed() {
      let node = graph.nodes[index]
      // Nothing before it takes what it gave.
      kept[node.output] = nil
      let operation = try node.differentiable()
      sums.add(
        node, inputs: graph.inputs(of: node, .activations),
        parameterCounts: node.parameters.map { graph.parameter($0)?.shape.elementCount ?? 0 }
      ) { add(node, operation, kept, $0, &$1) }
    }
    return sums.result(of: graph, loss: loss)
  }

  /// Whether anything that is wanted stands before a node, or is its own parameter.
  func takes(_ node: GraphNode) -> Bool {
    (wantsParameters && !node.parameters.isEmpty) || node.inputs.contains { carrying.contains($0.index) }
  }
}

/// The sums that one node adds its part to.
struct NodeGradients<Element: FloatingPoint> {
  /// Of the inputs that are activations, in the operator's order, each as long as the input.
  var inputs: [[Element]]
  /// Of the parameters, in the operator's order, each as long as the parameter; empty where they are not wanted.
  var parameters: [[Element]]

  /// Whether gradients with respect to parameters are wanted.
  var wantsParameters: Bool { parameters.contains { !$0.isEmpty } }

  /// Adds to the sums of an input.
  mutating func add(_ part: some Sequence<Element>, toInput index: Int) { inputs[index].add(part) }

  /// Adds to the sums of a parameter, where they are wanted.
  mutating func add(_ part: some Sequence<Element>, toParameter index: Int) {
    if !parameters[index].isEmpty { parameters[index].add(part) }
  }
}

extension Array where Element: FloatingPoint {
  /// Adds numbers, one to each from a place on.
  mutating func add(_ part: some Sequence<Element>, at start: Int = 0) {
    for (index, value) in part.enumerated() { self[start + index] += value }
  }
}

/// The sums of a backward pass: an edge or parameter that is used twice gets both parts, those of later nodes first.
struct GradientSums<Element: FloatingPoint & Sendable> {
  private let plan: GradientPlan
  private let shape: (EdgeID) -> Shape
  private let kept: Set<Int>
  private var edges: [Int: [Element]]
  private var parameters: [TensorRole: [Element]] = [:]

  /// Starts at the output.
  ///
  /// - Parameters:
  ///   - plan: the plan.
  ///   - gradient: the objective's gradient with respect to the output.
  ///   - shape: the shape of an edge.
  init(_ plan: GradientPlan, from gradient: [Element], shape: @escaping (EdgeID) -> Shape) {
    self.plan = plan
    self.shape = shape
    kept = Set(plan.wanted.values.map(\.index))
    edges = [plan.output.index: gradient]
  }

  /// Has a node add its part: the nodes of the plan in turn, last to first.
  ///
  /// - Parameters:
  ///   - node: the node.
  ///   - inputs: its inputs that are activations.
  ///   - counts: the numbers of each of its parameters.
  ///   - body: what it adds for its output's gradient.
  mutating func add(
    _ node: GraphNode, inputs: [EdgeID], parameterCounts counts: [Int],
    _ body: ([Element], inout NodeGradients<Element>) -> Void
  ) {
    // All that take the output have added theirs.
    guard let output = edges[node.output.index] else { return }
    if !kept.contains(node.output.index) { edges[node.output.index] = nil }
    guard plan.takes(node) else { return }
    // Sums are taken out, so that they are written in place; of one that a node takes twice the second starts anew.
    var sums = NodeGradients<Element>(
      inputs: inputs.map { edge in edges.removeValue(forKey: edge.index) ?? Self.zeros(shape(edge)) },
      parameters: zip(node.parameters, counts).map { role, count in
        guard plan.wantsParameters else { return [] }
        return parameters.removeValue(forKey: role) ?? [Element](repeating: 0, count: count)
      })
    body(output, &sums)
    for (edge, values) in zip(inputs, sums.inputs) {
      edges[edge.index] = edges.removeValue(forKey: edge.index).map { $0.adding(values) } ?? values
    }
    guard plan.wantsParameters else { return }
    for (role, values) in zip(node.parameters, sums.parameters) {
      parameters[role] = parameters.removeValue(forKey: role).map { $0.adding(values) } ?? values
    }
  }

  private static func zeros(_ shape: Shape) -> [Element] {
    [Element](repeating: 0, count: shape.elementCount)
  }

  /// What came of it.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - loss: the objective's value.
  /// - Returns: it with all gradients that were wanted.
  func result(of graph: ModelGraph, loss: Double) -> LossGradients<Element> {
    var result = LossGradients<Element>(loss: loss)
    for (name, edge) in plan.wanted {
      let shape = shape(edge)
      result.values[name] = RunOutput(shape: shape, values: edges[edge.index] ?? Self.zeros(shape))
    }
    for parameter in graph.parameters where plan.wantsParameters {
      result.parameters[parameter.role] = RunOutput(
        shape: parameter.shape, values: parameters[parameter.role] ?? Self.zeros(parameter.shape))
    }
    return result
  }
}

extension Array where Element: FloatingPoint {
  /// The sums with those of another array of as many.
  fileprivate func adding(_ other: [Element]) -> [Element] {
    var sums = self
    sums.add(other)
    return sums
  }
}
