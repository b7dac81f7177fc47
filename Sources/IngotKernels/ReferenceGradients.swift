// SPDX-License-Identifier: Apache-2.0
// Gradients of row and element operators in float64, as the chain rule gives them: what an objective's gradient with respect
// to a result makes of its gradients with respect to what went in. Where a function has a corner, PyTorch's choice is taken.
import Glibc
import IngotCore

extension ReferenceKernels {
  /// The derivative of an activation function; at a corner the one that PyTorch has.
  ///
  /// - SeeAlso: pytorch/pytorch, `tools/autograd/derivatives.yaml`.
  package static func slope(_ kind: ActivationKind, _ x: Double) -> Double {
    switch kind {
    case .gelu: 0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case .geluTanh: tanhGELUSlope(x, (2 / Double.pi).squareRoot())
    case .geluFast: tanhGELUSlope(x, 0.7978845608)
    case .quickGELU: swishSlope(x, 1.702)
    case .relu: x <= 0 ? 0 : 1
    case .silu: swishSlope(x, 1)
    case .tanh: 1 - tanh(x) * tanh(x)
    case .sigmoid: sigmoidSlope(x)
    // Above 40 it is x, to the last bit.
    case .mish: x > 40 ? 1 : mishSlope(x)
    case .laplace:
      exp(-((x - 0.707107) / 0.282095) * ((x - 0.707107) / 0.282095) / 2)
        / (0.282095 * (2 * Double.pi).squareRoot())
    case .reluSquared: x <= 0 ? 0 : 2 * x
    case .relu6: x <= 0 || x >= 6 ? 0 : 1
    case .linear: 1
    }
  }

  private static func sigmoidSlope(_ x: Double) -> Double {
    let share = activation(.sigmoid, x)
    return share * (1 - share)
  }

  /// Of `x · σ(αx)`.
  private static func swishSlope(_ x: Double, _ alpha: Double) -> Double {
    activation(.sigmoid, alpha * x) + alpha * x * sigmoidSlope(alpha * x)
  }

  /// Of `½x(1 + tanh(c(x + 0.044715x³)))`.
  private static func tanhGELUSlope(_ x: Double, _ c: Double) -> Double {
    let bend = tanh(c * (x + 0.044715 * x * x * x))
    return 0.5 * (1 + bend) + 0.5 * x * (1 - bend * bend) * c * (1 + 3 * 0.044715 * x * x)
  }

  private static func mishSlope(_ x: Double) -> Double {
    let bend = tanh(log1p(exp(x)))
    return bend + x * (1 - bend * bend) * activation(.sigmoid, x)
  }

  /// The gradients of a layer norm.
  ///
  /// - Parameters:
  ///   - x: what went in, `[rows, D]`.
  ///   - gain: `[D]`.
  ///   - epsilon: added to the variance.
  ///   - output: the gradient with respect to the result, `[rows, D]`.
  /// - Returns: those with respect to x, gain and bias.
  package static func layerNormGradients(
    _ x: [Double], gain: [Double], epsilon: Double, of output: [Double]
  ) -> (x: [Double], gain: [Double], bias: [Double]) {
    let width = gain.count
    precondition(x.count == output.count && (width == 0 || x.count % width == 0))
    var gradients = (x: output, gain: gain.map { _ in 0.0 }, bias: gain.map { _ in 0.0 })
    for start in stride(from: 0, to: x.count, by: max(width, 1)) {
      let row = x[start..<(start + width)]
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let factor = 1 / (variance + epsilon).squareRoot()
      let normal = row.map { ($0 - mean) * factor }
      let scaled = (0..<width).map { output[start + $0] * gain[$0] }
      let (level, share) = (scaled.reduce(0, +) / Double(width), dot(scaled, normal) / Double(width))
      for index in 0..<width {
        gradients.x[start + index] = factor * (scaled[index] - level - normal[index] * share)
        gradients.gain[index] += output[start + index] * normal[index]
        gradients.bias[index] += output[start + index]
      }
    }
    return gradients
  }

  /// The gradients of an RMS norm.
  ///
  /// - Parameters:
  ///   - x: what went in, `[rows, D]`.
  ///   - gain: `[D]`.
  ///   - offset: what is added to each gain.
  ///   - epsilon: added to the mean of squares.
  ///   - output: the gradient with respect to the result, `[rows, D]`.
  /// - Returns: those with respect to x and gain.
  package static func rmsNormGradients(
    _ x: [Double], gain: [Double], offset: Double, epsilon: Double, of output: [Double]
  ) -> (x: [Double], gain: [Double]) {
    let width = gain.count
    precondition(x.count == output.count && (width == 0 || x.count % width == 0))
    var gradients = (x: output, gain: gain.map { _ in 0.0 })
    for start in stride(from: 0, to: x.count, by: max(width, 1)) {
      let row = x[start..<(start + width)]
      let factor = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(width) + epsilon).squareRoot()
      let normal = row.map { $0 * factor }
      let scaled = (0..<width).map { output[start + $0] * (gain[$0] + offset) }
      let share = dot(scaled, normal) / Double(width)
      for index in 0..<width {
        gradients.x[start + index] = factor * (scaled[index] - normal[index] * share)
        gradients.gain[index] += output[start + index] * normal[index]
      }
    }
    return gradients
  }

  /// The gradient with respect to scores, of which shares were made: `p (g − Σ p g)`.
  ///
  /// - Parameters:
  ///   - shares: p, `[N]`.
  ///   - output: the gradient with respect to them, `[N]`.
  /// - Returns: `[N]`.
  package static func softmaxGradient(_ shares: [Double], of output: [Double]) -> [Double] {
    let mean = dot(shares, output)
    return zip(shares, output).map { $0 * ($1 - mean) }
  }

  /// `Σ a b`, first to last.
  private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  // MARK: - Products

  /// The gradient of a product with respect to what is multiplied: `g · wᵀ`.
  ///
  /// - Parameters:
  ///   - output: the gradient with respect to the product, `[M, N]`.
  ///   - weight: `[K, N]` for `inOut`, `[N, K]` for `outIn`.
  ///   - layout: which dimension of the weight stands first.
  ///   - depth: K.
  ///   - columnCount: N.
  /// - Returns: `[M, K]`.
  package static func inputGradient(
    of output: [Double], by weight: [Double], layout: WeightLayout, depth: Int, columnCount: Int
  ) -> [Double] {
    product(
      output, by: weight, layout: layout.transposed, bias: [], depth: columnCount, columnCount: depth)
  }

  /// Adds the gradient of a product with respect to its weight: `xᵀ · g`, each number a sum over the rows in their order.
  ///
  /// - Parameters:
  ///   - x: what was multiplied, `[M, K]`.
  ///   - output: the gradient with respect to the product, `[M, N]`.
  ///   - layout: which dimension of the weight stands first.
  ///   - depth: K.
  ///   - columnCount: N.
  ///   - sums: what it is added to: `[K, N]` or `[N, K]`.
  package static func addWeightGradient(
    _ x: [Double], of output: [Double], layout: WeightLayout, depth: Int, columnCount: Int,
    to sums: inout [Double]
  ) {
    let (outer, inner) = layout == .inOut ? (depth, columnCount) : (columnCount, depth)
    let (columns, rows) = layout == .inOut ? (x, output) : (output, x)
    let rowCount = outer > 0 ? columns.count / outer : 0
    precondition(rows.count == rowCount * inner && sums.count == outer * inner)
    // Unsafe buffers only so that the loops become vectors; the counts were checked above.
    columns.withUnsafeBufferPointer { columns in
      rows.withUnsafeBufferPointer { rows in
        sums.withUnsafeMutableBufferPointer { sums in
          for place in 0..<outer {
            for row in 0..<rowCount {
              let factor = columns[row * outer + place]
              for index in 0..<inner { sums[place * inner + index] += factor * rows[row * inner + index] }
            }
          }
        }
      }
    }
  }

  // MARK: - The objective

  /// One token's loss, `−log p`, and its gradient with respect to the scores, `p` less 1 at the token.
  ///
  /// - Parameters:
  ///   - scores: `[V]`.
  ///   - token: below V.
  /// - Returns: nats, and `[V]`.
  package static func crossEntropy(_ scores: [Double], token: Int) -> (loss: Double, gradient: [Double]) {
    var gradient = softmax(scores)
    gradient[token] -= 1
    return (normalizer(scores) - scores[token], gradient)
  }
}

extension WeightLayout {
  /// That of the same numbers as the transposed weight.
  package var transposed: WeightLayout { self == .inOut ? .outIn : .inOut }
}
