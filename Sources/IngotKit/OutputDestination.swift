// SPDX-License-Identifier: Apache-2.0
// Where an output goes and in which format: a file, a folder, or standard output.
import IngotBytes
import IngotCore
import IngotFormats

/// Where an output goes.
struct OutputDestination: Sendable {
  /// The path; `-` for standard output.
  let path: String
  /// The format's id.
  let formatID: String
  /// The format's writer.
  let writer: any CheckpointWriter
  /// Whether it is a folder of files.
  let isFolder: Bool

  /// Whether it is standard output.
  var isStream: Bool { path == "-" }

  /// The name of the weight file.
  let fileName: String

  /// Finds the format and the kind of an output.
  ///
  /// - Parameters:
  ///   - path: the output's path.
  ///   - format: the format's id, when the caller says so.
  ///   - isSharded: whether several files are wanted.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` when no format, or none that is written, fits.
  init(_ path: String, format: String?, isSharded: Bool, _ system: any SystemCalls) throws(IngotError) {
    self.path = path
    let status = path == "-" ? nil : try? system.status(at: path, followingLinks: true)
    let asksForFolder = path != "-" && (path.hasSuffix("/") || status?.kind == .folder || isSharded)
    let found = try Self.format(named: format, path: path, isFolder: asksForFolder)
    guard let writer = found.writer else {
      throw .invalidRequest(option: "--to", why: "\(words: found.id) is read, not written")
    }
    guard !isSharded || writer.shards else {
      throw .invalidRequest(option: "--shard-size", why: "\(words: found.id) is one file, without shards")
    }
    guard format != nil || asksForFolder || !writer.needsFolder else {
      throw .invalidRequest(
        option: "--to",
        why:
          "\(FilePath.name(of: path)) is one file of a set; give the set's folder, with --to \(words: found.id)"
      )
    }
    let isFolder = asksForFolder || (writer.needsFolder && path != "-")
    self.isFolder = isFolder
    formatID = found.id
    self.writer = writer
    fileName = isFolder ? "model.\(found.fileExtensions.first ?? found.id)" : FilePath.name(of: path)
  }

  /// A file that takes the place of the one that stands there, in its own format.
  init(replacing path: String, formatID: String, writer: any CheckpointWriter) {
    self.path = path
    self.formatID = formatID
    self.writer = writer
    isFolder = false
    fileName = FilePath.name(of: path)
  }

  private static func format(
    named id: String?, path: String, isFolder: Bool
  ) throws(IngotError) -> any CheckpointFormat {
    if let id {
      guard let format = FormatRegistry.format(id: id) else {
        let known = FormatRegistry.formats.map(\.id).joined(separator: ", ")
        throw .invalidRequest(option: "--to", why: "there is no format \(id); there are \(words: known)")
      }
      return format
    }
    let byName =
      path.hasSuffix("/") ? [] : FormatRegistry.formats(forExtension: FilePath.fileExtension(of: path))
    guard byName.count < 2 else {
      let ids = byName.map(\.id).joined(separator: " or ")
      throw .invalidRequest(option: "--to", why: "\(FilePath.name(of: path)) may become \(words: ids)")
    }
    if let format = byName.first { return format }
    if isFolder { return SafetensorsFormat() }
    guard path != "-" else {
      throw .invalidRequest(option: "--to", why: "standard output has no extension that tells the format")
    }
    let known = FormatRegistry.formats.flatMap(\.fileExtensions).map { "." + $0 }.joined(separator: " ")
    throw .invalidRequest(
      option: "--to", why: "\(FilePath.name(of: path)) has none of the extensions \(words: known)")
  }

  /// Writes an output so that it appears whole or not at all.
  ///
  /// - Parameters:
  ///   - output: what is written.
  ///   - force: whether what stands there may be replaced.
  ///   - sources: the files that are read.
  ///   - journal: by what an unfinished output of the same work is known.
  ///   - system: the operating system.
  ///   - progress: hears of every byte.
  ///   - check: looks at the output, where it lies until it is complete.
  /// - Returns: what was written.
  /// - Throws: any error; the destination then holds what it held before.
  func write(
    _ output: CheckpointOutput, force: Bool, sources: [CheckpointFile], journal: JournalKey? = nil,
    system: any SystemCalls, progress: (any ProgressObserver)?,
    check: (CheckpointOutput.Result, _ path: String) throws(IngotError) -> Void = { _, _ in }
  ) throws(IngotError) -> CheckpointOutput.Result {
    guard !isStream else {
      let stream = StandardOutput(system: system)
      return try output.write(progress: progress) { (_) throws(IngotError) in stream }
    }
    let atomic = try AtomicOutput(
      path: path, isFolder: isFolder, force: force, sources: sources, journal: journal, system: system,
      belongs: Self.belongs)
    do throws(IngotError) {
      let needed = try output.plannedByteCount()
      // What is gone on with has its space already.
      if let free = atomic.freeByteCount, free < needed, !atomic.isResumed {
        throw .environment(
          SystemFailure(
            call: "statvfs", errorNumber: Process.ErrorNumber.noSpace, path: path, purpose: .transfer))
      }
      var result = try output.write(progress: progress, journal: atomic.journal) {
        (file) throws(IngotError) in
        try atomic.file(named: file.name)
      }
      try check(result, atomic.partialPath)
      try atomic.commit()
      result.leftovers = atomic.leftovers
      return result
    } catch {
      atomic.discard(keeping: error == .interrupted && journal?.resumes == true)
      throw error
    }
  }

  /// Whether an entry of a folder belongs to a checkpoint: weights, index or a companion.
  private static func belongs(_ name: String) -> Bool {
    Companions.isCompanion(name) || ShardSetKind.isIndexName(name)
      || FormatRegistry.formats.contains { $0.owns(fileName: name) }
  }
}
