// SPDX-License-Identifier: Apache-2.0
// Tables in the documents that repeat what the code says: limits and the matrix of formats.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct TableTests {
  @Test func `SECURITY.md lists every limit with its value`() throws {
    let rows = try cells(of: "SECURITY.md", from: "## Limits")
    let shown = rows.compactMap { row -> (String, UInt64)? in
      guard row.count == 3, let value = UInt64(row[1].filter { $0 != "," }) else { return nil }
      return (String(row[0].filter { $0 != "`" }), value)
    }
    let expected = Limit.allCases.map { ($0.rawValue, $0.value) }
    #expect(shown.map(\.0) == expected.map(\.0))
    #expect(shown.map(\.1) == expected.map(\.1))
  }

  @Test(arguments: ["README.md", "formats/README.md"])
  func `a matrix of formats agrees with the registry`(_ page: String) throws {
    let rows = try cells(of: page, from: "| format | read | write |")
    let shown = rows.prefix { $0.count > 2 }.filter { !$0[0].hasPrefix("-") && $0[0] != "format" }
    let formats = FormatRegistry.formats
    #expect(shown.map { $0[0] }.sorted() == formats.map(\.title).sorted())
    for row in shown {
      guard let format = formats.first(where: { $0.title == row[0] }) else { continue }
      #expect(row[1] == "yes", "\(row[0]): read")
      #expect(row[2] == (format.writer == nil ? "no" : "yes"), "\(row[0]): write")
      #expect(row.joined().contains(format.page), "\(row[0]): page")
    }
  }

  /// The rows of the first table at or after a line, without the spaces around cells.
  private func cells(of page: String, from start: String) throws -> [[String]] {
    let lines = try Fixture.packageText(page).split(separator: "\n", omittingEmptySubsequences: false)
    let first = try #require(lines.firstIndex { $0.hasPrefix(start) }, "\(page) has no line \(start)")
    return lines[first...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.map { line in
      line.split(separator: "|").map { cell in
        String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }
    }
  }
}
