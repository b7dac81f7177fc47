// SPDX-License-Identifier: Apache-2.0
// Files that list checkpoints with their digests, in every form that sha256sum takes, and as `hash` prints them in JSON. Lines
// and names are bytes: what a name begins with may join the space before it to one character. Page: formats/manifest.md.
import IngotBytes
import IngotCore
import IngotModels
import IngotOutput

/// A manifest: one line a checkpoint, as sha256sum writes and reads them.
public struct HashManifest: Sendable {
  /// One line.
  public struct Entry: Hashable, Sendable {
    /// The digest of the checkpoint, 64 lowercase hexadecimal digits.
    public var digest: String
    /// The path.
    public var path: String
    /// The names of the tensors with their digests, where the manifest has them.
    package var tensors: [ExactName: String] = [:]

    /// Makes an entry.
    public init(digest: String, path: String) {
      self.digest = digest
      self.path = path
    }

    /// What of a checkpoint is not as the tensors' digests say; nothing where there are none.
    ///
    /// - Parameter report: the digests of the checkpoint.
    /// - Returns: names of tensors that differ, are missing, and are there though none is listed.
    package func differences(
      from report: HashReport
    ) -> (changed: [String], missing: [String], added: [String]) {
      guard !tensors.isEmpty else { return ([], [], []) }
      var rest = tensors
      var changed: [String] = []
      var added: [String] = []
      for tensor in report.tensors {
        guard let digest = rest.removeValue(forKey: ExactName(tensor.name)) else {
          added.append(tensor.name)
          continue
        }
        if digest != tensor.sha256 { changed.append(tensor.name) }
      }
      return (changed, rest.keys.map(\.text).sorted(), added)
    }

    /// The line, without its end: `digest  path`, behind a backslash where the path has bytes that a line can't hold.
    public var line: String {
      let escaped = path.unicodeScalars.map { scalar in
        switch scalar {
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        default: String(scalar)
        }
      }.joined()
      return (escaped.utf8.elementsEqual(path.utf8) ? "" : "\\") + digest + "  " + escaped
    }
  }

  /// The rules of manifests.
  package enum ManifestRule: String, FormatRule {
    case line = "MF-01"
    case notEmpty = "MF-02"
    case document = "MF-03"
  }

  /// The lines in order.
  public var entries: [Entry]
  /// How many lines are of no form, such as those of a signature around it, which sha256sum passes over too.
  package private(set) var passedOverCount = 0
  /// The number of the first of them, from 1 on.
  package private(set) var firstPassedOver = 0

  /// Reads a manifest.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - work: how the work is done.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` for a file without any line that is one.
  public init(path: String, work: WorkOptions = WorkOptions()) throws(IngotError) {
    try self.init(bytes: Companions.text(path, system: work.system), path: path)
  }

  /// Reads a manifest's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the content of the file.
  ///   - path: the path by which messages call it.
  /// - Throws: as ``init(path:work:)``.
  public init(bytes: [UInt8], path: String) throws(IngotError) {
    entries = []
    guard bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) != UInt8(ascii: "{") else {
      let documents = try DigestDocument.all(in: bytes, rule: ManifestRule.document.rule, path: path)
      entries = documents.map { document in
        var entry = Entry(digest: document.digest, path: document.path)
        for (name, digest) in document.tensors { entry.tensors[ExactName(name)] = digest }
        return entry
      }
      try requireEntries(path)
      return
    }
    try readLines(bytes, path)
    try requireEntries(path)
  }

  /// Reads lines of text; those of no form are counted.
  private mutating func readLines(_ bytes: [UInt8], _ path: String) throws(IngotError) {
    /// Whether one space stands between digest and path, as some BSD tools have it: the first such line tells for all.
    var hasOneSpace: Bool?
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    var start = bytes.starts(with: mark) ? mark.count : 0
    var firstBad: (offset: Int, line: ArraySlice<UInt8>)?
    var number = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      var line = ManifestLine(bytes[start..<end])
      defer { start = end + 1 }
      number += 1
      guard !line.isEmpty else { continue }
      if let entry = line.entry(hasOneSpace: &hasOneSpace) {
        entries.append(entry)
        continue
      }
      passedOverCount += 1
      guard firstBad == nil else { continue }
      (firstBad, firstPassedOver) = ((start, bytes[start..<end]), number)
    }
    guard entries.isEmpty, let firstBad else { return }
    throw .malformed(
      ManifestRule.line.rule, at: Location(path, offset: firstBad.offset),
      found: .value(String(decoding: firstBad.line.prefix(80), as: UTF8.self)),
      expected: "64 hexadecimal digits, two spaces and a path")
  }

  private func requireEntries(_ path: String) throws(IngotError) {
    guard !entries.isEmpty else {
      throw .malformed(
        ManifestRule.notEmpty.rule, at: Location(path), found: "no line", expected: "at least one digest")
    }
  }
}

/// A line of a manifest while it is taken apart, from its start.
///
/// - SeeAlso: `coreutils: src/digest.c`, `split_3` and `bsd_split_3`.
private struct ManifestLine {
  private static let digestByteCount = 64
  private var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) {
    rest = line
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
  }

  /// Whether it says nothing: no bytes, or a comment.
  var isEmpty: Bool { rest.isEmpty || rest.first == UInt8(ascii: "#") }

  /// What it says; `nil` for a line that is none.
  mutating func entry(hasOneSpace: inout Bool?) -> HashManifest.Entry? {
    dropWhite()
    let isEscaped = take("\\")
    if let entry = tagged(isEscaped) { return entry }
    guard let digest = digest(), let first = rest.popFirst(), Self.isWhite(first), let second = rest.first
    else {
      return nil
    }
    let isMark = second == UInt8(ascii: " ") || second == UInt8(ascii: "*")
    let isOne = hasOneSpace ?? (rest.count == 1 || !isMark)
    guard isOne || isMark else { return nil }
    hasOneSpace = isOne
    return Self.entry(digest, name: isOne ? rest : rest.dropFirst(), isEscaped)
  }

  /// The form of `--tag`, and of OpenSSL: `SHA256 (path) = digest`.
  private func tagged(_ isEscaped: Bool) -> HashManifest.Entry? {
    var line = self
    guard line.take("SHA256") else { return nil }
    _ = line.take(" ")
    guard line.take("("), let end = line.rest.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let name = line.rest[..<end]
    line.rest = line.rest[(end + 1)...]
    line.dropWhite()
    guard line.take("=") else { return nil }
    line.dropWhite()
    guard let digest = line.digest(), line.rest.isEmpty else { return nil }
    return Self.entry(digest, name: name, isEscaped)
  }

  private static func entry(
    _ digest: String, name: ArraySlice<UInt8>, _ isEscaped: Bool
  ) -> HashManifest.Entry? {
    guard let name = isEscaped ? unescaped(name) : Array(name), !name.isEmpty, !name.contains(0) else {
      return nil
    }
    return HashManifest.Entry(digest: digest, path: PathText.text(name))
  }

  private static func unescaped(_ name: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = name
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      default: return nil
      }
    }
    return bytes
  }

  private mutating func digest() -> String? {
    let digits = rest.prefix(Self.digestByteCount)
    let isDigest =
      digits.count == Self.digestByteCount && digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
    guard isDigest else { return nil }
    rest = rest.dropFirst(Self.digestByteCount)
    return String(decoding: digits, as: UTF8.self).lowercased()
  }

  private mutating func take(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  private mutating func dropWhite() { rest = rest.drop(while: Self.isWhite) }

  private static func isWhite(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
