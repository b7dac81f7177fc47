// SPDX-License-Identifier: Apache-2.0
// What is in an archive: its files by name, with where their bytes are or how to get them. Reads no file's bytes.
// Page: formats/containers/archive.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// A file in an archive.
struct ArchiveMember: Sendable {
  /// How its bytes are reached.
  enum Storage: Hashable, Sendable {
    /// They stand in the archive as they are, from this byte on, with the CRC-32 that it carries for them.
    case plain(offset: Int, crc32: UInt32? = nil)
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
  /// What stands behind the archive's end and is no archive.
  private(set) var tail: ArchiveTail?
  /// Bytes of directory and names, which the memory bound counts.
  private(set) var indexByteCount = 0

  private let source: any ByteSource
  private var places: [ExactName: Int] = [:]
  private var links = ArchiveLinks()
  private var entryCount = 0
  private var budget: DecodingBudget

  /// Lists an archive.
  ///
  /// - Throws: AR-01 to AR-03, a zip's own rules, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for one that decodes to out of proportion.
  init(_ source: any ByteSource, kind: ArchiveKind) throws(IngotError) {
    self.source = source
    budget = DecodingBudget(of: source)
    if kind == .zip { try listZip() } else { try list(LibArchive(source, kind: kind)) }
    try followLinks()
  }

  private mutating func list(_ archive: LibArchive) throws(IngotError) {
    while let entry = try archive.next() {
      defer { entryCount += 1 }
      try count(entry.byteCount)
      if entry.isFolder { continue }
      let name = try checkedName(entry.name.map(PathText.text))
      if let link = entry.link {
        try addLink(name, link)
        continue
      }
      guard entry.isFile else {
        passOver(name, "is a device, which is not read")
        continue
      }
      let storage: ArchiveMember.Storage =
        if let offset = entry.dataOffset { .plain(offset: offset) } else { .decoded(entry: entryCount) }
      try add(ArchiveMember(name: name, byteCount: entry.byteCount, storage: storage))
    }
    tail = archive.tail
  }

  private mutating func listZip() throws(IngotError) {
    let directory = try ZipDirectory(source)
    indexByteCount += directory.byteCount
    for entry in directory.entries {
      try count(entry.byteCount)
      defer { entryCount += 1 }
      if entry.isLink {
        let isPath = entry.byteCount <= ArchiveLinks.pathByteLimit
        let target = isPath ? try ZipMemberReader(entry, source: source).wholeMember() : []
        try addLink(checkedName(entry.name), .symbolic(target))
        continue
      }
      let storage: ArchiveMember.Storage =
        entry.method == .stored
        ? .plain(offset: entry.dataOffset, crc32: entry.crc32) : .deflated(entry)
      try add(ArchiveMember(name: checkedName(entry.name), byteCount: entry.byteCount, storage: storage))
    }
  }

  /// Counts an entry and its bytes against the limits, before any is decoded.
  private mutating func count(_ byteCount: Int) throws(IngotError) {
    guard UInt64(entryCount) < Limit.archiveEntries.value else {
      throw .limitExceeded(.archiveEntries, at: Location(source.path), asked: Limit.archiveEntries.value + 1)
    }
    try budget.add(byteCount)
  }

  // MARK: - Links

  private mutating func passOver(_ name: String, _ detail: Evidence) {
    findings.append(Finding(.notRead, severity: .note, subject: name, detail: detail))
  }

  /// Keeps a link until all names are known.
  private mutating func addLink(_ name: String, _ link: LibArchiveEntry.Link) throws(IngotError) {
    let (bytes, isHard) =
      switch link {
      case .hard(let bytes): (bytes, true)
      case .symbolic(let bytes): (bytes, false)
      }
    guard (1...ArchiveLinks.pathByteLimit).contains(max(bytes.count, name.utf8.count)), !bytes.isEmpty
    else { return passOver(name, "is a link, which is not followed: its target is not a path") }
    let target = PathText.text(bytes)
    indexByteCount += name.utf8.count + bytes.count
    links.add(name, to: isHard ? .hard(target) : .symbolic(target))
  }

  /// Gives the files of the archive that links lead to their other names: AR-04.
  private mutating func followLinks() throws(IngotError) {
    var folders: ArchiveFolders?
    for (name, target) in links.all {
      let destination = links.destination(of: name)
      if let destination, let place = places[ExactName(destination)] {
        try add(
          ArchiveMember(name: name, byteCount: members[place].byteCount, storage: members[place].storage))
        continue
      }
      // What is in a folder has its name there; by that of the link it is found when it is asked for.
      folders = folders ?? ArchiveFolders(of: members)
      if let destination, folders?.holds(destination) == true { continue }
      switch target {
      case .hard(let text), .symbolic(let text):
        passOver(name, "is a link to \(text), which is not a file of the archive")
      }
    }
  }

  /// The name by which the archive has a file, where a path leads to it by way of links to folders.
  func name(ofLinked path: String) -> String? {
    guard let folder = links.destination(of: FilePath.folder(of: path)) else { return nil }
    let name = folder.isEmpty ? FilePath.name(of: path) : FilePath.join(folder, FilePath.name(of: path))
    return places[ExactName(name)].map { members[$0].name }
  }

  private mutating func add(_ member: ArchiveMember) throws(IngotError) {
    guard places.updateValue(members.count, forKey: ExactName(member.name)) == nil else {
      throw .malformed(
        ArchiveRule.uniqueName.rule, at: Location(source.path, member: member.name),
        found: "a second file of that name", expected: "one")
    }
    indexByteCount += member.name.utf8.count
    members.append(member)
  }

  /// A name that stays below where the archive is unpacked, without `.` in it: AR-02.
  private func checkedName(_ name: String?) throws(IngotError) -> String {
    let checked = name.map(FilePath.withoutIdleParts)
    guard let name, let checked, FilePath.staysInside(name), FilePath.isPlainPath(checked) else {
      throw .malformed(
        ArchiveRule.memberName.rule, at: Location(source.path),
        found: name.map { .value($0) } ?? "an entry without a name",
        expected: "a relative name without .. in it")
    }
    return checked
  }
}
