// SPDX-License-Identifier: Apache-2.0
// The entries of one block of a sorted table, decoded already. Page: formats/containers/sorted-table.md.
import IngotBytes
import IngotCore

/// The entries of one block, read in order.
struct SortedTableBlock {
  /// The key of the entry read last.
  private(set) var key: [UInt8] = []

  private let contents: [UInt8]
  private let location: Location
  /// Where the entries end and the restarts begin.
  private let entriesEnd: Int
  private let restartCount: Int
  private var cursor: ByteCursor
  private var nextRestart = 0
  private var isFirst = true

  /// Finds the entries and checks the restarts: TBL-07.
  ///
  /// - Parameters:
  ///   - contents: the block, decoded.
  ///   - location: its place in the file.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TBL-07.
  init(_ contents: [UInt8], at location: Location) throws(IngotError) {
    self.contents = contents
    self.location = location
    var end = ByteCursor(contents.suffix(4))
    guard let count = end.little(UInt32.self).map(Int.init), count > 0, count <= (contents.count - 4) / 4
    else {
      throw .malformed(
        SortedTableRule.restarts.rule, at: location,
        found: "no restarts at the end of \(contents.count, "byte")",
        expected: "at least one, and their number")
    }
    restartCount = count
    entriesEnd = contents.count - 4 - 4 * count
    cursor = ByteCursor(contents[..<entriesEnd])
    var previous: UInt32?
    for index in 0..<count {
      let restart = restart(index)
      let isRising = previous.map { restart > $0 } ?? (restart == 0)
      guard isRising, restart < entriesEnd || restart == 0 else {
        throw .malformed(
          SortedTableRule.restarts.rule, at: location, found: "restart \(index) at \(restart)",
          expected: "0 first, then rising, among the \(entriesEnd, "byte") of entries")
      }
      previous = restart
    }
  }

  private func restart(_ index: Int) -> UInt32 {
    var cursor = ByteCursor(contents[(entriesEnd + 4 * index)...])
    return cursor.little(UInt32.self) ?? 0
  }

  /// Reads the next entry, whose key is then ``key``.
  ///
  /// - Returns: the entry's value; `nil` behind the last entry.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TBL-08 to TBL-10, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a key over its limit.
  mutating func next() throws(IngotError) -> ArraySlice<UInt8>? {
    guard cursor.remainingCount > 0 else {
      try checkEnd()
      return nil
    }
    let start = cursor.offset
    guard let shared = number(), let unshared = number(), let valueCount = number(), shared <= key.count,
      let delta = cursor.bytes(unshared), let value = cursor.bytes(valueCount)
    else {
      throw malformed(.entry, start, "an entry that does not fit", "lengths within key before and block")
    }
    try checkRestart(at: start, shared: shared)
    let keyCount = shared + unshared
    guard UInt64(keyCount) <= Limit.sortedTableKeyBytes.value else {
      throw .limitExceeded(.sortedTableKeyBytes, at: location, asked: UInt64(keyCount))
    }
    // Behind the shared bytes the new key's are the greater ones, or there are more of them.
    let isRising = isFirst || key[shared...].lexicographicallyPrecedes(delta)
    key.removeSubrange(shared...)
    key += delta
    guard isRising else {
      throw malformed(
        .order, start, .value(String(decoding: key, as: UTF8.self)), "a key above the one before")
    }
    isFirst = false
    return value
  }

  private mutating func number() -> Int? {
    cursor.varint().flatMap { $0 <= UInt32.max ? Int($0) : nil }
  }

  /// A key at a restart is whole, and each restart is an entry's place.
  private mutating func checkRestart(at start: Int, shared: Int) throws(IngotError) {
    guard nextRestart < restartCount else { return }
    let place = Int(restart(nextRestart))
    guard start >= place else { return }
    guard start == place, shared == 0 else {
      throw malformed(
        .restartEntry, start, "an entry that shares \(shared, "byte"), with a restart at \(place)",
        "a whole key at each restart")
    }
    nextRestart += 1
  }

  private func checkEnd() throws(IngotError) {
    guard nextRestart < restartCount, entriesEnd > 0 || restartCount > 1 else { return }
    throw malformed(
      .restartEntry, entriesEnd, "a restart at \(restart(nextRestart)), where no entry is", "an entry's place"
    )
  }

  private func malformed(
    _ rule: SortedTableRule, _ position: Int, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(
      rule.rule, at: location, found: "\(found), at byte \(position) of the block", expected: expected)
  }
}
