// SPDX-License-Identifier: Apache-2.0
// How a signature is cut into bands: two documents meet where a band of both is the same (Leskovec, Rajaraman and Ullman,
// "Mining of Massive Datasets", 3.4). Those that meet are compared by their whole signatures, so that bands are chosen to
// miss little.
import IngotCore

/// Bands of a signature.
package struct BandLayout: Hashable, Sendable {
  /// How many bands there are.
  package let bands: Int
  /// Numbers of a band.
  package let rows: Int
  private let permutations: Int
  private let threshold: Double

  /// The share of pairs exactly at the threshold that are to meet.
  static let leastRecall = 0.9

  /// The longest bands, by which the fewest strangers meet, that miss few enough pairs at a threshold.
  package init(threshold: Double, permutations: Int) {
    let rows = (1...max(1, permutations)).last {
      Self.meeting(threshold, bands: permutations / $0, rows: $0) >= Self.leastRecall
    }
    self.rows = rows ?? 1
    bands = permutations / self.rows
    (self.permutations, self.threshold) = (permutations, threshold)
  }

  /// The probability that two documents meet.
  ///
  /// - Parameter similarity: their share of common shingles.
  /// - Returns: 1 − (1 − s^rows)^bands.
  package func meeting(at similarity: Double) -> Double {
    Self.meeting(similarity, bands: bands, rows: rows)
  }

  /// The standard deviation of the estimated share at the threshold: √(t (1 − t) / permutations).
  package var standardError: Double { (threshold * (1 - threshold) / Double(permutations)).squareRoot() }

  private static func meeting(_ similarity: Double, bands: Int, rows: Int) -> Double {
    1 - power(1 - power(similarity, rows), bands)
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
