// SPDX-License-Identifier: Apache-2.0
// Published names with the numbers of a block and of an expert in them, readable in both directions.

/// A name with at most one `{block}` and, behind it, one `{expert}`: `h.{block}.attn.c_attn.weight`.
package struct NamePattern: Hashable, Sendable, ExpressibleByStringLiteral {
  /// What stands before, between and behind the numbers: one piece more than there are numbers.
  private let pieces: [String]

  private static let markers = ["{block}", "{expert}"]

  /// Makes a pattern.
  package init(stringLiteral text: String) {
    var pieces = [""]
    var rest = text[...]
    while let first = rest.first {
      if pieces.count <= Self.markers.count, rest.hasPrefix(Self.markers[pieces.count - 1]) {
        rest = rest.dropFirst(Self.markers[pieces.count - 1].count)
        pieces.append("")
      } else {
        pieces[pieces.count - 1].append(first)
        rest = rest.dropFirst()
      }
    }
    self.pieces = pieces
  }

  /// The pattern as written.
  package var text: String {
    pieces.indices.map { ($0 == 0 ? "" : Self.markers[$0 - 1]) + pieces[$0] }.joined()
  }

  /// Whether names of this pattern carry a block.
  package var hasBlock: Bool { pieces.count > 1 }
  /// Whether names of this pattern carry an expert.
  package var hasExpert: Bool { pieces.count > 2 }

  /// The name of a block's tensor, or of an expert's, or the name itself.
  package func name(block: Int?, expert: Int? = nil) -> String {
    let numbers = [block ?? 0, expert ?? 0]
    return pieces.indices.map { ($0 == 0 ? "" : String(numbers[$0 - 1])) + pieces[$0] }.joined()
  }

  /// The numbers in a name that matches.
  package struct Match: Hashable, Sendable {
    /// The block's.
    package var block: Int?
    /// The expert's.
    package var expert: Int?

    /// Makes a match.
    package init(block: Int? = nil, expert: Int? = nil) {
      self.block = block
      self.expert = expert
    }
  }

  /// Whether a name ends as those of this pattern do, which few others do.
  package func ends(_ name: String.UTF8View) -> Bool {
    guard let end = pieces.last?.utf8, name.count >= end.count else { return false }
    return name.suffix(end.count).elementsEqual(end)
  }

  /// The match of a whole name, byte by byte.
  ///
  /// `nil` when it is none. Numbers are written without leading zeros, with six digits at the most.
  package func match(_ name: Substring.UTF8View) -> Match? {
    var rest = name
    var numbers: [Int] = []
    for (index, piece) in pieces.enumerated() {
      if index > 0 {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...6).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else {
          return nil
        }
        numbers.append(digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
        rest = rest[digits.endIndex...]
      }
      guard rest.starts(with: piece.utf8) else { return nil }
      rest = rest.dropFirst(piece.utf8.count)
    }
    guard rest.isEmpty else { return nil }
    return Match(block: numbers.first, expert: numbers.dropFirst().first)
  }
}
