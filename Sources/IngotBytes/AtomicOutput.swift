// SPDX-License-Identifier: Apache-2.0
// Output that appears whole or not at all: files are written beside their final names and renamed when they are
// complete and flushed. What a killed process leaves, the next run removes.
import IngotCore

/// A file or a folder of files that takes its final name only when it is complete.
///
/// Make one, add files, write them, then ``commit()``. Without that, ``discard(keeping:)`` removes every trace; the
/// destination holds what it held before. What replaces a file has its mode, owner where allowed and extended attributes.
package final class AtomicOutput {
  /// What stands where the output is to go.
  private enum Destination {
    case nothing, file, emptyFolder, folder
  }

  /// The path the output gets.
  package let path: String
  /// What killed runs had left, and this one has removed.
  package let leftovers: OutputLeftovers
  /// What is noted of finished work; `nil` when nothing is.
  package private(set) var journal: OutputJournal?
  /// Whether the output of an earlier run is gone on with.
  package let isResumed: Bool

  private let isFolder: Bool
  private let force: Bool
  private let system: any SystemCalls
  private let parent: String
  private let belongs: (String) -> Bool
  private let partial: PartialFolder
  private let hold: InterruptHold
  private let window = OpenFileWindow()
  /// The files by their names in a folder, and the folders that they are in, the outer ones first.
  private var files: [(name: String, file: OutputFile)] = []
  private var folders: [String] = []
  private var isDone = false

  /// Claims a destination: checks what stands there, removes what a killed run has left, makes the partial output.
  ///
  /// - Parameters:
  ///   - path: the destination. A link is kept and its target replaced, unless that is named by its content's digest, as in
  ///     a cache: then the link is replaced.
  ///   - isFolder: whether the output is a folder of files.
  ///   - force: whether something that stands there may be replaced.
  ///   - sources: the files being read; none of them may be the destination or be in it.
  ///   - key: by what an unfinished output of the same work is known; `nil` keeps no journal.
  ///   - system: the calls to use.
  ///   - belongs: for a folder that is replaced, whether an entry belongs to the set it holds, by its path below it; a
  ///     folder's ends with `/`.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` (73) when the destination may not be taken.
  package init(
    path: String, isFolder: Bool, force: Bool, sources: [CheckpointFile], journal key: JournalKey? = nil,
    system: any SystemCalls = LiveSystem(), belongs: @escaping (String) -> Bool = { _ in false }
  ) throws(IngotError) {
    (self.system, self.isFolder, self.force, self.belongs) = (system, isFolder, force, belongs)
    let target = try Self.requirePlace(
      path, isFolder: isFolder, force: force, sources: sources, system: system, belongs: belongs)
    self.path = target
    parent = FilePath.folder(of: target)
    let name = FilePath.name(of: target)

    hold = try InterruptHold()
    let unfinished: (folder: PartialFolder, journal: OutputJournal)? =
      if let key, key.resumes {
        PartialFolder.unfinished(key, of: name, in: parent, isFolder: isFolder, system)
      } else { nil }
    // What is gone on with is locked, and stays.
    leftovers = PartialFolder.removeRemains(of: name, in: parent, key: key, system)
    isResumed = unfinished != nil
    journal = unfinished?.journal
    if let unfinished {
      partial = unfinished.folder
    } else {
      do throws(CallFailure) {
        partial = try PartialFolder(for: name, in: parent, system)
      } catch {
        throw Self.failure(error, target)
      }
    }
    do throws(IngotError) {
      if isFolder { try makeFolder(partial.contentPath) }
      if !isResumed, let key { try makeJournal(key) }
    } catch {
      discard()
      throw error
    }
  }

  deinit { discard() }

  /// Whether an entry of a folder is an output that some run has not completed.
  package static func isUnfinished(_ name: String) -> Bool { PartialFolder.isPartial(name) }

  /// Where the output lies until it is complete, under its own name.
  package var partialPath: String { partial.contentPath }

  private static func failure(_ error: CallFailure, _ path: String) -> IngotError {
    .failed(error, path: path, purpose: .createOutput)
  }

  // MARK: - What stands there

  /// Throws where an output may not go, without claiming the place: what takes long is not begun in vain.
  ///
  /// - Returns: the path that it gets.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` (73), as ``init(path:isFolder:force:sources:journal:system:belongs:)``.
  @discardableResult
  package static func requirePlace(
    _ path: String, isFolder: Bool, force: Bool, sources: [CheckpointFile], system: any SystemCalls,
    belongs: (String) -> Bool
  ) throws(IngotError) -> String {
    let target = target(of: FilePath.withoutTrailingSlashes(path), system)
    try requireFolder(FilePath.folder(of: target), system)
    let destination = try inspect(target, system)
    try refuseSources(target, isFolder: isFolder, sources: sources, system)
    try refuseMismatch(destination, at: target, isFolder: isFolder, force: force)
    if destination == .folder { try refuseForeignEntries(in: target, system, belongs: belongs) }
    // A link to such a file is replaced itself.
    if (try? system.status(at: target, followingLinks: false))?.kind == .file {
      try requireOwnContent(target, system: system)
    }
    return target
  }

  /// The path that is replaced: a link's target, unless others count on its content.
  private static func target(of path: String, _ system: any SystemCalls) -> String {
    let isDots = [".", ".."].contains(FilePath.name(of: path))
    let link = try? system.status(at: path, followingLinks: false)
    guard isDots || link?.kind == .other, let resolved = try? system.resolve(path) else { return path }
    return FilePath.isContentDigest(FilePath.name(of: resolved)) ? path : resolved
  }

  private static func requireFolder(_ path: String, _ system: any SystemCalls) throws(IngotError) {
    do throws(CallFailure) {
      guard try system.status(at: path, followingLinks: true).kind == .folder else {
        throw CallFailure(call: "open", errorNumber: Process.ErrorNumber.notAFolder)
      }
    } catch {
      throw failure(error, path)
    }
  }

  private static func inspect(_ path: String, _ system: any SystemCalls) throws(IngotError) -> Destination {
    do throws(CallFailure) {
      switch try system.status(at: path, followingLinks: true).kind {
      case .file: return .file
      case .folder: return try system.names(in: path).isEmpty ? .emptyFolder : .folder
      case .other: break
      }
    } catch {
      guard error.errorNumber == Process.ErrorNumber.notFound else { throw failure(error, path) }
      guard (try? system.status(at: path, followingLinks: false)) != nil else { return .nothing }
      throw .outputRefused(
        path: path, why: "is a link to something that does not exist", hint: "name its target, or remove it")
    }
    throw .outputRefused(path: path, why: "is neither a file nor a folder", hint: nil)
  }

  private static func refuseSources(
    _ path: String, isFolder: Bool, sources: [CheckpointFile], _ system: any SystemCalls
  ) throws(IngotError) {
    let output = try? system.status(at: path, followingLinks: true)
    guard let output else { return }
    for source in sources {
      let status = try? system.status(at: source.path, followingLinks: true)
      let folder = try? system.status(at: FilePath.folder(of: source.path), followingLinks: true)
      let isSame = status?.isSameFile(as: output) ?? false
      let isInside = isFolder && (folder?.isSameFile(as: output) ?? false)
      if isSame || isInside {
        throw .outputRefused(path: path, why: "is the input, or holds it", hint: "write to another place")
      }
    }
  }

  /// Throws for a file whose name is the digest of its content: others count on that.
  ///
  /// - Parameters:
  ///   - path: the file; links are followed.
  ///   - hint: what to do instead.
  ///   - system: the calls to use.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)``.
  package static func requireOwnContent(
    _ path: String, hint: Evidence = "write to another place", system: any SystemCalls
  ) throws(IngotError) {
    let name = FilePath.name(of: (try? system.resolve(path)) ?? path)
    guard FilePath.isContentDigest(name) else { return }
    throw .outputRefused(
      path: path, why: "is \(name), which is named by the digest of its content and may be shared", hint: hint
    )
  }

  private static func refuseMismatch(
    _ destination: Destination, at path: String, isFolder: Bool, force: Bool
  ) throws(IngotError) {
    switch destination {
    case .nothing: return
    case .file where isFolder:
      throw .outputRefused(path: path, why: "is a file, and the output is a folder", hint: nil)
    case .emptyFolder where isFolder: return
    case .emptyFolder where !isFolder, .folder where !isFolder:
      throw .outputRefused(path: path, why: "is a folder, and the output is one file", hint: nil)
    case .file, .emptyFolder, .folder:
      guard force else { throw exists(path) }
    }
  }

  private static func exists(_ path: String) -> IngotError {
    .outputRefused(path: path, why: "exists", hint: .remedy(.overwrite))
  }

  private static func refuseForeignEntries(
    in folder: String, below prefix: String = "", _ system: any SystemCalls, belongs: (String) -> Bool
  ) throws(IngotError) {
    let names: [String]
    do throws(CallFailure) { names = try system.names(in: folder) } catch { throw failure(error, folder) }
    for name in names {
      let path = FilePath.join(folder, name)
      let isFolder = (try? system.status(at: path, followingLinks: false))?.kind == .folder
      let entry = prefix + name + (isFolder ? "/" : "")
      guard belongs(entry) else {
        throw .outputRefused(
          path: folder, why: "holds \(name), which does not belong to a checkpoint",
          hint: "only a folder that holds nothing but weights, index and their companions is replaced")
      }
      if isFolder { try refuseForeignEntries(in: path, below: entry, system, belongs: belongs) }
    }
  }

  // MARK: - What is written

  private func makeFolder(_ folder: String) throws(IngotError) {
    do throws(CallFailure) {
      try system.makeFolder(folder, isPrivate: false)
    } catch {
      guard error.errorNumber == Process.ErrorNumber.exists else { throw Self.failure(error, path) }
    }
    folders.append(folder)
  }

  private func makeJournal(_ key: JournalKey) throws(IngotError) {
    let descriptor: Int32
    do throws(CallFailure) {
      descriptor = try system.open(partial.journalPath, .createNew)
    } catch {
      throw Self.failure(error, path)
    }
    let file = OutputFile(adopting: descriptor, path: path, system: system)
    journal = try OutputJournal.begin(file, header: key.header)
  }

  /// A file of the output.
  ///
  /// - Parameter name: the file's name inside a folder, which may be in folders of its own; ignored when the output is one
  ///   file.
  /// - Returns: the file, empty, or as an earlier run has left it.
  /// - Throws: ``IngotError/environment(_:)`` when it can't be made.
  package func file(named name: String) throws(IngotError) -> OutputFile {
    var place = partial.contentPath
    var final = path
    if isFolder {
      for folder in FilePath.folders(of: name) {
        let inner = FilePath.join(partial.contentPath, folder)
        if !folders.contains(inner) { try makeFolder(inner) }
      }
      (place, final) = (FilePath.join(place, name), FilePath.join(path, name))
    } else if let (_, file) = files.first {
      return file
    }
    let file = OutputFile(at: place, path: final, in: window, system: system)
    do throws(CallFailure) {
      try file.make(mayExist: isResumed)
    } catch {
      throw Self.failure(error, final)
    }
    files.append((name, file))
    return file
  }

  /// Bytes that can still be written where the output goes.
  package var freeByteCount: Int? { try? system.freeByteCount(at: parent) }

  // MARK: - The end

  /// Flushes everything and gives it its final name in one step.
  ///
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` when something stands there now that may not be replaced.
  package func commit() throws(IngotError) {
    for (name, file) in files {
      try file.takeOverAttributes(of: isFolder ? FilePath.join(path, name) : path)
      try file.synchronize()
    }
    window.close()
    // From here on nobody goes on with what the partial folder holds.
    journal = nil
    try? system.removeFile(partial.journalPath)
    for folder in folders.reversed() { try flush(folder) }
    try place()
    isDone = true
    defer { partial.remove(files: [], folders: []) }
    try flush(parent)
  }

  /// Flushes the names in a folder; the output's own has the attributes of the one that it replaces.
  private func flush(_ folder: String) throws(IngotError) {
    do throws(CallFailure) {
      let descriptor = try system.openFolder(folder)
      defer { system.close(descriptor) }
      if folder == partial.contentPath { try system.takeOverAttributes(of: path, by: descriptor) }
      try system.synchronize(descriptor)
    } catch {
      throw Self.failure(error, path)
    }
  }

  private func place() throws(IngotError) {
    guard !isFolder else { return try placeFolder() }
    do throws(CallFailure) {
      if force { try system.rename(partial.contentPath, to: path) } else { try renameWithoutReplacing() }
    } catch {
      throw refusal(error)
    }
  }

  /// Another run may make, or take away, what stands there: then it is looked at again.
  private func placeFolder() throws(IngotError) {
    for attempt in 1... {
      let destination = try Self.inspect(path, system)
      try Self.refuseMismatch(destination, at: path, isFolder: true, force: force)
      if destination == .folder { try Self.refuseForeignEntries(in: path, system, belongs: belongs) }
      do throws(CallFailure) {
        switch destination {
        case .nothing, .file: return try renameWithoutReplacing()
        case .emptyFolder: return try system.rename(partial.contentPath, to: path)
        case .folder: return try exchangeFolders()
        }
      } catch {
        let isPassing = Self.isTaken(error) || error.errorNumber == Process.ErrorNumber.notFound
        guard force, isPassing, attempt < 10 else { throw refusal(error) }
      }
    }
  }

  /// Whether something stands where nothing was to.
  private static func isTaken(_ error: CallFailure) -> Bool {
    [Process.ErrorNumber.exists, Process.ErrorNumber.notEmpty].contains(error.errorNumber)
  }

  private func refusal(_ error: CallFailure) -> IngotError {
    Self.isTaken(error) && !force ? Self.exists(path) : Self.failure(error, path)
  }

  private func renameWithoutReplacing() throws(CallFailure) {
    do throws(CallFailure) {
      try system.renameWithoutReplacing(partial.contentPath, to: path)
    } catch {
      guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
      // A file system without that flag: a second name can't replace either, and a folder's rename replaces at most
      // an empty one.
      if isFolder {
        try system.rename(partial.contentPath, to: path)
      } else {
        try system.link(partial.contentPath, to: path)
        try system.removeFile(partial.contentPath)
      }
    }
  }

  private func exchangeFolders() throws(CallFailure) {
    do throws(CallFailure) {
      try system.exchange(partial.contentPath, with: path)
    } catch {
      guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
      try system.rename(path, to: partial.oldPath)
      try system.rename(partial.contentPath, to: path)
    }
    partial.retire()
  }

  /// Removes the partial output, unless it was committed.
  ///
  /// - Parameter isKept: whether it stays, with its journal, for a run that goes on.
  package func discard(keeping isKept: Bool = false) {
    guard !isDone else { return }
    isDone = true
    window.close()
    if isKept, (try? journal?.flush()) != nil { return }
    let contents = files.map { isFolder ? FilePath.join(partial.contentPath, $0.name) : partial.contentPath }
    partial.remove(files: contents + [partial.journalPath], folders: folders)
  }
}
