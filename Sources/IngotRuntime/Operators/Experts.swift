// SPDX-License-Identifier: Apache-2.0
// A mixture of experts, in float64, with its gradient, and with f32 activations expert by expert: of each expert the tokens that chose it pass
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
    let places = weights(of: expert)
    let gated = zip(product(input, places.gate, step), product(input, places.up, step)).map(self.gated)
    return product(gated, places.down, step)
  }

  private func product(_ x: [Double], _ index: Int, _ step: ReferenceStep) -> [Double] {
    step.product(x, by: index, weightLayout, hasBias: hasBias)
  }

  /// What an expert does between its projections.
  private func gated(_ gate: Double, _ up: Double) -> Double {
    switch self.gate {
    case .plain(let kind): return ReferenceKernels.activation(kind, gate) * up
    case .clamped(let alpha, let bound):
      let (low, clamped) = Self.clamped(gate, up, bound)
      return (clamped + 1) * low * ReferenceKernels.activation(.sigmoid, alpha * low)
    }
  }

  /// Gate at most a bound, up between it and its negative; NaN passes.
  private static func clamped(_ gate: Double, _ up: Double, _ bound: Double) -> (gate: Double, up: Double) {
    (gate > bound ? bound : gate, up > bound ? bound : up < -bound ? -bound : up)
  }
}

extension Experts: DifferentiableOperator {
  /// Of each token the experts that were chosen, and their scores by their shares; which are chosen is as it is.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let rowCount = step.inputs[1].count / expertCount
    let width = output.count / max(1, rowCount)
    for row in 0..<rowCount {
      let slopes = output[(row * width)..<((row + 1) * width)]
      let input = Array(step.inputs[0][(row * width)..<((row + 1) * width)])
      let scores = Array(step.inputs[1][(row * expertCount)..<((row + 1) * expertCount)])
      var (ofShares, isChosen) = (scores.map { _ in 0.0 }, scores.map { _ in false })
      for (expert, share) in chosen(scores) {
        isChosen[expert] = true
        let (value, ofInput) = differentiate(expert, input, of: slopes.map { share * $0 }, step, &sums)
        ofShares[expert] = zip(value, slopes).reduce(0) { $0 + $1.0 * $1.1 }
        sums.inputs[0].add(ofInput, at: row * width)
      }
      let all = ReferenceKernels.softmax(scores, mask: shares == .ofAll ? [] : isChosen)
      sums.inputs[1].add(ReferenceKernels.softmaxGradient(all, of: ofShares), at: row * expertCount)
    }
  }

  /// What an expert makes of a token, and the gradient with respect to the token; those of its weights are added.
  private func differentiate(
    _ expert: Int, _ input: [Double], of output: [Double], _ step: ReferenceStep,
    _ sums: inout NodeGradients<Double>
  ) -> (value: [Double], input: [Double]) {
    let places = weights(of: expert)
    let (gates, ups) = (product(input, places.gate, step), product(input, places.up, step))
    let gated = zip(gates, ups).map(self.gated)
    func back(_ x: [Double], _ slopes: [Double], _ index: Int) -> [Double] {
      step.addProductGradients(x, of: slopes, by: index, weightLayout, hasBias: hasBias, to: &sums)
    }
    let slopes = zip(zip(gates, ups), back(gated, output, places.down)).map { pair, slope in
      let slopes = gatedSlopes(pair.0, pair.1)
      return (gate: slope * slopes.gate, up: slope * slopes.up)
    }
    let (ofGate, ofUp) = (
      back(input, slopes.map(\.gate), places.gate), back(input, slopes.map(\.up), places.up)
    )
    return (product(gated, places.down, step), zip(ofGate, ofUp).map(+))
  }

  /// The derivatives of what an expert does between its projections.
  private func gatedSlopes(_ gate: Double, _ up: Double) -> (gate: Double, up: Double) {
    switch self.gate {
    case .plain(let kind):
      return (ReferenceKernels.slope(kind, gate) * up, ReferenceKernels.activation(kind, gate))
    case .clamped(let alpha, let bound):
      let (low, clamped) = Self.clamped(gate, up, bound)
      let (share, bend) = (
        ReferenceKernels.activation(.sigmoid, alpha * low), ReferenceKernels.slope(.sigmoid, alpha * low)
      )
      return (
        gate > bound ? 0 : (clamped + 1) * (share + alpha * low * bend),
        up > bound || up < -bound ? 0 : low * share
      )
    }
  }
}

extension Experts {
  /// In fp32 expert by expert: of each the tokens that chose it pass at once.
  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>) {
    let rowCount = step.inputs[1].count / expertCount
    let width = output.count / max(1, rowCount)
    let scores = step.inputs[1].map(Double.init)
    func part(_ row: Int) -> Range<Int> { (row * expertCount)..<((row + 1) * expertCount) }
    var takers = [[(row: Int, share: Double)]](repeating: [], count: expertCount)
    for row in 0..<rowCount {
      for (expert, share) in chosen(Array(scores[part(row)])) { takers[expert].append((row, share)) }
    }
    var (ofShares, isChosen) = (scores.map { _ in 0.0 }, scores.map { _ in false })
    for (expert, taken) in takers.enumerated() where !taken.isEmpty {
      func gather(_ rows: [Float]) -> [Float] {
        taken.flatMap { rows[($0.row * width)..<(($0.row + 1) * width)] }
      }
      let slopes = gather(output)
      let scaled = slopes.indices.map { slopes[$0] * Float(taken[$0 / width].share) }
      let (value, ofInput) = differentiate(expert, gather(step.inputs[0]), of: scaled, step, &sums)
      for (index, taker) in taken.enumerated() {
        let range = (index * width)..<((index + 1) * width)
        ofShares[taker.row * expertCount + expert] = range.reduce(0) {
          $0 + Double(value[$1]) * Double(slopes[$1])
        }
        isChosen[taker.row * expertCount + expert] = true
        sums.inputs[0].add(ofInput[range], at: taker.row * width)
      }
    }
    for row in 0..<rowCount {
      let all = ReferenceKernels.softmax(
        Array(scores[part(row)]), mask: shares == .ofAll ? [] : Array(isChosen[part(row)]))
      let ofScores = ReferenceKernels.softmaxGradient(all, of: Array(ofShares[part(row)]))
      sums.inputs[1].add(ofScores.map { Float($0) }, at: row * expertCount)
    }
  }

  /// What an expert makes of some tokens, and the gradient with respect to them; those of its weights are added.
  private func differentiate(
    _ expert: Int, _ input: [Float], of output: [Float], _ step: FloatGradientStep,
    _ sums: inout NodeGradients<Float>
  ) -> (value: [Float], input: [Float]) {
    func product(_ x: [Float], _ index: Int) -> [Float] {
      step.product(x, by: index, weightLayout, hasBias: hasBias)
    }
    func back(_ x: [Float], _ slopes: [Float], _ index: Int) -> [Float] {
      step.addProductGradients(x, of: slopes, by: index, weightLayout, hasBias: hasBias, to: &sums)
    }
    let places = weights(of: expert)
    let (gates, ups) = (product(input, places.gate), product(input, places.up))
    let gated = zip(gates, ups).map { Float(self.gated(Double($0), Double($1))) }
    let ofGated = back(gated, output, places.down)
    var (ofGate, ofUp) = (ofGated, ofGated)
    for index in ofGated.indices {
      let slopes = gatedSlopes(Double(gates[index]), Double(ups[index]))
      ofGate[index] = Float(Double(ofGated[index]) * slopes.gate)
      ofUp[index] = Float(Double(ofGated[index]) * slopes.up)
    }
    let (first, second) = (back(input, ofGate, places.gate), back(input, ofUp, places.up))
    return (product(gated, places.down), zip(first, second).map(+))
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
