// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number, in float64, with its gradient, and with f32 activations.
import IngotCore
import IngotGraph

extension Embedding: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let (shape, table) = step.parameters[0]
    let width = shape.dimensions.last ?? 0
    return step.integers[0].flatMap { number in
      table[((number + offset) * width)..<((number + offset + 1) * width)]
    }
  }
}

extension Embedding: DifferentiableOperator {
  /// A row of the table gets what each of its uses gets.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    add(output, step.integers[0], to: &sums)
  }

  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>) {
    add(output, step.integers[0], to: &sums)
  }

  private func add<Element>(_ output: [Element], _ numbers: [Int], to sums: inout NodeGradients<Element>) {
    guard sums.wantsParameters, !numbers.isEmpty else { return }
    let width = output.count / numbers.count
    for (row, number) in numbers.enumerated() {
      sums.parameters[0].add(output[(row * width)..<((row + 1) * width)], at: (number + offset) * width)
    }
  }
}

extension Embedding: FloatOperator {
  func compute(_ step: FloatStep) {
    let numbers = offset == 0 ? step.integers(0) : step.integers(0).map { $0 + offset }
    step.table(0)?.gather(numbers, into: step.output, pool: step.means.pool)
  }
}
