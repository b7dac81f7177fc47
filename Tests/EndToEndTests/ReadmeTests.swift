// SPDX-License-Identifier: Apache-2.0
// What README.md promises, held against the built program: transcripts, and which models a command understands.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ReadmeTests {
  @Test func `README.md's transcripts are what the program prints`() throws {
    let folder = URL(fileURLWithPath: try IngotProgram.path()).deletingLastPathComponent().path
    var process = ChildProcess(Fixture.packagePath("Scripts/readme-transcripts"), [folder])
    process.timeoutSeconds = 300 * Patience.factor
    let result = try process.run()
    #expect(
      result.exitCode == 0, "Scripts/readme-transcripts FOLDER --write mends this: \(result.standardOutput)")
  }

  @Test func `a command's overview says which models it understands, as README's table does`() throws {
    let readme = try Fixture.packageText("README.md")
    let row = try #require(readme.split(separator: "\n").first { $0.hasPrefix("| `validate`") })
    let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    let commands = cells[0].matches(of: /`(\w+)`/).map { String($0.1) }
    #expect(commands.count == 7)
    for command in commands + ["convert", "hash", "quantize"] {
      let help = try IngotProgram.run(command, "--help")
      let words = help.standardOutput.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains("Models understood: \(cells[1])."), "ingot \(command) --help")
    }
  }
}
