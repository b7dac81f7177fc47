// SPDX-License-Identifier: Apache-2.0
// Looks for what other programs would run in a file, by its content and whatever it is called: pickles in any carrier,
// code, archives within archives. What is neither read nor known to hold no code is never called clean. Bytes that a file's
// own format takes no account of are UnaccountedBytes'.
// Pages: formats/containers/pickle.md and archive.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// A file that was looked at, on its own or in an archive.
public struct SurveyedFile: Sendable {
  /// Its path; of one in an archive the archive's, then the name inside it.
  public var path: String
  /// What it is: a format's id, or `pickle`, `text`, `picture`, `code`.
  public var content: String
  /// What it would make other programs run.
  public var survey = ContentSurvey()
}

/// Looks at files, one after the other.
package struct ContentScanner {
  /// The files, in the order in which they were found.
  package private(set) var files: [SurveyedFile] = []

  private let opener: CheckpointOpener
  private var budget = DecodingBudget(of: MemoryByteSource([], path: ""))

  /// Makes a scanner that has looked at nothing.
  package init(_ opener: CheckpointOpener) {
    self.opener = opener
  }

  /// A file or member that is looked at.
  struct Item {
    var source: any ByteSource
    /// Where its bytes are, for messages.
    var place: Location
    /// The name that a program would know it by.
    var name: String
    /// Archives and compressed files around it.
    var depth = 0
    /// Bytes in the file for those that were decoded; `nil` where they stand as they are.
    var storedByteCount: Int?
    /// Whether it is raw numbers by its name, which begin as anything.
    var isRaw = false
    /// Whether it is a file to read, and not a record of one.
    var isFile = true

    init(_ source: any ByteSource) {
      self.source = source
      place = Location(source.path)
      name = source.path
    }

    /// Bytes of a pickle that are run: what was decoded may be no pickle that grew out of proportion.
    var pickleByteLimit: Int {
      guard let storedByteCount else { return isRaw ? 1 << 16 : source.byteCount }
      return ZipEntry.pickleByteLimit(storedByteCount: storedByteCount)
    }
  }

  /// Looks at a file.
  ///
  /// - Throws: errors of the system, and of an interrupt; what is wrong with the file is noted.
  package mutating func scan(_ source: any ByteSource) throws(IngotError) {
    budget = DecodingBudget(of: source)
    try scan(Item(source))
  }

  /// Notes a file that could not be opened, or was not looked at.
  package mutating func note(_ path: String, _ failure: IngotError) {
    files.append(SurveyedFile(path: path, content: "unknown"))
    files[files.count - 1].survey.add(failure)
  }

  /// Whether as many files were looked at as may be.
  package var isFull: Bool { UInt64(files.count) >= Limit.companionFiles.value }

  mutating func scan(_ item: Item) throws(IngotError) {
    if Process.isInterrupted { throw .interrupted }
    guard !isFull else { return }
    var file = SurveyedFile(path: item.source.path, content: "unknown")
    var item = item
    item.isRaw = item.isRaw || HarmlessContent.isTensorFlowData(item.source)
    do throws(IngotError) {
      let content = try look(at: item, &file.survey)
      // Files of an archive are listed one by one, the archive where there is more to say of it.
      guard content != nil || !file.survey.isClean else { return }
      file.content = content ?? "archive"
    } catch {
      file.survey.add(error)
    }
    if let stop = file.survey.failures.first(where: \.endsSurvey) { throw stop }
    files.append(file)
  }

  /// Looks at a file or member.
  ///
  /// - Returns: what it is; `nil` for an archive, whose files were looked at one by one.
  /// - Throws: what says that it can't be read.
  mutating func look(at item: Item, _ survey: inout ContentSurvey) throws(IngotError) -> String? {
    let firstBytes = try FormatRegistry.firstBytes(of: item.source)
    guard item.source.byteCount > 0 else {
      // Of no bytes there is no code, and no checkpoint.
      if FormatRegistry.claimant(of: item.name) != nil { readCheckpoint(item, &survey) }
      return "empty"
    }
    if let kind = CodeKind.of(firstBytes: firstBytes, name: item.isRaw ? nil : item.name) {
      let isScript = kind == .python && item.place.member?.contains("/code/") == true
      survey.add(isScript ? .torchScript : kind, at: item.place)
      return "code"
    }
    if let frame = try Compression.frame(of: item, firstBytes: firstBytes) {
      return try look(at: decoded(item, frame), &survey)
    }
    if ZipDirectory.recognizes(firstBytes: firstBytes) { return try lookIntoZip(item, firstBytes, &survey) }
    // An array's reader holds its length; of records there may be millions.
    if item.isFile || !item.isRaw && !firstBytes.starts(with: NumPyArrayHeader.magic) {
      try lookForZip(behind: item, &survey)
    }
    if PyTorchFormat.form(firstBytes: firstBytes) == .tar { return try lookIntoTorchTar(item, &survey) }
    if let kind = ArchiveKind(firstBytes: firstBytes), kind != .gzip {
      return try lookIntoArchive(item, kind, &survey)
    }
    return try lookAtPlain(item, firstBytes, &survey)
  }

  /// Looks at what is neither an archive nor compressed.
  private mutating func lookAtPlain(
    _ item: Item, _ firstBytes: [UInt8], _ survey: inout ContentSurvey
  ) throws(IngotError) -> String {
    let format = FormatRegistry.formats.first {
      $0.recognizes(firstBytes: firstBytes, byteCount: item.source.byteCount)
    }
    if firstBytes.starts(with: NumPyArrayHeader.magic) {
      try PickleCarriers.survey(array: item.source, at: item.place, &survey)
    } else if PyTorchStream.recognizes(firstBytes: firstBytes) {
      var stream = PyTorchStream(item.source)
      stream.survey(&survey)
    } else if let bare = try PickleCarriers.survey(bare: item, isKnown: format != nil || item.isRaw) {
      survey.add(bare)
      if FormatRegistry.claimant(of: item.name) == nil { return "pickle" }
    }
    if item.isRaw { return item.isFile ? TensorFlowFormat().id : "numbers" }
    if format is GGUFFormat { try lookBehindTensors(item, &survey) }
    if let format = format ?? FormatRegistry.claimant(of: item.name) {
      readCheckpoint(item, &survey)
      return format.id
    }
    return try lookAtCompanion(item, firstBytes, &survey)
  }

  /// Reads the headers as `inspect` does: what a reader refuses is not clean, whatever it names.
  private mutating func readCheckpoint(_ item: Item, _ survey: inout ContentSurvey) {
    guard item.isFile, survey.isClean else { return }
    do throws(IngotError) {
      let shard = ShardName(FilePath.name(of: item.source.path))
      if let shard, shard.isOpenedByFirst, (try? item.source.sibling(named: shard.first.text)) != nil {
        return
      }
      if let set = ParallelShards(startingWith: item.source) {
        _ = try opener.readParallel(set.names, beside: item.source)
      }
      let checkpoint = try opener.read(item.source)
      if shard?.isOfSet != true { _ = try QuantizedParts.assemble(checkpoint) }
      for file in checkpoint.companions {
        let path = FilePath.join(item.source.path, file.name)
        try look(atMember: file.name, MemoryByteSource(file.bytes, path: path), of: item, &survey)
      }
      noteUnread(checkpoint, of: item, &survey)
      try lookAtMetadata(checkpoint.metadata, of: item, &survey)
    } catch {
      survey.add(error)
    }
  }

  /// Notes parts of a checkpoint that its reader passes over, where they are not looked at otherwise.
  private func noteUnread(_ checkpoint: Checkpoint, of item: Item, _ survey: inout ContentSurvey) {
    let surveyed = [GGUFFormat().id, NumPyArchiveFormat().id]
    guard !surveyed.contains(checkpoint.format) else { return }
    let name = FilePath.name(of: item.source.path)
    for finding in checkpoint.findings where finding.kind == .notRead {
      // What stands behind a stream of torch's is looked at as another.
      if checkpoint.format == PyTorchFormat().id, finding.subject == name { continue }
      survey.add(
        .unsuitable(Location(item.source.path, member: finding.subject), why: finding.detail, hint: nil))
    }
  }

  /// Looks at texts of metadata as at the files that they come from, or become: configs and templates.
  private func lookAtMetadata(
    _ metadata: Metadata, of item: Item, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    for entry in metadata.entries {
      let texts: [String] =
        switch entry.value {
        case .string(let text): [text]
        case .typedArray(let array) where entry.key.contains("template"): array.values.compactMap(\.text)
        case .array(let values) where entry.key.contains("template"): values.compactMap(\.text)
        default: []
        }
      for text in texts {
        guard let name = CodeKind.fileName(ofMetadata: entry.key, text) else { continue }
        let source = MemoryByteSource(Array(text.utf8), path: item.source.path)
        for kind in try TextScan(source, marks: CodeKind.textMarks(forName: name)).kinds {
          survey.add(kind, at: item.place)
        }
      }
    }
  }

  /// Looks at a file that is no checkpoint: text, and what is known to hold no code.
  private mutating func lookAtCompanion(
    _ item: Item, _ firstBytes: [UInt8], _ survey: inout ContentSurvey
  ) throws(IngotError) -> String {
    let scan = try TextScan(
      item.source, marks: CodeKind.textMarks(forName: item.name), isBinary: ForeignContent.isHDF5(firstBytes))
    for kind in scan.kinds { survey.add(kind, at: item.place) }
    if scan.isText {
      let isPage = ["html", "htm"].contains(FilePath.fileExtension(of: item.name))
      if !isPage, let refusal = ForeignContent.standIn(firstBytes, path: item.source.path) { throw refusal }
      if try isIndex(item) { readCheckpoint(item, &survey) }
      return "text"
    }
    if ForeignContent.isPicture(firstBytes) {
      try lookBehindPicture(item, &survey)
      return "picture"
    }
    if HarmlessContent.isVocabulary(item.source, firstBytes) { return "sentencepiece" }
    _ = try FormatRegistry.detect(item.source)
    throw .unsupported("a file of no known format", at: item.place)
  }

  /// Whether a text is the index of a set: by its map, or by the name that libraries look for.
  private func isIndex(_ item: Item) throws(IngotError) -> Bool {
    guard item.isFile, ShardSetKind.isIndexName(item.name) else { return false }
    let isKnown = ShardSetKind.all.contains { $0.indexFileName == FilePath.name(of: item.name) }
    if isKnown { return true }
    return try opener.shards(ofIndex: item.source) != nil
  }

  // MARK: - Carriers

  /// What a compressed file holds, in its place.
  private mutating func decoded(_ item: Item, _ frame: Inflater.Frame) throws(IngotError) -> Item {
    var inner = item
    try enter(&inner)
    var decoder = GzipDecoder(
      item.source, frame, scratchFolder: opener.scratchFolder, budget: budget)
    inner.source = try decoder.decode()
    budget = decoder.budget
    inner.storedByteCount = min(item.storedByteCount ?? .max, item.source.byteCount)
    if ["gz", "z", "zlib"].contains(FilePath.fileExtension(of: item.name)) {
      inner.name = FilePath.stem(of: item.name)
    }
    return inner
  }

  /// Counts one more archive or compression around what is looked at.
  func enter(_ item: inout Item) throws(IngotError) {
    item.depth += 1
    guard UInt64(item.depth) <= Limit.archiveDepth.value else {
      throw .limitExceeded(.archiveDepth, at: item.place, asked: UInt64(item.depth))
    }
  }

  private mutating func lookIntoTorchTar(
    _ item: Item, _ survey: inout ContentSurvey
  ) throws(IngotError) -> String {
    let format = PyTorchFormat()
    var tar = try PyTorchTar(item.source)
    tar.survey(&survey)
    let listing = try ArchiveListing(item.source, kind: .tar)
    try lookBehind(listing, of: item, &survey)
    for member in listing.members
    where !PyTorchTar.names.contains(member.name) {
      guard case .plain(let offset, _) = member.storage else {
        survey.add(.unsupported("a member with holes", at: Location(item.source.path, member: member.name)))
        continue
      }
      let slice = SourceSlice(
        item.source, offset..<(offset + member.byteCount), path: FilePath.join(item.source.path, member.name))
      try look(atMember: member.name, slice, of: item, &survey)
    }
    readCheckpoint(item, &survey)
    return format.id
  }

  /// Looks at a member as part of the file that it is in.
  private mutating func look(
    atMember name: String, _ source: any ByteSource, of item: Item, storedByteCount: Int? = nil,
    isRaw: Bool = false, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    var member = Item(source)
    member.place = Location(item.source.path, member: name)
    member.name = name
    member.depth = item.depth
    member.storedByteCount = storedByteCount ?? item.storedByteCount
    member.isRaw = isRaw
    member.isFile = false
    try enter(&member)
    do throws(IngotError) {
      _ = try look(at: member, &survey)
    } catch {
      survey.add(error)
    }
  }

  /// Looks into a zip archive: as one file where it is a format's, else as a folder of files.
  ///
  /// - Parameters:
  ///   - item: the archive.
  ///   - firstBytes: its first bytes, or those of its first entry.
  ///   - isBehind: whether it stands behind other bytes, which are looked at by themselves.
  ///   - survey: takes what is found.
  /// - Returns: what it is; `nil` for an archive, whose files were looked at one by one.
  /// - Throws: what says that it can't be read.
  mutating func lookIntoZip(
    _ item: Item, _ firstBytes: [UInt8], isBehind: Bool = false, _ survey: inout ContentSurvey
  ) throws(IngotError) -> String? {
    let isTorch = PyTorchFormat().recognizes(firstBytes: firstBytes, byteCount: item.source.byteCount)
    let directory = try ZipDirectory(item.source)
    try lookBetweenEntries(of: directory, in: item, isBehind: isBehind, &survey)
    let claimant = FormatRegistry.claimant(of: item.name)
    if !isTorch, claimant == nil, try !isArrays(item) { return try lookIntoArchive(item, .zip, &survey) }
    for entry in directory.entries {
      if Process.isInterrupted { throw .interrupted }
      do throws(IngotError) {
        try look(atEntry: entry, of: item, isTorch: isTorch, &survey)
      } catch {
        survey.add(error)
      }
    }
    readCheckpoint(item, &survey)
    return isTorch ? PyTorchFormat().id : claimant?.id ?? NumPyArchiveFormat().id
  }

  /// Whether a zip is an archive of arrays by its weight files, of which it has some.
  private func isArrays(_ item: Item) throws(IngotError) -> Bool {
    let weights = try ArchiveListing(item.source, kind: .zip).members.filter(CheckpointOpener.isWeight)
    guard !weights.isEmpty else { return false }
    return try CheckpointOpener.areArrays(weights, in: item.source)
  }

  private mutating func look(
    atEntry entry: ZipEntry, of item: Item, isTorch: Bool, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    let path = FilePath.join(item.source.path, entry.name)
    let isRaw = isTorch && entry.name.split(separator: "/").dropFirst().first == "data"
    guard entry.method == .deflated else {
      let range = entry.dataOffset..<(entry.dataOffset + entry.byteCount)
      let slice = SourceSlice(item.source, range, path: path)
      return try look(atMember: entry.name, slice, of: item, isRaw: isRaw, &survey)
    }
    // Numbers are not decoded: their beginning tells that they are.
    let count = min(entry.byteCount, Int(Limit.numpyHeaderBytes.value) + NumPyArrayHeader.prefixByteCount)
    let start = MemoryByteSource(try ZipMemberReader(entry, source: item.source).bytes(count), path: path)
    let place = Location(item.source.path, member: entry.name)
    let firstBytes = try FormatRegistry.firstBytes(of: start)
    if firstBytes.starts(with: NumPyArrayHeader.magic) {
      guard try PickleCarriers.objectsOffset(in: start, at: place) != nil else { return }
    } else if isRaw, !PickleCarriers.isPickle(firstBytes: firstBytes),
      !ZipDirectory.recognizes(firstBytes: firstBytes),
      CodeKind.of(firstBytes: firstBytes, name: nil) == nil,
      ArchiveKind(firstBytes: firstBytes) == nil || firstBytes.starts(with: [0x1F])
    {
      return
    }
    try entry.checkExpansion(at: place)
    try budget.add(entry.byteCount)
    let bytes = try ZipMemberReader(entry, source: item.source).bytes(entry.byteCount)
    try look(
      atMember: entry.name, MemoryByteSource(bytes, path: path), of: item,
      storedByteCount: min(entry.storedByteCount, item.storedByteCount ?? .max), isRaw: isRaw, &survey)
  }

  /// Looks at the files of an archive one by one.
  ///
  /// - Returns: what an archive without files is; `nil` for others.
  private mutating func lookIntoArchive(
    _ item: Item, _ kind: ArchiveKind, _ survey: inout ContentSurvey
  ) throws(IngotError) -> String? {
    var inner = item
    try enter(&inner)
    let listing = try ArchiveListing(item.source, kind: kind)
    try lookBehind(listing, of: item, &survey)
    guard !listing.members.isEmpty else { return "empty archive" }
    for member in listing.members where !member.isPlain { try budget.add(member.byteCount) }
    let archive = ArchiveFiles(
      listing.members, of: item.source, kind: kind, scratchFolder: opener.scratchFolder)
    for member in listing.members {
      guard !isFull else { return nil }
      let path = FilePath.join(item.source.path, member.name)
      do throws(IngotError) {
        var file = Item(try archive.source(of: member, at: path))
        file.depth = inner.depth
        file.storedByteCount =
          member.isPlain ? item.storedByteCount : item.storedByteCount ?? item.source.byteCount
        try scan(file)
      } catch {
        guard !error.endsSurvey else { throw error }
        note(path, error)
      }
    }
    return nil
  }
}
