// SPDX-License-Identifier: Apache-2.0
// Operators on rows and elements of f32 activations: thin, checked doors to the kernels.
import CIngotKernels
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
}
