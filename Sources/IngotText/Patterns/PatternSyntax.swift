// SPDX-License-Identifier: Apache-2.0
// A regular expression as a tree: what published tokenizers use of the language.

/// Part of a regular expression.
indirect enum PatternSyntax {
  /// One character of a set.
  case set(ScalarSet)
  /// One after the other.
  case sequence([PatternSyntax])
  /// The first that leads to a match.
  case alternatives([PatternSyntax])
  /// From a count of times to another, or without end; as often as possible, or as seldom.
  case repetition(PatternSyntax, from: Int, to: Int?, isGreedy: Bool)
  /// Nothing, where the next character belongs to a set, or, if so said, where the text ends.
  case lookahead(ScalarSet, orEnd: Bool)

  /// Whether it matches without taking a character.
  var canBeEmpty: Bool {
    switch self {
    case .set: false
    case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
    case .alternatives(let parts): parts.contains(where: \.canBeEmpty)
    case .repetition(let part, let from, _, _): from == 0 || part.canBeEmpty
    case .lookahead: true
    }
  }

  /// The characters of a text, one after the other.
  static func literal(_ text: String) -> PatternSyntax {
    .sequence(text.unicodeScalars.map { .set(ScalarSet($0)) })
  }

  /// A repetition that gives nothing back, of one character of a set: each count of times but the last allowed one
  /// stands before no further such character.
  static func possessive(_ set: ScalarSet, from: Int, to: Int?) -> PatternSyntax {
    let noMore = PatternSyntax.lookahead(set.inverted, orEnd: true)
    guard let to else {
      return .sequence([.repetition(.set(set), from: from, to: nil, isGreedy: true), noMore])
    }
    let counts = (from...max(from, to)).reversed().map { count in
      let times = PatternSyntax.repetition(.set(set), from: count, to: count, isGreedy: true)
      return count == to ? times : .sequence([times, noMore])
    }
    return .alternatives(counts)
  }
}
