// SPDX-License-Identifier: Apache-2.0
// The tokens of pieces that came before: short ones, in a table of fixed size where a newer piece takes the place of an older.

/// The tokens of pieces that came before.
struct PieceCache: Sendable {
  /// A piece and its tokens, 64 bytes.
  private struct Slot: Sendable {
    /// The piece's bytes and, in the last one, their count.
    var key: Key
    /// How many tokens there are; 0 in a slot that is free.
    var count: UInt8 = 0
    var lengths = InlineArray<7, UInt8>(repeating: 0)
    var ids = InlineArray<7, UInt32>(repeating: 0)
  }

  private struct Key: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0

    /// The bytes of a piece; `nil` where they are too many.
    @inline(__always)
    init?(_ bytes: [UInt8], _ piece: Range<Int>) {
      let count = piece.count
      guard count <= 23 else { return nil }
      var place = piece.lowerBound
      first = Self.word(bytes, &place, min(count, 8))
      if count > 8 { second = Self.word(bytes, &place, min(count - 8, 8)) }
      if count > 16 { third = Self.word(bytes, &place, count - 16) }
      third |= UInt64(truncatingIfNeeded: count) << 56
    }

    init() {}

    @inline(__always)
    private static func word(_ bytes: [UInt8], _ place: inout Int, _ count: Int) -> UInt64 {
      var word: UInt64 = 0
      for index in 0..<count {
        word |= UInt64(bytes[place]) << UInt64(truncatingIfNeeded: index * 8)
        place += 1
      }
      return word
    }

    @inline(__always)
    var slot: Int {
      var mixed = (first ^ second &* 0x9E37_79B9_7F4A_7C15 ^ third &* 0xC2B2_AE3D_27D4_EB4F)
      mixed = (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
      return Int(truncatingIfNeeded: mixed >> 40) & (PieceCache.slotCount - 1)
    }
  }

  fileprivate static let slotCount = 1 << 15
  private var slots: [Slot] = Array(repeating: Slot(key: Key()), count: Self.slotCount)

  /// Adds the tokens of a piece, if they are known.
  ///
  /// - Returns: whether they are.
  @inline(__always)
  func find(_ bytes: [UInt8], _ piece: Range<Int>, to tokens: inout [PieceToken]) -> Bool {
    guard let key = Key(bytes, piece) else { return false }
    let slot = key.slot
    guard slots[slot].key == key else { return false }
    for index in 0..<Int(slots[slot].count) {
      tokens.append(PieceToken(id: slots[slot].ids[index], length: UInt32(slots[slot].lengths[index])))
    }
    return slots[slot].count > 0
  }

  /// Keeps the tokens of a piece, where there is room for so many.
  mutating func keep(_ tokens: ArraySlice<PieceToken>, of bytes: [UInt8], _ piece: Range<Int>) {
    guard tokens.count <= 7, !tokens.isEmpty, tokens.allSatisfy({ $0.leftOutWithin == 0 }),
      let key = Key(bytes, piece)
    else { return }
    var slot = Slot(key: key)
    slot.count = UInt8(tokens.count)
    for (index, token) in tokens.enumerated() {
      slot.ids[index] = token.id
      slot.lengths[index] = UInt8(truncatingIfNeeded: token.length)
    }
    slots[key.slot] = slot
  }
}
