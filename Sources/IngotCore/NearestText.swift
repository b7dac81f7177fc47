// SPDX-License-Identifier: Apache-2.0
// Finds what somebody may have meant by a text with a slip in it.

/// Suggestions for texts that match nothing.
package enum NearestText {
  /// The candidate that is nearest to a text, when it is near enough to be what was meant.
  ///
  /// - Parameters:
  ///   - text: what was written.
  ///   - candidates: what there is.
  /// - Returns: the nearest candidate: at most a third of the text, or two characters, away.
  package static func match(_ text: String, among candidates: some Sequence<String>) -> String? {
    let nearest = candidates.map { (name: $0, distance: editDistance($0, text)) }
      .min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= max(2, text.count / 3) else { return nil }
    return nearest.name
  }

  /// The number of characters to insert, remove or change to get from one text to another (Levenshtein, 1965).
  private static func editDistance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (i, character) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in second.enumerated() {
        let replaced = diagonal + (character == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
      }
    }
    return row[second.count]
  }
}
