// SPDX-License-Identifier: Apache-2.0
// Writes a head over the old one so that a kill or a power loss in between loses nothing: the old head stands beside the
// file until the new one is on the disk, and the next edit puts it back.
import IngotBytes
import IngotCore

/// The old head of a file whose head is being written over.
enum HeadBackup {
  /// Where the old head stands meanwhile.
  private static func path(for file: String) -> String {
    FilePath.join(FilePath.folder(of: file), ".\(FilePath.name(of: file)).ingot-head")
  }

  /// Writes a head over the old one of the same length.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - new: the new head.
  ///   - old: the old one.
  /// - Throws: ``IngotCore/IngotError/environment(_:)``.
  static func replaceHead(of file: String, with new: [UInt8], old: [UInt8]) throws(IngotError) {
    let backup = path(for: file)
    let copy = try AtomicOutput(path: backup, isFolder: false, force: true, sources: [])
    try copy.file(named: FilePath.name(of: backup)).write(old, at: 0)
    try copy.commit()
    try write(new, over: file)
    try remove(backup)
  }

  /// Puts an old head back that an interrupted edit has left; without one, does nothing.
  static func restore(for file: String) throws(IngotError) {
    let backup = path(for: file)
    guard (try? LiveSystem().status(at: backup, followingLinks: false))?.kind == .file else { return }
    try write(Companions.read(backup), over: file)
    try remove(backup)
  }

  private static func write(_ head: [UInt8], over file: String) throws(IngotError) {
    let target = try OutputFile(updating: file)
    try target.write(head, at: 0)
    try target.synchronize()
  }

  private static func remove(_ path: String) throws(IngotError) {
    do throws(CallFailure) {
      try LiveSystem().removeFile(path)
    } catch {
      throw .environment(SystemFailure(error, path: path, purpose: .createOutput))
    }
  }
}
