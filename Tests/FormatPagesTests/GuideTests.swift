// SPDX-License-Identifier: Apache-2.0
// The guides for additions: what they name is there, and what is there has what they ask for.
import Foundation
import IngotDialects
import IngotGraph
import IngotKit
import IngotTestSupport
import Testing

@Suite struct GuideTests {
  private static let guides = Fixture.files(under: "formats", suffix: ".md").filter { $0.contains("/ADDING") }

  @Test(arguments: guides)
  func `a guide names places and tests that there are`(_ path: String) throws {
    let text = try Fixture.packageText(path)
    for place in text.matches(of: /`((?:Sources|Tests|fixtures)\/[^`<>]+)`/) {
      #expect(FileManager.default.fileExists(atPath: Fixture.packagePath(String(place.1))), "\(place.1)")
    }
    let tests = try Fixture.files(under: "Tests", suffix: ".swift").map { try Fixture.packageText($0) }
    for names in text.matches(of: /\[([A-Z]\w+Tests(?:, [A-Z]\w+Tests)*)\]/) {
      for name in names.1.split(separator: ", ") {
        let isThere = name == "FormatPagesTests" || tests.contains { $0.contains("struct \(name)") }
        #expect(isThere, "\(name)")
      }
    }
  }
}

@Suite struct ArchitectureGuideTests {
  @Test(arguments: Architecture.all.map(\.id))
  func `an architecture has models with expected outputs, and tests of its paper's facts`(_ id: String) throws
  {
    let architecture = try #require(Architecture.named(id))
    let configs = Fixture.models.compactMap { try? Fixture.packageText("fixtures/\($0)/config.json") }.filter
    {
      $0.contains(#""model_type": "\#(id)""#)
    }
    #expect(!configs.isEmpty)
    // A config that names no class has the first head.
    for head in architecture.heads.dropFirst() {
      let isTried = configs.contains { config in head.classes.contains { config.contains("\"\($0)\"") } }
      #expect(isTried, "no model has the head \(head.id)")
    }
    let name = architecture.title.filter { $0 != "-" && $0 != " " }
    #expect(
      FileManager.default.fileExists(
        atPath: Fixture.packagePath("Tests/IngotGraphTests/\(name)GraphTests.swift")))
    #expect(Dialect.named("hf", architecture: id) != nil)
  }
}

@Suite struct OperatorGuideTests {
  @Test func `an operator has a file in each of the two rooms, and a place in the list`() throws {
    let graph = Fixture.names(in: "../Sources/IngotGraph/Operators")
    let runtime = Set(Fixture.names(in: "../Sources/IngotRuntime/Operators"))
    let list = try Fixture.packageText("Sources/IngotGraph/GraphOperator.swift")
    #expect(graph.count > 5)
    for file in graph {
      #expect(runtime.contains(file), "\(file)")
      #expect(list.contains("\(file.split(separator: ".")[0]).self"), "\(file)")
    }
  }
}

@Suite struct SchemeGuideTests {
  @Test(arguments: QuantizationScheme.allCases)
  func `a scheme is on the page of quantized tensors`(_ scheme: QuantizationScheme) throws {
    #expect(try Fixture.packageText("formats/quantized-tensors.md").contains("`\(scheme.rawValue)`"))
  }
}

@Suite struct ConfigPageTests {
  @Test(arguments: Architecture.all.map(\.id))
  func `the page has every key that says something of the arithmetic, and what becomes of it`(
    _ id: String
  ) throws {
    let architecture = try #require(Architecture.named(id))
    let page = try Fixture.packageText("formats/config.md")
    let start = try #require(page.firstRange(of: "### \(architecture.title)\n"))
    let section = page[start.upperBound...].split(separator: "\n## ").first.map { String($0) } ?? ""
    let table = section.split(separator: "\n### ").first.map { String($0) } ?? ""
    var groups: [String: String] = [:]
    for line in table.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let names = cells.prefix(2).flatMap { $0.matches(of: /`(\w+)`/).map { String($0.1) } }
      let group = cells.first { ["honoured", "informational"].contains($0) || $0.hasPrefix("only ") }
      for name in names where groups[name] == nil { groups[name] = group }
    }
    for key in architecture.keys where key.isOfArithmetic && key.name != "architectures" {
      for name in key.spellings {
        let group = try #require(groups[name], "\(name) is not on the page")
        #expect(group.hasPrefix(key.binding == nil ? "only" : "honoured"), "\(name)")
      }
    }
  }
}
