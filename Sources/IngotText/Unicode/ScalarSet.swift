// SPDX-License-Identifier: Apache-2.0
// Sets of characters, as the places where code points begin and cease to belong to them.
import IngotCore

/// A set of code points, surrogates among them: a byte that is no UTF-8 counts as U+DC00 and its value.
package struct ScalarSet: Hashable, Sendable {
  /// Where the set begins, ends, begins again, and so on; rising.
  private(set) var bounds: [UInt32]

  /// One behind the last code point.
  static let limit: UInt32 = 0x11_0000
  /// No code point.
  package static let none = ScalarSet(bounds: [])
  /// All of them.
  static let all = ScalarSet(bounds: [0, limit])

  private init(bounds: [UInt32]) { self.bounds = bounds }

  /// The code points from one to another, both included.
  package init(_ range: ClosedRange<UInt32>) { bounds = [range.lowerBound, range.upperBound + 1] }

  /// A single code point.
  package init(_ scalar: Unicode.Scalar) { self.init(scalar.value...scalar.value) }

  /// The characters of a text.
  package init(_ text: String) {
    self = text.unicodeScalars.reduce(.none) { $0.union(ScalarSet($1)) }
  }

  /// A set of the tables: lengths of runs outside and inside in turn.
  init(table: StaticString) {
    bounds = []
    var numbers = PackedNumbers(table)
    var scalar: UInt32 = 0
    while let length = numbers.next() {
      scalar += UInt32(length)
      if scalar < Self.limit { bounds.append(scalar) }
    }
    if !bounds.count.isMultiple(of: 2) { bounds.append(Self.limit) }
  }

  /// The code points whose value in a table is one of some.
  init(_ runs: [(length: Int, value: Int)], where holds: (Int) -> Bool) {
    bounds = []
    var scalar: UInt32 = 0
    var isInside = false
    for run in runs {
      if holds(run.value) != isInside {
        bounds.append(scalar)
        isInside.toggle()
      }
      scalar += UInt32(run.length)
    }
    if isInside { bounds.append(Self.limit) }
  }

  /// Whether it holds nothing.
  package var isEmpty: Bool { bounds.isEmpty }

  /// The ranges it is made of.
  package var ranges: [Range<UInt32>] {
    stride(from: 0, to: bounds.count - 1, by: 2).map { bounds[$0]..<bounds[$0 + 1] }
  }

  /// Whether a code point belongs to it.
  package func contains(_ scalar: UInt32) -> Bool {
    !bounds.indices.partitioningIndex { bounds[$0] > scalar }.isMultiple(of: 2)
  }

  /// All code points that do not belong to it.
  package var inverted: ScalarSet {
    var bounds = bounds
    if bounds.first == 0 { bounds.removeFirst() } else { bounds.insert(0, at: 0) }
    if bounds.last == Self.limit { bounds.removeLast() } else { bounds.append(Self.limit) }
    return ScalarSet(bounds: bounds)
  }

  /// What belongs to either.
  package func union(_ other: ScalarSet) -> ScalarSet { merged(with: other) { $0 || $1 } }

  /// What belongs to both.
  package func intersection(_ other: ScalarSet) -> ScalarSet { merged(with: other) { $0 && $1 } }

  /// What belongs to this one only.
  package func subtracting(_ other: ScalarSet) -> ScalarSet { merged(with: other) { $0 && !$1 } }

  private func merged(with other: ScalarSet, _ holds: (Bool, Bool) -> Bool) -> ScalarSet {
    var merged: [UInt32] = []
    var (here, there) = (0, 0)
    while here < bounds.count || there < other.bounds.count {
      let mine = here < bounds.count ? bounds[here] : .max
      let theirs = there < other.bounds.count ? other.bounds[there] : .max
      let place = min(mine, theirs)
      if mine == place { here += 1 }
      if theirs == place { there += 1 }
      let isInside = holds(!here.isMultiple(of: 2), !there.isMultiple(of: 2))
      if isInside != !merged.count.isMultiple(of: 2) { merged.append(place) }
    }
    return ScalarSet(bounds: merged)
  }
}

extension ScalarSet {
  /// Adds a code point behind all there are.
  mutating func append(_ scalar: UInt32) {
    if bounds.last == scalar {
      bounds[bounds.count - 1] = scalar + 1
    } else {
      bounds += [scalar, scalar + 1]
    }
  }
}
