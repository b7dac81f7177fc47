// SPDX-License-Identifier: Apache-2.0
// The open files of a checkpoint, opened when first read and few at a time: a set may have more shards than a
// process may have open files.
import IngotCore

/// The files of a checkpoint, by index, opened on demand.
package final class SourceFiles: Sendable {
  /// Files kept open at a time; far below any limit of a process.
  private static let openLimit = 16

  private struct State {
    var open: [Int: any ByteSource]
    var order: [Int] = []
    var seen: [Int: FileStatus] = [:]
    var verified = Set<StorageSegment>()
  }

  private let files: [CheckpointFile]
  private let system: any SystemCalls
  private let state: Locked<State>
  private let fixed: Bool

  /// Makes the set of a checkpoint's files; none is opened yet.
  package init(_ files: [CheckpointFile], system: any SystemCalls = LiveSystem()) {
    self.files = files
    self.system = system
    self.fixed = false
    self.state = Locked(State(open: [:]))
  }

  /// Makes a set of sources that are open already, such as bytes in memory.
  package init(sources: [any ByteSource]) {
    self.files = sources.map { CheckpointFile(path: $0.path, byteCount: $0.byteCount) }
    self.system = LiveSystem()
    self.fixed = true
    self.state = Locked(State(open: Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($0, $1) })))
  }

  /// The source of a file.
  ///
  /// - Throws: ``IngotError/sourceChanged(path:found:expected:)`` when its length is not the one its header was read
  ///   with, or it is no longer the file that was opened before.
  package subscript(index: Int) -> any ByteSource {
    get throws(IngotError) {
      let cached = state.withLock { $0.open[index] }
      if let cached { return cached }
      guard files.indices.contains(index), !fixed else {
        throw .internal("a tensor in file \(index) of \(files.count)")
      }
      let expected = files[index]
      if let unnamed = expected.unnamed as? any ByteSource {
        try (expected.seal as? RangeSeal)?.verify(unnamed)
        return unnamed
      }
      let source = try FileByteSource(path: expected.path, system: system)
      guard source.byteCount == expected.byteCount else {
        throw .sourceChanged(
          path: expected.path, found: "\(source.byteCount, "byte")",
          expected: "\(expected.byteCount) as before"
        )
      }
      let known = state.withLock { $0.seen[index] }
      if let known, !known.isSameContent(as: source.status) {
        throw .sourceChanged(
          path: expected.path, found: "another file or content", expected: "the one read before")
      }
      try (expected.seal as? RangeSeal)?.verify(source)
      keep(source, at: index)
      return source
    }
  }

  /// Checks what an archive says of a file's bytes, unless that was done.
  func verifySeal(of index: Int) throws(IngotError) {
    guard files.indices.contains(index), files[index].seal != nil else { return }
    _ = try self[index]
  }

  private func keep(_ source: FileByteSource, at index: Int) {
    state.withLock { state in
      state.seen[index] = source.status
      state.open[index] = source
      state.order.append(index)
      if state.order.count > Self.openLimit {
        state.open[state.order.removeFirst()] = nil
      }
    }
  }

  /// Whether the container's checksum of a range was found to hold: tensors may be views of one storage.
  func isVerified(_ segment: StorageSegment) -> Bool {
    state.withLock { $0.verified.contains(segment) }
  }

  /// Notes that the container's checksum of a range holds.
  func noteVerified(_ segment: StorageSegment) {
    state.withLock { _ = $0.verified.insert(segment) }
  }

  /// Throws when a file that was read is no longer what it was: its length or its time of change differs.
  package func checkUnchanged() throws(IngotError) {
    let seen = state.withLock { $0.seen }
    for (index, status) in seen.sorted(by: { $0.key < $1.key }) {
      let path = files[index].path
      let current: FileStatus
      do throws(CallFailure) {
        current = try system.status(at: path, followingLinks: true)
      } catch {
        throw .failed(error, path: path, purpose: .transfer)
      }
      guard current.isSameContent(as: status) else {
        throw .sourceChanged(
          path: path, found: "\(current.byteCount, "byte"), changed while it was read",
          expected: "\(status.byteCount, "byte"), unchanged")
      }
    }
  }
}
