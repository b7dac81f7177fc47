// SPDX-License-Identifier: Apache-2.0
// Operators on rows and elements of f32 activations: thin, checked doors to the kernels.
import CIngotKernels
import Glibc
import IngotCore

extension ActivationKind {
  /// The number that kernels know it by; `nil` for the identity, which needs none.
  func code(_ accuracy: FunctionAccuracy) -> Int32? {
    kernel.map { Int32($0 + (accuracy == .exact ? 0 : INGOT_ACTIVATION_QUICK)) }
  }

  private var kernel: Int? {
    switch self {
    case .gelu: INGOT_ACTIVATION_GELU
    case .geluTanh: INGOT_ACTIVATION_GELU_TANH
    case .geluFast: INGOT_ACTIVATION_GELU_FAST
    case .quickGELU: INGOT_ACTIVATION_QUICK_GELU
    case .relu: INGOT_ACTIVATION_RELU
    case .silu: INGOT_ACTIVATION_SILU
    case .tanh: INGOT_ACTIVATION_TANH
    case .sigmoid: INGOT_ACTIVATION_SIGMOID
    case .mish: INGOT_ACTIVATION_MISH
    case .laplace: INGOT_ACTIVATION_LAPLACE
    case .reluSquared: INGOT_ACTIVATION_RELU_SQUARED
    case .relu6: INGOT_ACTIVATION_RELU6
    case .linear: nil
    }
  }
}

/// How exact functions of single numbers are.
package enum FunctionAccuracy: Sendable {
  /// Off by their last rounding alone: computed in double precision.
  case exact
  /// Computed in single precision, for runs whose products are rounded to far fewer bits.
  ///
  /// Activations are off by at most 2⁻²¹ of their argument, shares by 2⁻²¹ + |x − max| · 2⁻²³ of themselves.
  case quick
}

/// What a row of scores comes to.
package struct ScoreSum: Sendable {
  /// The largest score; NaN is passed over.
  package var greatest = -Double.infinity
  /// `log Σ eˣ`, which is taken off a score for its share's logarithm.
  ///
  /// NaN where a score is NaN or infinity, or all are minus infinity.
  package var normalizer = Double.nan
  /// Whether all scores are numbers.
  package var isFinite = true
}

extension KernelTable {
  /// Applies an activation to each element.
  ///
  /// - Parameters:
  ///   - kind: the function.
  ///   - x: `count` elements, f32.
  ///   - y: results; may be `x`.
  ///   - count: elements.
  ///   - accuracy: how exact the results are.
  package func activate(
    _ kind: ActivationKind, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int,
    accuracy: FunctionAccuracy = .exact
  ) {
    if let code = kind.code(accuracy) {
      rows.activate(x, y, count, code)
    } else if x != UnsafePointer(y) {
      y.update(from: x, count: count)
    }
  }

  /// Multiplies each element, and keeps it between two bounds by `c · tanh(x / c)`.
  ///
  /// - Parameters:
  ///   - x: `count` elements, f32.
  ///   - y: results; may be `x`.
  ///   - count: elements.
  ///   - scale: what elements are multiplied with before.
  ///   - bound: c.
  ///   - accuracy: how exact the results are.
  package func softcap(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, scale: Double, bound: Double,
    accuracy: FunctionAccuracy = .exact
  ) {
    let (inner, outer) = (Float(scale / bound), Float(bound))
    for index in 0..<count { y[index] = x[index] * inner }
    activate(.tanh, y, into: y, count: count, accuracy: accuracy)
    for index in 0..<count { y[index] *= outer }
  }

  /// Normalizes each row to mean 0 and variance 1, then applies gain and bias.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`, f32.
  ///   - y: results, `[rows, D]`; may be `x`.
  ///   - rowCount: rows.
  ///   - width: D.
  ///   - gain: `[D]`, f32.
  ///   - bias: `[D]`, f32.
  ///   - epsilon: added to the variance, which is over D, not D − 1.
  /// - SeeAlso: Ba, Kiros, Hinton, "Layer Normalization", 2016.
  package func layerNorm(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rowCount: Int, width: Int,
    gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Double
  ) {
    rows.layer_norm(x, y, rowCount, width, gain, bias, epsilon)
  }

  /// Divides each row by its root mean square, then applies the gain.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`, f32.
  ///   - y: results, `[rows, D]`; may be `x`.
  ///   - rowCount: rows.
  ///   - width: D.
  ///   - gain: `[D]`, f32.
  ///   - offset: what is added to each gain.
  ///   - epsilon: added to the mean of squares.
  /// - SeeAlso: Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019.
  package func rmsNorm(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rowCount: Int, width: Int,
    gain: UnsafePointer<Float>, offset: Double, epsilon: Double
  ) {
    rows.rms_norm(x, y, rowCount, width, gain, offset, epsilon)
  }

  /// Turns the pairs of each head by their angles: of the first 2 · half numbers, number i and number half + i.
  ///
  /// - Parameters:
  ///   - x: `[heads, E]`, f32.
  ///   - y: results, `[heads, E]`; may be `x`.
  ///   - headCount: heads.
  ///   - headDimension: E, at least 2 · half.
  ///   - half: pairs.
  ///   - cosine: `[half]`, f32.
  ///   - sine: `[half]`, f32.
  /// - SeeAlso: Su et al., "RoFormer", 2021, section 3.4.2.
  package func rotate(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, headCount: Int, headDimension: Int,
    half: Int,
    cosine: UnsafePointer<Float>, sine: UnsafePointer<Float>
  ) {
    rows.rotate(x, y, headCount, headDimension, half, cosine, sine)
  }

  /// Turns one row of scores into weights, in place: `e^(x − max) / Σ`.
  ///
  /// - Parameters:
  ///   - x: `[N]`, f32.
  ///   - count: N.
  ///   - mask: `[N]`, 0 where the weight shall be 0; `nil` for none. A row without any 1 becomes zeros.
  ///   - accuracy: how exact the shares are.
  package func softmax(
    _ x: UnsafeMutablePointer<Float>, count: Int, mask: UnsafePointer<UInt8>?,
    accuracy: FunctionAccuracy = .exact
  ) {
    if accuracy == .exact { rows.softmax(x, count, mask) } else { rows.softmax_quick(x, count, mask) }
  }

  /// Makes the shares of a row less by what one more score takes, whose share is of no value.
  ///
  /// The greatest share is 1 ÷ Σ of powers, to which the sink's is added.
  ///
  /// - Parameters:
  ///   - sink: the score.
  ///   - shares: `[N]`, f32, of which none has to be above 0.
  ///   - count: N.
  ///   - greatest: the greatest of the scores that the shares were made of; minus infinity for none.
  package func takeSink(
    _ sink: Float, from shares: UnsafeMutablePointer<Float>, count: Int, greatest: Float
  ) {
    guard greatest > -.infinity else { return }
    var largest: Float = 0
    for index in 0..<count { largest = max(largest, shares[index]) }
    // A sink far above all scores takes everything.
    let kept = Float(1 / (1 + exp(Double(sink) - Double(greatest)) * Double(largest)))
    for index in 0..<count { shares[index] *= kept }
  }

  /// What a row of scores comes to: what the logarithm of each share is taken from.
  ///
  /// - Parameter scores: `[N]`, f32, at least one.
  /// - Returns: the sum, in double precision.
  package func sum(_ scores: UnsafeBufferPointer<Float>) -> ScoreSum {
    guard let start = scores.baseAddress, !scores.isEmpty else { return ScoreSum() }
    var sum = ingot_scores()
    rows.sum_scores(start, scores.count, &sum)
    return ScoreSum(
      greatest: sum.greatest, normalizer: sum.greatest + log(sum.sum), isFinite: sum.is_broken == 0)
  }

  /// How far one row's shares are from another's: `Σ p (log p − log q)`.
  ///
  /// - Parameters:
  ///   - scores: `[N]`, f32, whose shares are p; what is minus infinity counts nothing.
  ///   - sum: what they come to.
  ///   - others: `[N]`, f32, whose shares are q.
  ///   - otherSum: what these come to.
  /// - Returns: nats, at least 0; NaN where a row has no shares.
  package func divergence(
    of scores: UnsafeBufferPointer<Float>, _ sum: ScoreSum, from others: UnsafeBufferPointer<Float>,
    _ otherSum: ScoreSum
  ) -> Double {
    precondition(scores.count == others.count, "rows are of one vocabulary")
    guard let x = scores.baseAddress, let y = others.baseAddress else { return .nan }
    let divergence = rows.divergence(x, y, scores.count, sum.normalizer, otherSum.normalizer)
    // Rounding may leave less than nothing; a NaN stays.
    return divergence < 0 ? 0 : divergence
  }

  /// Adds element by element.
  ///
  /// - Parameters:
  ///   - a: `count` elements, f32.
  ///   - b: `count` elements, f32.
  ///   - y: sums; may be `a` or `b`.
  ///   - count: elements.
  package func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    rows.add(a, b, y, count)
  }

  /// Multiplies two rows.
  ///
  /// - Parameters:
  ///   - a: `count` elements, f32.
  ///   - b: `count` elements, f32.
  ///   - y: products; may be `a` or `b`.
  ///   - count: elements.
  package func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    rows.multiply(a, b, y, count)
  }
}
