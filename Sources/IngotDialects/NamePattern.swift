// SPDX-License-Identifier: Apache-2.0
// Published names with a block number in them, readable in both directions.

/// A name with at most one `{block}` in it: `h.{block}.attn.c_attn.weight`.
package struct NamePattern: Hashable, Sendable, ExpressibleByStringLiteral {
  private let before: String
  /// `nil` when there is no block in the name.
  private let after: String?

  /// Makes a pattern.
  package init(stringLiteral text: String) {
    let marker = "{block}"
    var search = text[...]
    while !search.isEmpty, !search.hasPrefix(marker) { search = search.dropFirst() }
    before = String(text[..<search.startIndex])
    after = search.isEmpty ? nil : String(search.dropFirst(marker.count))
  }

  /// The pattern as written.
  package var text: String { before + (after.map { "{block}" + $0 } ?? "") }

  /// Whether names of this pattern carry a block.
  package var hasBlock: Bool { after != nil }

  /// The name of a block's tensor, or the name itself.
  package func name(block: Int?) -> String {
    guard let after else { return before }
    return before + String(block ?? 0) + after
  }

  /// What a name matches.
  package enum Match: Hashable, Sendable {
    case whole
    case block(Int)
  }

  /// The match of a whole name, byte by byte.
  ///
  /// `nil` when it is none. Block numbers are written without leading zeros, with six digits at the most.
  package func match(_ name: Substring.UTF8View) -> Match? {
    guard let after else { return name.elementsEqual(before.utf8) ? .whole : nil }
    let digitCount = name.count - before.utf8.count - after.utf8.count
    guard (1...6).contains(digitCount), name.starts(with: before.utf8),
      name.suffix(after.utf8.count).elementsEqual(after.utf8)
    else { return nil }
    let digits = name.dropFirst(before.utf8.count).prefix(digitCount)
    guard digitCount == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    var block = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      block = block * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return .block(block)
  }
}
