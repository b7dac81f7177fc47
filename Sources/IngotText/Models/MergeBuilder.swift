// SPDX-License-Identifier: Apache-2.0
// Tables of merges from what files have: a list of pairs, or the tokens in an order of preference, any two of which are
// joined when they make another (tiktoken's ranks, SentencePiece's scores).

/// Makes tables of merges.
enum MergeBuilder {
  /// The bytes of a token at the most: each of its parts is looked for.
  static let longestToken = 1024

  /// Joins any two tokens, or characters, whose texts together are a token: the one of the lowest rank first.
  ///
  /// - Parameters:
  ///   - tokens: the tokens.
  ///   - ranks: by id: the lower, the sooner; `nil` for a token that nothing is joined to.
  ///   - isByteLevel: whether pieces begin as bytes, else as characters.
  /// - Returns: the merges; and characters that are parts of tokens but none themselves, each with a symbol behind the ids.
  /// - Complexity: the bytes of all tokens, times those of the longest for reading parts.
  static func ranked(
    _ tokens: TokenTable, ranks: [UInt32?], isByteLevel: Bool
  ) -> (merges: MergeTable, innerSymbols: [UInt32: UInt32]) {
    var merges = MergeTable(capacity: tokens.idCount * 2)
    var inner: [UInt32: UInt32] = [:]
    /// The symbol of a part: a token that something may be joined to, else a character.
    func symbol(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32? {
      if let id = tokens.id(of: bytes, range), ranks.indices.contains(Int(id)), ranks[Int(id)] != nil {
        return id
      }
      guard !isByteLevel, let character = UTF8Scalar(only: bytes[range]) else { return nil }
      if let known = inner[character.value] { return known }
      let new = UInt32(truncatingIfNeeded: tokens.idCount + inner.count)
      inner[character.value] = new
      return new
    }
    for (id, rank) in ranks.enumerated() {
      guard let rank, let token = tokens.bytes(of: id), token.count > 1 else { continue }
      let bytes = Array(token)
      guard tokens.id(of: bytes, bytes.indices) == UInt32(id) else { continue }
      for cut in 1..<bytes.count where isByteLevel || bytes[cut] & 0xC0 != 0x80 {
        guard let left = symbol(bytes, 0..<cut), let right = symbol(bytes, cut..<bytes.count) else {
          continue
        }
        merges.set(left, right, to: MergeTable.Merge(rank: rank, symbol: UInt32(id)))
      }
    }
    return (merges, inner)
  }

  /// Ranks of tokens by their scores: a higher score is joined sooner, and equal ones have the same rank.
  ///
  /// - Parameter scores: by id; `nil` for tokens that nothing is joined to.
  /// - Returns: ranks by id.
  static func ranks(of scores: [Float?]) -> [UInt32?] {
    let order = Set(scores.compactMap { $0 }).sorted(by: >)
    var ranks: [Float: UInt32] = [:]
    for (rank, score) in order.enumerated() { ranks[score] = UInt32(truncatingIfNeeded: rank) }
    return scores.map { $0.flatMap { ranks[$0] } }
  }
}
