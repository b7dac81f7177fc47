// SPDX-License-Identifier: Apache-2.0
// Manifests are taken as sha256sum takes them: each here is given to sha256sum too.
import Foundation
import IngotBytes
import IngotKit
import IngotTestSupport
import Testing

@Suite struct HashManifestTests {
  /// Names that a line, a shell or Swift's Characters could trip over.
  private static let names = [
    "a.npz", "two words", " leading", "trailing ", "\u{301}accent", "\u{200D}joiner", "line\nfeed",
    "return\rhere",
    "back\\slash", "tab\there", "*star", "-dash", "(a) = b", "\u{1F469}\u{200D}\u{1F52C}", "#hash",
    "\u{FE0F}sign",
  ]

  private func sha256sum(_ arguments: [String], in folder: TemporaryFolder) throws -> ProcessResult {
    var process = ChildProcess("sha256sum", arguments)
    process.folder = folder.path
    return try process.run()
  }

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in Self.names { try folder.write("of \(name)", to: name) }
    return folder
  }

  private func expectSame(_ manifest: [UInt8], in folder: TemporaryFolder, _ what: String) throws {
    try folder.write(manifest, to: "MANIFEST")
    let theirs = try sha256sum(["--check", "--strict", "MANIFEST"], in: folder)
    #expect(theirs.exitCode == 0, "\(what): \(theirs.standardError)")
    let entries = try HashManifest(path: folder.file("MANIFEST")).entries
    #expect(entries.map(\.path.utf8.description) == Self.names.map(\.utf8.description), "\(what)")
    for entry in entries { #expect(entry.digest == SHA256.hex(of: "of \(entry.path)"), "\(what)") }
  }

  @Test func `every form that sha256sum takes is taken`() throws {
    let folder = try folder()
    let plain = try sha256sum(["--"] + Self.names, in: folder).outputBytes
    let forms: [(String, [UInt8])] = [
      ("text", plain), ("binary", try sha256sum(["-b", "--"] + Self.names, in: folder).outputBytes),
      ("tag", try sha256sum(["--tag", "--"] + Self.names, in: folder).outputBytes),
    ]
    for (form, bytes) in forms {
      let lines = bytes.split(separator: 10)
      try expectSame(bytes, in: folder, form)
      try expectSame(Array(bytes.dropLast()), in: folder, form + ", without the last line's end")
      try expectSame(Array(lines.joined(separator: [13, 10])), in: folder, form + ", with carriage returns")
      try expectSame(
        Array(lines.joined(separator: [10, 10]) + [10, 10]), in: folder, form + ", with empty lines")
      try expectSame(Array("# made by hand\n".utf8) + bytes, in: folder, form + ", with a comment")
      try expectSame(Array(lines.flatMap { [32, 9] + $0 + [10] }), in: folder, form + ", indented")
    }
    // Capitals, in digests only.
    let capitals = plain.split(separator: 10).flatMap { line -> [UInt8] in
      let end = line.startIndex + (line.first == 92 ? 65 : 64)
      return line[..<end].map { (97...102).contains($0) ? $0 - 32 : $0 } + line[end...] + [10]
    }
    try expectSame(capitals, in: folder, "capitals")
    let reversed = plain.split(separator: 10).flatMap { line -> [UInt8] in
      let end = line.startIndex + (line.first == 92 ? 65 : 64)
      return line[..<end] + [32] + line[(end + 2)...] + [10]
    }
    try expectSame(reversed, in: folder, "one space")
  }

  @Test func `a byte order mark is no part of the first line`() throws {
    let digest = String(repeating: "0", count: 64)
    let manifest = try HashManifest(bytes: Array("\u{FEFF}\(digest)  a.npz\r\n".utf8), path: "MANIFEST")
    #expect(manifest.entries == [HashManifest.Entry(digest: digest, path: "a.npz")])
  }

  @Test(arguments: names)
  func `a line that is written is sha256sum's, and is read back`(_ name: String) throws {
    let folder = try folder()
    let entry = HashManifest.Entry(digest: SHA256.hex(of: "of \(name)"), path: name)
    #expect(try sha256sum(["--", name], in: folder).outputBytes == Array((entry.line + "\n").utf8))
    #expect(
      try HashManifest(bytes: Array(entry.line.utf8), path: "MANIFEST").entries.first?.path.utf8
        .elementsEqual(name.utf8) == true)
  }
}
