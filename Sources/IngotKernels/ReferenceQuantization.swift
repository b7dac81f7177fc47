// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 in plain Swift: the judge of the kernels.

extension ReferenceKernels {
  /// `clamp(round(x ÷ scale), −127, 127)`, ties to even; 0 for a scale of 0.
  package static func quantize(_ value: Float, scale: Float) -> Int8 {
    guard scale > 0 else { return 0 }
    return Int8(max(-127, min(127, value / scale)).rounded(.toNearestOrEven))
  }
}
