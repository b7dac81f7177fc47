// SPDX-License-Identifier: Apache-2.0
// `ingot hash > FILE` and `ingot hash --manifest FILE`: any name comes back, and every line is checked.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ManifestTests {
  private static let model = Fixture.path("golden/safetensors/odd-names.safetensors")

  @Test func `what hash prints of any name holds when it is checked`() throws {
    let folder = try TemporaryFolder()
    let names = [
      "\u{301}a", "new\nline", "back\\slash", "return\r", "tab\t", "esc\u{1B}[31m", " space",
      "\u{202E}turned",
      String(repeating: "long", count: 60),
    ].map { $0 + ".safetensors" }
    for name in names { try folder.copy(Self.model, as: name) }
    var process = try IngotProgram.process(["hash"] + names)
    process.folder = folder.path
    let printed = try process.run()
    #expect(printed.exitCode == 0, "\(printed.standardError)")
    try folder.write(printed.outputBytes, to: "MANIFEST")
    let checked = try IngotProgram.run("hash", "--manifest", "MANIFEST", in: folder.path)
    #expect(checked.exitCode == 0, "\(checked.standardError)")
    let lines = checked.standardOutput.split(separator: "\n")
    #expect(lines.count == names.count && lines.allSatisfy { $0.hasSuffix(": OK") })
    #expect(!checked.standardOutput.contains("\u{1B}"))
  }

  @Test func `a file that can't be read does not keep others from being checked`() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b", "other"] { try folder.copy(Self.model, as: name + ".safetensors") }
    try folder.write("no tensors", to: "broken.safetensors")
    let digest = try IngotProgram.run("hash", folder.file("a.safetensors")).standardOutput.prefix(64)
    let zeros = String(repeating: "0", count: 64)
    try folder.write(
      """
      \(digest)  gone.safetensors
      \(digest)  a.safetensors
      \(digest)  broken.safetensors
      \(zeros)  other.safetensors
      SHA256 (b.safetensors) = \(digest)

      """, to: "MANIFEST")
    let result = try IngotProgram.run("hash", "--manifest", "MANIFEST", in: folder.path)
    #expect(result.exitCode == 1)
    #expect(
      result.standardOutput.split(separator: "\n") == [
        "gone.safetensors: FAILED open", "a.safetensors: OK", "broken.safetensors: FAILED open",
        "other.safetensors: FAILED", "b.safetensors: OK",
      ])
    #expect(result.standardError.contains("gone.safetensors: does not exist"))
    let json = try IngotProgram.run("hash", "--manifest", "MANIFEST", "--json", in: folder.path)
    let report = try JSONSerialization.jsonObject(with: Data(json.outputBytes)) as? [String: Any]
    let checked = try #require(report?["checked"] as? [[String: Any]])
    #expect(checked.map { $0["holds"] as? Bool } == [false, true, false, false, true])
    #expect((checked.first?["error"] as? String)?.contains("does not exist") == true)
  }
}
