// SPDX-License-Identifier: Apache-2.0
// What a tensor's values are like: range, mean, deviation, zeros, what is not finite. One pass, block by block.
import CIngotKernels
import IngotCore

/// Statistics of elements, gathered in stretches of any length.
///
/// Range, sum, mean and deviation are of the finite values alone; the others are counted. Blocks are merged by
/// Chan, Golub and LeVeque's formula ("Algorithms for computing the sample variance", 1983), so that the deviation
/// does not cancel where the mean is large.
public struct ElementStatistics: Hashable, Sendable {
  /// Finite values.
  public private(set) var finiteCount = 0
  /// Values equal to zero, of either sign.
  public private(set) var zeroCount = 0
  /// Values that are NaN.
  public private(set) var nanCount = 0
  /// Infinite values.
  public private(set) var infinityCount = 0
  /// The sum of the finite values.
  public private(set) var sum = 0.0
  private var least = Double.infinity
  private var greatest = -Double.infinity
  private var squaredDeviations = 0.0

  /// Statistics of nothing.
  public init() {}

  /// All values seen.
  public var count: Int { finiteCount + nanCount + infinityCount }
  /// The least finite value; `nil` when there is none.
  public var min: Double? { finiteCount > 0 ? least : nil }
  /// The greatest finite value; `nil` when there is none.
  public var max: Double? { finiteCount > 0 ? greatest : nil }
  /// The mean of the finite values; `nil` when there is none.
  public var mean: Double? { finiteCount > 0 ? sum / Double(finiteCount) : nil }
  /// The standard deviation of the finite values, over n, not n − 1; `nil` when there is none.
  public var standardDeviation: Double? {
    finiteCount > 0 ? (squaredDeviations / Double(finiteCount)).squareRoot() : nil
  }
  /// The sum of the finite values' squares.
  public var sumOfSquares: Double { squaredDeviations + sum * (mean ?? 0) }

  /// Elements of a block: 16 KiB of doubles, which stay in the L1 cache for the second pass.
  private static let blockElementCount = 2048

  /// Whether statistics can be taken of a dtype: every real one of at least a byte but F8_E8M0 and the FNUZ types.
  public static func supports(_ dtype: DType) -> Bool {
    switch dtype {
    case .f4, .f6E2M3, .f6E3M2, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ, .c64, .c128: false
    default: true
    }
  }

  /// Adds elements of a part.
  ///
  /// The last bits of sums depend on where stretches end; use the same ones for the same tensor.
  ///
  /// - Parameter elements: of a dtype that ``supports(_:)`` accepts; others add nothing.
  public mutating func add(_ elements: Elements) {
    guard case .number(let dtype) = elements.type, let start = elements.bytes.baseAddress else { return }
    add(count: elements.count, from: start, dtype: dtype)
  }

  /// Adds elements.
  ///
  /// The last bits of sums depend on where stretches end; use the same ones for the same tensor.
  ///
  /// - Parameters:
  ///   - count: elements.
  ///   - bytes: `count` elements of `dtype`, little-endian; any alignment.
  ///   - dtype: one that ``supports(_:)`` accepts; others add nothing. Integers of 64 bits count rounded to double.
  ///   - kernels: the kernels.
  package mutating func add(
    count: Int, from bytes: UnsafeRawPointer, dtype: DType, kernels: KernelTable = .current
  ) {
    guard Self.supports(dtype) else { return }
    let width = dtype.bitWidth / 8
    let isDouble = Self.isWide(dtype)
    let widening =
      isDouble ? nil : ElementConversion(from: dtype == .bool ? .u8 : dtype, to: .f32, kernels: kernels)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.blockElementCount) { block in
      guard let doubles = block.baseAddress else { return }
      var start = 0
      while start < count {
        let blockCount = Swift.min(Self.blockElementCount, count - start)
        let from = bytes + start * width
        var result = ingot_statistics()
        if dtype == .f32, let floats = Self.aligned(from) {
          kernels.statistics.gatherF32(floats, blockCount, &result)
        } else if let widening {
          UnsafeMutableRawPointer(doubles).withMemoryRebound(to: Float.self, capacity: blockCount) { floats in
            _ = widening.convert(count: blockCount, from: from, to: floats)
            kernels.statistics.gatherF32(floats, blockCount, &result)
          }
        } else {
          for index in 0..<blockCount { doubles[index] = ReferenceKernels.decode(from, at: index, as: dtype) }
          kernels.statistics.gatherF64(doubles, blockCount, &result)
        }
        merge(result)
        start += blockCount
      }
    }
  }

  /// F32 values where they are, when they stand as C wants them.
  private static func aligned(_ bytes: UnsafeRawPointer) -> UnsafePointer<Float>? {
    guard UInt(bitPattern: bytes).isMultiple(of: UInt(MemoryLayout<Float>.alignment)) else { return nil }
    return bytes.assumingMemoryBound(to: Float.self)
  }

  /// Types whose values F32 does not hold.
  private static func isWide(_ dtype: DType) -> Bool {
    switch dtype {
    case .f64, .i32, .u32, .i64, .u64: true
    default: false
    }
  }

  /// Adds what was gathered of another stretch of the same tensor.
  public mutating func merge(_ next: ElementStatistics) {
    addMoments(count: next.finiteCount, sum: next.sum, squaredDeviations: next.squaredDeviations)
    zeroCount += next.zeroCount
    nanCount += next.nanCount
    infinityCount += next.infinityCount
    least = Swift.min(least, next.least)
    greatest = Swift.max(greatest, next.greatest)
  }

  private mutating func merge(_ block: ingot_statistics) {
    addMoments(count: Int(block.finite), sum: block.sum, squaredDeviations: block.squared_deviations)
    zeroCount += Int(block.zeros)
    nanCount += Int(block.nans)
    infinityCount += Int(block.infinities)
    least = Swift.min(least, block.least)
    greatest = Swift.max(greatest, block.greatest)
  }

  private mutating func addMoments(count: Int, sum: Double, squaredDeviations: Double) {
    guard count > 0 else { return }
    let difference = finiteCount > 0 ? sum / Double(count) - self.sum / Double(finiteCount) : 0
    let weight = Double(finiteCount) * (Double(count) / Double(finiteCount + count))
    self.squaredDeviations += squaredDeviations + difference * difference * weight
    finiteCount += count
    self.sum += sum
  }
}
