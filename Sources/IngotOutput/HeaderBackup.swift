// SPDX-License-Identifier: Apache-2.0
// Writes a header over the old one so that a kill or a power loss in between loses nothing: the old header stands beside the
// file until the new one is on the disk, and the next edit puts it back.
import IngotBytes
import IngotCore

/// The old header of a file whose header is being written over.
package enum HeaderBackup {
  /// Where the old header stands meanwhile.
  private static func path(for file: String) -> String {
    FilePath.join(FilePath.folder(of: file), ".\(FilePath.shortened(FilePath.name(of: file))).ingot-head")
  }

  /// Writes a header over the old one of the same length.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - new: the new header.
  ///   - old: the old one.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/outputRefused(path:why:hint:)`` for a file that others count on, and
  ///   ``IngotCore/IngotError/environment(_:)``.
  package static func replaceHeader(
    of file: String, with new: [UInt8], old: [UInt8], system: any SystemCalls
  ) throws(IngotError) {
    try AtomicOutput.requireOwnContent(
      file, hint: "without \(option: .isInPlace) a link gives way to a file of its own", system: system)
    let hold = try InterruptHold()
    defer { withExtendedLifetime(hold) {} }
    let backup = path(for: file)
    let copy = try AtomicOutput(path: backup, isFolder: false, force: true, sources: [], system: system)
    try copy.file(named: FilePath.name(of: backup)).write(old, at: 0)
    try copy.commit()
    try write(new, over: file, system)
    try remove(backup, system)
  }

  /// Puts an old header back that an interrupted edit has left; without one, does nothing.
  package static func restore(for file: String, system: any SystemCalls) throws(IngotError) {
    let backup = path(for: file)
    guard (try? system.status(at: backup, followingLinks: false))?.kind == .file else { return }
    let hold = try InterruptHold()
    defer { withExtendedLifetime(hold) {} }
    try write(Companions.read(backup, system: system), over: file, system)
    try remove(backup, system)
  }

  private static func write(
    _ header: [UInt8], over file: String, _ system: any SystemCalls
  ) throws(IngotError) {
    let target = try OutputFile(updating: file, system: system)
    try target.write(header, at: 0)
    try target.synchronize()
  }

  private static func remove(_ path: String, _ system: any SystemCalls) throws(IngotError) {
    do throws(CallFailure) {
      try system.removeFile(path)
    } catch {
      throw .failed(error, path: path, purpose: .createOutput)
    }
  }
}
