// SPDX-License-Identifier: Apache-2.0
// Output that appears whole or not at all: files are written beside their final names and renamed when they are
// complete and flushed. What a killed process leaves, the next run removes.
import IngotCore

/// A file or a folder of files that takes its final name only when it is complete.
///
/// Make one, add files, write them, then ``commit()``. Without that, ``discard()`` removes every trace; the
/// destination holds what it held before.
public final class AtomicOutput {
  /// What stands where the output is to go.
  private enum Destination {
    case nothing, file, folder
  }

  /// The path the output gets.
  public let path: String
  private let isFolder: Bool
  private let system: any SystemCalls
  private let parent: String
  private let name: String
  private let partialPath: String
  private let replaces: Bool
  private var lockDescriptor: Int32?
  private var files: [OutputFile] = []
  private var isDone = false
  private var hasJournalFile = false
  /// What is noted of finished work; `nil` when nothing is.
  public private(set) var journal: OutputJournal?
  /// Whether the output of an earlier run is gone on with.
  public let isResumed: Bool

  /// Claims a destination: checks what stands there, removes what a killed run has left, makes the partial output.
  ///
  /// - Parameters:
  ///   - path: the destination. A link is kept and its target replaced.
  ///   - isFolder: whether the output is a folder of files.
  ///   - force: whether something that stands there may be replaced.
  ///   - sources: the files being read; none of them may be the destination or be in it.
  ///   - key: by what an unfinished output of the same work is known; `nil` keeps no journal.
  ///   - system: the calls to use.
  ///   - belongs: for a folder that is replaced, whether an entry belongs to the set it holds.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` (73) when the destination may not be taken.
  public init(
    path: String, isFolder: Bool, force: Bool, sources: [CheckpointFile], journal key: JournalKey? = nil,
    system: any SystemCalls = LiveSystem(), belongs: (String) -> Bool = { _ in false }
  ) throws(IngotError) {
    self.system = system
    self.isFolder = isFolder
    let target = Self.followLink(FilePath.withoutTrailingSlashes(path), system)
    self.path = target
    parent = FilePath.folder(of: target)
    name = FilePath.name(of: target)
    let destination = try Self.inspect(target, system)
    replaces = destination != .nothing
    try Self.refuseSources(target, isFolder: isFolder, sources: sources, system)
    try Self.refuseMismatch(destination, at: target, isFolder: isFolder, force: force)
    if destination == .folder { try Self.refuseForeignEntries(in: target, system, belongs: belongs) }
    let unfinished: UnfinishedOutput? =
      if let key { UnfinishedOutput(key, of: name, in: parent, isFolder: isFolder, system) } else { nil }
    // What is gone on with is locked, and stays.
    try Self.removeRemains(of: name, in: parent, system)
    isResumed = unfinished != nil
    partialPath =
      unfinished?.path ?? FilePath.join(parent, ".\(name).ingot-partial-\(Process.identifier)")
    if let unfinished {
      journal = unfinished.journal
      hasJournalFile = true
      if isFolder {
        lockDescriptor = unfinished.descriptor
      } else {
        files.append(OutputFile(adopting: unfinished.descriptor, path: target, system: system))
      }
    } else {
      try makePartial()
      if let key { try makeJournal(key) }
    }
  }

  deinit { discard() }

  private static func failure(_ error: CallFailure, _ path: String) -> IngotError {
    .environment(SystemFailure(error, path: path, purpose: .createOutput))
  }

  private static func followLink(_ path: String, _ system: any SystemCalls) -> String {
    let link = try? system.status(at: path, followingLinks: false)
    guard let link, link.kind == .other, let resolved = try? system.resolve(path) else { return path }
    return resolved
  }

  private static func inspect(_ path: String, _ system: any SystemCalls) throws(IngotError) -> Destination {
    let parent = FilePath.folder(of: path)
    do throws(CallFailure) {
      let status = try system.status(at: parent, followingLinks: true)
      if status.kind != .folder {
        throw CallFailure(call: "open", errorNumber: Process.ErrorNumber.notAFolder)
      }
    } catch {
      throw failure(error, parent)
    }
    do throws(CallFailure) {
      switch try system.status(at: path, followingLinks: true).kind {
      case .file: return .file
      case .folder: return .folder
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

  private static func refuseMismatch(
    _ destination: Destination, at path: String, isFolder: Bool, force: Bool
  ) throws(IngotError) {
    switch destination {
    case .nothing: return
    case .file where isFolder:
      throw .outputRefused(path: path, why: "is a file, and the output is a folder", hint: nil)
    case .folder where !isFolder:
      throw .outputRefused(path: path, why: "is a folder, and the output is one file", hint: nil)
    case .file, .folder:
      guard force else {
        throw .outputRefused(path: path, why: "exists", hint: "--force replaces it")
      }
    }
  }

  private static func refuseForeignEntries(
    in folder: String, _ system: any SystemCalls, belongs: (String) -> Bool
  ) throws(IngotError) {
    let names: [String]
    do throws(CallFailure) { names = try system.names(in: folder) } catch { throw failure(error, folder) }
    for name in names where !belongs(name) {
      throw .outputRefused(
        path: folder, why: "holds \(name), which does not belong to a checkpoint",
        hint: "only a folder that holds nothing but weights, index and their companions is replaced")
    }
  }

  /// Removes partial and old outputs that no living process holds.
  private static func removeRemains(
    of name: String, in parent: String, _ system: any SystemCalls
  ) throws(IngotError) {
    let names: [String]
    do throws(CallFailure) { names = try system.names(in: parent) } catch { throw failure(error, parent) }
    for entry in names {
      guard entry.hasPrefix(".\(name).ingot-partial-") || entry.hasPrefix(".\(name).ingot-old-") else {
        continue
      }
      let path = FilePath.join(parent, entry)
      guard let status = try? system.status(at: path, followingLinks: false) else { continue }
      let lock = try? status.kind == .folder ? system.openFolder(path) : system.open(path, .read)
      guard let lock else { continue }
      defer { system.close(lock) }
      guard (try? system.tryLock(lock)) == true else { continue }
      remove(path, isFolder: status.kind == .folder, system)
    }
  }

  private static func remove(_ path: String, isFolder: Bool, _ system: any SystemCalls) {
    guard isFolder else {
      try? system.removeFile(path)
      return
    }
    for name in (try? system.names(in: path)) ?? [] { try? system.removeFile(FilePath.join(path, name)) }
    try? system.removeFolder(path)
  }

  private func makePartial() throws(IngotError) {
    do throws(CallFailure) {
      if isFolder {
        try system.makeFolder(partialPath)
        let descriptor = try system.openFolder(partialPath)
        lockDescriptor = descriptor
        _ = try system.tryLock(descriptor)
      } else {
        let descriptor = try system.open(partialPath, .createNew)
        files.append(OutputFile(adopting: descriptor, path: path, system: system))
        _ = try system.tryLock(descriptor)
      }
    } catch {
      throw Self.failure(error, path)
    }
  }

  private var journalPath: String { partialPath + UnfinishedOutput.journalSuffix }

  private func makeJournal(_ key: JournalKey) throws(IngotError) {
    let descriptor: Int32
    do throws(CallFailure) {
      descriptor = try system.open(journalPath, .createNew)
    } catch {
      throw Self.failure(error, path)
    }
    hasJournalFile = true
    let file = OutputFile(adopting: descriptor, path: path, system: system)
    do throws(CallFailure) { _ = try system.tryLock(descriptor) } catch { throw Self.failure(error, path) }
    journal = try OutputJournal.begin(file, header: key.header)
  }

  /// A file of the output.
  ///
  /// - Parameter name: the file's plain name inside a folder; ignored when the output is one file.
  /// - Returns: the file, open and empty.
  /// - Throws: ``IngotError/environment(_:)`` when it can't be made.
  public func file(named name: String) throws(IngotError) -> OutputFile {
    if !isFolder, let file = files.first { return file }
    do throws(CallFailure) {
      let partial = FilePath.join(partialPath, name)
      var left = isResumed ? try? system.open(partial, .existing) : nil
      if left == nil { left = try system.open(partial, .createNew) }
      guard let descriptor = left else {
        throw CallFailure(call: "open", errorNumber: Process.ErrorNumber.notFound)
      }
      let file = OutputFile(adopting: descriptor, path: FilePath.join(path, name), system: system)
      files.append(file)
      return file
    } catch {
      throw Self.failure(error, FilePath.join(path, name))
    }
  }

  /// Bytes that can still be written where the output goes.
  public var freeByteCount: Int? { try? system.freeByteCount(at: parent) }

  /// Flushes everything and gives it its final name in one step.
  public func commit() throws(IngotError) {
    for file in files { try file.synchronize() }
    removeJournal()
    do throws(CallFailure) {
      if let lockDescriptor { try system.synchronize(lockDescriptor) }
      switch (isFolder, replaces) {
      case (false, true): try system.rename(partialPath, to: path)
      case (true, true): try exchangeFolders()
      case (_, false): try renameWithoutReplacing()
      }
      isDone = true
      try synchronizeParent()
    } catch {
      throw Self.failure(error, path)
    }
    releaseLock()
  }

  private func renameWithoutReplacing() throws(CallFailure) {
    do throws(CallFailure) {
      try system.renameWithoutReplacing(partialPath, to: path)
    } catch {
      guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
      // A file system without that flag: a second name can't replace either, and a folder's rename replaces at most
      // an empty one.
      if isFolder {
        try system.rename(partialPath, to: path)
      } else {
        try system.link(partialPath, to: path)
        try system.removeFile(partialPath)
      }
    }
  }

  private func exchangeFolders() throws(CallFailure) {
    let oldPath = FilePath.join(parent, ".\(name).ingot-old-\(Process.identifier)")
    do throws(CallFailure) {
      try system.exchange(partialPath, with: path)
      isDone = true
      try system.rename(partialPath, to: oldPath)
    } catch {
      guard !isDone, Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
      try system.rename(path, to: oldPath)
      try system.rename(partialPath, to: path)
    }
    Self.remove(oldPath, isFolder: true, system)
  }

  private func synchronizeParent() throws(CallFailure) {
    let descriptor = try system.openFolder(parent)
    defer { system.close(descriptor) }
    try system.synchronize(descriptor)
  }

  private func removeJournal() {
    guard hasJournalFile else { return }
    hasJournalFile = false
    try? system.removeFile(journalPath)
  }

  private func releaseLock() {
    if let lockDescriptor { system.close(lockDescriptor) }
    lockDescriptor = nil
  }

  /// Removes the partial output, unless it was committed.
  public func discard() {
    guard !isDone else { return releaseLock() }
    isDone = true
    removeJournal()
    if isFolder {
      Self.remove(partialPath, isFolder: true, system)
    } else if !files.isEmpty {
      try? system.removeFile(partialPath)
    }
    releaseLock()
  }
}
