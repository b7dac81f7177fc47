// SPDX-License-Identifier: Apache-2.0
// Patterns of options against Python's fnmatch, which knows the same * and ?.
import Foundation
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct GlobTests {
  private static let patterns = [
    "*", "?", "", "a", "a*", "*a", "*a*", "a?c", "a*c", "a**c", "*.*", "h.*.attn.*", "*.bias", "h.?.*",
    "*ab*ab",
    "**", "?*", "*?", "a*b*c", "*aab", "??", "e*", "é", "a?", "\r*", "*\n",
  ]

  private static let names = [
    "", "a", "b", "ab", "abc", "aXc", "ac", "a.c", "h.0.attn.bias", "h.10.attn.weight", "h.0.ln_1.bias",
    "abab",
    "aabab", "ababab", "aaab", "abcabc", "ä", "wte.weight", "a\nb", "e\u{301}", "é", "\r\n",
    "a\u{301}", "\u{1F468}\u{200D}\u{1F469}",
  ]

  @Test func `match what fnmatch matches`() throws {
    let script = """
      import fnmatch, json, sys
      patterns, names = json.load(sys.stdin)
      print(json.dumps([[fnmatch.fnmatchcase(name, pattern) for name in names] for pattern in patterns]))
      """
    let input = try JSONEncoder().encode([Self.patterns, Self.names])
    let output = try PythonPeer.run(code: script, input: Array(input)).outputBytes
    let expected = try JSONDecoder().decode([[Bool]].self, from: Data(output))
    for (pattern, answers) in zip(Self.patterns, expected) {
      for (name, answer) in zip(Self.names, answers) {
        #expect(Glob(pattern).matches(name) == answer, "\(pattern) on \(name)")
      }
    }
  }

  @Test func `braces stand for what tables fold with them, and for themselves`() {
    for (pattern, matching, others) in [
      ("h.{0…11}.w", ["h.0.w", "h.7.w", "h.11.w", "h.{0…11}.w"], ["h.12.w", "h..w", "h.x.w", "h.1.1.w"]),
      ("*.{2..3}.{up,down}_*", ["a.2.up_x", "a.3.down_"], ["a.4.up_x", "a.2.left_x", "a.2.up"]),
      ("{a,b*}{1...2}", ["a1", "b2", "bxy1"], ["a3", "c1", "ab"]), ("{a}", ["{a}"], ["a"]),
      ("{5…2}", ["{5…2}"], ["3"]), ("{a", ["{a"], ["a"]),
    ] {
      for name in matching { #expect(Glob(pattern).matches(name), "\(pattern) on \(name)") }
      for name in others { #expect(!Glob(pattern).matches(name), "\(pattern) on \(name)") }
    }
  }
}
