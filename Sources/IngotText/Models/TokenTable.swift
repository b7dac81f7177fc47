// SPDX-License-Identifier: Apache-2.0
// The bytes of each token by its id, and the id by the bytes: texts behind each other in one array, and an open hash.

/// Tokens' bytes by id, and ids by bytes.
package struct TokenTable: Sendable {
  /// The bytes of all tokens.
  private var storage: [UInt8] = []
  /// Where a token's bytes begin and end in the storage, by id; an empty range where no token has the id.
  private var places: [Range<Int>] = []
  /// Which ids are tokens': one may be empty.
  private var isToken: [Bool] = []
  /// Ids by hash: half a number is the hash, half the id; the largest number is a free place.
  private var slots: [UInt64] = Array(repeating: .max, count: 16)
  /// How many places of the hash are taken.
  private var taken = 0
  /// Secrets of this table: texts chosen in bad faith don't meet in one place.
  private let seed = UInt64.random(in: .min ... .max)
  private let factor = UInt64.random(in: .min ... .max) | 1
  /// The bytes of the longest token.
  package private(set) var longest = 0

  /// Makes an empty table.
  package init() {}

  /// Makes an empty table for so many tokens; the caller has read as many.
  package init(capacity: Int) {
    places.reserveCapacity(capacity)
    isToken.reserveCapacity(capacity)
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = Array(repeating: .max, count: size)
  }

  /// One more than the largest id.
  package var idCount: Int { places.count }

  /// Adds a token; one that has the id already is replaced, and of two with the same bytes the latter is found.
  ///
  /// - Parameters:
  ///   - id: the caller has held it against a bound.
  ///   - bytes: the token's bytes.
  package mutating func set(_ id: Int, to bytes: some Collection<UInt8>) {
    while places.count <= id {
      places.append(0..<0)
      isToken.append(false)
    }
    let start = storage.count
    storage.append(contentsOf: bytes)
    places[id] = start..<storage.count
    isToken[id] = true
    longest = max(longest, bytes.count)
    if (taken + 1) * 2 > slots.count { grow() }
    insert(UInt32(truncatingIfNeeded: id))
  }

  /// The bytes of a token; `nil` where no token has the id.
  package func bytes(of id: Int) -> ArraySlice<UInt8>? {
    guard places.indices.contains(id), isToken[id] else { return nil }
    return storage[places[id]]
  }

  /// The id of a token by its bytes.
  package func id(of bytes: [UInt8], _ range: Range<Int>) -> UInt32? {
    var hash = seed
    for place in range { hash = mix(hash, bytes[place]) }
    return id(of: bytes, range, hash: hash)
  }

  /// The id of a token by its text.
  package func id(of text: some StringProtocol) -> UInt32? {
    let bytes = Array(text.utf8)
    return id(of: bytes, bytes.indices)
  }

  /// The longest token that a text begins with.
  ///
  /// - Parameters:
  ///   - bytes: the text.
  ///   - range: where the token may be, from its start on.
  /// - Returns: its id and its end.
  func longestToken(in bytes: [UInt8], _ range: Range<Int>) -> (id: UInt32, end: Int)? {
    var hash = seed
    var found: (id: UInt32, end: Int)?
    let end = min(range.upperBound, range.lowerBound + longest)
    for place in range.lowerBound..<end {
      hash = mix(hash, bytes[place])
      // Between two characters only.
      if place + 1 < bytes.count, bytes[place + 1] & 0xC0 == 0x80, place + 1 < range.upperBound { continue }
      if let id = id(of: bytes, range.lowerBound..<place + 1, hash: hash) { found = (id, place + 1) }
    }
    return found
  }

  private func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    let next = (hash ^ UInt64(byte)) &* factor
    return next ^ next >> 32
  }

  private func id(of bytes: [UInt8], _ range: Range<Int>, hash: UInt64) -> UInt32? {
    let tag = UInt32(truncatingIfNeeded: hash)
    var slot = Int(tag) & (slots.count - 1)
    while slots[slot] != .max {
      let id = UInt32(truncatingIfNeeded: slots[slot])
      if UInt32(truncatingIfNeeded: slots[slot] >> 32) == tag, holds(id, bytes, range) { return id }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Whether the bytes of a token are those of a range.
  private func holds(_ id: UInt32, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let place = places[Int(id)]
    guard place.count == range.count else { return false }
    for index in 0..<range.count
    where storage[place.lowerBound + index] != bytes[range.lowerBound + index] {
      return false
    }
    return true
  }

  private mutating func insert(_ id: UInt32) {
    let place = places[Int(id)]
    var hash = seed
    for byte in storage[place] { hash = mix(hash, byte) }
    let tag = UInt32(truncatingIfNeeded: hash)
    var slot = Int(tag) & (slots.count - 1)
    while slots[slot] != .max {
      if UInt32(truncatingIfNeeded: slots[slot] >> 32) == tag,
        holds(UInt32(truncatingIfNeeded: slots[slot]), storage, place)
      {
        break
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    if slots[slot] == .max { taken += 1 }
    slots[slot] = UInt64(tag) << 32 | UInt64(id)
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: .max, count: old.count * 2)
    for entry in old where entry != .max {
      var slot = Int(entry >> 32) & (slots.count - 1)
      while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = entry
    }
  }
}
