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
  private var least = Double.infinity
  private var greatest = -Double.infinity
  private var moments = Moments()

  /// Statistics of nothing.
  package init() {}

  /// All values seen.
  public var count: Int { finiteCount + nanCount + infinityCount }
  /// Whether all values are finite.
  public var isFinite: Bool { nanCount + infinityCount == 0 }
  /// The least finite value; `nil` when there is none.
  public var min: Double? { finiteCount > 0 ? least : nil }
  /// The greatest finite value; `nil` when there is none.
  public var max: Double? { finiteCount > 0 ? greatest : nil }
  /// The sum of the finite values; infinite when it is beyond the range.
  public var sum: Double { moments.sum * moments.unit }
  /// The mean of the finite values; `nil` when there is none.
  public var mean: Double? { finiteCount > 0 ? moments.sum / Double(finiteCount) * moments.unit : nil }
  /// The standard deviation of the finite values, over n, not n − 1; `nil` when there is none.
  public var standardDeviation: Double? {
    finiteCount > 0 ? (moments.squaredDeviations / Double(finiteCount)).squareRoot() * moments.unit : nil
  }
  /// The sum of the finite values' squares; infinite when it is beyond the range.
  public var sumOfSquares: Double {
    moments.squaredDeviations * moments.unit * moments.unit + sum * (mean ?? 0)
  }

  /// Elements of a block: 16 KiB of doubles, which stay in the L1 cache for the second pass.
  private static let blockElementCount = 2048

  /// Whether statistics can be taken of a dtype: every real one of at least a byte but F8_E8M0 and the FNUZ types.
  package static func supports(_ dtype: DType) -> Bool {
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
  package mutating func add(_ elements: Elements) {
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
          kernels.statistics.f32(floats, blockCount, &result)
        } else if let widening {
          UnsafeMutableRawPointer(doubles).withMemoryRebound(to: Float.self, capacity: blockCount) { floats in
            _ = widening.convert(count: blockCount, from: from, to: floats)
            kernels.statistics.f32(floats, blockCount, &result)
          }
        } else {
          for index in 0..<blockCount { doubles[index] = ReferenceKernels.decode(from, at: index, as: dtype) }
          kernels.statistics.f64(doubles, blockCount, &result)
          if Swift.max(-result.least, result.greatest) > Moments.largest, result.finite > 0 {
            addLarge(UnsafeMutableBufferPointer(start: doubles, count: blockCount), result, kernels: kernels)
            start += blockCount
            continue
          }
        }
        merge(result, Moments(sum: result.sum, squaredDeviations: result.squared_deviations))
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

  /// Adds a block some of whose squares, or their sum, would be beyond the range.
  private mutating func addLarge(
    _ block: UnsafeMutableBufferPointer<Double>, _ result: ingot_statistics, kernels: KernelTable
  ) {
    guard let values = block.baseAddress else { return }
    for index in block.indices { block[index] /= Moments.largeUnit }
    var scaled = ingot_statistics()
    kernels.statistics.f64(values, block.count, &scaled)
    merge(
      result,
      Moments(
        sum: scaled.sum, squaredDeviations: scaled.squared_deviations, unit: Moments.largeUnit))
  }

  /// Adds what was gathered of another stretch of the same tensor.
  package mutating func merge(_ next: ElementStatistics) {
    moments.add(next.moments, count: next.finiteCount, to: finiteCount)
    finiteCount += next.finiteCount
    zeroCount += next.zeroCount
    nanCount += next.nanCount
    infinityCount += next.infinityCount
    least = Swift.min(least, next.least)
    greatest = Swift.max(greatest, next.greatest)
  }

  private mutating func merge(_ block: ingot_statistics, _ moments: Moments) {
    self.moments.add(moments, count: Int(block.finite), to: finiteCount)
    finiteCount += Int(block.finite)
    zeroCount += Int(block.zeros)
    nanCount += Int(block.nans)
    infinityCount += Int(block.infinities)
    least = Swift.min(least, block.least)
    greatest = Swift.max(greatest, block.greatest)
  }
}

/// Sum and squared deviations of values, in a unit in which neither is beyond the range.
private struct Moments: Hashable, Sendable {
  /// The sum, in units.
  var sum = 0.0
  /// Σ (x − mean)², in squared units.
  var squaredDeviations = 0.0
  /// 1, or ``largeUnit``.
  var unit = 1.0

  /// Above it a value's square is near the end of the range.
  static let largest = 0x1p480
  /// What values above ``largest`` are divided by: their squares are far from both ends then.
  static let largeUnit = 0x1p600

  /// Adds those of `count` other values to those of `ownCount`.
  mutating func add(_ other: Moments, count: Int, to ownCount: Int) {
    guard count > 0 else { return }
    var other = other
    let common = Swift.max(unit, other.unit)
    scale(to: common)
    other.scale(to: common)
    let difference = ownCount > 0 ? other.sum / Double(count) - sum / Double(ownCount) : 0
    let weight = Double(ownCount) * (Double(count) / Double(ownCount + count))
    squaredDeviations += other.squaredDeviations + difference * difference * weight
    sum += other.sum
  }

  private mutating func scale(to larger: Double) {
    guard unit != larger else { return }
    sum *= unit / larger
    squaredDeviations *= unit / larger * (unit / larger)
    unit = larger
  }
}
