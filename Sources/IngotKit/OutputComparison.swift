// SPDX-License-Identifier: Apache-2.0
// How far an output is from what is expected of it.
import IngotCore

/// How far an output is from what is expected of it.
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
  /// The share of rows with the same largest element; for logits only.
  public var top1Agreement: Double?
  /// Whether it is within the tolerance, with non-finite values in the same places.
  public var passed: Bool

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
  public init(
    name: String, actual: [Double], expected: [Double], rowElementCount: Int, isCounted: (Int) -> Bool,
    comparesTop1: Bool, tolerance: Double
  ) {
    var sums = Sums()
    var agreement = (same: 0, rows: 0)
    let rowElementCount = max(1, rowElementCount)
    for row in 0..<(expected.count / rowElementCount) where isCounted(row) {
      let range = (row * rowElementCount)..<((row + 1) * rowElementCount)
      for index in range { sums.add(actual[index], expected[index]) }
      guard comparesTop1 else { continue }
      agreement.rows += 1
      if Self.largest(actual[range]) == Self.largest(expected[range]) { agreement.same += 1 }
    }
    self.name = name
    maxAbs = sums.largestDifference
    let isZero = sums.largestExpected == 0
    maxRel = isZero ? (maxAbs == 0 ? 0 : .infinity) : maxAbs / sums.largestExpected
    rmsRel = sums.squaredDifference == 0 ? 0 : (sums.squaredDifference / sums.squaredExpected).squareRoot()
    cosine = sums.cosine
    top1Agreement = comparesTop1 && agreement.rows > 0 ? Double(agreement.same) / Double(agreement.rows) : nil
    passed = sums.placesAgree && (isZero ? maxAbs : maxRel) <= tolerance
  }

  private static func largest(_ row: ArraySlice<Double>) -> Int? {
    row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex }
  }

  /// Sums over all elements compared.
  private struct Sums {
    var largestDifference = 0.0
    var largestExpected = 0.0
    var squaredDifference = 0.0
    var squaredExpected = 0.0
    var squaredActual = 0.0
    var product = 0.0
    /// Whether values that are not finite stand in the same places, with the same signs.
    var placesAgree = true

    mutating func add(_ actual: Double, _ expected: Double) {
      guard actual.isFinite, expected.isFinite else {
        if !(actual == expected || (actual.isNaN && expected.isNaN)) { placesAgree = false }
        return
      }
      let difference = (actual - expected).magnitude
      largestDifference = max(largestDifference, difference)
      largestExpected = max(largestExpected, expected.magnitude)
      squaredDifference += difference * difference
      squaredExpected += expected * expected
      squaredActual += actual * actual
      product += actual * expected
    }

    var cosine: Double {
      let scale = (squaredActual * squaredExpected).squareRoot()
      guard scale > 0 else { return squaredActual == squaredExpected ? 1 : 0 }
      return product / scale
    }
  }
}
