// SPDX-License-Identifier: Apache-2.0
// Layer norm, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension LayerNorm: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    ReferenceKernels.layerNorm(
      step.inputs[0], gain: step.parameters[0].values, bias: step.parameters[1].values, epsilon: epsilon)
  }
}

extension LayerNorm: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let gradients = ReferenceKernels.layerNormGradients(
      step.inputs[0], gain: step.parameters[0].values, epsilon: epsilon, of: output)
    sums.add(gradients.x, toInput: 0)
    sums.add(gradients.gain, toParameter: 0)
    sums.add(gradients.bias, toParameter: 1)
  }
}

extension LayerNorm: FloatOperator {
  func compute(_ step: FloatStep) {
    let (gain, bias) = (step.vector(0), step.vector(1))
    let (input, output, width) = (step.input(0), step.output, step.width)
    step.forEachRows { rows in
      let start = rows.lowerBound * width
      step.kernels.layerNorm(
        input + start, into: output + start, rowCount: rows.count, width: width, gain: gain, bias: bias,
        epsilon: epsilon)
    }
  }
}
