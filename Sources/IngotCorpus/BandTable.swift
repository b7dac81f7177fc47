// SPDX-License-Identifier: Apache-2.0
// Which documents have a band: a table in one array, as full as it may be, since there are as many as bands and each has
// an entry a document.
import IngotCore

/// Documents by a band's hash: open addressing with linear probing, eight bytes an entry.
package struct BandTable {
  /// A hash above, a document's index plus one below; 0 where there is none.
  private var slots = [UInt64](repeating: 0, count: 64)
  private var count = 0

  /// Documents of one hash that are kept; a query is compared with all of them.
  package static let crowd = 64

  /// Makes a table of no documents.
  package init() {}

  /// The documents of a hash, in the order in which they came.
  ///
  /// - Parameters:
  ///   - hash: the band's.
  ///   - found: gets the documents; may hold others already.
  package func find(_ hash: UInt32, _ found: inout [UInt32]) {
    var place = Self.place(of: hash, in: slots.count)
    while slots[place] != 0 {
      if UInt32(slots[place] >> 32) == hash { found.append(UInt32(truncatingIfNeeded: slots[place]) - 1) }
      place = place + 1 == slots.count ? 0 : place + 1
    }
  }

  /// Adds a document, unless there is a crowd at its hash.
  ///
  /// - Parameters:
  ///   - document: the document's index.
  ///   - hash: the band's.
  /// - Returns: whether it was added.
  package mutating func add(_ document: UInt32, at hash: UInt32) -> Bool {
    if count * 5 >= slots.count * 4 { grow() }
    var place = Self.place(of: hash, in: slots.count)
    var equals = 0
    while slots[place] != 0 {
      if UInt32(slots[place] >> 32) == hash { equals += 1 }
      place = place + 1 == slots.count ? 0 : place + 1
    }
    guard equals < Self.crowd else { return false }
    slots[place] = UInt64(hash) << 32 | UInt64(document + 1)
    count += 1
    return true
  }

  /// Makes a quarter more room: entries keep their order, since a place rises with the hash.
  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count + slots.count / 4)
    // What ran over the end stands at the start: an empty slot is where a run begins.
    let gap = slots.firstIndex(of: 0) ?? 0
    for index in 0..<slots.count {
      let slot = slots[(gap + index) % slots.count]
      guard slot != 0 else { continue }
      var place = Self.place(of: UInt32(slot >> 32), in: larger.count)
      while larger[place] != 0 { place = place + 1 == larger.count ? 0 : place + 1 }
      larger[place] = slot
    }
    slots = larger
  }

  private static func place(of hash: UInt32, in count: Int) -> Int {
    Int((UInt64(hash) &* UInt64(count)) >> 32)
  }
}
