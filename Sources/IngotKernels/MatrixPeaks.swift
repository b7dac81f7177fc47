// SPDX-License-Identifier: Apache-2.0
// Channels of a weight whose values are far larger than the others': one scale for them and others leaves these few steps.
// Of activations Dettmers et al., "LLM.int8()", 2022, and Xiao et al., "SmoothQuant", 2023, find such channels; here the
// channels of the weights themselves are measured. Page: docs/quantization.md.
import IngotCore

/// The largest magnitudes of a matrix's rows and columns, collected tile by tile.
package struct MatrixPeaks: Sendable {
  /// Rows or columns of a matrix at the most: four bytes are kept of each by each thread.
  package static let channelLimit = 1 << 20

  private var rows: AbsoluteMaximum
  private var columns: AbsoluteMaximum
  /// Bytes that it takes.
  package let byteCount: Int

  /// Makes a collector; `nil` for what is no matrix besides dimensions of 1 before it, and for one of too many channels.
  ///
  /// - Parameters:
  ///   - shape: the tensor's shape: `[R, C]`, or `[1, R, C]`.
  ///   - kernels: the kernels to use; what is found is the same for all.
  package init?(_ shape: Shape, kernels: KernelTable = .current) {
    let matrix = shape.dimensions.suffix(2)
    guard matrix.count == 2, shape.dimensions.dropLast(2).allSatisfy({ $0 == 1 }),
      matrix.allSatisfy({ (1...Self.channelLimit).contains($0) }), let plain = Shape(Array(matrix))
    else { return nil }
    rows = AbsoluteMaximum(ChannelLayout(shape: plain, axis: 0), kernels: kernels)
    columns = AbsoluteMaximum(ChannelLayout(shape: plain, axis: 1), kernels: kernels)
    byteCount = matrix.reduce(0, +) * MemoryLayout<UInt32>.size
  }

  /// Adds elements.
  ///
  /// - Parameters:
  ///   - tile: the elements, F32, any number of them.
  ///   - start: the index of the first, in C order.
  package mutating func add(_ tile: UnsafeBufferPointer<Float>, from start: Int) {
    rows.add(tile, from: start)
    columns.add(tile, from: start)
  }

  /// Adds what was collected of another stretch of the same tensor.
  package mutating func merge(_ next: MatrixPeaks) {
    rows.merge(next.rows)
    columns.merge(next.columns)
  }

  /// The outliers so far; of use when all elements are finite.
  package var outliers: MatrixOutliers {
    MatrixOutliers(rows: OutlierChannels(peaks: rows.values), columns: OutlierChannels(peaks: columns.values))
  }
}

/// The outliers of a matrix.
package struct MatrixOutliers: Hashable, Sendable {
  /// Rows that are outliers.
  package let rows: OutlierChannels
  /// Columns that are outliers.
  package let columns: OutlierChannels
}

/// Channels of a weight whose largest magnitude is over ten times the median channel's.
///
/// The median is that of the channels that are not all zeros, of an even number the mean of the two in the middle.
public struct OutlierChannels: Hashable, Sendable {
  /// How many times the median channel's largest magnitude is that of an outlier's, at the least.
  public static let factor = 10.0
  /// Indexes that ``first`` holds at the most.
  public static let listLimit = 8

  /// Channels that are outliers.
  public let count: Int
  /// The indexes of the first of them, in the weight's order.
  public let first: [Int]

  /// Finds the outliers among channels.
  ///
  /// - Parameter peaks: each channel's largest magnitude, finite.
  package init(peaks: [Float]) {
    let used = peaks.filter { $0 > 0 }.sorted()
    guard let last = used.last else {
      (count, first) = (0, [])
      return
    }
    let (lower, upper) = (used[(used.count - 1) / 2], used[used.count / 2])
    let bound = Self.factor * (Double(lower) + Double(upper)) / 2
    // Most weights have none.
    guard Double(last) > bound else {
      (count, first) = (0, [])
      return
    }
    let indexes = peaks.indices.filter { Double(peaks[$0]) > bound }
    count = indexes.count
    first = Array(indexes.prefix(Self.listLimit))
  }
}
