// SPDX-License-Identifier: Apache-2.0
// A soft bound on scores, in float64 and with f32 activations.
import IngotCore
import IngotGraph
import IngotKernels

extension Softcap: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    step.inputs[0].map { bound * ReferenceKernels.activation(.tanh, $0 / bound) }
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
