// SPDX-License-Identifier: Apache-2.0
// The operating system on a bad day: a disk that fills midway, a source that ends early, calls that do half.
import IngotKit
import Synchronization

/// The operating system with faults put in.
final class FaultySystem: SystemCalls {
  /// Bytes that can be written before the disk is full.
  let writableByteCount: Int
  /// Where every file seems to end for reads by position.
  let readableEnd: Int
  /// The most bytes of one read or write.
  let transferByteLimit: Int
  private static let crossDevice: Int32 = 18
  private static let notSupported: Int32 = 95
  private let live = LiveSystem()
  private let written = Mutex(0)

  init(writableByteCount: Int = .max, readableEnd: Int = .max, transferByteLimit: Int = .max) {
    self.writableByteCount = writableByteCount
    self.readableEnd = readableEnd
    self.transferByteLimit = transferByteLimit
  }

  func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let count = min(buffer.count, transferByteLimit, max(0, readableEnd - offset))
    return try live.read(
      descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
  }

  func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let count = min(buffer.count, transferByteLimit)
    let isFull = written.withLock { written in
      written += count
      return written > writableByteCount
    }
    if isFull { throw CallFailure(call: "pwrite", errorNumber: Process.ErrorNumber.noSpace) }
    return try live.write(descriptor, from: UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
  }

  /// Not between these file systems.
  func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    throw CallFailure(call: "copy_file_range", errorNumber: Self.crossDevice)
  }

  /// A file system that reserves nothing.
  func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    throw CallFailure(call: "fallocate", errorNumber: Self.notSupported)
  }

  // MARK: - As they are

  func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 { try live.open(path, mode) }
  func openFolder(_ path: String) throws(CallFailure) -> Int32 { try live.openFolder(path) }
  func close(_ descriptor: Int32) { live.close(descriptor) }
  func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(CallFailure) -> Int {
    try live.read(descriptor, into: buffer)
  }
  func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int {
    try live.write(descriptor, from: buffer)
  }
  func status(of descriptor: Int32) throws(CallFailure) -> FileStatus { try live.status(of: descriptor) }
  func status(at path: String, followingLinks: Bool) throws(CallFailure) -> FileStatus {
    try live.status(at: path, followingLinks: followingLinks)
  }
  func truncate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    try live.truncate(descriptor, byteCount: byteCount)
  }
  func synchronize(_ descriptor: Int32) throws(CallFailure) { try live.synchronize(descriptor) }
  func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool { try live.tryLock(descriptor) }
  func rename(_ path: String, to target: String) throws(CallFailure) { try live.rename(path, to: target) }
  func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    try live.renameWithoutReplacing(path, to: target)
  }
  func exchange(_ path: String, with other: String) throws(CallFailure) {
    try live.exchange(path, with: other)
  }
  func link(_ path: String, to target: String) throws(CallFailure) { try live.link(path, to: target) }
  func removeFile(_ path: String) throws(CallFailure) { try live.removeFile(path) }
  func removeFolder(_ path: String) throws(CallFailure) { try live.removeFolder(path) }
  func makeFolder(_ path: String) throws(CallFailure) { try live.makeFolder(path) }
  func names(in folder: String) throws(CallFailure) -> [String] { try live.names(in: folder) }
  func resolve(_ path: String) throws(CallFailure) -> String { try live.resolve(path) }
  func freeByteCount(at path: String) throws(CallFailure) -> Int { try live.freeByteCount(at: path) }
  func map(_ descriptor: Int32, byteCount: Int, path: String) throws(CallFailure) -> FileMapping {
    try live.map(descriptor, byteCount: byteCount, path: path)
  }
  func unmap(_ mapping: FileMapping) { live.unmap(mapping) }
}
