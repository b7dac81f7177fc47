// SPDX-License-Identifier: Apache-2.0
// Output that appears whole or not at all: files are written beside their final names and renamed when they are
// complete and flushed. What a killed process leaves, the next run removes. Where one may go is OutputPlace.swift's.
import IngotCore

/// A file or a folder of files that takes its final name only when it is complete.
///
/// Make one, add files, write them, then ``commit()``. Without that, ``discard(keeping:)`` removes every trace; the
/// destination holds what it held before. What replaces a file has its mode, owner where allowed and extended attributes.
/// An empty folder that nothing can take the place of (``StandingFolder``) stays, and the files go into it one by one.
package final class AtomicOutput {
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
  private let isWeight: (String) -> Bool
  private let partial: PartialFolder
  /// Whether the output lies inside the empty folder that stands there, and its files are moved up into that.
  private let fills: Bool
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
  ///   - isWeight: whether a name in a folder is that of weights: new files of them are as private as those replaced.
  ///   - belongs: for a folder that is replaced, whether an entry belongs to the set it holds, by its path below it; a
  ///     folder's ends with `/`.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` (73) when the destination may not be taken.
  package init(
    path: String, isFolder: Bool, force: Bool, sources: [CheckpointFile], journal key: JournalKey? = nil,
    system: any SystemCalls = LiveSystem(), isWeight: @escaping (String) -> Bool = { _ in false },
    belongs: @escaping (String) -> Bool = { _ in false }
  ) throws(IngotError) {
    self.isWeight = isWeight
    (self.system, self.isFolder, self.force, self.belongs) = (system, isFolder, force, belongs)
    let target = try Self.requirePlace(
      path, isFolder: isFolder, force: force, sources: sources, system: system, belongs: belongs)
    self.path = target
    let name = FilePath.name(of: target)
    fills = isFolder && Self.isFilled(target, system)
    parent = fills ? target : FilePath.folder(of: target)

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

  static func failure(_ error: CallFailure, _ path: String) -> IngotError {
    .failed(error, path: path, purpose: .createOutput)
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
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` when something stands there now that may not be replaced, and
  ///   ``IngotError/interrupted``, looked for up to the step that gives the name: flushing may take minutes.
  package func commit() throws(IngotError) {
    let privateWeight = isFolder ? privateWeight() : nil
    for (name, file) in files {
      try Self.endWhereInterrupted()
      try file.takeOverAttributes(of: isFolder ? predecessor(of: name, privateWeight) : path)
      try file.synchronize()
    }
    window.close()
    for folder in folders.reversed() {
      try Self.endWhereInterrupted()
      try flush(folder)
    }
    try Self.endWhereInterrupted()
    // From here on nobody goes on with what the partial folder holds.
    journal = nil
    try? system.removeFile(partial.journalPath)
    try place()
    isDone = true
    defer { partial.remove(files: [], folders: []) }
    try flush(parent)
  }

  private static func endWhereInterrupted() throws(IngotError) {
    if Process.isInterrupted { throw .interrupted }
  }

  /// The file of a replaced folder whose attributes a new one gets: that of its name, and for weights of another name the
  /// most private ones.
  private func predecessor(of name: String, _ privateWeight: String?) -> String {
    let path = FilePath.join(path, name)
    let stands = (try? system.status(at: path, followingLinks: true)) != nil
    guard let privateWeight, isWeight(name), !stands else { return path }
    return privateWeight
  }

  /// The most private weights of the folder that is replaced; `nil` where not all may read none of them.
  private func privateWeight() -> String? {
    let weights = ((try? system.names(in: path)) ?? []).filter(isWeight).compactMap { name in
      let path = FilePath.join(path, name)
      return (try? system.status(at: path, followingLinks: true)).map { (path: path, rights: $0.rights) }
    }
    guard weights.allSatisfy({ $0.rights & 0o004 == 0 }) else { return nil }
    return weights.min { $0.rights.nonzeroBitCount < $1.rights.nonzeroBitCount }?.path
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
        case .emptyFolder where fills: return try moveUp()
        case .emptyFolder: return try system.rename(partial.contentPath, to: path)
        case .folder where fills: throw CallFailure(call: "rename", errorNumber: Process.ErrorNumber.notEmpty)
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
    try renameWithoutReplacing(partial.contentPath, to: path, isFolder: isFolder)
  }

  private func renameWithoutReplacing(
    _ old: String, to new: String, isFolder: Bool
  ) throws(CallFailure) {
    do throws(CallFailure) {
      try system.renameWithoutReplacing(old, to: new)
    } catch {
      guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
      // A file system without that flag: a second name can't replace either, and a folder's rename replaces at most
      // an empty one.
      if isFolder {
        try system.rename(old, to: new)
      } else {
        try system.link(old, to: new)
        try system.removeFile(old)
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

  /// Moves what is in the folder into the one that it lies in; what has been moved goes back when the rest can't be.
  private func moveUp() throws(CallFailure) {
    var moved: [String] = []
    for name in try system.names(in: partial.contentPath) {
      do throws(CallFailure) {
        try renameWithoutReplacing(
          FilePath.join(partial.contentPath, name), to: FilePath.join(path, name),
          isFolder: folders.contains(FilePath.join(partial.contentPath, name)))
        moved.append(name)
      } catch {
        for name in moved {
          try? system.rename(FilePath.join(path, name), to: FilePath.join(partial.contentPath, name))
        }
        throw error
      }
    }
  }

  /// Removes the partial output, unless it was committed.
  ///
  /// - Parameter isKept: whether it stays, with its journal, for a run that goes on, where the journal says of anything that
  ///   it is done.
  package func discard(keeping isKept: Bool = false) {
    guard !isDone else { return }
    isDone = true
    window.close()
    if isKept, let journal, journal.isOfUse, (try? journal.flush()) != nil { return }
    let contents = files.map { isFolder ? FilePath.join(partial.contentPath, $0.name) : partial.contentPath }
    partial.remove(files: contents + [partial.journalPath], folders: folders)
  }
}
