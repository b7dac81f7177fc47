// SPDX-License-Identifier: Apache-2.0
// Pages, code and fixtures say the same: heads against the registry, rules against enumerations and malformed files.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct FormatPageTests {
  @Test func `every format of the registry is claimed once`() {
    let claimed = FormatClaims.all.flatMap(\.formats)
    #expect(claimed.sorted() == FormatRegistry.formats.map(\.id).sorted())
  }

  @Test func `every enumeration of rules is claimed`() throws {
    let claims = try Fixture.packageText("Tests/FormatPagesTests/FormatClaims.swift")
    for path in Fixture.files(under: "Sources", suffix: ".swift") {
      for rules in try Fixture.packageText(path).matches(of: /enum (\w+): String, FormatRule/) {
        let isClaimed = claims.contains("\(rules.1).ids")
        #expect(isClaimed, "\(path): \(rules.1)")
      }
    }
  }

  @Test(arguments: FormatClaims.all)
  func `a page's head tells what the code does`(_ claims: FormatClaims) throws {
    let page = try FormatPage(claims.page)
    #expect(page.keys == FormatPage.headKeys)
    #expect(
      page.head["id"] == claims.page.split(separator: "/").last?.split(separator: ".").first.map(String.init))
    #expect(try #require(page.head["checked-on"]).wholeMatch(of: /\d{4}-\d\d-\d\d/) != nil)
    let formats = claims.formats.compactMap { FormatRegistry.format(id: $0) }
    #expect(page.extensions.sorted() == formats.flatMap(\.fileExtensions).sorted())
    for format in formats {
      #expect(format.page == claims.page)
      #expect(try #require(page.head["reader"]).contains(String(describing: type(of: format))))
      let writer = format.writer.map { String(describing: type(of: $0)) } ?? "none"
      #expect(try #require(page.head["writer"]).contains(writer))
    }
  }

  @Test(arguments: FormatClaims.all)
  func `a page and the code have the same rules`(_ claims: FormatClaims) throws {
    let page = try FormatPage(claims.page)
    let ids = page.rules.map(\.id)
    #expect(Set(ids).count == ids.count, "a rule stands on the page twice")
    for rule in page.rules { #expect(["MUST", "MAY"].contains(rule.strength), "\(rule.id)") }
    let must = page.rules.filter { $0.strength == "MUST" }.map(\.id)
    #expect(must.sorted() == claims.rules.sorted())
  }

  @Test(arguments: FormatClaims.all)
  func `every rule has a malformed file, or a named test that makes one`(_ claims: FormatClaims) throws {
    let covered = Set(claims.malformed.flatMap(MalformedFile.all).map(\.rule))
    for (rule, test) in claims.madeByTests { try expectTest(test, for: rule) }
    let missing = claims.rules.filter { !covered.contains($0) && claims.madeByTests[$0] == nil }
    #expect(missing == [], "fixtures/malformed/\(claims.malformed.joined()) has no file of these rules")
    #expect(
      covered.subtracting(claims.rules) == [], "malformed files are named after rules that are not there")
  }

  /// Expects that a test is where the claim says: `Tests/HouseTests/ArrowTests.swift: name of the test`.
  private func expectTest(_ place: String, for rule: String) throws {
    let parts = place.split(separator: ":", maxSplits: 1)
    try #require(parts.count == 2, "\(rule): give `file: name of the test`")
    let text = try Fixture.packageText(String(parts[0]))
    let name = parts[1].drop { $0 == " " }
    #expect(text.contains("func `\(name)`"), "\(rule): \(parts[0]) has no test named so")
  }

  @Test(arguments: FormatClaims.all.flatMap(\.malformed).flatMap(MalformedFile.all))
  func `a malformed file is refused for the rule in its name`(_ file: MalformedFile) {
    #expect(file.brokenRule() == file.rule)
  }
}
