// SPDX-License-Identifier: Apache-2.0
// A function of each number, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension Activation: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    step.inputs[0].map { ReferenceKernels.activation(kind, $0) }
  }
}

extension Activation: DifferentiableOperator {
  /// `g · f′(x)`.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    sums.add(zip(step.inputs[0], output).map { ReferenceKernels.slope(kind, $0) * $1 }, toInput: 0)
  }
}

extension Activation: FloatOperator {
  func compute(_ step: FloatStep) {
    let input = step.input(0)
    step.forEachStretch { start, count, output in
      step.kernels.activate(
        kind, input + start, into: output, count: count, accuracy: step.means.accuracy)
    }
  }
}
