// SPDX-License-Identifier: Apache-2.0
// One factor for all numbers, in float64, with its gradient, and with f32 activations.
import IngotGraph

extension Scale: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] { step.inputs[0].map { $0 * factor } }
}

extension Scale: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    sums.add(output.map { $0 * factor }, toInput: 0)
  }
}

extension Scale: FloatOperator {
  func compute(_ step: FloatStep) {
    let (input, factor) = (step.input(0), Float(factor))
    step.forEachStretch { start, count, output in
      for index in 0..<count { output[index] = input[start + index] * factor }
    }
  }
}
