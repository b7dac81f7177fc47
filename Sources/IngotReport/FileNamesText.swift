// SPDX-License-Identifier: Apache-2.0
// The names of an output's files on one line: a set that is counted through is one word.
import IngotKit

/// Names of files as text.
enum FileNamesText {
  /// Files of a set from which on it is folded.
  private static let leastFolded = 3

  /// The line of an output's files; a set is `model-{00001…00052}-of-00052.safetensors`.
  static func line(_ names: [String]) -> String { "files " + folded(names).joined(separator: " ") }

  /// The names made safe, each run of names that count up by one as one.
  static func folded(_ names: [String]) -> [String] {
    var words: [String] = []
    var start = 0
    while start < names.count {
      var end = start + 1
      var place: Int?
      while end < names.count, let next = step(from: names[end - 1], to: names[end]), next == place ?? next {
        place = next
        end += 1
      }
      if let place, end - start >= leastFolded {
        words.append(range(names[start], names[end - 1], at: place))
        start = end
      } else {
        words.append(ErrorRenderer.name(names[start]))
        start += 1
      }
    }
    return words
  }

  /// A name in pieces: digits and what stands between them, in turns.
  private static func pieces(_ name: String) -> [Substring] {
    var pieces: [Substring] = []
    var rest = name[...]
    while let first = rest.first {
      let isDigits = first.isASCII && first.isNumber
      let piece = rest.prefix { ($0.isASCII && $0.isNumber) == isDigits }
      pieces.append(piece)
      rest = rest[piece.endIndex...]
    }
    return pieces
  }

  /// Which piece of a name counts up by one to the next name, all others being the same.
  private static func step(from name: String, to next: String) -> Int? {
    let (old, new) = (pieces(name), pieces(next))
    guard old.count == new.count else { return nil }
    let changed = old.indices.filter { old[$0] != new[$0] }
    guard changed.count == 1, let place = changed.first, old[place].count == new[place].count,
      let low = Int(old[place]), let high = Int(new[place]), low < high, high - low == 1
    else { return nil }
    return place
  }

  private static func range(_ first: String, _ last: String, at place: Int) -> String {
    let (low, high) = (pieces(first), pieces(last))
    let before = low[..<place].joined()
    let behind = low[(place + 1)...].joined()
    return ErrorRenderer.name(before) + "{\(low[place])…\(high[place])}" + ErrorRenderer.name(behind)
  }
}
