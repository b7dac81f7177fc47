// SPDX-License-Identifier: Apache-2.0
// One token's row of each sequence, in float64, with its gradient, and with f32 activations.
import IngotGraph

extension SelectToken: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let tokenCount = step.run.tokenCount
    let width = step.inputs[0].count / (step.run.batchCount * tokenCount)
    return tokens(step).enumerated().flatMap { row, token in
      let start = (row * tokenCount + token) * width
      return step.inputs[0][start..<(start + width)]
    }
  }

  /// The token of each sequence.
  private func tokens(_ step: ReferenceStep) -> [Int] {
    let tokenCount = step.run.tokenCount
    return (0..<step.run.batchCount).map { row in
      switch choice {
      case .first: 0
      case .last: step.run.lastVisibleToken(row: row)
      case .lastOther(let id): (0..<tokenCount).last { step.integers[0][row * tokenCount + $0] != id } ?? 0
      case .given: step.integers[0][row]
      }
    }
  }
}

extension SelectToken: DifferentiableOperator {
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let width = output.count / step.run.batchCount
    for (row, token) in tokens(step).enumerated() {
      sums.inputs[0].add(
        output[(row * width)..<((row + 1) * width)], at: (row * step.run.tokenCount + token) * width)
    }
  }
}

extension SelectToken: FloatOperator {
  func compute(_ step: FloatStep) {
    let pass = step.pass
    let integers = step.step.integers.isEmpty ? [] : step.integers(0)
    for row in 0..<pass.batchCount {
      let first = row * pass.tokenCount
      let token =
        switch choice {
        case .first: 0
        case .last: pass.lastVisibleToken(row: row)
        case .lastOther(let id): (0..<pass.tokenCount).last { integers[first + $0] != id } ?? 0
        case .given: integers[row]
        }
      let source = step.input(0) + (first + token) * step.width
      (step.output + row * step.width).update(from: source, count: step.width)
    }
  }
}
