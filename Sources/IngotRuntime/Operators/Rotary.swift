// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding, in float64, with its gradient, and with f32 activations by a table that all blocks share.
import IngotGraph
import IngotKernels

extension Rotary {
  /// Numbers of a row that belong to heads that are turned.
  fileprivate func turnedWidth(of width: Int) -> Int { turnedHeadCount.map { $0 * headDimension } ?? width }
}

extension Rotary: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] { turned(step.inputs[0], step, sign: 1) }

  /// The rows turned by their positions' angles, or with a sign of −1 by as much the other way.
  private func turned(_ input: [Double], _ step: ReferenceStep, sign: Double) -> [Double] {
    let (frequencies, factor) = (schedule.frequencies(length: step.greatest[0] + 1), schedule.attentionFactor)
    let width = input.count / max(1, step.integers[0].count)
    var output: [Double] = []
    output.reserveCapacity(input.count)
    for (row, position) in step.integers[0].enumerated() {
      let angles = frequencies.map { sign * Double(position) * $0 }
      let turned = turnedWidth(of: width)
      for start in stride(from: row * width, to: row * width + turned, by: headDimension) {
        output += ReferenceKernels.rotate(
          input[start..<(start + headDimension)], angles: angles, factor: factor)
      }
      output += input[(row * width + turned)..<((row + 1) * width)]
    }
    return output
  }
}

extension Rotary: DifferentiableOperator {
  /// What was turned is turned back: a rotation's transpose.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    sums.add(turned(output, step, sign: -1), toInput: 0)
  }
}

extension Rotary: FloatOperator {
  func compute(_ step: FloatStep) {
    let positions = step.integers(0)
    let table = step.rotaryTable(schedule, positions)
    let (input, output, width, pairs) = (step.input(0), step.output, step.width, schedule.pairCount)
    let turned = turnedWidth(of: width)
    step.forEachRows { rows in
      for row in rows {
        let (cosine, start) = (table.row(row), row * width)
        step.kernels.rotate(
          input + start, into: output + start, headCount: turned / headDimension,
          headDimension: headDimension, half: pairs, cosine: cosine, sine: cosine + pairs)
        if input != output {
          (output + start + turned).update(from: input + start + turned, count: width - turned)
        }
      }
    }
  }
}
