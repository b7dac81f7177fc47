// SPDX-License-Identifier: Apache-2.0
// A soft bound on scores, in float64, with its gradient, and with f32 activations.
import IngotCore
import IngotGraph
import IngotKernels

extension Softcap: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    step.inputs[0].map { bound * ReferenceKernels.activation(.tanh, $0 / bound) }
  }
}

extension Softcap: DifferentiableOperator {
  /// `g · (1 − tanh²(x / c))`.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    sums.add(
      zip(step.inputs[0], output).map { ReferenceKernels.slope(.tanh, $0 / bound) * $1 }, toInput: 0)
  }
}

extension Softcap: FloatOperator {
  func compute(_ step: FloatStep) {
    let input = step.input(0)
    step.forEachStretch { start, count, output in
      step.kernels.softcap(
        input + start, into: output, count: count, scale: 1, bound: bound, accuracy: step.means.accuracy)
    }
  }
}
