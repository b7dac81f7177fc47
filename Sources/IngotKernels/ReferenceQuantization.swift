// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 in plain Swift: the judge of the kernels.

extension ReferenceKernels {
  /// `clamp(round(x ÷ scale), −127, 127)`, ties to even; 0 for a scale of 0.
  package static func quantize(_ value: Float, scale: Float) -> Int8 {
    guard scale > 0 else { return 0 }
    return Int8(max(-127, min(127, value / scale)).rounded(.toNearestOrEven))
  }

  /// Whether a value's rounded quotient is beyond ±127; never for a scale of 0.
  package static func isClipped(_ value: Float, scale: Float) -> Bool {
    scale > 0 && (value / scale).rounded(.toNearestOrEven).magnitude > 127
  }

  /// The scale of a run of finite values that a search finds the least costly: of absmax ÷ 104 to absmax ÷ 135, rounded to a
  /// type, the first whose Σ weight · (x − q · scale)² is least; without weights, of 1 each.
  package static func fittedScale(_ values: [Float], weights: [Float]? = nil, _ type: ScaleType) -> Float {
    let peak = values.map(\.magnitude).max() ?? 0
    func stored(_ scale: Float) -> Float {
      switch type {
      case .f32: scale
      case .f16: Float(decode(bits: encode(Double(scale), format: .f16), format: .f16))
      case .bf16: roundedToBF16(scale)
      }
    }
    // Numbers near 1, whose squares no range cuts off.
    let lift = Float(sign: .plus, exponent: peak.isNormal ? max(-126, -peak.exponent) : 127, significand: 1)
    var (best, least) = (stored(peak / 127), Float.infinity)
    for divisor in 104..<136 {
      let candidate = stored(peak / Float(divisor))
      let scale = candidate * lift
      let inverse = 1 / scale
      var cost: Float = 0
      for (index, value) in values.map({ $0 * lift }).enumerated() {
        let quotient = value * inverse
        let clamped = quotient > -127 ? (quotient < 127 ? quotient : 127) : -127
        let difference = value - clamped.rounded(.toNearestOrEven) * scale
        cost += difference * difference * (weights?[index] ?? 1)
      }
      if cost < least { (best, least) = (candidate, cost) }
    }
    return best
  }
}
