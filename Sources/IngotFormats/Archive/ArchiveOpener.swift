// SPDX-License-Identifier: Apache-2.0
// Opens the checkpoint that an archive holds: as a folder's is found, and read as if it stood in one.
// Page: formats/containers/archive.md.
import IngotBytes
import IngotCore

extension CheckpointOpener {
  /// Whether a name has the extension of a weight file.
  static func isWeightFile(_ name: String) -> Bool {
    !FormatRegistry.formats(forExtension: FilePath.fileExtension(of: name)).isEmpty
  }

  /// The checkpoint that an archive holds; `nil` for what is no archive, or is a format of its own on a zip.
  package func openArchive(_ source: any ByteSource) throws(IngotError) -> Checkpoint? {
    guard let archived = try weightFile(inArchive: source) else { return nil }
    var checkpoint = try archived.contents.located(read(archived.file))
    checkpoint.findings += archived.listing.findings
    checkpoint.indexByteCount += archived.listing.indexByteCount
    if checkpoint.companions.isEmpty { checkpoint.companions = try companions(beside: archived.file) }
    return checkpoint
  }

  /// A file of an archive, with what is beside it.
  struct ArchivedFile {
    let file: ArchiveMemberSource
    let contents: ArchiveContents
    let listing: ArchiveListing
  }

  /// The weight file that an archive holds, or the index of its set; `nil` for what is no archive, or is a format of its
  /// own on a zip.
  func weightFile(inArchive source: any ByteSource) throws(IngotError) -> ArchivedFile? {
    let head = try source.bytes(at: 0, count: min(FormatRegistry.headByteCount, source.byteCount))
    guard let kind = ArchiveKind(head: head) else { return nil }
    // The first torch wrote tar archives of its own, which its format refuses by name.
    if kind == .tar, PyTorchFormat().recognizes(head: head, byteCount: source.byteCount) { return nil }
    let listing = try ArchiveListing(source, kind: kind)
    let weights = listing.members.filter { member in
      let name = FilePath.name(of: member.name)
      let isIndex = ShardSetKind.all.contains { $0.isIndex(name) }
      return (Self.isWeightFile(name) || isIndex) && !name.hasPrefix(".")
    }
    // A zip of arrays alone is an .npz, and one without weight files may be another format's.
    if kind == .zip, weights.allSatisfy({ FilePath.fileExtension(of: $0.name) == "npy" }) { return nil }
    let (folder, name) = try weightFile(among: weights, of: source.path)
    let contents = try ArchiveContents(
      listing.members.filter { $0.folder == folder }, of: source, kind: kind,
      scratchFolder: options.scratchFolder)
    let place = folder.isEmpty ? source.path : FilePath.join(source.path, folder)
    guard let file = contents.source(at: FilePath.join(place, name)) else {
      throw .internal("a file that is listed and not there")
    }
    return ArchivedFile(file: file, contents: contents, listing: listing)
  }

  /// The folder and name of an archive's weight file: the named one, else as in a folder on disk.
  private func weightFile(
    among weights: [ArchiveMember], of archive: String
  ) throws(IngotError) -> (folder: String, name: String) {
    var candidates = weights
    if let wanted = options.fileName {
      candidates = weights.filter { $0.name == wanted || FilePath.name(of: $0.name) == wanted }
      guard !candidates.isEmpty else {
        throw .missing(path: FilePath.join(archive, wanted), why: "does not exist", hint: nil)
      }
    }
    guard let folder = candidates.first?.folder else {
      throw .unsuitable(
        Location(archive), why: "is an archive that holds no weight file",
        hint: "looked for the index of a set, and for files of a known format")
    }
    guard candidates.allSatisfy({ $0.folder == folder }) else {
      throw .unsuitable(
        Location(archive),
        why: "holds weight files in several folders: \(candidates.map(\.name).joined(separator: ", "))",
        hint: "--from NAME chooses one")
    }
    if let wanted = options.fileName { return (folder, FilePath.name(of: wanted)) }
    return (folder, try weightFile(among: candidates.map { FilePath.name(of: $0.name) }, in: archive))
  }

  /// The companions in the same folder of an archive.
  private func companions(beside file: ArchiveMemberSource) throws(IngotError) -> [Companion] {
    var companions: [Companion] = []
    for (name, kind) in CompanionName.all {
      guard let source = try? file.sibling(named: name) else { continue }
      guard UInt64(source.byteCount) <= Limit.companionBytes.value else {
        throw .limitExceeded(
          .companionBytes, at: Location(source.path), asked: UInt64(source.byteCount))
      }
      companions.append(
        Companion(kind: kind, name: name, bytes: try source.bytes(at: 0, count: source.byteCount)))
    }
    return companions
  }
}
