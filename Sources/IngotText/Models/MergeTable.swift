// SPDX-License-Identifier: Apache-2.0
// Which pairs of neighbouring symbols are joined to what, and which pair comes first: an open hash from two ids.

/// Which pairs of symbols are joined.
struct MergeTable: Sendable {
  /// What a pair is joined to.
  struct Merge: Hashable, Sendable {
    /// The lower, the sooner it is joined.
    var rank: UInt32
    /// The symbol that the two become.
    var symbol: UInt32

    /// What stands for a pair that is not joined.
    static let none = Merge(rank: .max, symbol: .max)
  }

  private struct Slot: Sendable {
    var key: UInt64
    var merge: Merge
  }

  /// No pair of symbols: neither reaches the largest number.
  private static let empty = UInt64.max
  private var slots: [Slot]
  private var mask: Int
  /// How many pairs there are.
  private(set) var count = 0
  /// An odd number that no file can know: multiplying by it keeps keys chosen in bad faith apart.
  private let factor = UInt64.random(in: .min ... .max) | 1

  /// Makes an empty table.
  ///
  /// - Parameter capacity: how many pairs will come; the table grows where there are more.
  init(capacity: Int = 0) {
    let size = Self.size(for: capacity)
    slots = Array(repeating: Slot(key: Self.empty, merge: .none), count: size)
    mask = size - 1
  }

  /// A power of two, at least half of which stays free.
  private static func size(for capacity: Int) -> Int {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    return size
  }

  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }

  /// The upper bits of a product (Dietzfelbinger et al., "A Reliable Randomized Algorithm for the Closest-Pair Problem",
  /// 1997, section 2).
  private func place(of key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* factor) >> 32) & mask
  }

  /// What two neighbours are joined to; ``Merge/none`` where they are not.
  func merge(_ left: UInt32, _ right: UInt32) -> Merge {
    let key = Self.key(left, right)
    var place = place(of: key)
    while true {
      let slot = slots[place]
      if slot.key == key { return slot.merge }
      if slot.key == Self.empty { return .none }
      place = (place + 1) & mask
    }
  }

  /// Notes a pair; a pair that is there gets the new merge.
  mutating func set(_ left: UInt32, _ right: UInt32, to merge: Merge) {
    if (count + 1) * 2 > slots.count { grow() }
    insert(Self.key(left, right), merge)
  }

  private mutating func insert(_ key: UInt64, _ merge: Merge) {
    var place = place(of: key)
    while slots[place].key != Self.empty, slots[place].key != key { place = (place + 1) & mask }
    if slots[place].key == Self.empty { count += 1 }
    slots[place] = Slot(key: key, merge: merge)
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: Slot(key: Self.empty, merge: .none), count: old.count * 2)
    mask = slots.count - 1
    count = 0
    for slot in old where slot.key != Self.empty { insert(slot.key, slot.merge) }
  }
}
