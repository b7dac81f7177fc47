// SPDX-License-Identifier: Apache-2.0
// How a tensor's values are spread: counts by sign, exponent and the first bits of the mantissa, for which no range has to
// be known before, so that one pass is enough. For drawing they are collapsed to few bins of about one width.
import IngotCore

/// Counts of values, taken as F32, by their sign, exponent and the seven highest bits of their mantissa.
///
/// A place holds what has the same upper 16 bits: the values that BF16 rounds to one number towards zero.
public struct ValueHistogram: Hashable, Sendable {
  /// Values between two bounds.
  ///
  /// The bound nearer to zero belongs to the bin, the other one does not; of a bin across zero neither does.
  public struct Bin: Hashable, Sendable {
    /// The lower bound.
    public var lower: Double
    /// The upper bound.
    public var upper: Double
    /// How many values there are.
    public var count: Int
  }

  /// Values far out at either end.
  public struct Tails: Hashable, Sendable {
    /// How many values are at or below ``lower``, or at or above ``upper``.
    public var count: Int
    /// The lower bound.
    public var lower: Double
    /// The upper bound.
    public var upper: Double
  }

  /// Places with values, by value from the least.
  private var places: [UInt16] = []
  /// How many values each has.
  private var counts: [Int] = []
  /// Values that are in no place: NaN, infinities, and what is beyond F32's range.
  public private(set) var outsideCount = 0

  /// A histogram of nothing.
  package init() {}

  /// Values in places.
  public var count: Int { counts.reduce(0, +) }

  /// The places that have values, from the least value.
  public var occupiedPlaces: [Bin] {
    zip(places, counts).map { Bin(lower: Self.edge(Int($0)), upper: Self.edge(Int($0) + 1), count: $1) }
  }

  /// Adds what was counted of other values.
  package mutating func merge(_ other: ValueHistogram) {
    outsideCount += other.outsideCount
    guard !other.places.isEmpty else { return }
    guard !places.isEmpty else {
      (places, counts) = (other.places, other.counts)
      return
    }
    var merged = ValueHistogram()
    merged.places.reserveCapacity(max(places.count, other.places.count))
    merged.counts.reserveCapacity(max(places.count, other.places.count))
    var (own, others) = (0, 0)
    while own < places.count || others < other.places.count {
      let place = min(
        own < places.count ? places[own] : .max, others < other.places.count ? other.places[others] : .max)
      var count = 0
      if own < places.count, places[own] == place {
        count += counts[own]
        own += 1
      }
      if others < other.places.count, other.places[others] == place {
        count += other.counts[others]
        others += 1
      }
      merged.append(place, count)
    }
    (places, counts) = (merged.places, merged.counts)
  }

  private mutating func append(_ place: UInt16, _ count: Int) {
    places.append(place)
    counts.append(count)
  }

  /// The histogram in few bins of about one width, from the first value's place to the last one's.
  ///
  /// Bounds are those of places, so that counts are exact; a place that is wider is a bin by itself.
  ///
  /// - Parameter limit: the most bins, at least 1.
  /// - Returns: the bins, each beginning where the one before ends; none where there are no values.
  public func bins(atMost limit: Int) -> [Bin] {
    guard let first = places.first, let last = places.last, limit > 0 else { return [] }
    let (low, high) = (Self.edge(Int(first)), Self.edge(Int(last) + 1))
    var bounds = [Int(first)]
    for cell in 1..<max(1, limit) {
      let place = Self.firstPlace(withMiddleFrom: low + (high - low) * (Double(cell) / Double(limit)))
      if place > bounds[bounds.count - 1], place <= Int(last) { bounds.append(place) }
    }
    bounds.append(Int(last) + 1)
    var index = 0
    return zip(bounds, bounds.dropFirst()).map { start, end in
      var count = 0
      while index < places.count, Int(places[index]) < end {
        count += counts[index]
        index += 1
      }
      return Bin(lower: Self.edge(start), upper: Self.edge(end), count: count)
    }
  }

  /// Counts what lies beyond bounds, which are moved out to the next ones between places.
  package func tails(below lower: Double, above upper: Double) -> Tails {
    let end = Self.lastEdge(atMost: lower)
    let start = Self.firstEdge(from: upper)
    var count = 0
    for (place, number) in zip(places, counts) where Int(place) < end || Int(place) >= start {
      count += number
    }
    return Tails(count: count, lower: Self.edge(end), upper: Self.edge(start))
  }
}

// MARK: - Places

extension ValueHistogram {
  /// Places there are: of negative values the first half, the largest magnitude first.
  fileprivate static let placeCount = 1 << 16
  /// The first place of positive values.
  private static let middle = 1 << 15

  /// Where a place begins, and the one before it ends; of the first one that holds finite values, −2¹²⁸.
  private static func edge(_ place: Int) -> Double {
    place < middle ? -magnitude(middle - place) : magnitude(place - middle)
  }

  /// The number whose upper bits are these, without a sign.
  private static func magnitude(_ bits: Int) -> Double {
    // What follows the largest finite place would be an infinity.
    bits >= 0x7F80 ? 0x1p128 : Double(Float(bitPattern: UInt32(bits) << 16))
  }

  /// The place of a value with these upper bits.
  fileprivate static func place(_ upper: UInt16) -> UInt16 { upper & 0x8000 == 0 ? upper | 0x8000 : ~upper }

  private static func first(where isReached: (Int) -> Bool) -> Int {
    (0..<placeCount).partitioningIndex(where: isReached)
  }

  private static func firstPlace(withMiddleFrom bound: Double) -> Int {
    first { $0 == placeCount || (edge($0) + edge($0 + 1)) / 2 >= bound }
  }

  private static func firstEdge(from bound: Double) -> Int { first { edge($0) >= bound } }

  private static func lastEdge(atMost bound: Double) -> Int { max(0, first { edge($0) > bound } - 1) }
}

// MARK: - Counting

extension ValueHistogram {
  /// Counts elements of one tensor, or of a stretch of it.
  package struct Counter {
    /// Below so many values their upper bits are kept and sorted, in place of a count for each place there is.
    private static let fewValues = 4096
    /// Elements that are made floats at a time.
    private static let blockElementCount = 2048

    private var counts: [Int]
    private var few: [UInt16] = []
    private let isDense: Bool

    /// Makes a counter.
    ///
    /// - Parameter elementCount: how many elements there will be.
    package init(elementCount: Int) {
      isDense = elementCount >= Self.fewValues
      counts = isDense ? Array(repeating: 0, count: ValueHistogram.placeCount) : []
    }

    /// Counts elements.
    ///
    /// - Parameters:
    ///   - elements: of a dtype that ``ElementStatistics/supports(_:)`` accepts; others are not counted. Numbers that F32 does
    ///     not hold are rounded to it.
    ///   - observe: sees them as floats, in order, with the index of the first.
    package mutating func add(
      _ elements: Elements, observe: (UnsafeBufferPointer<Float>, _ start: Int) -> Void = { _, _ in }
    ) {
      guard case .number(let dtype) = elements.type, ElementStatistics.supports(dtype),
        let bytes = elements.bytes.baseAddress
      else { return }
      let width = dtype.bitWidth / 8
      let widening = ElementConversion(from: dtype == .bool ? .u8 : dtype, to: .f32, onOverflow: .infinity)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.blockElementCount) { block in
        guard let floats = block.baseAddress else { return }
        for start in stride(from: 0, to: elements.count, by: Self.blockElementCount) {
          let count = min(Self.blockElementCount, elements.count - start)
          let from = bytes + start * width
          if dtype == .f32 {
            UnsafeMutableRawPointer(floats).copyMemory(from: from, byteCount: count * width)
          } else if let widening {
            _ = widening.convert(count: count, from: from, to: floats)
          } else {
            for index in 0..<count {
              floats[index] = Float(ReferenceKernels.decode(from, at: index, as: dtype))
            }
          }
          let values = UnsafeBufferPointer(start: floats, count: count)
          add(values)
          observe(values, start)
        }
      }
    }

    private mutating func add(_ values: UnsafeBufferPointer<Float>) {
      guard isDense else {
        few += values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
        return
      }
      counts.withUnsafeMutableBufferPointer { counts in
        for value in values { counts[Int(value.bitPattern >> 16)] += 1 }
      }
    }

    /// What was counted.
    package var histogram: ValueHistogram {
      var histogram = ValueHistogram()
      if isDense {
        // Negative values from the largest magnitude, then the others.
        for upper in (0x8000..<ValueHistogram.placeCount).reversed() { histogram.add(upper, counts[upper]) }
        for upper in 0..<0x8000 { histogram.add(upper, counts[upper]) }
      } else {
        let places = few.sorted { ValueHistogram.place($0) < ValueHistogram.place($1) }
        for slice in places.runs() { histogram.add(Int(slice.value), slice.count) }
      }
      return histogram
    }
  }

  /// Adds values of the next place.
  fileprivate mutating func add(_ upper: Int, _ count: Int) {
    guard count > 0 else { return }
    // An exponent of ones is an infinity's or NaN's.
    guard upper & 0x7F80 != 0x7F80 else {
      outsideCount += count
      return
    }
    append(Self.place(UInt16(truncatingIfNeeded: upper)), count)
  }
}

extension [UInt16] {
  /// Neighbours that are the same, each with how many there are.
  fileprivate func runs() -> [(value: UInt16, count: Int)] {
    var runs: [(value: UInt16, count: Int)] = []
    for value in self {
      if runs.last?.value == value { runs[runs.count - 1].count += 1 } else { runs.append((value, 1)) }
    }
    return runs
  }
}
