// SPDX-License-Identifier: Apache-2.0
// The page of dialects shows the tables of the code.
import IngotDialects
import IngotGraph
import IngotTestSupport
import Testing

@Suite struct DialectPageTests {
  @Test(arguments: Dialect.all.indices)
  func `the page shows every name and layout in order`(_ index: Int) throws {
    let dialect = Dialect.all[index]
    let model = try #require(Architecture.named(dialect.architecture)).title
    let lines = try Fixture.packageText("formats/dialects.md")
      .split(separator: "\n", omittingEmptySubsequences: false)
    let variant = dialect.variant.map { " (\($0))" } ?? ""
    let start = try #require(lines.firstIndex { $0.hasPrefix("## \(model), `\(dialect.id)`\(variant): ") })
    let rows = lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.dropFirst(2)
    let expected = dialect.parameters.map { kind, pattern, layout in
      "| \(kind.name) | `\(pattern.text)` | \(layout.description) |"
    }
    #expect(rows.map(String.init) == expected)
  }
}
