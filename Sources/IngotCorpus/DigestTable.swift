// SPDX-License-Identifier: Apache-2.0
// Which texts there were, by their digests.
import IngotCore

/// Numbers of documents by the digests of their texts: open addressing with linear probing, twenty bytes an entry.
package struct DigestTable {
  private var high = [UInt64](repeating: 0, count: 64)
  private var low = [UInt64](repeating: 0, count: 64)
  /// A document's number, from 1; 0 where there is none.
  private var numbers = [UInt32](repeating: 0, count: 64)
  private var count = 0

  /// Makes a table of no texts.
  package init() {}

  /// Adds a text, unless it is there.
  ///
  /// - Parameters:
  ///   - digest: the text's.
  ///   - number: the document's, from 1.
  /// - Returns: the number of the document that has the text; `nil` where it was added.
  package mutating func add(_ digest: XXH3Digest, number: UInt32) -> UInt32? {
    if count * 5 >= numbers.count * 4 { grow() }
    var place = Self.place(of: digest.high, in: numbers.count)
    while numbers[place] != 0 {
      if high[place] == digest.high, low[place] == digest.low { return numbers[place] }
      place = place + 1 == numbers.count ? 0 : place + 1
    }
    (high[place], low[place], numbers[place]) = (digest.high, digest.low, number)
    count += 1
    return nil
  }

  private mutating func grow() {
    let old = (high: high, low: low, numbers: numbers)
    let room = old.numbers.count + old.numbers.count / 4
    high = [UInt64](repeating: 0, count: room)
    low = [UInt64](repeating: 0, count: room)
    numbers = [UInt32](repeating: 0, count: room)
    for index in old.numbers.indices where old.numbers[index] != 0 {
      var place = Self.place(of: old.high[index], in: room)
      while numbers[place] != 0 { place = place + 1 == room ? 0 : place + 1 }
      (high[place], low[place], numbers[place]) = (old.high[index], old.low[index], old.numbers[index])
    }
  }

  private static func place(of hash: UInt64, in count: Int) -> Int {
    Int(hash.multipliedFullWidth(by: UInt64(count)).high)
  }
}
