// SPDX-License-Identifier: Apache-2.0
// The sum of two values, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension Add: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    zip(step.inputs[0], step.inputs[1]).map { $0 + $1 }
  }
}

extension Add: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    for index in 0..<2 { sums.add(output, toInput: index) }
  }
}

extension Add: FloatOperator {
  func compute(_ step: FloatStep) {
    let (a, b) = (step.input(0), step.input(1))
    step.forEachStretch { start, count, output in
      step.kernels.add(a + start, b + start, into: output, count: count)
    }
  }
}
