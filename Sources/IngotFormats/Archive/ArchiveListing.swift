// SPDX-License-Identifier: Apache-2.0
// What is in an archive: its files by name, with where their bytes are or how to get them. Reads no file's bytes.
// Page: formats/containers/archive.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// A file in an archive.
struct ArchiveMember: Sendable {
  /// How its bytes are reached.
  enum Storage: Sendable {
    /// They stand in the archive as they are, from this byte on.
    case plain(offset: Int)
    /// A zip's entry, deflated.
    case deflated(ZipEntry)
    /// The entry of this number, in the archive's order, that libarchive decodes.
    case decoded(entry: Int)
  }

  /// The name, with `/` between folders and without `./` before it.
  var name: String
  /// Bytes of the file.
  var byteCount: Int
  /// How its bytes are reached.
  var storage: Storage

  /// The folder inside the archive; empty for none.
  var folder: String {
    name.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(name[..<$0]) } ?? ""
  }
}

/// The files of an archive.
struct ArchiveListing: Sendable {
  /// The files, in the archive's order.
  private(set) var members: [ArchiveMember] = []
  /// Remarks: links and devices that were passed over.
  private(set) var findings: [Finding] = []
  /// Bytes of directory and names, which the memory bound counts.
  private(set) var indexByteCount = 0

  private let source: any ByteSource
  private var names = Set<ExactName>()
  private var entryCount = 0
  private var decodedByteCount = 0

  /// Bytes that an archive of any length may decode to.
  private static let freeDecodedByteCount = 64 << 20

  /// Lists an archive.
  ///
  /// - Throws: AR-01 to AR-03, a zip's own rules, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for one that decodes to out of proportion.
  init(_ source: any ByteSource, kind: ArchiveKind) throws(IngotError) {
    self.source = source
    if kind == .zip { try listZip() } else { try list(LibArchive(source, kind: kind)) }
  }

  private mutating func list(_ archive: LibArchive) throws(IngotError) {
    while let entry = try archive.next() {
      defer { entryCount += 1 }
      try count(entry.byteCount)
      if entry.isFolder { continue }
      let name = try checkedName(entry.name)
      guard entry.isFile else {
        findings.append(
          Finding(
            .notRead, severity: .note, subject: name, detail: "is a link or device, which is not followed"))
        continue
      }
      let storage: ArchiveMember.Storage =
        if let offset = entry.dataOffset { .plain(offset: offset) } else { .decoded(entry: entryCount) }
      try add(ArchiveMember(name: name, byteCount: entry.byteCount, storage: storage))
    }
  }

  private mutating func listZip() throws(IngotError) {
    let directory = try ZipDirectory(source)
    indexByteCount += directory.byteCount
    for entry in directory.entries {
      try count(entry.byteCount)
      let storage: ArchiveMember.Storage =
        entry.method == .stored ? .plain(offset: entry.dataOffset) : .deflated(entry)
      try add(
        ArchiveMember(name: checkedName(Array(entry.name.utf8)), byteCount: entry.byteCount, storage: storage)
      )
    }
  }

  /// Counts an entry and its bytes against the limits, before any is decoded.
  private mutating func count(_ byteCount: Int) throws(IngotError) {
    guard UInt64(entryCount) < Limit.archiveEntries.value else {
      throw .limitExceeded(.archiveEntries, at: Location(source.path), asked: Limit.archiveEntries.value + 1)
    }
    decodedByteCount = decodedByteCount.checkedAdd(byteCount) ?? .max
    let excess = UInt64(max(0, decodedByteCount - Self.freeDecodedByteCount))
    let ratio = excess / UInt64(max(1, source.byteCount))
    guard ratio <= Limit.archiveExpansion.value else {
      throw .limitExceeded(.archiveExpansion, at: Location(source.path), asked: ratio)
    }
  }

  private mutating func add(_ member: ArchiveMember) throws(IngotError) {
    guard names.insert(ExactName(member.name)).inserted else {
      throw .malformed(
        ArchiveRule.uniqueName.rule, at: Location(source.path, member: member.name),
        found: "a second file of that name", expected: "one")
    }
    indexByteCount += member.name.utf8.count
    members.append(member)
  }

  /// A name that stays below where the archive is unpacked, without `.` in it: AR-02.
  private func checkedName(_ bytes: [UInt8]?) throws(IngotError) -> String {
    let text = bytes.flatMap { String(validating: $0, as: UTF8.self) }
    let parts = (text ?? "").utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    guard let text, FilePath.staysInside(text), !parts.isEmpty else {
      throw .malformed(
        ArchiveRule.memberName.rule, at: Location(source.path),
        found: bytes.map { .value(String(decoding: $0, as: UTF8.self)) }
          ?? "an entry without a name in UTF-8",
        expected: "a relative name in UTF-8 without .. in it")
    }
    return parts.map { String(Substring($0)) }.joined(separator: "/")
  }
}
