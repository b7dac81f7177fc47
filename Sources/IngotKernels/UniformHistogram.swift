// SPDX-License-Identifier: Apache-2.0
// How the finite values of a tensor spread over their range: bins of equal width, the same that numpy's histogram makes of
// the values as float64. One pass, after the one that found the range.
import IngotCore

/// Counts of values in bins of equal width between the least and the greatest.
public struct UniformHistogram: Hashable, Sendable {
  /// The ends of the bins, one more than there are bins; a value on an end is in the bin behind it, but the last one.
  public let edges: [Double]
  /// Finite values in each bin.
  public private(set) var counts: [Int]
  /// Bins of a histogram.
  package static let binCount = 32

  /// Prepares to count values.
  ///
  /// - Parameter range: the least and the greatest finite value; where they are one, bins go half a unit below and above.
  package init(over range: ClosedRange<Double>) {
    let isPoint = range.lowerBound == range.upperBound
    let first = isPoint ? range.lowerBound - 0.5 : range.lowerBound
    let last = isPoint ? range.upperBound + 0.5 : range.upperBound
    let unit = Self.unit(from: first, to: last)
    let step = (last / unit - first / unit) / Double(Self.binCount)
    edges = (0...Self.binCount).map { index in
      index == Self.binCount ? last : (Double(index) * step + first / unit) * unit
    }
    counts = [Int](repeating: 0, count: Self.binCount)
  }

  /// What numbers are divided by so that the width of their range is finite.
  private static func unit(from first: Double, to last: Double) -> Double { (last - first).isFinite ? 1 : 4 }

  /// Adds elements; those that are not finite are left out.
  ///
  /// - Parameter elements: of a dtype that ``ElementStatistics/supports(_:)`` accepts; others add nothing.
  package mutating func add(_ elements: Elements) {
    guard case .number(let dtype) = elements.type, let start = elements.bytes.baseAddress,
      ElementStatistics.supports(dtype)
    else { return }
    let unit = Self.unit(from: edges[0], to: edges[Self.binCount])
    let low = edges[0] / unit
    let width = edges[Self.binCount] / unit - low
    edges.withUnsafeBufferPointer { edges in
      counts.withUnsafeMutableBufferPointer { counts in
        for index in 0..<elements.count {
          let value = ReferenceKernels.decode(start, at: index, as: dtype)
          guard value.isFinite else { continue }
          let share = width > 0 ? (value / unit - low) / width : 0
          let position = share * Double(Self.binCount)
          // A file that changes under the second pass may hold anything.
          var bin = position < Double(Self.binCount) ? Int(Swift.max(0, position)) : Self.binCount - 1
          // What rounding put on the wrong side of an edge.
          if value < edges[bin], bin > 0 {
            bin -= 1
          } else if value >= edges[bin + 1], bin < Self.binCount - 1 {
            bin += 1
          }
          counts[bin] += 1
        }
      }
    }
  }

  /// Adds what was counted of another stretch of the same tensor.
  package mutating func merge(_ next: UniformHistogram) {
    for index in counts.indices { counts[index] += next.counts[index] }
  }
}
