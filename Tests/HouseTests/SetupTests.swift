// SPDX-License-Identifier: Apache-2.0
// What a fresh machine gets installed is what Package.swift needs.
import IngotTestSupport
import Testing

@Suite struct SetupTests {
  @Test func `Scripts/setup installs every system library that Package.swift names`() throws {
    let package = try Fixture.packageText("Package.swift")
    let setup = try Fixture.packageText("Scripts/setup")
    let libraries = package.matches(of: /pkgConfig: "([^"]+)", providers: \[\.apt\(\["([^"]+)"\]\)\]/)
    #expect(libraries.count == package.matches(of: /\.systemLibrary\(/).count)
    for library in libraries {
      let line = "need \(library.2) has_library \(library.1) \(library.2)"
      #expect(setup.contains(line + "\n"), "Scripts/setup lacks the line `\(line)`")
    }
    #expect(setup.matches(of: /\n(need \S+ has_library)/).count == libraries.count)
  }

  @Test func `Scripts/setup says nothing when nothing is missing`() throws {
    let result = try ChildProcess(Fixture.packagePath("Scripts/setup")).run()
    #expect(result.exitCode == 0)
    #expect(result.standardOutput.isEmpty && result.standardError.isEmpty)
  }
}
