// SPDX-License-Identifier: Apache-2.0
// The larger of two numbers in figures that decide: Swift's `max` passes over a NaN that comes second.

extension Double {
  /// The larger of this and another number; NaN when one of them is NaN, so that no bound holds.
  package func orLarger(_ other: Double) -> Double {
    if isNaN { return self }
    return self >= other ? self : other
  }
}
