// SPDX-License-Identifier: Apache-2.0
// Name patterns of options: `*` stands for any text, dots and slashes included; `?` for one character.

/// A pattern that tensors' names are matched with.
public struct Glob: Hashable, Sendable {
  /// The pattern as written.
  public let pattern: String
  private let characters: [Character]

  /// Makes a pattern; every text is one.
  public init(_ pattern: String) {
    self.pattern = pattern
    characters = Array(pattern)
  }

  /// Whether the whole name matches.
  ///
  /// - Complexity: at most pattern × name steps; no recursion.
  public func matches(_ name: String) -> Bool {
    let name = Array(name)
    var nameIndex = 0
    var patternIndex = 0
    /// Where to go on when the text behind the last `*` does not match here.
    var retry: (pattern: Int, name: Int)?
    while nameIndex < name.count {
      if patternIndex < characters.count, characters[patternIndex] == "*" {
        patternIndex += 1
        retry = (patternIndex, nameIndex)
      } else if patternIndex < characters.count,
        characters[patternIndex] == "?" || characters[patternIndex] == name[nameIndex]
      {
        patternIndex += 1
        nameIndex += 1
      } else if let last = retry {
        retry = (last.pattern, last.name + 1)
        patternIndex = last.pattern
        nameIndex = last.name + 1
      } else {
        return false
      }
    }
    return characters[patternIndex...].allSatisfy { $0 == "*" }
  }
}
