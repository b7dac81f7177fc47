// SPDX-License-Identifier: Apache-2.0
// A matrix product with a weight, in float64, with its gradient, and with f32 activations and whatever ends it in the same step.
import IngotCore
import IngotGraph
import IngotKernels

extension Linear: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    step.product(step.inputs[0], by: 0, weightLayout, hasBias: hasBias)
  }
}

extension Linear: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    sums.add(
      step.addProductGradients(
        step.inputs[0], of: output, by: 0, weightLayout, hasBias: hasBias, to: &sums), toInput: 0)
  }
}

extension Linear {
  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>) {
    sums.add(
      step.addProductGradients(
        step.inputs[0], of: output, by: 0, weightLayout, hasBias: hasBias, to: &sums), toInput: 0)
  }
}

extension ReferenceStep {
  /// Multiplies rows by a parameter that is a linear weight.
  ///
  /// - Parameters:
  ///   - x: `[rows, K]`.
  ///   - index: which parameter.
  ///   - layout: how it is stored.
  ///   - hasBias: whether a bias follows it.
  /// - Returns: `[rows, N]`.
  func product(_ x: [Double], by index: Int, _ layout: WeightLayout, hasBias: Bool) -> [Double] {
    let (depth, columnCount) = matrix(index, layout)
    return ReferenceKernels.product(
      x, by: parameters[index].values, layout: layout, bias: hasBias ? parameters[index + 1].values : [],
      depth: depth, columnCount: columnCount)
  }

  /// Adds the gradients of such a product with respect to weight and bias.
  ///
  /// - Parameters:
  ///   - x: `[rows, K]`.
  ///   - output: the gradient with respect to the product, `[rows, N]`.
  ///   - index: which parameter.
  ///   - layout: how it is stored.
  ///   - hasBias: whether a bias follows it.
  ///   - sums: what is added to.
  /// - Returns: the gradient with respect to x.
  func addProductGradients(
    _ x: [Double], of output: [Double], by index: Int, _ layout: WeightLayout, hasBias: Bool,
    to sums: inout NodeGradients<Double>
  ) -> [Double] {
    let (depth, columnCount) = matrix(index, layout)
    if sums.wantsParameters {
      ReferenceKernels.addWeightGradient(
        x, of: output, layout: layout, depth: depth, columnCount: columnCount, to: &sums.parameters[index])
      if hasBias {
        for (place, slope) in output.enumerated() { sums.parameters[index + 1][place % columnCount] += slope }
      }
    }
    return ReferenceKernels.inputGradient(
      of: output, by: parameters[index].values, layout: layout, depth: depth, columnCount: columnCount)
  }

  /// K and N of a linear weight, a matrix in any sound graph.
  private func matrix(_ index: Int, _ layout: WeightLayout) -> (depth: Int, columnCount: Int) {
    let dimensions = parameters[index].shape.dimensions
    let (first, last) = (dimensions.first ?? 0, dimensions.last ?? 0)
    return layout == .inOut ? (first, last) : (last, first)
  }
}

extension Linear: FloatOperator {
  func compute(_ step: FloatStep) {
    var end = ProductEnd(bias: hasBias ? step.vector(1) : nil, activation: step.ending.activation)
    end.accuracy = step.means.accuracy
    if let residual = step.ending.residualInput { end.residual = UnsafePointer(step.input(residual)) }
    step.multiply(
      step.input(0), rowCount: step.rowCount, by: 0, weightLayout, end: end, into: step.output)
  }
}
