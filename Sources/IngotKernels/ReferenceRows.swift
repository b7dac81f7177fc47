// SPDX-License-Identifier: Apache-2.0
// Row and element operators in float64, as their definitions read.
import Glibc
import IngotCore

extension ReferenceKernels {
  /// An activation function of one number.
  ///
  /// - SeeAlso: huggingface/transformers, `src/transformers/activations.py`.
  package static func activation(_ kind: ActivationKind, _ x: Double) -> Double {
    switch kind {
    case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
    case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .geluFast: 0.5 * x * (1 + tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))
    case .quickGELU: x * sigmoid(1.702 * x)
    case .relu: x < 0 ? 0 : x
    case .silu: x * sigmoid(x)
    case .tanh: tanh(x)
    case .sigmoid: sigmoid(x)
    // Above 40, log(1 + eˣ) is x and its tanh is 1, to the last bit.
    case .mish: x > 40 ? x : x * tanh(log1p(exp(x)))
    case .laplace: 0.5 * (1 + erf((x - 0.707107) / (0.282095 * 2.0.squareRoot())))
    case .reluSquared: x < 0 ? 0 : x * x
    case .relu6: x < 0 ? 0 : x > 6 ? 6 : x
    case .linear: x
    }
  }

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// Normalizes each row to mean 0 and variance 1, then applies gain and bias.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`, row-major.
  ///   - gain: `[D]`.
  ///   - bias: `[D]`.
  ///   - epsilon: added to the variance, which is over D.
  /// - Returns: `[rows, D]`.
  package static func layerNorm(_ x: [Double], gain: [Double], bias: [Double], epsilon: Double) -> [Double] {
    let width = gain.count
    precondition(bias.count == width && (width == 0 || x.count % width == 0))
    var y = x
    for start in stride(from: 0, to: x.count, by: max(width, 1)) {
      let row = x[start..<(start + width)]
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let factor = 1 / (variance + epsilon).squareRoot()
      for index in 0..<width {
        y[start + index] = (x[start + index] - mean) * factor * gain[index] + bias[index]
      }
    }
    return y
  }

  /// Divides each row by its root mean square, then applies the gain.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`, row-major.
  ///   - gain: `[D]`.
  ///   - offset: what is added to each gain.
  ///   - epsilon: added to the mean of squares.
  /// - Returns: `[rows, D]`.
  package static func rmsNorm(_ x: [Double], gain: [Double], offset: Double, epsilon: Double) -> [Double] {
    let width = gain.count
    precondition(width == 0 || x.count % width == 0)
    var y = x
    for start in stride(from: 0, to: x.count, by: max(width, 1)) {
      let squares = x[start..<(start + width)].reduce(0) { $0 + $1 * $1 } / Double(width)
      let factor = 1 / (squares + epsilon).squareRoot()
      for index in 0..<width { y[start + index] = x[start + index] * factor * (gain[index] + offset) }
    }
    return y
  }

  /// Turns the pairs of one head by their angles: of its first numbers, number i and number i + as many as there are pairs.
  ///
  /// - Parameters:
  ///   - x: `[E]`.
  ///   - angles: one for each pair, at most E / 2.
  ///   - factor: what cosine and sine are multiplied with.
  /// - Returns: `[E]`; what belongs to no pair stays.
  package static func rotate(_ x: ArraySlice<Double>, angles: [Double], factor: Double) -> [Double] {
    var y = Array(x)
    for (index, angle) in angles.enumerated() {
      let (a, b) = (x[x.startIndex + index], x[x.startIndex + angles.count + index])
      let (cosine, sine) = (cos(angle) * factor, sin(angle) * factor)
      y[index] = a * cosine - b * sine
      y[angles.count + index] = b * cosine + a * sine
    }
    return y
  }

  /// Turns one row of scores into weights: `e^(x − max) / Σ`.
  ///
  /// - Parameters:
  ///   - scores: `[N]`.
  ///   - mask: `[N]`, false where the weight shall be 0; empty for none. Without any true the result is zeros.
  /// - Returns: `[N]`.
  package static func softmax(_ scores: [Double], mask: [Bool] = []) -> [Double] {
    let kept = scores.indices.map { mask.isEmpty || mask[$0] ? scores[$0] : -.infinity }
    guard let peak = kept.max(by: { $0 < $1 }), kept.contains(where: { $0 != -.infinity }) else {
      return [Double](repeating: 0, count: scores.count)
    }
    let powers = kept.map { exp($0 - peak) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// What turns scores into logarithms of shares when it is taken off: `log Σ eˣ`.
  ///
  /// - Parameter scores: `[N]`.
  /// - Returns: NaN where a score is NaN or infinite, or all are minus infinity.
  package static func normalizer(_ scores: [Double]) -> Double {
    let peak = scores.max(by: { $0 < $1 }) ?? -.infinity
    return peak + log(scores.reduce(0) { $0 + exp($1 - peak) })
  }

  /// How far one row's shares are from another's: `Σ p (log p − log q)`.
  ///
  /// - Parameters:
  ///   - scores: `[N]`, whose shares are p; what is minus infinity counts nothing.
  ///   - others: `[N]`, whose shares are q.
  /// - Returns: nats.
  package static func divergence(_ scores: [Double], from others: [Double]) -> Double {
    let (less, other) = (normalizer(scores), normalizer(others))
    return zip(scores, others).reduce(0) { sum, pair in
      let (p, q) = (pair.0 - less, pair.1 - other)
      return p == -.infinity ? sum : sum + exp(p) * (p - q)
    }
  }
}
