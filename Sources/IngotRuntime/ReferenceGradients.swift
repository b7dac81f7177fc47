// SPDX-License-Identifier: Apache-2.0
// The backward pass in float64: the graph forwards with every activation kept, then node by node from the objective back,
// each adding what the chain rule gives. The judge of all others; no model and no operator is named here.
import IngotCore
import IngotGraph

extension ReferenceExecutor {
  /// Differentiates the model.
  ///
  /// All activations of the run are in memory at once, and the gradients of the parameters, as many as there are
  /// parameters, all in float64: a run is one window of tokens.
  ///
  /// - Parameter request: tokens, what is differentiated, and with respect to what.
  /// - Returns: the objective's value with the gradients.
  /// - Throws: as ``run(_:cache:)``; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an objective that the model does not
  ///   have, and ``IngotCore/IngotError/unsupported(_:at:)`` for an operator without a gradient.
  package func gradients(_ request: GradientRequest) throws(IngotError) -> LossGradients<Double> {
    let plan = try GradientPlan(graph, request)
    let run = try inputs.values(of: request.run, past: 0)
    let edges = graph.edges
    let shape = { (edge: EdgeID) in run.shape(of: edges[edge.index]) }
    try request.objective.requireFit(graph, shape: shape(plan.output))
    var kept: [EdgeID: [Double]] = [:]
    for index in plan.nodes {
      let node = graph.nodes[index]
      kept[node.output] = try arithmetic(of: node).values(step(of: node, kept, run: run))
    }
    let (loss, gradient) = request.objective.differentiate(kept[plan.output] ?? [])
    var sums = GradientSums(plan, from: gradient, shape: shape)
    for index in plan.nodes.reversed() {
      let node = graph.nodes[index]
      // Nothing before it takes what it gave.
      kept[node.output] = nil
      let operation = try node.differentiable()
      let step = step(of: node, kept, run: run)
      try sums.add(
        node, inputs: graph.inputs(of: node, .activations),
        parameterCounts: step.parameters.map(\.values.count)
      ) { operation.addGradients(step, of: $0, to: &$1) }
    }
    return sums.result(of: graph, loss: loss)
  }
}
