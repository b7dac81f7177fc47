// SPDX-License-Identifier: Apache-2.0
// One step of stochastic gradient descent on the objective that language models are trained by: the loss, its gradient, and
// the loss behind the step. Nothing is written.
import IngotCore
import IngotModels
import IngotRuntime

/// What one step of stochastic gradient descent did.
public struct DescentReport: Sendable {
  /// The model's path.
  public var model: String
  /// The arithmetic: float64 for the reference, else fp32.
  public var precision: Precision
  /// The mean of `−log p` of each row's next tokens, in nats.
  public var loss: Double
  /// The same behind the step.
  public var lossBehind: Double
  /// η, what the gradient was multiplied with before it was taken off.
  public var rate: Double
  /// ‖g‖², the sum of the squares of the gradient's numbers: to first order the loss falls by η · ‖g‖².
  public var squaredGradient: Double
  /// The parameters behind the step.
  package var weights: WeightStore

  /// What the loss falls by to first order.
  public var expectedFall: Double { rate * squaredGradient }
}

extension Ingot {
  /// Takes one step of stochastic gradient descent, in memory: each parameter less a rate times its gradient.
  ///
  /// All activations of the tokens and the gradients of all parameters are in memory at once.
  ///
  /// - Parameters:
  ///   - path: a model that predicts the next token.
  ///   - tokens: ids: `1,2,3`, or the path of a `.npy` file of integers with one or two dimensions; at least two a row.
  ///   - rate: η.
  ///   - options: the arithmetic, and how the model is opened.
  /// - Returns: the losses before and behind it.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that predicts no next tokens, and for tokens with
  ///   nothing to predict; the errors of reading and running.
  public static func descend(
    _ path: String, tokens: String, rate: Double, options: RunOptions = RunOptions()
  ) throws(IngotError) -> DescentReport {
    let (model, _) = try options.open(path)
    try Model.requireUse(of: options.precision, in: [model])
    try model.requireNextTokens()
    let fixtures = FixtureSet(inputIDs: try TokenInput.read(tokens, work: options.work))
    let runner = try options.runner(model)
    var request = GradientRequest(nextTokensOf: fixtures.request(of: model.recognised.graph, wanting: []))
    let gradients = try runner.gradients(request)
    let behind = runner.stepping(rate, against: gradients)
    request.wantsParameters = false
    let squares = model.recognised.graph.parameters.reduce(0.0) { sum, parameter in
      gradients.values(of: parameter.role).reduce(sum) { $0 + $1 * $1 }
    }
    return DescentReport(
      model: model.path, precision: options.precision, loss: gradients.loss,
      lossBehind: try behind.gradients(request).loss, rate: rate, squaredGradient: squares,
      weights: behind.store)
  }
}
