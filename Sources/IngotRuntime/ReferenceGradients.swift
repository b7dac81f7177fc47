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
    try request.objective.requireFit(graph, shape: run.shape(of: graph.edges[plan.output.index]))
    var kept: [EdgeID: [Double]] = [:]
    for index in plan.nodes {
      let node = graph.nodes[index]
      kept[node.output] = try arithmetic(of: node).values(step(of: node, kept, run: run))
    }
    return try plan.gradients(of: graph, request.objective, run: run, activations: kept) {
      node, operation, kept, output, sums in
      operation.addGradients(step(of: node, kept, run: run), of: output, to: &sums)
    }
  }
}
