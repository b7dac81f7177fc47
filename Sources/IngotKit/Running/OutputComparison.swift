// SPDX-License-Identifier: Apache-2.0
// How far an output is from what is expected of it.
import IngotCore
import IngotEvaluation

/// How far an output is from what is expected of it: a NaN on either side makes the figures NaN, and nothing passes.
public struct OutputComparison: Hashable, Sendable {
  /// The output's name.
  public var name: String
  /// The largest absolute difference.
  public var maxAbs: Double
  /// The largest absolute difference over the largest absolute expected value.
  public var maxRel: Double
  /// The root mean square of the differences over that of the expected values.
  public var rmsRel: Double
  /// The cosine of the angle between output and expectation; 1 for two zeros.
  public var cosine: Double
  /// The share of rows with the same largest element, for logits only; NaN where a row has none.
  public var top1Agreement: Double?
  /// Whether something was compared and is within the tolerance.
  public var passed: Bool
  /// The bound that it was held to.
  package var tolerance: Double

  /// Compares an output with its expectation.
  ///
  /// - Parameters:
  ///   - name: the output's name.
  ///   - actual: the values, in C order.
  ///   - expected: as many.
  ///   - rowElementCount: elements of one position, the last dimension.
  ///   - isCounted: whether a position counts; positions under a mask of 0 do not.
  ///   - comparesTop1: whether to count rows with the same largest element.
  ///   - tolerance: the largest ``maxRel`` that passes; for an all-zero expectation the largest ``maxAbs``.
  package init(
    name: String, actual: [Double], expected: [Double], rowElementCount: Int, isCounted: (Int) -> Bool,
    comparesTop1: Bool, tolerance: Double
  ) {
    var sums = Sums()
    var agreement = (same: 0, rows: 0, hasLargest: true)
    let rowElementCount = max(1, rowElementCount)
    for row in 0..<(expected.count / rowElementCount) where isCounted(row) {
      let range = (row * rowElementCount)..<((row + 1) * rowElementCount)
      for index in range { sums.add(actual[index], expected[index]) }
      guard comparesTop1 else { continue }
      agreement.rows += 1
      let (found, wanted) = (
        LogProbabilities.greatest(Array(actual[range])), LogProbabilities.greatest(Array(expected[range]))
      )
      if found == nil || wanted == nil { agreement.hasLargest = false }
      if found == wanted { agreement.same += 1 }
    }
    self.name = name
    let isNothing = sums.count == 0
    maxAbs = isNothing ? .nan : sums.largestDifference
    let isZero = sums.largestExpected == 0
    maxRel = isZero ? (maxAbs > 0 ? .infinity : maxAbs) : maxAbs / sums.largestExpected
    rmsRel = maxAbs == 0 ? 0 : (sums.squaredDifference / sums.squaredExpected).squareRoot()
    cosine = isNothing ? .nan : sums.cosine
    top1Agreement =
      comparesTop1 && agreement.rows > 0
      ? (agreement.hasLargest ? Double(agreement.same) / Double(agreement.rows) : .nan) : nil
    self.tolerance = tolerance
    passed = (isZero ? maxAbs : maxRel) <= tolerance
  }

  /// Sums over all elements compared.
  private struct Sums {
    var count = 0
    var largestDifference = 0.0
    var largestExpected = 0.0
    var squaredDifference = 0.0
    var squaredExpected = 0.0
    var squaredActual = 0.0
    var product = 0.0

    mutating func add(_ actual: Double, _ expected: Double) {
      count += 1
      // Infinities of one sign are equal, and their difference is none.
      let difference = actual == expected ? 0 : (actual - expected).magnitude
      largestDifference = largestDifference.orLarger(difference)
      largestExpected = largestExpected.orLarger(expected.magnitude)
      squaredDifference += difference * difference
      squaredExpected += expected * expected
      squaredActual += actual * actual
      product += actual * expected
    }

    var cosine: Double {
      let scale = (squaredActual * squaredExpected).squareRoot()
      guard scale == 0 else { return product / scale }
      return squaredActual == squaredExpected ? 1 : 0
    }
  }
}
