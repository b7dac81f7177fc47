// SPDX-License-Identifier: Apache-2.0
// Rules of --rename against Python's regular expressions, with a lazy group for each *.
import Foundation
import IngotCore
import IngotOutput
import IngotTestSupport
import Testing

@Suite struct TensorRenameTests {
  private static let rules = [
    "module.*=*", "*=x.*", "*.gamma=*.weight", "a*b*c=<*|*>", "a*b*c=only", "**=*-*", "a=b", "*a*=*A*",
    "e*=f*", "é=x",
    "*\r=*", "*.*.*=*/*",
  ]

  private static let names = [
    "", "a", "module.a", "module.", "xmodule.a", "ln.gamma", "gamma", ".gamma", "abc", "abbc", "aXbYbZc",
    "aabbcc", "aaa",
    "e\u{301}", "é", "\r\n", "x\r", "h.0.w", "h.0.a.w", "..", "\u{1F468}\u{200D}\u{1F469}.gamma",
  ]

  @Test func `name what a regular expression names`() throws {
    let script = """
      import json, re, sys
      rules, names = json.load(sys.stdin)
      def renamed(rule, name):
          old, new = rule.split("=", 1)
          match = re.fullmatch("(.*?)".join(re.escape(piece) for piece in old.split("*")), name, re.DOTALL)
          if not match:
              return None
          pieces = new.split("*")
          return pieces[0] + "".join(group + piece for group, piece in zip(match.groups(), pieces[1:]))
      print(json.dumps([[renamed(rule, name) for name in names] for rule in rules]))
      """
    let input = try JSONEncoder().encode([Self.rules, Self.names])
    let output = try PythonPeer.run(code: script, input: Array(input)).outputBytes
    let expected = try JSONDecoder().decode([[String?]].self, from: Data(output))
    for (spelling, answers) in zip(Self.rules, expected) {
      let rule = try TensorRename(spelling)
      for (name, answer) in zip(Self.names, answers) {
        let renamed = rule.apply(to: name)
        #expect(renamed.map { Array($0.utf8) } == answer.map { Array($0.utf8) }, "\(spelling) on \(name)")
      }
    }
  }

  @Test(arguments: ["", "x", "=x", "=\u{301}x=y", "a=", "a=*", "*=**"])
  func `that are none are refused`(spelling: String) {
    #expect(throws: IngotError.self) { _ = try TensorRename(spelling) }
  }
}
