// SPDX-License-Identifier: Apache-2.0
// RMS norm, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension RMSNorm: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    ReferenceKernels.rmsNorm(
      step.inputs[0], gain: step.parameters[0].values, offset: offset, epsilon: epsilon)
  }
}

extension RMSNorm: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let gradients = ReferenceKernels.rmsNormGradients(
      step.inputs[0], gain: step.parameters[0].values, offset: offset, epsilon: epsilon, of: output)
    sums.add(gradients.x, toInput: 0)
    sums.add(gradients.gain, toParameter: 0)
  }
}

extension RMSNorm: FloatOperator {
  func compute(_ step: FloatStep) {
    let gain = step.vector(0)
    let (input, output, width) = (step.input(0), step.output, step.width)
    step.forEachRows { rows in
      let start = rows.lowerBound * width
      step.kernels.rmsNorm(
        input + start, into: output + start, rowCount: rows.count * partCount, width: width / partCount,
        gain: gain, offset: offset, epsilon: epsilon)
    }
  }
}
