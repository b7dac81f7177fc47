// SPDX-License-Identifier: Apache-2.0
// The files of one folder of an archive, open for reading: where they lie in the archive, or decoded to one scratch
// file without a name. A checkpoint that was read from them is rebased onto the two files that hold its bytes.
// Page: formats/containers/archive.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The files of one folder of an archive.
final class ArchiveContents: Sendable {
  /// The archive.
  private let archive: any ByteSource
  /// What its plain members lie in: the archive itself, or what it was decoded to.
  private let container: any ByteSource
  private let scratch: ScratchSource?
  /// Files by their path: the archive's, then the name inside it.
  private let places: [String: Place]

  /// Where a file's bytes are.
  private struct Place: Sendable {
    var isInArchive: Bool
    var offset: Int
    var byteCount: Int
    /// The CRC-32 that the archive carries for bytes that are read in place.
    var crc32: UInt32?
  }

  /// Decodes what has to be: the space is reserved before the first byte.
  ///
  /// - Parameters:
  ///   - members: the files of the folder.
  ///   - archive: the archive.
  ///   - container: what was listed: the archive, or what it was decoded to as a whole.
  ///   - kind: which kind that is.
  ///   - scratchFolder: where decoded bytes go.
  /// - Throws: AR-01, a zip's own rules, and the errors of reading and writing.
  init(
    _ members: [ArchiveMember], of archive: any ByteSource, in container: any ByteSource, kind: ArchiveKind,
    scratchFolder: String
  ) throws(IngotError) {
    self.archive = archive
    self.container = container
    var places: [String: Place] = [:]
    var decoded: [(member: ArchiveMember, offset: Int)] = []
    var offsets: [ArchiveMember.Storage: Int] = [:]
    var end = 0
    for member in members {
      var place = Place(isInArchive: true, offset: 0, byteCount: member.byteCount)
      if case .plain(let offset, let crc32) = member.storage {
        place.offset = offset
        place.crc32 = crc32
      } else if let offset = offsets[member.storage] {
        // Another name of one that is decoded already.
        place.isInArchive = false
        place.offset = offset
      } else {
        place.isInArchive = false
        place.offset = end
        offsets[member.storage] = end
        decoded.append((member, end))
        // Tensors that were aligned in their file still are.
        guard let next = end.checkedAdd(member.byteCount)?.checkedAlignUp(to: 4096) else {
          throw .limitExceeded(.scratchBytes, at: Location(archive.path), asked: .max)
        }
        end = next
      }
      places[FilePath.join(archive.path, member.name)] = place
    }
    self.places = places
    guard !decoded.isEmpty else {
      scratch = nil
      return
    }
    guard UInt64(end) <= Limit.scratchBytes.value else {
      throw .limitExceeded(.scratchBytes, at: Location(archive.path), asked: UInt64(end))
    }
    let file = try OutputFile.scratch(in: scratchFolder, byteCount: end)
    try ArchiveDecoder(container, kind: kind, file: file, scratchFolder: scratchFolder).run(decoded)
    scratch = ScratchSource(file, byteCount: end, path: archive.path)
  }

  /// A file by its path; `nil` when the folder has none.
  func source(at path: String) -> ArchiveMemberSource? {
    places[path].map { ArchiveMemberSource(path: path, byteCount: $0.byteCount, contents: self) }
  }

  fileprivate func read(
    _ path: String, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(IngotError) {
    guard let place = places[path], offset >= 0, let end = offset.checkedAdd(buffer.count),
      end <= place.byteCount
    else { throw .internal("a read past the end of an archive's file") }
    if let scratch, !place.isInArchive {
      try scratch.read(into: buffer, at: place.offset + offset)
      return
    }
    try container.read(into: buffer, at: place.offset + offset)
    // What is read whole is checked whole; tensors are by the seal.
    guard let expected = place.crc32, buffer.count == place.byteCount else { return }
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(buffer))
    guard checksum.value == expected else {
      throw .checksum(
        found: checksum.value, expected: expected, rule: ZipRule.checksum.rule, at: Location(path))
    }
  }

  /// A checkpoint read from these files, described by what holds their bytes: the archive and the scratch file.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a checkpoint of other files.
  func located(_ checkpoint: Checkpoint) throws(IngotError) -> Checkpoint {
    var located = checkpoint
    var targets: [(file: Int, offset: Int)] = []
    var ranges: [RangeSeal.Range] = []
    // The archive is named even where all is decoded: nothing may overwrite it.
    located.files = [CheckpointFile(path: archive.path, byteCount: archive.byteCount)]
    let inContainer = addUnnamed(container as? ScratchSource, to: &located)
    let inScratch = addUnnamed(scratch, to: &located)
    for file in checkpoint.files {
      if file.unnamed != nil {
        targets.append((located.files.count, 0))
        located.files.append(file)
        continue
      }
      guard let place = places[file.path] else { throw .internal("a file that is not the archive's") }
      targets.append((place.isInArchive ? inContainer : inScratch, place.offset))
      guard let crc32 = place.crc32 else { continue }
      ranges.append(
        RangeSeal.Range(
          name: String(file.path.dropFirst(archive.path.count + 1)), offset: place.offset,
          byteCount: place.byteCount, crc32: crc32))
    }
    // Of the file that the bytes are read from: an archive on standard input lies in a scratch file.
    if !ranges.isEmpty { located.files[inContainer].seal = RangeSeal(ranges, rule: ZipRule.checksum.rule) }
    for index in located.tensors.indices {
      try located.tensors[index].moveSegments { (segment) throws(IngotError) in
        guard targets.indices.contains(segment.file) else { throw .internal("a tensor in no file") }
        let target = targets[segment.file]
        return StorageSegment(
          file: target.file, offset: target.offset + segment.offset, byteCount: segment.byteCount)
      }
    }
    return located
  }

  /// Adds a file without a name to a checkpoint's; its index, or the archive's where there is none.
  private func addUnnamed(_ file: ScratchSource?, to checkpoint: inout Checkpoint) -> Int {
    guard let file else { return 0 }
    checkpoint.files.append(
      CheckpointFile(path: archive.path, byteCount: file.byteCount, unnamed: file))
    return checkpoint.files.count - 1
  }
}

/// A file of an archive.
struct ArchiveMemberSource: ByteSource {
  let path: String
  let byteCount: Int
  fileprivate let contents: ArchiveContents

  fileprivate init(path: String, byteCount: Int, contents: ArchiveContents) {
    self.path = path
    self.byteCount = byteCount
    self.contents = contents
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try contents.read(path, into: buffer, at: offset)
  }

  func sibling(named name: String) throws(IngotError) -> any ByteSource {
    let sibling = FilePath.join(FilePath.folder(of: path), name)
    guard let source = contents.source(at: sibling) else {
      throw .missing(path: sibling, why: "does not exist", hint: "\(path) names this file")
    }
    return source
  }
}

/// Decodes files of an archive to places in a scratch file.
private struct ArchiveDecoder {
  private let archive: any ByteSource
  private let kind: ArchiveKind
  private let file: OutputFile
  private let scratchFolder: String

  init(_ archive: any ByteSource, kind: ArchiveKind, file: OutputFile, scratchFolder: String) {
    self.archive = archive
    self.kind = kind
    self.file = file
    self.scratchFolder = scratchFolder
  }

  func run(_ wanted: [(member: ArchiveMember, offset: Int)]) throws(IngotError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var entries: [Int: (member: ArchiveMember, offset: Int)] = [:]
    for item in wanted {
      switch item.member.storage {
      case .decoded(let entry): entries[entry] = item
      case .deflated(let entry): try inflate(entry, to: item.offset, using: buffer)
      case .plain: break
      }
    }
    if !entries.isEmpty { try decode(entries, using: buffer) }
  }

  /// Decodes entries in one pass of libarchive, up to the last that is wanted.
  private func decode(
    _ wanted: [Int: (member: ArchiveMember, offset: Int)], using buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    let pass = try LibArchive(archive, kind: kind)
    let last = wanted.keys.max() ?? -1
    for index in 0...max(0, last) {
      guard try pass.next() != nil else { break }
      guard let (member, offset) = wanted[index] else { continue }
      var done = 0
      while true {
        let count = try pass.read(into: buffer)
        guard count > 0 else { break }
        guard done + count <= member.byteCount else { throw wrongLength(member, found: "more bytes") }
        try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset + done)
        done += count
      }
      guard done == member.byteCount else { throw wrongLength(member, found: "\(done, "byte")") }
    }
  }

  /// libarchive decodes as many bytes as the header says, or fails: another header was listed.
  private func wrongLength(_ member: ArchiveMember, found: Evidence) -> IngotError {
    .sourceChanged(
      path: FilePath.join(archive.path, member.name), found: found,
      expected: "\(member.byteCount) as when it was listed")
  }

  /// Decodes a zip's entry, its checksum taken on the way.
  private func inflate(
    _ entry: ZipEntry, to offset: Int, using buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    let storage = TensorStorage(
      StorageSegment(file: 0, offset: entry.dataOffset, byteCount: entry.storedByteCount),
      codec: .deflate(skip: 0, decodedByteCount: entry.byteCount),
      checksum: .crc32(entry.crc32, prefix: 0, rule: ZipRule.checksum.rule))
    let reader = try TensorReader(
      entry.name, StoredPart(bytes: entry.byteCount, storage),
      files: SourceFiles(sources: [archive]), scratchFolder: scratchFolder)
    var done = 0
    while done < entry.byteCount {
      if Process.isInterrupted { throw .interrupted }
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, entry.byteCount - done)])
      try reader.read(bytesAt: done, into: piece)
      try file.write(UnsafeRawBufferPointer(piece), at: offset + done)
      done += piece.count
    }
  }
}
