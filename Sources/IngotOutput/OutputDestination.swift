// SPDX-License-Identifier: Apache-2.0
// Where an output goes and in which format: a file, a folder, or standard output.
import IngotBytes
import IngotCore
import IngotFormats

/// Where an output goes.
package struct OutputDestination: Sendable {
  /// The path; `-` for standard output.
  package let path: String
  /// The format's id.
  package let formatID: String
  /// The format's writer.
  package let writer: any CheckpointWriter
  /// Whether it is a folder of files.
  package let isFolder: Bool

  /// Whether it is standard output.
  package var isStream: Bool { path == "-" }

  /// The name of the weight file.
  package let fileName: String

  /// The name of the index of several weight files.
  let indexName: String
  /// What the names of the source's weight files begin with, where one file has another name.
  let sourceStem: String?

  /// An index beside one weight file by whose name readers of the folder open a set instead; `nil` where there is none.
  private let indexBeside: String?

  /// What readers of the folder make of the output: nothing, where they go by an index beside it.
  var shadow: Loss? {
    indexBeside.map {
      Loss(.readers, detail: "\($0) stands beside it, by which readers of the folder open a set instead")
    }
  }

  /// Whether companions have a place in it.
  package var holdsCompanions: Bool { isFolder || writer.holdsCompanions }

  /// Throws unless the format can do what is asked for.
  package func require(_ ability: WriteAbility, for option: RequestOption) throws(IngotError) {
    guard !writer.abilities.contains(ability) else { return }
    let able = FormatRegistry.formats.filter { $0.writer?.abilities.contains(ability) == true }.map(\.id)
    throw .invalidRequest(
      option: option,
      why: "is for \(words: able.joined(separator: ", ")), and the output is \(words: formatID)")
  }

  /// A file that has no place beside the weights.
  func hasNoPlace(for companion: String) -> Loss {
    .leftBehind(
      companion, "\(words: formatID) files hold weights only; a folder takes along what is beside them")
  }

  /// Finds the format and the kind of an output.
  ///
  /// - Parameters:
  ///   - path: the output's path.
  ///   - format: the format's id, when the caller says so.
  ///   - isSharded: whether several files are wanted.
  ///   - source: the folder of weights whose file's name a folder keeps, and one file that can; `nil` for the name that
  ///     libraries look for.
  ///   - name: what the weight file of a folder is called, where a program wants it so.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` when no format, or none that is written, fits.
  package init(
    _ path: String, format: String?, isSharded: Bool, keepingNameOf source: Checkpoint? = nil,
    named name: String? = nil, _ system: any SystemCalls
  ) throws(IngotError) {
    self.path = path
    let status = path == "-" ? nil : try? system.status(at: path, followingLinks: true)
    let asksForFolder = path != "-" && (path.hasSuffix("/") || status?.kind == .folder || isSharded)
    let found = try Self.format(named: format, path: path, isFolder: asksForFolder)
    guard let writer = found.writer else {
      throw .invalidRequest(option: .format, why: "\(words: found.id) is read, not written")
    }
    guard !isSharded || writer.shards else {
      throw .invalidRequest(option: .shardByteLimit, why: "\(words: found.id) is one file, without shards")
    }
    if isSharded {
      try Self.requireFolder(path, status?.kind, for: .shardByteLimit, since: "several are asked for")
    }
    guard format != nil || asksForFolder || !writer.needsFolder else {
      throw .invalidRequest(
        option: .format,
        why:
          "\(FilePath.name(of: path)) is one file of a set; give the set's folder, with \(option: .format, found.id)"
      )
    }
    if writer.needsFolder, path != "-" {
      try Self.requireFolder(path, status?.kind, for: .format, since: "\(words: found.id) is several")
    }
    let isFolder = asksForFolder || (writer.needsFolder && path != "-")
    self.isFolder = isFolder
    formatID = found.id
    self.writer = writer
    fileName =
      isFolder ? name ?? WeightFileName.inFolder(found, keepingStemOf: source) : FilePath.name(of: path)
    indexName = WeightFileName.index(of: fileName, keepingNameOf: name == nil ? source : nil)
    sourceStem = isFolder ? nil : source.flatMap(WeightFileName.givenStem)
    let index = fileName + ShardSetKind.indexSuffix
    let isShadowed =
      path != "-" && !isFolder
      && (try? system.status(at: FilePath.join(FilePath.folder(of: path), index), followingLinks: true))
        != nil
    indexBeside = isShadowed ? index : nil
  }

  /// Throws for an output of several files whose path is that of one.
  private static func requireFolder(
    _ path: String, _ kind: FileStatus.Kind?, for option: RequestOption, since reason: Evidence
  ) throws(IngotError) {
    guard path != "-" else {
      throw .invalidRequest(option: option, why: "standard output is one file; name a folder")
    }
    guard kind != .folder, isNamedAsFile(path) else { return }
    let name = FilePath.name(of: path)
    throw .invalidRequest(
      option: option,
      why:
        "\(name) is called as one file is, and \(reason); name a folder, such as \(FilePath.stem(of: name) + "/")"
    )
  }

  /// Whether a path ends as that of one file of some format does, or of an index.
  package static func isNamedAsFile(_ path: String) -> Bool {
    !path.hasSuffix("/")
      && (CompanionName.isIndex(FilePath.name(of: path))
        || !FormatRegistry.formats(forExtension: FilePath.fileExtension(of: path)).isEmpty)
  }

  /// A file that takes the place of the one that stands there, in its own format.
  package init(replacing path: String, formatID: String, writer: any CheckpointWriter) {
    self.path = path
    self.formatID = formatID
    self.writer = writer
    isFolder = false
    fileName = FilePath.name(of: path)
    indexBeside = nil
    indexName = WeightFileName.index(of: fileName)
    sourceStem = nil
  }

  private static func format(
    named id: String?, path: String, isFolder: Bool
  ) throws(IngotError) -> any CheckpointFormat {
    if let id {
      guard let format = FormatRegistry.format(named: id) else {
        let known = FormatRegistry.formats.map(\.id).joined(separator: ", ")
        throw .invalidRequest(option: .format, why: "there is no format \(id); known are \(words: known)")
      }
      return format
    }
    let byName =
      path.hasSuffix("/") ? [] : FormatRegistry.formats(forExtension: FilePath.fileExtension(of: path))
    guard byName.count < 2 else {
      let ids = byName.map(\.id).joined(separator: " or ")
      throw .invalidRequest(option: .format, why: "\(FilePath.name(of: path)) may become \(words: ids)")
    }
    if let format = byName.first { return format }
    if isFolder { return SafetensorsFormat() }
    guard path != "-" else {
      throw .invalidRequest(option: .format, why: "standard output has no extension that tells the format")
    }
    let known = FormatRegistry.formats.filter { $0.writer != nil }.flatMap(\.fileExtensions).reduce(into: [])
    {
      if !$0.contains("." + $1) { $0.append("." + $1) }
    }.joined(separator: ", ")
    let (name, ending) = (FilePath.name(of: path), FilePath.fileExtension(of: path))
    let why: Evidence =
      ending.isEmpty
      ? "\(name) has no extension that tells the format; known are \(words: known); a folder ends in a slash: \(name + "/")"
      : "no format is written with the extension \("." + ending); known are \(words: known)"
    throw .invalidRequest(option: .format, why: why)
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
  package func write(
    _ output: PlanWriter, force: Bool, sources: [CheckpointFile], journal: JournalKey? = nil,
    system: any SystemCalls, progress: (any ProgressObserver)?,
    check: (PlanWriter.Result, _ path: String) throws(IngotError) -> Void = { _, _ in }
  ) throws(IngotError) -> PlanWriter.Result {
    guard !isStream else {
      guard Process.terminalColumns(of: 1) == nil else {
        throw .outputRefused(
          path: "standard output", why: "is a terminal, which can't show \(words: formatID)",
          hint: "a file, or a pipe, takes it")
      }
      let stream = StandardOutput(system: system)
      return try output.write(progress: progress) { (_) throws(IngotError) in stream }
    }
    let planned = PlannedNames(output.plan)
    let atomic = try AtomicOutput(
      path: path, isFolder: isFolder, force: force, sources: sources, journal: journal, system: system,
      isWeight: Self.isWeight
    ) { planned.holds($0) || Self.belongs($0) }
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

  /// Throws where the output may not go, before work on it that takes long.
  ///
  /// - Parameters:
  ///   - plan: the output's files; `nil` where they are not known yet, and nothing in a folder is foreign to them.
  ///   - force: whether what stands there may be replaced.
  ///   - sources: the files that are read.
  ///   - system: the operating system.
  /// - Throws: as ``write(_:force:sources:journal:system:progress:check:)`` does for the place alone.
  package func requirePlace(
    for plan: WritePlan? = nil, force: Bool, sources: [CheckpointFile], system: any SystemCalls
  ) throws(IngotError) {
    guard !isStream else { return }
    let planned = plan.map(PlannedNames.init)
    try AtomicOutput.requirePlace(
      path, isFolder: isFolder, force: force, sources: sources, system: system
    ) { planned?.holds($0) != false || Self.belongs($0) }
  }

  /// Whether an entry of a folder belongs to any checkpoint: weights, index or a known companion.
  private static func belongs(_ name: String) -> Bool {
    CompanionName.known.contains { $0.name == name } || CompanionName.isIndex(name)
      || isWeight(name)
  }

  /// Whether an entry of a folder is a weight file of some format.
  private static func isWeight(_ name: String) -> Bool {
    !name.utf8.contains(UInt8(ascii: "/")) && FormatRegistry.formats.contains { $0.owns(fileName: name) }
  }
}

/// The entries that an output's folder will have: what has such a name there is replaced.
private struct PlannedNames {
  private var names: Set<String> = []

  init(_ plan: WritePlan) {
    for file in plan.files {
      names.insert(file.name)
      var folder = FilePath.folder(of: file.name)
      while folder != ".", names.insert(folder + "/").inserted { folder = FilePath.folder(of: folder) }
    }
  }

  /// Whether there will be an entry of this path; that of a folder ends with `/`.
  func holds(_ path: String) -> Bool { names.contains(path) }
}
