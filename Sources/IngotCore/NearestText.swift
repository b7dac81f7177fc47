// SPDX-License-Identifier: Apache-2.0
// Finds what somebody may have meant by a text with a slip in it.

/// Suggestions for texts that match nothing.
package enum NearestText {
  /// Letters that are compared at the most, in all candidates together: names may be long, and a million.
  private static let workLimit = 1 << 24

  /// The candidate that is nearest to a text, when it is near enough to be what was meant.
  ///
  /// - Parameters:
  ///   - text: what was written.
  ///   - candidates: what there is.
  ///   - isPattern: whether `*` in the text stands for any text, and `?` for any letter.
  /// - Returns: the nearest candidate: at most a third of the text's letters away, or two where it is no pattern.
  package static func match(
    _ text: String, among candidates: some Sequence<String>, isPattern: Bool = false
  ) -> String? {
    let letters = Array(text.unicodeScalars)
    let wildcards = isPattern ? letters.count { $0 == "*" || $0 == "?" } : 0
    let limit = wildcards > 0 ? (letters.count - wildcards) / 3 : max(2, letters.count / 3)
    let room = wildcards > 0 ? Int.max : letters.count + limit
    var nearest: (name: String, distance: Int)?
    var work = 0
    for candidate in candidates {
      let count = candidate.unicodeScalars.count
      work += (letters.count + 1) * (count + 1)
      guard work <= workLimit else { break }
      guard letters.count - wildcards - limit <= count, count <= room else { continue }
      let distance = editDistance(candidate.unicodeScalars, letters, isPattern: wildcards > 0)
      if distance <= limit, distance < nearest?.distance ?? .max { nearest = (candidate, distance) }
    }
    return nearest?.name
  }

  /// The number of letters to insert, remove or change to get from one text to another (Levenshtein, 1965), or to one that
  /// a pattern matches.
  private static func editDistance(
    _ first: String.UnicodeScalarView, _ second: [Unicode.Scalar], isPattern: Bool
  ) -> Int {
    func isAny(_ letter: Unicode.Scalar) -> Bool { isPattern && letter == "*" }
    var row = [0]
    for letter in second { row.append(row[row.count - 1] + (isAny(letter) ? 0 : 1)) }
    for (i, letter) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in second.enumerated() {
        let isSame = letter == other || isPattern && other == "?"
        let (replaced, removed) = (diagonal + (isSame ? 0 : 1), row[j + 1])
        diagonal = row[j + 1]
        // What stands for any text takes one letter more, or none, for nothing.
        row[j + 1] =
          isAny(other) ? min(removed, row[j]) : min(replaced, removed + 1, row[j] + 1)
      }
    }
    return row[second.count]
  }
}
