// SPDX-License-Identifier: Apache-2.0
// Which gradients are wanted, of what, and what comes of it.
import IngotCore
import IngotGraph
import IngotKernels

/// What is differentiated, and with respect to what.
package struct GradientRequest: Sendable {
  /// The number whose gradients are taken.
  package enum Objective: Sendable {
    /// The mean of `−log p` of the tokens that positions should give, `[B, T]`: what GPT-2 was trained to make small. A
    /// negative one does not count.
    case tokens([Int])
    /// An output's numbers, each times a factor, summed up.
    case sum(of: String, factors: [Double])
  }

  /// What goes in; what it wants to come out is not looked at.
  package var run: RunRequest
  /// What is differentiated.
  package var objective: Objective
  /// Whether gradients with respect to parameters are wanted.
  package var wantsParameters = true
  /// Names of outputs and nodes whose gradients are wanted.
  package var wanted: Set<String> = []

  /// Makes a request for the gradients of all parameters, of the loss of each row's next tokens.
  ///
  /// Tokens that the mask hides do not count, and neither does what comes behind them.
  package init(nextTokensOf run: RunRequest) {
    let targets = run.ids.indices.map { index in
      let isLast = index % max(1, run.tokenCount) == run.tokenCount - 1
      let isSeen = !isLast && (run.mask.map { $0[index] && $0[index + 1] } ?? true)
      return isSeen ? run.ids[index + 1] : -1
    }
    self.init(run, .tokens(targets))
  }

  /// Makes a request for the gradients of all parameters.
  package init(_ run: RunRequest, _ objective: Objective) {
    self.run = run
    self.objective = objective
  }
}

/// An objective and its gradients.
package struct LossGradients<Element: Sendable>: Sendable {
  /// The objective's value.
  package var loss: Double
  /// With respect to each parameter, in the graph's shapes; zeros where nothing depends on one.
  ///
  /// Of quantized weights they are with respect to the numbers that they stand for.
  package var parameters: [TensorRole: RunOutput<Element>] = [:]
  /// With respect to wanted outputs and nodes, by name, `[B, T, width]`.
  package var values: [String: RunOutput<Element>] = [:]
}

extension GradientRequest {
  /// Calls for the gradient with respect to what each linear node gives, and to no parameter: what says how much each
  /// number of a product matters.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - run: what goes in.
  ///   - objective: what is differentiated.
  /// - Returns: a request whose ``LossGradients/values`` are `[B, T, N]` by the nodes' names.
  package static func productOutputs(
    of graph: ModelGraph, _ run: RunRequest, _ objective: Objective
  ) -> GradientRequest {
    var request = GradientRequest(run, objective)
    request.wantsParameters = false
    request.wanted = Set(graph.nodes.filter(\.operation.isProduct).map(\.name))
    return request
  }
}

extension GradientRequest.Objective {
  /// The output that it is made of.
  var output: String {
    switch self {
    case .tokens: ModelGraph.logits
    case .sum(let output, _): output
    }
  }

  /// Throws unless an output of a shape has what it asks for.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that predicts no tokens, targets that are not as
  ///   many as tokens, outside the vocabulary or all left out, and factors that are not as many as numbers.
  func requireFit(_ graph: ModelGraph, shape: Shape) throws(IngotError) {
    func unsuitable(_ why: Evidence) -> IngotError { .unsuitable(Location("input"), why: why, hint: nil) }
    switch self {
    case .sum(_, let factors):
      guard factors.count == shape.elementCount else {
        throw unsuitable("\(factors.count, "factor") for \(shape.elementCount, "number")")
      }
    case .tokens(let targets):
      guard graph.predictsTokens, let width = shape.dimensions.last else {
        throw unsuitable("the model predicts no tokens, whose loss could be differentiated")
      }
      guard targets.count * width == shape.elementCount else {
        throw unsuitable("\(targets.count, "target") for \(shape.elementCount / max(1, width), "token")")
      }
      if let target = targets.first(where: { $0 >= width }) {
        throw unsuitable("token id \(target) is outside the vocabulary of \(width)")
      }
      guard targets.contains(where: { $0 >= 0 }) else { throw unsuitable("no token counts in the loss") }
    }
  }

  /// The objective's value, and its gradient with respect to the output; taken in float64 row by row.
  ///
  /// - Parameter values: the output, which fits.
  /// - Returns: both.
  func differentiate<Element: BinaryFloatingPoint>(
    _ values: [Element]
  ) -> (loss: Double, gradient: [Element]) {
    switch self {
    case .sum(_, let factors):
      return (zip(values, factors).reduce(0) { $0 + Double($1.0) * $1.1 }, factors.map { Element($0) })
    case .tokens(let targets):
      let width = values.count / max(1, targets.count)
      let count = Double(targets.count { $0 >= 0 })
      var loss = 0.0
      var gradient = [Element](repeating: 0, count: values.count)
      for (row, target) in targets.enumerated() where target >= 0 {
        let scores = values[(row * width)..<((row + 1) * width)].map { Double($0) }
        let (ofToken, slopes) = ReferenceKernels.crossEntropy(scores, token: target)
        loss += ofToken / count
        for (index, slope) in slopes.enumerated() { gradient[row * width + index] = Element(slope / count) }
      }
      return (loss, gradient)
    }
  }
}
