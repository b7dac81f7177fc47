// SPDX-License-Identifier: Apache-2.0
// A gate and what it lets through, side by side, in float64, with its gradient, and with f32 activations.
import IngotGraph
import IngotKernels

extension Gate: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let rowCount = step.run.batchCount * step.run.tokenCount
    let width = step.inputs[0].count / max(1, 2 * rowCount)
    return (0..<rowCount).flatMap { row in
      (0..<width).map { index in
        let start = 2 * row * width + index
        return ReferenceKernels.activation(kind, step.inputs[0][start]) * step.inputs[0][start + width]
      }
    }
  }
}

extension Gate: DifferentiableOperator {
  /// The gate gets `g · f′(gate)` times what it lets through, and that gets `g · f(gate)`.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let rowCount = step.run.batchCount * step.run.tokenCount
    let width = output.count / max(1, rowCount)
    for row in 0..<rowCount {
      for index in 0..<width {
        let (start, slope) = (2 * row * width + index, output[row * width + index])
        let (gate, opened) = (step.inputs[0][start], step.inputs[0][start + width])
        sums.inputs[0][start] += slope * ReferenceKernels.slope(kind, gate) * opened
        sums.inputs[0][start + width] += slope * ReferenceKernels.activation(kind, gate)
      }
    }
  }
}

extension Gate: FloatOperator {
  func compute(_ step: FloatStep) {
    let (input, output, width) = (step.input(0), step.output, step.width)
    step.forEachRows { rows in
      for row in rows {
        let (gate, opened) = (input + 2 * row * width, output + row * width)
        step.kernels.activate(kind, gate, into: opened, count: width, accuracy: step.means.accuracy)
        step.kernels.multiply(opened, gate + width, into: opened, count: width)
      }
    }
  }
}
