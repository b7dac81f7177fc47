// SPDX-License-Identifier: Apache-2.0
// The activation functions of published models: one list for configs, graphs and kernels.

/// The activation functions of published models, by the formula they stand for.
package enum ActivationKind: String, CaseIterable, Hashable, Sendable {
  /// `x · Φ(x)`, exact, by erf.
  case gelu
  /// `½x(1 + tanh(√(2/π)(x + 0.044715x³)))`: `gelu_new` and `gelu_pytorch_tanh`.
  case geluTanh = "gelu_new"
  /// The same with √(2/π) written as 0.7978845608.
  case geluFast = "gelu_fast"
  /// `x · σ(1.702x)`.
  case quickGELU = "quick_gelu"
  /// `max(x, 0)`.
  case relu
  /// `x · σ(x)`.
  case silu
  /// `tanh x`.
  case tanh
  /// `1 / (1 + e^−x)`.
  case sigmoid
  /// `x · tanh(log(1 + eˣ))`.
  case mish
  /// `½(1 + erf((x − 0.707107) / (0.282095 · √2)))`.
  case laplace
  /// `max(x, 0)²`.
  case reluSquared = "relu2"
  /// `min(max(x, 0), 6)`.
  case relu6
  /// `x`.
  case linear
}
