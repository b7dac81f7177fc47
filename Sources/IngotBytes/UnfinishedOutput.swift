// SPDX-License-Identifier: Apache-2.0
// Finds the output that a killed run of the same work has left, and takes it over.
import IngotCore

/// An output that an earlier run of the same work has left.
struct UnfinishedOutput {
  /// What a journal's name has behind that of the output it belongs to.
  static let journalSuffix = ".journal"

  /// Where it is.
  let path: String
  /// The file or folder, open and locked.
  let descriptor: Int32
  /// What is done.
  let journal: OutputJournal

  /// Looks for an output that is known by a key and that no living process holds.
  ///
  /// - Returns: `nil` when there is none, or none is to be gone on with; what is left is then to be removed.
  init?(_ key: JournalKey, of name: String, in parent: String, isFolder: Bool, _ system: any SystemCalls) {
    guard key.resumes, let names = try? system.names(in: parent) else { return nil }
    for entry in names where entry.hasPrefix(".\(name).ingot-partial-") {
      guard entry.hasSuffix(Self.journalSuffix) else { continue }
      let partial = FilePath.join(parent, String(entry.dropLast(Self.journalSuffix.count)))
      guard let journal = Self.journal(at: FilePath.join(parent, entry), header: key.header, system),
        let descriptor = Self.open(partial, isFolder: isFolder, system)
      else { continue }
      self.path = partial
      self.descriptor = descriptor
      self.journal = journal
      return
    }
    return nil
  }

  private static func journal(
    at path: String, header: String, _ system: any SystemCalls
  ) -> OutputJournal? {
    guard let descriptor = try? system.open(path, .existing) else { return nil }
    let file = OutputFile(adopting: descriptor, path: path, system: system)
    guard (try? system.tryLock(descriptor)) == true, let status = try? system.status(of: descriptor),
      status.kind == .file
    else { return nil }
    return try? OutputJournal.read(file, byteCount: status.byteCount, header: header)
  }

  private static func open(_ path: String, isFolder: Bool, _ system: any SystemCalls) -> Int32? {
    let opened = try? isFolder ? system.openFolder(path) : system.open(path, .existing)
    guard let opened else { return nil }
    guard (try? system.tryLock(opened)) == true else {
      system.close(opened)
      return nil
    }
    return opened
  }
}
