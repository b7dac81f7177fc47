// SPDX-License-Identifier: Apache-2.0
// Doubles of the operating system begin here: every call goes to the real one, and a double says what is otherwise.
import IngotBytes

/// A system whose calls are those of the real one, but for what a type that conforms does itself.
package protocol ForwardingSystem: SystemCalls {}

extension ForwardingSystem {
  /// The operating system itself.
  package var live: LiveSystem { LiveSystem() }

  package func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 {
    try live.open(path, mode)
  }
  package func openFolder(_ path: String) throws(CallFailure) -> Int32 { try live.openFolder(path) }
  package func close(_ descriptor: Int32) { live.close(descriptor) }
  package func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(CallFailure) -> Int { try live.read(descriptor, into: buffer) }
  package func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int {
    try live.write(descriptor, from: buffer)
  }
  package func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int { try live.read(descriptor, into: buffer, at: offset) }
  package func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int { try live.write(descriptor, from: buffer, at: offset) }
  package func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    try live.copyRange(
      from: source, at: sourceOffset, to: target, at: targetOffset, byteCount: byteCount)
  }
  package func status(of descriptor: Int32) throws(CallFailure) -> FileStatus {
    try live.status(of: descriptor)
  }
  package func status(at path: String, followingLinks: Bool) throws(CallFailure) -> FileStatus {
    try live.status(at: path, followingLinks: followingLinks)
  }
  package func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    try live.allocate(descriptor, byteCount: byteCount)
  }
  package func truncate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    try live.truncate(descriptor, byteCount: byteCount)
  }
  package func synchronize(_ descriptor: Int32) throws(CallFailure) { try live.synchronize(descriptor) }
  package func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool { try live.tryLock(descriptor) }
  package func rename(_ path: String, to target: String) throws(CallFailure) {
    try live.rename(path, to: target)
  }
  package func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    try live.renameWithoutReplacing(path, to: target)
  }
  package func exchange(_ path: String, with other: String) throws(CallFailure) {
    try live.exchange(path, with: other)
  }
  package func link(_ path: String, to target: String) throws(CallFailure) { try live.link(path, to: target) }
  package func removeFile(_ path: String) throws(CallFailure) { try live.removeFile(path) }
  package func removeFolder(_ path: String) throws(CallFailure) { try live.removeFolder(path) }
  package func makeFolder(_ path: String, isPrivate: Bool) throws(CallFailure) {
    try live.makeFolder(path, isPrivate: isPrivate)
  }
  package func takeOverAttributes(of path: String, by descriptor: Int32) throws(CallFailure) {
    try live.takeOverAttributes(of: path, by: descriptor)
  }
  package func isMountPoint(_ path: String) -> Bool { live.isMountPoint(path) }
  package func names(in folder: String) throws(CallFailure) -> [String] { try live.names(in: folder) }
  package func resolve(_ path: String) throws(CallFailure) -> String { try live.resolve(path) }
  package func freeByteCount(at path: String) throws(CallFailure) -> Int {
    try live.freeByteCount(at: path)
  }
  package func map(_ descriptor: Int32, byteCount: Int, path: String) throws(CallFailure) -> FileMapping {
    try live.map(descriptor, byteCount: byteCount, path: path)
  }
  package func unmap(_ mapping: FileMapping) { live.unmap(mapping) }
}
