// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number, in float64 and with f32 activations.
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

extension Embedding: FloatOperator {
  func compute(_ step: FloatStep) {
    let numbers = offset == 0 ? step.integers(0) : step.integers(0).map { $0 + offset }
    step.table(0)?.gather(numbers, into: step.output, pool: step.means.pool)
  }
}
