// SPDX-License-Identifier: Apache-2.0
// What an operator says of its gradients: in float64, by which others are judged, and in fp32, where it has a way of its own.
import IngotCore
import IngotGraph

/// An operator whose gradients are known.
protocol DifferentiableOperator: ReferenceOperator {
  /// Adds an objective's gradients with respect to inputs and parameters, in float64.
  ///
  /// - Parameters:
  ///   - step: what the output was computed with; without a cache.
  ///   - output: the gradient with respect to the output, row-major.
  ///   - sums: what is added to.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>)

  /// Adds them in fp32.
  ///
  /// - Parameters:
  ///   - step: what the output was computed with.
  ///   - output: the gradient with respect to the output, row-major.
  ///   - sums: what is added to.
  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>)
}

extension DifferentiableOperator {
  /// By the arithmetic of float64, whose results are rounded: for what takes little time beside products.
  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>) {
    let exact = step.exact
    var parts = NodeGradients<Double>(
      inputs: exact.inputs.map { [Double](repeating: 0, count: $0.count) },
      parameters: sums.parameters.map { [Double](repeating: 0, count: $0.count) })
    addGradients(exact, of: output.map(Double.init), to: &parts)
    for (index, part) in parts.inputs.enumerated() { sums.add(part.map { Float($0) }, toInput: index) }
    for (index, part) in parts.parameters.enumerated() {
      sums.add(part.map { Float($0) }, toParameter: index)
    }
  }
}

extension GraphOperator {
  /// Whether its gradients are known.
  package static var hasGradient: Bool { self is any DifferentiableOperator.Type }
}

extension GraphNode {
  /// The operator with its gradients.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that has none.
  func differentiable() throws(IngotError) -> any DifferentiableOperator {
    guard let operation = operation as? any DifferentiableOperator else {
      throw .unsupported("the gradient of \(words: operation.name)", at: Location(name))
    }
    return operation
  }
}
