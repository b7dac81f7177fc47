// SPDX-License-Identifier: Apache-2.0
// What an unfinished output has done so far, beside it under its name: the next run of the same work goes on from there.
// What a line says is the writer's; a line that was cut off counts for nothing.
import IngotCore

/// Identifies an output that can be gone on with: runs with equal keys do the same work.
package struct JournalKey: Hashable, Sendable {
  /// A digest of the work: what is read, in which state, and what is made of it.
  package var fingerprint: String
  /// Whether to go on from an unfinished output; otherwise it is removed.
  package var resumes: Bool

  /// Makes a key.
  package init(fingerprint: String, resumes: Bool) {
    self.fingerprint = fingerprint
    self.resumes = resumes
  }

  /// The journal's first line.
  ///
  /// It names the system's start: what a process had written is in the system's memory, and outlives the process only.
  var header: String { "ingot-journal 3 \(fingerprint) \(Process.startIdentifier)" }
}

/// The journal of an output that is being written.
package final class OutputJournal: Sendable {
  /// The lines that an earlier run has left, in its order.
  package let finished: [String]

  private struct State {
    var end: Int
    var pending: [UInt8] = []
    var pendingByteCount = 0
    var hasLines = false
  }

  private let file: OutputFile
  private let state: Locked<State>

  /// Finished bytes, and bytes of lines, after which lines are written.
  private static let batchByteCount = 4 << 20
  private static let lineByteCount = 1 << 14

  init(_ file: OutputFile, finished: [String], end: Int) {
    self.file = file
    self.finished = finished
    state = Locked(State(end: end, hasLines: !finished.isEmpty))
  }

  /// Whether anything is noted as done, which a run could go on behind.
  var isOfUse: Bool { state.withLock { $0.hasLines } }

  /// Starts a journal in an empty file.
  static func begin(_ file: OutputFile, header: String) throws(IngotError) -> OutputJournal {
    let bytes = Array((header + "\n").utf8)
    try file.write(bytes, at: 0)
    return OutputJournal(file, finished: [], end: bytes.count)
  }

  /// The journal in a file that an earlier run has left; `nil` when it is of other work.
  static func read(_ file: OutputFile, byteCount: Int, header: String) throws(IngotError) -> OutputJournal? {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try bytes.withMutableBytes { (raw) throws(IngotError) in try file.read(into: raw, at: 0) }
    guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return nil }
    let lines = bytes[..<end].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    guard lines.first == header else { return nil }
    return OutputJournal(file, finished: lines.dropFirst().compactMap(Self.intact), end: end + 1)
  }

  /// Notes a piece of work that is done, from any thread; lines are written some at a time.
  ///
  /// - Parameters:
  ///   - line: what was done, without a line feed.
  ///   - byteCount: the bytes that it wrote.
  /// - Throws: ``IngotError/environment(_:)`` when the journal can't be written.
  package func note(_ line: String, byteCount: Int) throws(IngotError) {
    try state.withLock { (state) throws(IngotError) in
      state.pending += "\(line) \(Self.checksum(of: line))".utf8
      state.pending.append(UInt8(ascii: "\n"))
      state.hasLines = true
      state.pendingByteCount += byteCount
      guard state.pendingByteCount >= Self.batchByteCount || state.pending.count >= Self.lineByteCount else {
        return
      }
      try write(&state)
    }
  }

  /// Notes a piece of work that is done, and writes it at once: for pieces that take long.
  ///
  /// - Parameter line: what was done, without a line feed.
  /// - Throws: as ``note(_:byteCount:)``.
  package func keep(_ line: String) throws(IngotError) {
    try note(line, byteCount: 0)
    try flush()
  }

  /// What stands behind a line, so that one that was damaged on disk counts for nothing.
  private static func checksum(of line: String) -> String {
    var checksum = CRC32()
    Array(line.utf8).withUnsafeBytes { checksum.update($0) }
    return String(checksum.value, radix: 16)
  }

  /// A line without its checksum; `nil` when that is another.
  private static func intact(_ line: String) -> String? {
    guard let space = line.utf8.lastIndex(of: UInt8(ascii: " ")) else { return nil }
    let text = String(line[..<space])
    return line[line.utf8.index(after: space)...] == checksum(of: text) ? text : nil
  }

  /// Writes the lines that are still to be written.
  func flush() throws(IngotError) {
    try state.withLock { (state) throws(IngotError) in try write(&state) }
  }

  private func write(_ state: inout State) throws(IngotError) {
    try file.write(state.pending, at: state.end)
    state.end += state.pending.count
    state.pending = []
    state.pendingByteCount = 0
  }
}
