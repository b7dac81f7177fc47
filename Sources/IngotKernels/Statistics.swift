// SPDX-License-Identifier: Apache-2.0
// Statistics of a tensor's values, collected tile by tile in double precision.
import IngotCore

/// Statistics of a tensor's values.
public struct TensorStatistics: Hashable, Sendable {
  /// All elements.
  public var count = 0
  /// Elements that are not a number.
  public var nanCount = 0
  /// Positive and negative infinities.
  public var infinityCount = 0
  /// Elements equal to zero, negative zero included.
  public var zeroCount = 0
  /// The smallest finite value; `nil` when there is none.
  public var minimum: Double?
  /// The largest finite value; `nil` when there is none.
  public var maximum: Double?
  /// The mean of the finite values; `nil` when there are none.
  public var mean: Double?
  /// The deviation of the finite values from their mean, over their count; `nil` when there are none.
  public var standardDeviation: Double?
  /// The index of the first element that is not finite, in C order.
  public var firstNonFinite: Int?

  /// Whether every element is finite.
  public var isFinite: Bool { nanCount == 0 && infinityCount == 0 }
}

/// Collects statistics of one tensor, tile by tile.
///
/// Mean and deviation are merged block by block, so that a large mean does not drown a small deviation.
///
/// - SeeAlso: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
public struct StatisticsCollector {
  private let dtype: DType
  private let width: Int
  private let conversion: ElementConversion?
  private var statistics = TensorStatistics()
  private var mean = 0.0
  private var squares = 0.0
  private var block: [Double]

  private static let blockElementCount = 4096

  /// Makes a collector; `nil` for dtypes that are no real numbers or share bytes.
  public init?(dtype: DType) {
    guard let width = dtype.byteWidth else { return nil }
    conversion = dtype == .f64 ? nil : ElementConversion(from: dtype, to: .f64)
    guard conversion != nil || Self.isRead(dtype) else { return nil }
    self.dtype = dtype
    self.width = width
    block = [Double](repeating: 0, count: Self.blockElementCount)
  }

  private static func isRead(_ dtype: DType) -> Bool {
    switch dtype {
    case .f64, .i32, .u32, .i64, .u64, .bool: true
    default: false
    }
  }

  /// Adds the next elements: canonical bytes, a whole number of elements.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < bytes.count {
      let count = min(Self.blockElementCount, (bytes.count - offset) / width)
      guard count > 0 else { return }
      load(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count * width)]), count: count)
      addBlock(count: count)
      offset += count * width
    }
  }

  private mutating func load(_ bytes: UnsafeRawBufferPointer, count: Int) {
    guard let start = bytes.baseAddress else { return }
    if let conversion {
      block.withUnsafeMutableBytes { raw in
        guard let target = raw.baseAddress else { return }
        _ = conversion.convert(count: count, from: start, to: target)
      }
      return
    }
    func read<Number: BinaryInteger>(_: Number.Type) {
      for index in 0..<count {
        block[index] = Double(start.loadUnaligned(fromByteOffset: index * width, as: Number.self))
      }
    }
    switch dtype {
    case .i32: read(Int32.self)
    case .u32: read(UInt32.self)
    case .i64: read(Int64.self)
    case .u64: read(UInt64.self)
    case .bool: read(UInt8.self)
    default:
      for index in 0..<count {
        block[index] = start.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
      }
    }
  }

  private mutating func addBlock(count: Int) {
    var low = Double.infinity
    var high = -Double.infinity
    var sum = 0.0
    var finiteCount = 0
    for index in 0..<count {
      let value = block[index]
      guard value.isFinite else {
        noteNonFinite(value, at: statistics.count + index)
        continue
      }
      low = min(low, value)
      high = max(high, value)
      sum += value
      finiteCount += 1
      if value == 0 { statistics.zeroCount += 1 }
    }
    merge(low: low, high: high, sum: sum, finiteCount: finiteCount, count: count)
    statistics.count += count
  }

  private mutating func noteNonFinite(_ value: Double, at index: Int) {
    if value.isNaN { statistics.nanCount += 1 } else { statistics.infinityCount += 1 }
    if statistics.firstNonFinite == nil { statistics.firstNonFinite = index }
  }

  private mutating func merge(low: Double, high: Double, sum: Double, finiteCount: Int, count: Int) {
    guard finiteCount > 0 else { return }
    let blockMean = sum / Double(finiteCount)
    var blockSquares = 0.0
    for index in 0..<count where block[index].isFinite {
      let difference = block[index] - blockMean
      blockSquares += difference * difference
    }
    let before = Double(statistics.count - statistics.nanCount - statistics.infinityCount)
    // The non-finite ones of this block are counted already, its elements not yet.
    let seen = before + Double(count - finiteCount)
    let total = seen + Double(finiteCount)
    let distance = blockMean - mean
    mean += distance * Double(finiteCount) / total
    squares += blockSquares + distance * distance * seen * Double(finiteCount) / total
    statistics.minimum = min(statistics.minimum ?? low, low)
    statistics.maximum = max(statistics.maximum ?? high, high)
  }

  /// The statistics of everything added.
  public var result: TensorStatistics {
    var result = statistics
    let finiteCount = result.count - result.nanCount - result.infinityCount
    if finiteCount > 0 {
      result.mean = mean
      result.standardDeviation = (squares / Double(finiteCount)).squareRoot()
    }
    return result
  }
}
