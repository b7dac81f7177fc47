// SPDX-License-Identifier: Apache-2.0
// Opens the checkpoint that an archive holds: as a folder's is found, and read as if it stood in one.
// Page: formats/containers/archive.md.
import IngotBytes
import IngotCore

extension CheckpointOpener {
  /// Whether a name is that of a weight file, or has the extension of one.
  static func isWeightFile(_ name: String) -> Bool {
    FormatRegistry.format(openedBy: name) != nil
      || !FormatRegistry.formats(forExtension: FilePath.fileExtension(of: name)).isEmpty
  }

  /// The checkpoint that an archive holds; `nil` for what is no archive, or is a format of its own on a zip.
  package func openArchive(_ source: any ByteSource) throws(IngotError) -> Checkpoint? {
    guard let archived = try weightFile(inArchive: source) else { return nil }
    let found =
      switch archived.choice {
      case .shards(let names):
        try readSet(ShardIndex(shards: names, path: archived.file.path), beside: archived.file)
      case .parallel(let names): try readParallel(names, beside: archived.file)
      case .file: try read(archived.file)
      }
    var checkpoint = try archived.contents.located(found)
    checkpoint.isStemInside = true
    checkpoint.findings += archived.listing.findings
    if let tail = archived.listing.tail { checkpoint.findings.append(tail.finding(in: source.path)) }
    checkpoint.indexByteCount += archived.listing.indexByteCount
    if checkpoint.companions.isEmpty { try addCompanions(of: archived, to: &checkpoint, own: found.files) }
    return checkpoint
  }

  /// The checkpoint of an archive, with what is beside it.
  struct ArchivedFile {
    /// The weight file, the index of a set, or a set's first file.
    let file: ArchiveMemberSource
    let choice: WeightChoice
    let contents: ArchiveContents
    let listing: ArchiveListing
    /// The folder that it is in, inside the archive.
    let folder: String
  }

  /// The weight file that an archive holds, or the index of its set; `nil` for what is no archive, or is a format of its
  /// own on a zip.
  func weightFile(inArchive source: any ByteSource) throws(IngotError) -> ArchivedFile? {
    let firstBytes = try FormatRegistry.firstBytes(of: source)
    guard var kind = ArchiveKind(firstBytes: firstBytes) else { return nil }
    // The first torch wrote tar archives of its own, which its format refuses by name.
    if kind == .tar, PyTorchFormat().recognizes(firstBytes: firstBytes, byteCount: source.byteCount) {
      return nil
    }
    var container = source
    if kind == .gzip {
      var decoder = GzipDecoder(source, scratchFolder: scratchFolder)
      container = try decoder.decode()
      kind = .tar
    }
    let listing = try ArchiveListing(container, kind: kind)
    // Nor is what torch.export wrote a folder of weight files: its sample input is one.
    if kind == .zip, PyTorchFormat().recognizes(firstBytes: firstBytes, byteCount: source.byteCount),
      PyTorchArchive.foreignKind(listing.members.map(\.name)) != nil
    {
      return nil
    }
    // A zip of arrays alone is an .npz, and one without weight files may be another format's.
    let weights = listing.members.filter(Self.isWeight)
    if kind == .zip, options.fileName == nil, try Self.areArrays(weights, in: container) { return nil }
    let folder = try folder(of: weights, in: listing, path: source.path, kind: kind)
    let contents = try ArchiveContents(
      listing.members.filter { $0.folder == folder || $0.isSmallCompanion(in: folder) }, of: source,
      in: container, kind: kind,
      scratchFolder: scratchFolder)
    let place = folder.isEmpty ? source.path : FilePath.join(source.path, folder)
    let names = listing.members.filter { $0.folder == folder }.map { FilePath.name(of: $0.name) }
    let chooser = WeightChooser(
      names: names.filter { !$0.hasPrefix(".") }, folder: place, kind: kind.words
    ) { (name) throws(IngotError) in
      guard let file = contents.source(at: FilePath.join(place, name)) else { return nil }
      return try shards(ofIndex: file)
    }
    let chosen = try chooser.choice(named: options.fileName.map(FilePath.name(of:)))
    guard let file = contents.source(at: FilePath.join(place, chosen.name)) else {
      throw .missing(path: FilePath.join(place, chosen.name), why: "does not exist", hint: nil)
    }
    return ArchivedFile(file: file, choice: chosen, contents: contents, listing: listing, folder: folder)
  }

  /// Whether the weight files of a zip are all arrays, by their names or by their first bytes: NumPy gives the name of an
  /// array's member, and reads what another program called otherwise.
  static func areArrays(_ weights: [ArchiveMember], in zip: any ByteSource) throws(IngotError) -> Bool {
    for member in weights where FilePath.fileExtension(of: member.name) != "npy" {
      guard try member.begins(with: NumPyArrayHeader.magic, in: zip) else { return false }
    }
    return true
  }

  /// Whether a file of an archive is a weight file, or the index of a set.
  static func isWeight(_ member: ArchiveMember) -> Bool {
    let name = FilePath.name(of: member.name)
    return (isWeightFile(name) || ShardSetKind.isIndexName(name)) && !name.hasPrefix(".")
  }

  /// The folder of an archive that its checkpoint is in: the one of the named file, else of all weight files.
  private func folder(
    of weights: [ArchiveMember], in listing: ArchiveListing, path: String, kind: ArchiveKind
  ) throws(IngotError) -> String {
    var candidates = weights
    if let wanted = options.fileName {
      let names = [wanted, wanted + TensorFlowFileName.indexSuffix]
      let linked = names.compactMap(listing.name(ofLinked:))
      candidates = listing.members.filter { names.contains($0.name) || linked.contains($0.name) }
      if candidates.isEmpty { candidates = weights.filter { names.contains(FilePath.name(of: $0.name)) } }
      guard !candidates.isEmpty else {
        throw .missing(path: FilePath.join(path, wanted), why: "does not exist", hint: nil)
      }
    }
    guard let folder = candidates.first?.folder else {
      // What leads nowhere is named too: it may be all that there is.
      let names = listing.members.map(\.name) + listing.findings.map(\.subject)
      throw ForeignContent.collection(of: names, path: path, kind: kind.words, passedOver: listing.findings)
    }
    guard candidates.allSatisfy({ $0.folder == folder }) else {
      throw .unsuitable(
        Location(path),
        why: "holds weight files in several folders: \(candidates.map(\.name).joined(separator: ", "))",
        hint: .remedy(.chooseFile))
    }
    return folder
  }

  /// Adds the files that stand beside an archive's weights, and names those that do not go along.
  private func addCompanions(
    of archived: ArchivedFile, to checkpoint: inout Checkpoint, own: [CheckpointFile]
  ) throws(IngotError) {
    let own = Set(own.map(\.path) + [archived.file.path])
    var freeByteCount = Limit.companionTotalBytes.value
    for member in archived.listing.members {
      guard let name = member.name(in: archived.folder) else { continue }
      let path = FilePath.join(FilePath.folder(of: archived.file.path), name)
      guard !own.contains(path) else { continue }
      if let loss = Loss.leftBehind(name, as: CompanionName.judge(name)) {
        checkpoint.losses.append(loss)
        continue
      }
      let kind = CompanionName.kind(of: name)
      let limit =
        kind == .other ? min(Limit.travellingBytes.value, freeByteCount) : Limit.companionBytes.value
      guard UInt64(member.byteCount) <= limit, let source = archived.contents.source(at: path) else {
        checkpoint.losses.append(.leftBehind(name, byteCount: member.byteCount))
        continue
      }
      let companion = Companion(
        kind: kind, name: name, bytes: try source.bytes(at: 0, count: source.byteCount))
      if kind == .other { freeByteCount -= UInt64(member.byteCount) }
      if let loss = companion.holdingWeights {
        checkpoint.losses.append(loss)
      } else {
        checkpoint.companions.append(companion)
      }
    }
    checkpoint.companions.sort { CompanionName.precedes($0.name, $1.name) }
  }
}

extension ArchiveMember {
  /// Whether a zip's file begins with some bytes.
  fileprivate func begins(with bytes: [UInt8], in zip: any ByteSource) throws(IngotError) -> Bool {
    guard byteCount >= bytes.count else { return false }
    switch storage {
    case .plain(let offset, _): return try zip.bytes(at: offset, count: bytes.count) == bytes
    case .deflated(let entry): return try entry.begins(with: bytes, in: zip)
    case .decoded: return false
    }
  }

  /// The path below a folder of the archive; `nil` for what is elsewhere.
  fileprivate func name(in folder: String) -> String? {
    if folder.isEmpty { return name }
    return name.hasPrefix(folder + "/") ? String(name.dropFirst(folder.count + 1)) : nil
  }

  /// Whether it goes along with weights in a folder, as far as its name and length tell.
  fileprivate func isSmallCompanion(in folder: String) -> Bool {
    guard let name = name(in: folder), case .companion = CompanionName.judge(name) else { return false }
    return UInt64(byteCount) <= Limit.travellingBytes.value
  }
}
