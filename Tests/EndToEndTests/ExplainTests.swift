// SPDX-License-Identifier: Apache-2.0
// `ingot explain`: every rule that an error may name, and nothing of where pages are kept in an error.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ExplainTests {
  @Test func `a rule is printed with its reason, whatever the case`() throws {
    let run = try IngotProgram.run("explain", "zip-01", "LC-06")
    #expect(run.exitCode == 0)
    let lines = run.standardOutput.split(separator: "\n").map(String.init)
    #expect(lines.count == 6 && lines[0].hasPrefix("ZIP-01  ") && lines[2].hasPrefix("  why  "))
    #expect(lines[3] == "LC-06  llm.c, MAY", "what may be has its strength")
    let page = try Fixture.packageText("formats/llmc.md")
    let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| LC-06 ") })
    #expect(row.contains(lines[4].dropFirst(2)) && row.contains(lines[5].dropFirst(7)))
  }

  @Test func `letters stand for all rules of a format`() throws {
    let page = try Fixture.packageText("formats/numpy.md")
    let ids = page.matches(of: /(?m)^\| (NP-\d\d) \|/).map { String($0.1) }
    let text = try IngotProgram.run("explain", "np").standardOutput
    #expect(text.matches(of: /(?m)^(NP-\d\d)\s\s/).map { String($0.1) } == ids.sorted())
  }

  @Test func `what is no rule is refused with those that are near`() throws {
    let near = try IngotProgram.run("explain", "TK-99")
    #expect(
      near.exitCode == 64 && near.firstErrorLine.contains("There is no rule TK-99; there are TK-01 to TK-"))
    // Between two rules of the page there may be none.
    let gap = try IngotProgram.run("explain", "ST-18")
    #expect(gap.exitCode == 64 && gap.firstErrorLine.contains("there are ST-01 to ST-17, ST-20 to ST-"))
    let far = try IngotProgram.run("explain", "nothing")
    #expect(far.exitCode == 64 && far.firstErrorLine.contains("rules begin with AD, AR,"))
    #expect(try IngotProgram.run("explain").exitCode == 64)
  }

  @Test func `JSON has the same parts`() throws {
    let run = try IngotProgram.run("explain", "GG-01", "--json")
    let object = try JSONSerialization.jsonObject(with: Data(run.outputBytes)) as? [String: Any] ?? [:]
    let rule = try #require((object["rules"] as? [[String: String]])?.first)
    #expect(
      rule == [
        "rule": "GG-01", "strength": "MUST", "subject": "GGUF", "what": "The magic bytes.",
        "why": "another file",
      ])
  }

  @Test func `every broken file's rule can be explained, and no error names a page`() throws {
    let files = Fixture.files(under: "fixtures/malformed")
    let rules = Set(
      files.compactMap { path in
        path.split(separator: "/").last?.firstMatch(of: /^([A-Z][A-Z\d]{1,3}-\d\d)-/).map { String($0.1) }
      })
    #expect(rules.count > 100)
    let run = try IngotProgram.process(["explain"] + rules.sorted()).run()
    #expect(run.exitCode == 0, "\(run.firstErrorLine)")
    // One file a folder, with the lines that -v adds.
    var folders = Set<String>()
    for path in files where folders.insert(path.split(separator: "/").dropLast().joined()).inserted {
      let run = try IngotProgram.run("inspect", Fixture.packagePath(path), "-v")
      guard run.exitCode == 65, let rule = run.firstErrorLine.firstMatch(of: /\(([A-Z]+\d?-\d\d)\)$/) else {
        continue
      }
      let rest = run.standardError.replacing(Fixture.packagePath(path), with: "")
      #expect(!rest.contains(".md") && !rest.contains("formats/") && !rest.contains("Sources/"), "\(rest)")
      #expect(
        rest.contains("help") && (rule.1 == "PT-11" || rest.contains("`ingot explain \(rule.1)`")), "\(rest)")
    }
    #expect(folders.count > 5)
  }
}
