// SPDX-License-Identifier: Apache-2.0
// Name patterns of options: `*` stands for any text, dots and slashes included; `?` for one code point. Names and
// patterns are compared code point by code point, as they are stored. What tables fold names into can be given too: `{0…11}` for a number,
// `{up,down}` for one of some texts, `{0…3,7}` for both.

import IngotCore

/// A pattern that tensors' names are matched with.
public struct Glob: Hashable, Sendable {
  /// The pattern as written.
  public let pattern: String
  /// The pattern letter by letter, then as it reads with braces taken for what they fold.
  private let variants: [[Piece]]

  private enum Piece: Hashable {
    case character(Unicode.Scalar)
    case number(ClosedRange<Int>)
    case one, any
  }

  /// Variants of one pattern at the most; one with more is taken letter by letter.
  private static let variantLimit = 1000

  /// Makes a pattern; every text is one.
  public init(_ pattern: String) {
    self.pattern = pattern
    let scalars = Array(pattern.unicodeScalars)
    let letters = scalars.map(Self.piece)
    let unfolded = scalars.contains("{") ? Self.unfolded(scalars[...]) : nil
    variants = [letters] + (unfolded ?? [])
  }

  private static func piece(_ character: Unicode.Scalar) -> Piece {
    switch character {
    case "*": .any
    case "?": .one
    default: .character(character)
    }
  }

  /// All readings of a pattern with braces; `nil` for braces that fold nothing, or too much.
  private static func unfolded(_ pattern: ArraySlice<Unicode.Scalar>) -> [[Piece]]? {
    guard let open = pattern.firstIndex(of: "{") else { return [pattern.map(piece)] }
    guard let close = pattern[open...].firstIndex(of: "}"), let rest = unfolded(pattern[(close + 1)...])
    else {
      return nil
    }
    let start = pattern[..<open].map(piece)
    let inside = pattern[(open + 1)..<close]
    let choices: [[Piece]]
    if let range = range(String(String.UnicodeScalarView(inside))) {
      choices = [[.number(range)]]
    } else if inside.contains(",") {
      choices = inside.split(separator: ",", omittingEmptySubsequences: false).map { choice in
        range(String(String.UnicodeScalarView(choice))).map { [.number($0)] } ?? choice.map(piece)
      }
    } else {
      return nil
    }
    guard choices.count * rest.count <= variantLimit else { return nil }
    return choices.flatMap { choice in rest.map { start + choice + $0 } }
  }

  /// The numbers that `0…11` or `0..11` stands for.
  private static func range(_ text: String) -> ClosedRange<Int>? {
    guard let match = text.wholeMatch(of: /(\d+)(…|\.\.\.?)(\d+)/), let first = Int(match.1),
      let last = Int(match.3),
      first <= last
    else { return nil }
    return first...last
  }

  /// Whether it stands for all there is, be it nothing.
  public var matchesEverything: Bool { pattern == "*" }

  /// Whether the whole name matches.
  ///
  /// - Complexity: at most pattern × name steps a variant; no recursion.
  public func matches(_ name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    return variants.contains { Self.matches(scalars, $0) }
  }

  private static func matches(_ name: [Unicode.Scalar], _ pieces: [Piece]) -> Bool {
    var nameIndex = 0
    var pieceIndex = 0
    /// Where to go on when the text behind the last `*` does not match here.
    var retry: (piece: Int, name: Int)?
    while nameIndex < name.count {
      if pieceIndex < pieces.count, pieces[pieceIndex] == .any {
        pieceIndex += 1
        retry = (pieceIndex, nameIndex)
      } else if pieceIndex < pieces.count, let next = end(of: pieces[pieceIndex], in: name, at: nameIndex) {
        pieceIndex += 1
        nameIndex = next
      } else if let last = retry {
        retry = (last.piece, last.name + 1)
        pieceIndex = last.piece
        nameIndex = last.name + 1
      } else {
        return false
      }
    }
    return pieces[pieceIndex...].allSatisfy { $0 == .any }
  }

  /// Where a piece ends that stands at a place of a name; `nil` when it does not, and a number takes all digits.
  private static func end(of piece: Piece, in name: [Unicode.Scalar], at index: Int) -> Int? {
    switch piece {
    case .character(let character): return name[index] == character ? index + 1 : nil
    case .one: return index + 1
    case .any: return nil
    case .number(let range):
      let digits = name[index...].prefix { ("0"..."9").contains($0) }
      guard let number = Int(String(String.UnicodeScalarView(digits))), range.contains(number) else {
        return nil
      }
      return index + digits.count
    }
  }

  /// What to say when nothing matches: that the pattern as a part of names would, where it would, or a name that is like it.
  ///
  /// - Parameters:
  ///   - what: what names were looked at: `tensor`.
  ///   - names: the names.
  ///   - findings: what is there and no tensor: of one that is meant it is said what it is.
  ///   - addition: what else is so, from a comma on.
  /// - Returns: the reason for a refusal.
  package func noMatch(
    of what: String, among names: some Sequence<String>, leftOut findings: [Finding] = [],
    addition: Evidence = ""
  ) -> Evidence {
    if let found = findings.first(where: { $0.kind == .leftOut && matches($0.subject) }) {
      return "\(pattern) matches no \(words: what); \(found.subject) \(found.detail)"
    }
    let wider = Glob((pattern.hasPrefix("*") ? "" : "*") + pattern + (pattern.hasSuffix("*") ? "" : "*"))
    // Two checkpoints may have one name.
    let count = pattern.isEmpty ? 0 : Set(names.lazy.filter { wider.matches($0) }.map { ExactName($0) }).count
    guard count == 0 else {
      return "\(pattern) matches no \(words: what)\(addition); \(wider.pattern) matches \(count)"
    }
    let near = NearestText.match(withoutBraces, among: names, isPattern: true)
    let hint: Evidence = near.map { "; did you mean \($0)?" } ?? ""
    return "\(pattern) matches no \(words: what)\(addition)\(hint)"
  }

  /// The pattern with `*` for what braces stand for.
  private var withoutBraces: String {
    var text = pattern[...]
    var plain = ""
    while let open = text.firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") {
      plain += text[..<open] + "*"
      text = text[text.index(after: close)...]
    }
    return plain + text
  }
}
