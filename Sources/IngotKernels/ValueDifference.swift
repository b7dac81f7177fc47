// SPDX-License-Identifier: Apache-2.0
// How far the values of two tensors are apart, and where: the figures of a comparison, gathered run by run.
import CIngotKernels
import IngotCore

/// How far values are apart.
package struct ValueDifference {
  /// The largest absolute difference; NaN where a value of one side alone is.
  package private(set) var maxAbs = 0.0
  /// The position of the first element with ``maxAbs``; `nil` when there is none that differs.
  package private(set) var largestIndex: Int?
  /// The position of the first element that differs.
  package private(set) var firstIndex: Int?
  /// Elements that differ; NaN does not differ from NaN, and has no part in any figure then.
  package private(set) var differingCount = 0
  private var count = 0
  private var squaredDifference = 0.0
  private var squaredValue = 0.0

  /// Starts with no elements.
  package init() {}

  /// The root mean square of the differences over that of the first's values; infinite when only the latter is 0.
  package var rmsRel: Double { squaredDifference == 0 ? 0 : (squaredDifference / squaredValue).squareRoot() }

  /// The signal-to-noise ratio of the second's values in decibels, `10 · log₁₀(Σ a² ÷ Σ (a − b)²)`; infinite when none
  /// differs.
  package var signalToNoise: Double {
    squaredDifference == 0 ? .infinity : 10 * ingot_log10(squaredValue / squaredDifference)
  }

  /// Whether elements of a dtype can be added: integers, and F64.
  package static func takes(_ dtype: DType) -> Bool {
    dtype == .f64 || (dtype.family != .float && dtype.family != .complex)
  }

  /// Adds the next elements of both: integers of any width, or F64.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type.
  package mutating func add(_ left: Elements, _ right: Elements) throws(IngotError) {
    switch (left.type, right.type) {
    case (.number(.f64), .number(.f64)):
      for (a, b) in zip(try left.doubles(), try right.doubles()) { add(a, b) }
    default:
      if let a = left.integers(), let b = right.integers() {
        for (a, b) in zip(a, b) { add(a, b) }
      } else {
        for (a, b) in zip(try left.asDoubles(), try right.asDoubles()) { add(a, b) }
      }
    }
  }

  /// Adds two numbers.
  private mutating func add(_ a: Double, _ b: Double) {
    if a.isFinite { squaredValue += a * a }
    if a != b, !(a.isNaN && b.isNaN) { note((a - b).magnitude) }
    count += 1
  }

  /// Adds two integers, whose difference is taken exactly.
  private mutating func add(_ a: Int128, _ b: Int128) {
    squaredValue += Double(a) * Double(a)
    if a != b { note(Double((a - b).magnitude)) }
    count += 1
  }

  private mutating func note(_ difference: Double) {
    differingCount += 1
    if firstIndex == nil { firstIndex = count }
    // Nothing is larger than what is no number.
    if largestIndex == nil || (!maxAbs.isNaN && !(difference <= maxAbs)) { largestIndex = count }
    maxAbs = maxAbs.orLarger(difference)
    squaredDifference += difference * difference
  }
}

extension Elements {
  /// The elements as doubles: F64 as they are, integers rounded where they have more than 53 bits.
  fileprivate func asDoubles() throws(IngotError) -> [Double] {
    if let integers = integers() { return integers.map { Double($0) } }
    return Array(try doubles())
  }
}
