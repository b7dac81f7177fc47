// SPDX-License-Identifier: Apache-2.0
// What users of the library see, as the compiler tells it, is what docs/public-names.txt says: a change of it is a
// decision, and shows in the diff.
import Foundation
import IngotTestSupport
import Testing

@Suite struct PublicNamesTests {
  @Test func `the public declarations are those of the list`() throws {
    let build = URL(fileURLWithPath: try IngotProgram.path()).deletingLastPathComponent().path
    let process = ChildProcess(
      "/usr/bin/env", ["python3", Fixture.packagePath("Scripts/public-names"), build])
    let found = try process.run()
    #expect(found.exitCode == 0, "\(found.standardError)")
    let listed = Set(try Fixture.packageText("docs/public-names.txt").split(separator: "\n"))
    let declared = Set(found.standardOutput.split(separator: "\n"))
    let advice = "Scripts/public-names .build/release > docs/public-names.txt writes the list anew"
    #expect(declared.subtracting(listed).sorted() == [], "not in the list; \(advice)")
    #expect(listed.subtracting(declared).sorted() == [], "no longer declared; \(advice)")
    #expect(declared.contains("IngotKit enum Ingot"))
  }
}
