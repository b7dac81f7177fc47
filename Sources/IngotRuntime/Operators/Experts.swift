// SPDX-License-Identifier: Apache-2.0
// A mixture of experts, in float64, and with f32 activations expert by expert: of each expert the tokens that chose it pass
// at once, and an expert that no token chose is not touched.
import IngotCore
import IngotGraph
import IngotKernels

extension Experts: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let width = step.inputs[0].count * expertCount / max(1, step.inputs[1].count)
    var output = [Double](repeating: 0, count: step.inputs[0].count)
    for row in 0..<(step.inputs[1].count / expertCount) {
      let input = Array(step.inputs[0][(row * width)..<((row + 1) * width)])
      let scores = Array(step.inputs[1][(row * expertCount)..<((row + 1) * expertCount)])
      for (expert, share) in chosen(scores) {
        for (index, value) in apply(expert, to: input, step).enumerated() {
          output[row * width + index] += share * value
        }
      }
    }
    return output
  }

  /// What an expert makes of a token.
  private func apply(_ expert: Int, to input: [Double], _ step: ReferenceStep) -> [Double] {
    func product(_ x: [Double], _ index: Int) -> [Double] {
      let (shape, weight) = step.parameters[index]
      let isInOut = weightLayout == .inOut
      return ReferenceKernels.product(
        x, by: weight, layout: weightLayout, bias: hasBias ? step.parameters[index + 1].values : [],
        depth: shape.dimensions[isInOut ? 0 : 1], columnCount: shape.dimensions[isInOut ? 1 : 0])
    }
    let places = weights(of: expert)
    let gated = zip(product(input, places.gate), product(input, places.up)).map { gate, up in
      switch self.gate {
      case .plain(let kind): return ReferenceKernels.activation(kind, gate) * up
      case .clamped(let alpha, let bound):
        // NaN passes.
        let (low, clamped) = (gate > bound ? bound : gate, up > bound ? bound : up < -bound ? -bound : up)
        return (clamped + 1) * low * ReferenceKernels.activation(.sigmoid, alpha * low)
      }
    }
    return product(gated, places.down)
  }
}

extension Experts: FloatOperator {
  func compute(_ step: FloatStep) {
    let (input, scores, output) = (step.input(0), step.input(1), step.output)
    let (rowCount, width) = (step.rowCount, step.width)
    var takers = [[(row: Int, share: Float)]](repeating: [], count: expertCount)
    for row in 0..<rowCount {
      let ofRow = (0..<expertCount).map { Double(scores[row * expertCount + $0]) }
      for (expert, share) in chosen(ofRow) { takers[expert].append((row, Float(share))) }
    }
    output.update(repeating: 0, count: rowCount * width)
    let most = takers.map(\.count).max() ?? 0
    let hidden =
      takers.indices.map { step.linear(weights(of: $0).gate, weightLayout)?.columnCount ?? 0 }.max() ?? 0
    let scratch = AlignedBuffer(Float.self, count: most * (2 * width + 2 * hidden))
    let rows = scratch.pointer(as: Float.self)
    for (expert, taken) in takers.enumerated() where !taken.isEmpty {
      for (index, taker) in taken.enumerated() {
        (rows + index * width).update(from: input + taker.row * width, count: width)
      }
      let result = rows + taken.count * (width + 2 * hidden)
      apply(expert, to: rows, rowCount: taken.count, hidden: rows + taken.count * width, into: result, step)
      for (index, taker) in taken.enumerated() {
        let (source, target) = (result + index * width, output + taker.row * width)
        for place in 0..<width { target[place] += taker.share * source[place] }
      }
    }
  }

  /// What an expert makes of some tokens.
  ///
  /// - Parameters:
  ///   - expert: which.
  ///   - rows: the tokens, `[rowCount, D]`.
  ///   - rowCount: their number.
  ///   - hidden: memory for what is between the projections, `[2, rowCount, F]`.
  ///   - result: `[rowCount, D]`.
  ///   - step: the step.
  private func apply(
    _ expert: Int, to rows: UnsafeMutablePointer<Float>, rowCount: Int, hidden: UnsafeMutablePointer<Float>,
    into result: UnsafeMutablePointer<Float>, _ step: FloatStep
  ) {
    func multiply(
      _ x: UnsafeMutablePointer<Float>, _ index: Int, into y: UnsafeMutablePointer<Float>,
      _ activation: ActivationKind? = nil
    ) {
      var end = ProductEnd(bias: hasBias ? step.vector(index + 1) : nil, activation: activation)
      end.accuracy = step.means.accuracy
      step.multiply(x, rowCount: rowCount, by: index, weightLayout, end: end, into: y)
    }
    let places = weights(of: expert)
    let count = rowCount * (step.linear(places.gate, weightLayout)?.columnCount ?? 0)
    let up = hidden + count
    switch gate {
    case .plain(let kind):
      multiply(rows, places.gate, into: hidden, kind)
      multiply(rows, places.up, into: up)
      step.kernels.multiply(hidden, up, into: hidden, count: count)
    case .clamped(let alpha, let bound):
      multiply(rows, places.gate, into: hidden)
      multiply(rows, places.up, into: up)
      clamp(hidden, up, count: count, alpha: Float(alpha), bound: Float(bound), step)
    }
    multiply(hidden, places.down, into: result)
  }

  /// `(up + 1) · gate · sigmoid(α · gate)`, into the gate's place.
  private func clamp(
    _ gate: UnsafeMutablePointer<Float>, _ up: UnsafeMutablePointer<Float>, count: Int, alpha: Float,
    bound: Float, _ step: FloatStep
  ) {
    for index in 0..<count {
      // NaN passes.
      let low = gate[index] > bound ? bound : gate[index]
      let clamped = up[index] > bound ? bound : up[index] < -bound ? -bound : up[index]
      up[index] = (clamped + 1) * low
      gate[index] = alpha * low
    }
    step.kernels.activate(.sigmoid, gate, into: gate, count: count, accuracy: step.means.accuracy)
    step.kernels.multiply(gate, up, into: gate, count: count)
  }
}
