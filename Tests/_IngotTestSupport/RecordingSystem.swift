// SPDX-License-Identifier: Apache-2.0
// The operating system with a record of what it was asked to change, in order: what no look at the result can tell, such
// as whether a file was flushed before it got its name.
import IngotBytes

/// The operating system, which remembers what is changed on disk.
package final class RecordingSystem: ForwardingSystem {
  private struct State {
    var lines: [String] = []
    var paths: [Int32: String] = [:]
  }

  private let folder: String
  private let isReached: @Sendable (String) -> Void
  private let state = Locked(State())

  /// Makes a record.
  ///
  /// - Parameters:
  ///   - folder: the folder that all happens in; lines leave its path out.
  ///   - isReached: hears of each line before the call is made.
  package init(in folder: String, before isReached: @escaping @Sendable (String) -> Void = { _ in }) {
    self.folder = folder
    self.isReached = isReached
  }

  /// What was asked for: a word and paths below the folder.
  ///
  /// An unfinished output's folder is `PARTIAL`. What follows itself, as writes of one file do, is there once.
  package var lines: [String] { state.withLock { $0.lines } }

  /// A path as lines have it.
  private func short(_ path: String) -> String {
    let below =
      path == folder ? "." : path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : path
    return below.split(separator: "/").map {
      $0.contains(".ingot-partial-") ? "PARTIAL" : $0.contains(".ingot-old-") ? "OLD" : String($0)
    }.joined(separator: "/")
  }

  private func note(_ word: String, _ paths: String...) {
    let line = ([word] + paths.map(short)).joined(separator: " ")
    isReached(line)
    state.withLock { if $0.lines.last != line { $0.lines.append(line) } }
  }

  private func path(of descriptor: Int32) -> String { state.withLock { $0.paths[descriptor] } ?? "?" }

  package func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 {
    if mode == .createNew { note("create", path) }
    let descriptor = try live.open(path, mode)
    state.withLock { $0.paths[descriptor] = path }
    return descriptor
  }

  package func openFolder(_ path: String) throws(CallFailure) -> Int32 {
    let descriptor = try live.openFolder(path)
    state.withLock { $0.paths[descriptor] = path }
    return descriptor
  }

  package func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int {
    state.withLock { $0.paths[descriptor] = "stream" }
    note("write", "stream")
    return buffer.count
  }

  package func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    note("write", path(of: descriptor))
    return try live.write(descriptor, from: buffer, at: offset)
  }

  package func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    note("write", path(of: target))
    return try live.copyRange(
      from: source, at: sourceOffset, to: target, at: targetOffset, byteCount: byteCount)
  }

  package func synchronize(_ descriptor: Int32) throws(CallFailure) {
    note("flush", path(of: descriptor))
    try live.synchronize(descriptor)
  }

  package func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool {
    note("lock", path(of: descriptor))
    return try live.tryLock(descriptor)
  }

  package func rename(_ path: String, to target: String) throws(CallFailure) {
    note("rename", path, target)
    try live.rename(path, to: target)
  }

  package func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    note("rename-new", path, target)
    try live.renameWithoutReplacing(path, to: target)
  }

  package func exchange(_ path: String, with other: String) throws(CallFailure) {
    note("exchange", path, other)
    try live.exchange(path, with: other)
  }

  package func removeFile(_ path: String) throws(CallFailure) {
    note("remove", path)
    try live.removeFile(path)
  }

  package func takeOverAttributes(of path: String, by descriptor: Int32) throws(CallFailure) {
    note("take-over", path, self.path(of: descriptor))
    try live.takeOverAttributes(of: path, by: descriptor)
  }
}
