// SPDX-License-Identifier: Apache-2.0
// The product of two values, number by number, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension Multiply: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let (a, b) = (step.inputs[0], step.inputs[1])
    guard a.count != b.count, !b.isEmpty else { return zip(a, b).map { $0 * $1 } }
    let width = a.count / b.count
    return a.indices.map { a[$0] * b[$0 / width] }
  }
}

extension Multiply: DifferentiableOperator {
  /// Each gets `g` times the other; one number for a row gets the sum over it.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let (a, b) = (step.inputs[0], step.inputs[1])
    guard !b.isEmpty else { return }
    let width = a.count / b.count
    for index in a.indices {
      sums.inputs[0][index] += output[index] * b[index / width]
      sums.inputs[1][index / width] += output[index] * a[index]
    }
  }
}

extension Multiply: FloatOperator {
  func compute(_ step: FloatStep) {
    let (a, b) = (step.input(0), step.input(1))
    guard step.step.inputs[1].width == step.width else { return scaleRows(step, a, by: b) }
    step.forEachStretch { start, count, output in
      step.kernels.multiply(a + start, b + start, into: output, count: count)
    }
  }

  /// Multiplies each row by its number.
  private func scaleRows(
    _ step: FloatStep, _ rows: UnsafeMutablePointer<Float>, by factors: UnsafeMutablePointer<Float>
  ) {
    let (output, width) = (step.output, step.width)
    step.forEachRows { range in
      for row in range {
        let factor = factors[row]
        for index in (row * width)..<((row + 1) * width) { output[index] = rows[index] * factor }
      }
    }
  }
}
