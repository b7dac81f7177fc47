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

  @Test func `lines that are none are passed over as sha256sum does, and counted`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Self.model, as: "a.safetensors")
    let digest = try IngotProgram.run("hash", folder.file("a.safetensors")).standardOutput.prefix(64)
    let signed = """
      -----BEGIN PGP SIGNED MESSAGE-----
      Hash: SHA256

      \(digest)  a.safetensors
      -----BEGIN PGP SIGNATURE-----

      iQEzBAEBCAAdFiEE
      -----END PGP SIGNATURE-----

      """
    try folder.write(signed, to: "SUMS")
    // sha256sum counts the same lines; the digest is of tensors, so that it fails where ingot does not.
    var theirs = ChildProcess("sha256sum", ["-c", "SUMS"])
    theirs.folder = folder.path
    #expect(try theirs.run().standardError.contains("5 lines are improperly formatted"))
    let result = try IngotProgram.run("hash", "--manifest", "SUMS", in: folder.path)
    #expect(result.exitCode == 0 && result.standardOutput == "a.safetensors: OK\n")
    #expect(
      result.standardError
        == "SUMS: 5 lines, the first of them line 1, are no digests, and were passed over\n",
      "\(result.standardError)")
    let json = try IngotProgram.run("hash", "--manifest", "SUMS", "--json", in: folder.path)
    let report = try JSONSerialization.jsonObject(with: Data(json.outputBytes)) as? [String: Any]
    #expect(report?["lines_passed_over"] as? Int == 5)
    // Where no line is one, nothing would be checked.
    try folder.write(signed.replacingOccurrences(of: digest, with: "digest"), to: "NONE")
    let none = try IngotProgram.run("hash", "--manifest", "NONE", in: folder.path)
    #expect(none.exitCode == 65 && none.standardError.contains("MF-01"), "\(none.standardError)")
  }
}
