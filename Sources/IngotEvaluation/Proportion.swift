// SPDX-License-Identifier: Apache-2.0
// How certain a share is that was counted.

/// A count of successes among trials.
public struct Proportion: Hashable, Sendable {
  /// Successes.
  public internal(set) var successCount = 0
  /// Trials.
  public internal(set) var trialCount = 0

  /// Counts nothing yet.
  package init() {}

  /// Counts a trial.
  package mutating func add(_ succeeds: Bool) {
    trialCount += 1
    if succeeds { successCount += 1 }
  }

  /// The share of successes; NaN without a trial.
  public var share: Double { trialCount > 0 ? Double(successCount) / Double(trialCount) : .nan }

  /// The quantile of the standard normal distribution that leaves 2.5 of 100 above it.
  private static let z = 1.959963984540054

  /// Where the true share lies in 95 of 100 cases, trials taken as independent: `low...high`; 0...1 without a trial.
  ///
  /// - SeeAlso: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927: it stays within 0 and 1,
  ///   and holds for few trials too.
  public var interval: ClosedRange<Double> {
    guard trialCount > 0 else { return 0...1 }
    let (n, p, z) = (Double(trialCount), share, Self.z)
    let center = p + z * z / (2 * n)
    let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    // Rounding may leave a little less than nothing, or more than all.
    return max(0, (center - spread) / scale)...min(1, (center + spread) / scale)
  }
}
