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

  /// The fewest changes of a text to one that a pattern matches, by trying what each wildcard may stand for.
  private func distance(_ name: Substring, pattern: Substring) -> Int {
    guard let letter = pattern.first else { return name.count }
    if letter == "*" {
      let without = distance(name, pattern: pattern.dropFirst())
      return name.isEmpty ? without : min(without, distance(name.dropFirst(), pattern: pattern))
    }
    guard let own = name.first else { return 1 + distance(name, pattern: pattern.dropFirst()) }
    let (restName, restPattern) = (name.dropFirst(), pattern.dropFirst())
    let isSame = letter == "?" || letter == own
    return min(
      distance(restName, pattern: restPattern) + (isSame ? 0 : 1),
      1 + min(distance(restName, pattern: pattern), distance(name, pattern: restPattern)))
  }

  @Test func `a pattern's nearest name is the one with the fewest slips in its letters`() throws {
    var random = SeededRandom(seed: 7)
    func word(_ letters: String, _ count: ClosedRange<Int>) -> String {
      String(
        (0..<Int.random(in: count, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" })
    }
    var hintCount = 0
    for _ in 0..<200 {
      let pattern = word("abc", 1...3) + word("*?", 1...1) + word("abc*", 1...3)
      let names = (0..<4).map { _ in word("abc", 1...7) }
      let distances = names.map { distance($0[...], pattern: pattern[...]) }
      let letters = pattern.count { $0 != "*" && $0 != "?" }
      let nearest = zip(names, distances).min { $0.1 < $1.1 }
      let expected = nearest.flatMap { $0.1 <= letters / 3 ? $0.0 : nil }
      hintCount += expected == nil ? 0 : 1
      #expect(
        NearestText.match(pattern, among: names, isPattern: true) == expected, "\(pattern) among \(names)")
    }
    #expect(hintCount > 20)
  }

  @Test func `names without end are not looked at to the last`() {
    let names = (0..<100).map { "\($0)" + String(repeating: "x", count: 1 << 20) }
    let start = ContinuousClock.now
    #expect(NearestText.match("*y*", among: names, isPattern: true) == nil)
    #expect(NearestText.match("*yyy", among: names, isPattern: true) == nil)
    #expect(ContinuousClock.now - start < .seconds(30))
  }
}
