// SPDX-License-Identifier: Apache-2.0
// What is true of the tree as a whole: no paths of someone's machine, no large files, no dead links.
import Foundation
import IngotTestSupport
import Testing

/// Folders of the package that hold its own files.
private let folders = ["Benchmarks", "Fuzz", "Scripts", "Sources", "Tests", "docs", "fixtures", "formats"]
private let rootFiles = [
  "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "Package.swift", "README.md",
  "SECURITY.md",
]
/// Files over this size are made by scripts, not kept in the tree; the trained model is the exception.
private let largestFileBytes = 256 << 10
private let mayBeLarge = "fixtures/kjv-gpt2/"

@Suite struct TreeTests {
  static let files = rootFiles + folders.flatMap { Fixture.files(under: $0) }
  static let pages = files.filter { $0.hasSuffix(".md") }

  @Test func `no text names a path of the machine it was written on`() throws {
    // Put together here, so that this file does not hold what it looks for.
    let roots = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/opt/" + "swift"]
    for path in Self.files {
      guard let text = try? Fixture.packageText(path) else { continue }
      for root in roots { #expect(!text.contains(root), "\(path) holds \(root)") }
    }
  }

  @Test func `no file is large but the trained model`() throws {
    for path in Self.files where !path.hasPrefix(mayBeLarge) {
      let attributes = try FileManager.default.attributesOfItem(atPath: Fixture.packagePath(path))
      let byteCount = try #require(attributes[.size] as? Int)
      #expect(byteCount <= largestFileBytes, "\(path)")
    }
  }

  @Test(arguments: pages)
  func `every relative link of a page leads to something`(_ page: String) throws {
    let folder = URL(fileURLWithPath: Fixture.packagePath(page)).deletingLastPathComponent()
    for link in try Fixture.packageText(page).matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/) {
      let target = String(link.1)
      if target.contains("://") || target.hasPrefix("mailto:") { continue }
      let path = folder.appendingPathComponent(target).path
      #expect(FileManager.default.fileExists(atPath: path), "\(page) links to \(target)")
    }
  }

  @Test func `every path that a page names in the tree is there`() throws {
    for page in Self.pages where !page.hasPrefix("fixtures/") {
      for path in try Fixture.packageText(page).matches(of: /`((?:Sources|Tests|Scripts)\/[\w\/.+-]+)`/) {
        let target = Fixture.packagePath(String(path.1))
        #expect(FileManager.default.fileExists(atPath: target), "\(page) names \(path.1)")
      }
    }
  }

  @Test func `fixtures/README.md tells where every folder comes from`() throws {
    let readme = try Fixture.packageText("fixtures/README.md")
    let nested = ["malformed", "golden"].flatMap { parent in
      Fixture.names(in: parent).map { "\(parent)/\($0)" }
    }
    for folder in Fixture.names(in: "") + nested where !["README.md", "malformed", "golden"].contains(folder)
    {
      let row = "| `\(folder)` |"
      #expect(readme.contains(row), "fixtures/README.md has no row for \(folder)")
    }
  }
}
