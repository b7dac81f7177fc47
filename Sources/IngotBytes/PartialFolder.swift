// SPDX-License-Identifier: Apache-2.0
// Where an output lies until it is complete: a hidden folder beside its place, private, and locked as long as a run works
// in it. What a killed run has left is not locked, and is taken over or removed by the next.
import IngotCore

/// An open descriptor, closed with the last that uses it.
final class OpenDescriptor: Sendable {
  /// The number.
  let number: Int32
  private let system: any SystemCalls

  init(_ number: Int32, _ system: any SystemCalls) {
    self.number = number
    self.system = system
  }

  deinit { system.close(number) }
}

/// What killed runs have left of an output, removed to start over.
public struct OutputLeftovers: Hashable, Sendable {
  /// Bytes of the files.
  public var byteCount = 0
  /// Whether some of it was of the same work, which could have been gone on with.
  public var couldBeResumed = false

  /// Makes a record of nothing.
  public init() {}
}

/// The locked folder of an output that is being written.
final class PartialFolder {
  /// What stands in the names of such folders behind the output's own.
  private static let partialMark = ".ingot-partial-"
  /// The same for folders that hold what was replaced.
  private static let oldMark = ".ingot-old-"
  /// Names that are tried before it is given up; other runs of the same output take them away.
  private static let attemptCount = 100

  /// Where it is.
  private(set) var path: String
  private let parent: String
  private let name: String
  private let system: any SystemCalls
  private let lock: OpenDescriptor

  /// Where the output lies: in here under its own name, so that it is read as it will be.
  var contentPath: String { FilePath.join(path, name) }
  /// Where it is noted what is done.
  var journalPath: String { FilePath.join(path, name == "journal" ? "parts" : "journal") }

  /// Where what is replaced goes, when it can't be exchanged.
  var oldPath: String { FilePath.join(path, name == "old" ? "replaced" : "old") }

  private init(
    _ path: String, of name: String, in parent: String, _ lock: OpenDescriptor, _ system: any SystemCalls
  ) {
    (self.path, self.name, self.parent) = (path, name, parent)
    (self.lock, self.system) = (lock, system)
  }

  private static func prefix(_ mark: String, of name: String) -> String {
    "." + FilePath.shortened(name) + mark
  }

  /// Whether a name is that of such a folder.
  static func isPartial(_ name: String) -> Bool { name.hasPrefix(".") && name.contains(partialMark) }

  /// Whether a name is that of such a folder of an output.
  static func isPartial(_ entry: String, of name: String) -> Bool {
    entry.utf8.starts(with: prefix(partialMark, of: name).utf8)
  }

  /// Makes an empty folder and locks it.
  init(for name: String, in parent: String, _ system: any SystemCalls) throws(CallFailure) {
    (self.name, self.parent, self.system) = (name, parent, system)
    let first = FilePath.join(parent, Self.prefix(Self.partialMark, of: name) + "\(Process.identifier)")
    for attempt in 0..<Self.attemptCount {
      let path = attempt == 0 ? first : "\(first)-\(attempt)"
      do throws(CallFailure) {
        try system.makeFolder(path, isPrivate: true)
      } catch {
        guard error.errorNumber == Process.ErrorNumber.exists else { throw error }
        continue
      }
      do throws(CallFailure) {
        // A run that cleans up may have taken it for another's remains before it was locked.
        guard let lock = try Self.locked(path, isFolder: true, system) else { continue }
        self.path = path
        self.lock = lock
        return
      } catch {
        try? system.removeFolder(path)
        throw error
      }
    }
    throw CallFailure(call: "mkdir", errorNumber: Process.ErrorNumber.exists)
  }

  /// Opens and locks what stands at a path; `nil` when another process holds it, or it is gone from there.
  private static func locked(
    _ path: String, isFolder: Bool, _ system: any SystemCalls
  ) throws(CallFailure) -> OpenDescriptor? {
    do throws(CallFailure) {
      let lock = OpenDescriptor(try isFolder ? system.openFolder(path) : system.open(path, .read), system)
      guard try system.tryLock(lock.number) else { return nil }
      let standing = try system.status(at: path, followingLinks: false)
      return try standing.isSameFile(as: system.status(of: lock.number)) ? lock : nil
    } catch {
      guard error.errorNumber == Process.ErrorNumber.notFound else { throw error }
      return nil
    }
  }

  // MARK: - What killed runs have left

  /// The first folder of the same work that no living process holds, with its journal.
  static func unfinished(
    _ key: JournalKey, of name: String, in parent: String, isFolder: Bool, _ system: any SystemCalls
  ) -> (folder: PartialFolder, journal: OutputJournal)? {
    for path in remains([partialMark], of: name, in: parent, system) {
      guard let lock = try? locked(path, isFolder: true, system) else { continue }
      let folder = PartialFolder(path, of: name, in: parent, lock, system)
      let content = try? system.status(at: folder.contentPath, followingLinks: false)
      guard content?.kind == (isFolder ? .folder : .file), let journal = folder.journal(header: key.header)
      else { continue }
      return (folder, journal)
    }
    return nil
  }

  /// The journal in the folder; `nil` when there is none, or it is of other work.
  private func journal(header: String) -> OutputJournal? {
    guard let descriptor = try? system.open(journalPath, .existingNoLink) else { return nil }
    let file = OutputFile(adopting: descriptor, path: journalPath, system: system)
    guard let status = try? system.status(of: descriptor), status.kind == .file else { return nil }
    return try? OutputJournal.read(file, byteCount: status.byteCount, header: header)
  }

  /// Removes partial and old outputs that no living process holds.
  static func removeRemains(
    of name: String, in parent: String, key: JournalKey?, _ system: any SystemCalls
  ) -> OutputLeftovers {
    var leftovers = OutputLeftovers()
    for path in remains([partialMark, oldMark], of: name, in: parent, system) {
      guard let status = try? system.status(at: path, followingLinks: false),
        let lock = try? locked(path, isFolder: status.kind == .folder, system)
      else { continue }
      let folder = PartialFolder(path, of: name, in: parent, lock, system)
      if let key, folder.journal(header: key.header)?.finished.isEmpty == false {
        leftovers.couldBeResumed = true
      }
      leftovers.byteCount += remove(path, system)
    }
    return leftovers
  }

  private static func remains(
    _ marks: [String], of name: String, in parent: String, _ system: any SystemCalls
  ) -> [String] {
    let prefixes = marks.map { prefix($0, of: name).utf8 }
    return ((try? system.names(in: parent)) ?? []).filter { entry in
      prefixes.contains { entry.utf8.starts(with: $0) }
    }.map { FilePath.join(parent, $0) }
  }

  /// Removes a file, or a folder with all that is in it; returns the bytes of the files.
  @discardableResult
  private static func remove(_ path: String, _ system: any SystemCalls) -> Int {
    guard let status = try? system.status(at: path, followingLinks: false) else { return 0 }
    guard status.kind == .folder else {
      try? system.removeFile(path)
      return status.kind == .file ? status.byteCount : 0
    }
    let names = (try? system.names(in: path)) ?? []
    let byteCount = names.reduce(0) { $0 + remove(FilePath.join(path, $1), system) }
    try? system.removeFolder(path)
    return byteCount
  }

  // MARK: - The end

  /// Removes the folder and all that is in it.
  ///
  /// - Parameters:
  ///   - files: what is known to be in it; no descriptor is needed for that.
  ///   - folders: the folders that those are in, the outer ones first.
  func remove(files: [String], folders: [String]) {
    for file in files { try? system.removeFile(file) }
    for folder in folders.reversed() { try? system.removeFolder(folder) }
    if (try? system.removeFolder(path)) == nil { Self.remove(path, system) }
  }

  /// Calls what is in the folder old, so that no run goes on with it.
  func retire() {
    let old = FilePath.join(parent, Self.prefix(Self.oldMark, of: name) + "\(Process.identifier)")
    if (try? system.rename(path, to: old)) != nil { path = old }
  }
}
