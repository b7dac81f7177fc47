// SPDX-License-Identifier: Apache-2.0
// Precompiled: the map of characters that SentencePiece writes into its models, a Darts trie and the texts it leads to.
// (google/sentencepiece, normalizer.cc; huggingface/spm_precompiled, whose way through the text this is.)
import IngotCore

/// Replaces characters, and clusters of them, by a map that a file brings along.
package struct Precompiled: Normalizer {
  private let trie: [UInt32]
  private let texts: [UInt8]
  /// The bytes of the longest text.
  package let growth: Int

  /// Reads a map: the trie's size in bytes, its units, then texts that end with 0.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-10 where it is cut or its texts are no UTF-8.
  package init(_ bytes: [UInt8], at location: Location) throws(IngotError) {
    func unit(at offset: Int) -> UInt32 {
      bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    guard bytes.count >= 4, Int(unit(at: 0)) <= bytes.count - 4 else {
      throw .malformed(
        TokenizerRule.component.rule, at: location, found: "\(bytes.count, "byte")",
        expected: "a trie of the size that its first four state")
    }
    let count = Int(unit(at: 0)) / 4
    trie = (0..<count).map { unit(at: 4 + 4 * $0) }
    texts = Array(bytes[(4 + 4 * count)...])
    growth = max(1, texts.split(separator: 0).reduce(0) { max($0, $1.count) })
    guard String(validating: texts, as: UTF8.self) != nil else {
      throw .malformed(
        TokenizerRule.component.rule, at: location, found: "texts that are not UTF-8", expected: "UTF-8")
    }
  }

  /// What the shortest part of some bytes, from their start, that the map knows becomes.
  ///
  /// - Returns: `nil` where it knows none, or where the trie leads out of itself.
  private func replacement(for key: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
    guard let root = trie.first else { return nil }
    var node = offset(root)
    for byte in key where byte != 0 {
      node ^= Int(byte)
      guard trie.indices.contains(node), trie[node] & 0x8000_00FF == UInt32(byte) else { return nil }
      let hasLeaf = trie[node] >> 8 & 1 == 1
      node ^= offset(trie[node])
      guard hasLeaf else { continue }
      guard trie.indices.contains(node) else { return nil }
      let start = Int(trie[node] & 0x7FFF_FFFF)
      guard texts.indices.contains(start) else { return nil }
      return texts[start...].prefix { $0 != 0 }
    }
    return nil
  }

  package func normalize(_ text: inout NormalizedText) {
    let bytes = text.bytes
    text.rewrite { rewriter in
      for cluster in Self.clusters(of: bytes) {
        if cluster.count < 6, let new = replacement(for: bytes[cluster]) {
          Self.replace(cluster, by: new, &rewriter)
          continue
        }
        var place = cluster.lowerBound
        while place < cluster.upperBound {
          let character = bytes.characterRange(at: place)
          if let new = replacement(for: bytes[character]) {
            Self.replace(character, by: new, &rewriter)
          } else {
            rewriter.keep(character.count)
          }
          place = character.upperBound
        }
      }
    }
  }

  /// Puts characters in place of others, one for one as far as both go.
  private static func replace(_ range: Range<Int>, by new: ArraySlice<UInt8>, _ rewriter: inout TextRewriter)
  {
    let scalars = Array(new).scalars
    for scalar in scalars {
      let left = range.upperBound - rewriter.offset
      if left > 0 {
        rewriter.replace(
          rewriter.old.characterRange(at: rewriter.offset).count, with: [UInt8](scalar: scalar.value))
      } else {
        rewriter.insert([UInt8](scalar: scalar.value))
      }
    }
    rewriter.remove(range.upperBound - rewriter.offset)
  }

  /// The ranges of grapheme clusters.
  private static func clusters(of bytes: [UInt8]) -> [Range<Int>] {
    var breaks = GraphemeBreaks()
    var clusters: [Range<Int>] = []
    var start = 0
    var offset = 0
    for scalar in bytes.scalars {
      if breaks.begins(with: scalar.value), offset > 0 {
        clusters.append(start..<offset)
        start = offset
      }
      offset += scalar.length
    }
    if offset > start { clusters.append(start..<offset) }
    return clusters
  }

  package func settledCount(of text: NormalizedText) -> Int {
    text.isEnd ? text.bytes.count : Self.clusters(of: text.bytes).last?.lowerBound ?? 0
  }
}
