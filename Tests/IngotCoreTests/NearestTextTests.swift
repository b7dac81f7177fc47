// SPDX-License-Identifier: Apache-2.0
// Distances of words against Levenshtein's definition, carried out as it stands.
import IngotCore
import IngotTestSupport
import Testing

@Suite struct NearestTextTests {
  /// Levenshtein's distance, 1965, by its recursion.
  private func distance(_ a: Substring, _ b: Substring) -> Int {
    guard let first = a.first else { return b.count }
    guard let other = b.first else { return a.count }
    let (restA, restB) = (a.dropFirst(), b.dropFirst())
    if first == other { return distance(restA, restB) }
    return 1 + min(distance(restA, b), distance(a, restB), distance(restA, restB))
  }

  @Test func `the nearest of some words is the one that the definition finds`() {
    var random = SeededRandom(seed: 5)
    func word() -> String {
      String(
        (0..<Int.random(in: 1...6, using: &random)).map { _ in "abc".randomElement(using: &random) ?? "a" })
    }
    for _ in 0..<200 {
      let (text, words) = (word(), (0..<4).map { _ in word() })
      let distances = words.map { distance($0[...], text[...]) }
      let nearest = zip(words, distances).min { $0.1 < $1.1 }
      let expected = nearest.flatMap { $0.1 <= max(2, text.count / 3) ? $0.0 : nil }
      #expect(NearestText.match(text, among: words) == expected, "\(text) among \(words)")
    }
  }
}
