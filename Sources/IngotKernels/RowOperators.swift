// SPDX-License-Identifier: Apache-2.0
// Operators on rows and elements of f32 activations: thin, checked doors to the kernels.
import CIngotKernels

/// An activation function, as transformers' `ACT2FN` defines it.
public enum ActivationKind: Int32, CaseIterable, Sendable {
  /// `x Φ(x)`, by erf: `gelu`.
  case geluErf
  /// `½x (1 + tanh(√(2/π) (x + 0.044715 x³)))`: `gelu_new`, `gelu_pytorch_tanh`.
  case geluTanh
  /// The same with `√(2/π)` as 0.7978845608: `gelu_fast`.
  case geluFast
  /// `x σ(1.702 x)`: `quick_gelu`.
  case quickGELU
  /// `max(x, 0)`: `relu`.
  case relu
  /// `x σ(x)`: `silu`, `swish`.
  case silu
  /// `tanh x`: `tanh`.
  case tanh
  /// `σ(x)`: `sigmoid`.
  case sigmoid
  /// `x tanh(log(1 + eˣ))`: `mish`.
  case mish
  /// `½ (1 + erf((x − 0.707107) / (0.282095 √2)))`: `laplace`.
  case laplace
  /// `max(x, 0)²`: `relu2`.
  case reluSquared
  /// `min(max(x, 0), 6)`: `relu6`.
  case relu6
}

extension ActivationKind {
  /// The number that kernels know it by.
  func code(_ accuracy: FunctionAccuracy) -> Int32 {
    accuracy == .exact ? rawValue : rawValue + Int32(INGOT_ACTIVATION_QUICK)
  }
}

/// How exact functions of single numbers are.
public enum FunctionAccuracy: Sendable {
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
  public func activate(
    _ kind: ActivationKind, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int,
    accuracy: FunctionAccuracy = .exact
  ) {
    rows.activate(x, y, count, kind.code(accuracy))
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
  public func layerNorm(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rowCount: Int, width: Int,
    gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Double
  ) {
    rows.layerNorm(x, y, rowCount, width, gain, bias, epsilon)
  }

  /// Turns one row of scores into weights, in place: `e^(x − max) / Σ`.
  ///
  /// - Parameters:
  ///   - x: `[N]`, f32.
  ///   - count: N.
  ///   - mask: `[N]`, 0 where the weight shall be 0; `nil` for none. A row without any 1 becomes zeros.
  ///   - accuracy: how exact the shares are.
  public func softmax(
    _ x: UnsafeMutablePointer<Float>, count: Int, mask: UnsafePointer<UInt8>?,
    accuracy: FunctionAccuracy = .exact
  ) {
    if accuracy == .exact { rows.softmax(x, count, mask) } else { rows.softmaxQuick(x, count, mask) }
  }

  /// Adds element by element.
  ///
  /// - Parameters:
  ///   - a: `count` elements, f32.
  ///   - b: `count` elements, f32.
  ///   - y: sums; may be `a` or `b`.
  ///   - count: elements.
  public func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    rows.add(a, b, y, count)
  }
}
