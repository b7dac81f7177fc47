// SPDX-License-Identifier: Apache-2.0
// Published names with a block number in them, readable in both directions.

/// A name with at most one `{block}` in it: `h.{block}.attn.c_attn.weight`.
public struct NamePattern: Hashable, Sendable, ExpressibleByStringLiteral {
  private let before: String
  /// `nil` when there is no block in the name.
  private let after: String?

  /// Makes a pattern.
  public init(stringLiteral text: String) {
    let marker = "{block}"
    var search = text[...]
    while !search.isEmpty, !search.hasPrefix(marker) { search = search.dropFirst() }
    before = String(text[..<search.startIndex])
    after = search.isEmpty ? nil : String(search.dropFirst(marker.count))
  }

  /// The pattern as written.
  public var text: String { before + (after.map { "{block}" + $0 } ?? "") }

  /// Whether names of this pattern carry a block.
  public var hasBlock: Bool { after != nil }

  /// The name of a block's tensor, or the name itself.
  public func name(block: Int?) -> String {
    guard let after else { return before }
    return before + String(block ?? 0) + after
  }

  /// What a name matches.
  public enum Match: Hashable, Sendable {
    case whole
    case block(Int)
  }

  /// The match of a whole name.
  ///
  /// `nil` when it is none. Block numbers are written without leading zeros.
  public func match(_ name: some StringProtocol) -> Match? {
    guard let after else { return name == before ? .whole : nil }
    guard name.hasPrefix(before), name.hasSuffix(after), name.count > before.count + after.count else {
      return nil
    }
    let digits = name.dropFirst(before.count).dropLast(after.count)
    guard digits.count <= 6, let block = Int(digits), block >= 0, String(block) == digits else { return nil }
    return .block(block)
  }
}
