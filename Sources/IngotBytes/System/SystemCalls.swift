// SPDX-License-Identifier: Apache-2.0
// The calls into the operating system, as values and a protocol, so that tests can put another implementation in place of
// the live one: one that runs out of space, writes short, or fails on purpose. Only files of this folder make such calls.
import IngotCore

/// What a path or an open file is.
package struct FileStatus: Hashable, Sendable {
  /// What kind of thing stands at a path.
  package enum Kind: Hashable, Sendable {
    case file, folder, other
  }

  /// What kind of thing it is.
  package var kind: Kind
  /// Who may read, write and run it: the last nine bits of its mode.
  package var rights: UInt32 = 0
  /// Its length in bytes.
  package var byteCount: Int
  /// The device it is on; with ``inode``, the file's identity.
  package var device: UInt64
  /// The number of the file on its device.
  package var inode: UInt64
  /// When its content was last changed, in nanoseconds since 1970.
  package var modifiedNanoseconds: Int64
  /// When its content, names or rights were last changed, which nobody can set, in nanoseconds since 1970.
  package var changedNanoseconds: Int64

  /// Makes a status.
  package init(
    kind: Kind, byteCount: Int, device: UInt64, inode: UInt64, modifiedNanoseconds: Int64,
    changedNanoseconds: Int64
  ) {
    self.changedNanoseconds = changedNanoseconds
    self.kind = kind
    self.byteCount = byteCount
    self.device = device
    self.inode = inode
    self.modifiedNanoseconds = modifiedNanoseconds
  }

  /// Whether both are the same file, by whatever path it was found.
  package func isSameFile(as other: FileStatus) -> Bool {
    device == other.device && inode == other.inode
  }

  /// Whether both are the same file with the same content; further names and other rights are no other content.
  package func isSameContent(as other: FileStatus) -> Bool {
    isSameFile(as: other) && kind == other.kind && byteCount == other.byteCount
      && modifiedNanoseconds == other.modifiedNanoseconds
  }
}

/// How a file is opened.
package enum OpenMode: Hashable, Sendable {
  /// For reading.
  case read
  /// For reading from front to back, and waiting for what comes: of a pipe for whoever writes it.
  case readStream
  /// For reading and writing; it must not exist yet.
  case createNew
  /// For reading and writing what exists; a symbolic link is not followed.
  case existingNoLink
  /// For reading and writing what exists, by way of symbolic links too.
  case update
  /// For reading and writing without a name, in the folder given: gone when it is closed.
  case scratch
}

/// The system calls this package makes, with errors thrown instead of returned.
///
/// Calls interrupted by a signal are repeated by the implementation; short reads and writes are not hidden.
package protocol SystemCalls: Sendable {
  /// open(2), with close-on-exec.
  func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32
  /// open(2) of a folder, for flushing and locking it.
  func openFolder(_ path: String) throws(CallFailure) -> Int32
  /// close(2). Errors are for ``synchronize(_:)`` to find.
  func close(_ descriptor: Int32)
  /// read(2).
  func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(CallFailure) -> Int
  /// write(2).
  func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int
  /// pread(2).
  func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int
  /// pwrite(2).
  func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int
  /// copy_file_range(2).
  func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int
  /// fstat(2).
  func status(of descriptor: Int32) throws(CallFailure) -> FileStatus
  /// stat(2), or lstat(2) when links are not followed.
  func status(at path: String, followingLinks: Bool) throws(CallFailure) -> FileStatus
  /// fallocate(2): reserves space, so that a full disk is found before the work. In a file system in memory, where that
  /// is half the work and holds up all writes, a look at the free space and ftruncate(2).
  func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure)
  /// ftruncate(2).
  func truncate(_ descriptor: Int32, byteCount: Int) throws(CallFailure)
  /// fsync(2).
  func synchronize(_ descriptor: Int32) throws(CallFailure)
  /// flock(2), exclusive and without waiting; `false` when another process holds it.
  func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool
  /// rename(2).
  func rename(_ path: String, to target: String) throws(CallFailure)
  /// renameat2(2) that fails with `EEXIST` instead of replacing.
  func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure)
  /// renameat2(2) that exchanges two paths.
  func exchange(_ path: String, with other: String) throws(CallFailure)
  /// link(2): a second name for a file; fails with `EEXIST` instead of replacing.
  func link(_ path: String, to target: String) throws(CallFailure)
  /// unlink(2).
  func removeFile(_ path: String) throws(CallFailure)
  /// rmdir(2).
  func removeFolder(_ path: String) throws(CallFailure)
  /// mkdir(2); a private folder is the owner's alone.
  func makeFolder(_ path: String, isPrivate: Bool) throws(CallFailure)
  /// fchown(2) as far as allowed, fsetxattr(2) and fchmod(2): an open file or folder gets the owner, the extended attributes
  /// and the mode of what stands at a path, if anything does.
  func takeOverAttributes(of path: String, by descriptor: Int32) throws(CallFailure)
  /// readdir(3): the names in a folder, without `.` and `..`, sorted by their bytes.
  func names(in folder: String) throws(CallFailure) -> [String]
  /// realpath(3).
  func resolve(_ path: String) throws(CallFailure) -> String
  /// statx(2): whether a file system is mounted on a folder, be it a part of one.
  func isMountPoint(_ path: String) -> Bool
  /// statvfs(3): bytes that an ordinary user can still write where the path is.
  func freeByteCount(at path: String) throws(CallFailure) -> Int
  /// mmap(2), private and read-only.
  func map(_ descriptor: Int32, byteCount: Int, path: String) throws(CallFailure) -> FileMapping
  /// munmap(2).
  func unmap(_ mapping: FileMapping)
  /// madvise(2) with MADV_DONTNEED: the whole pages of a part of a mapping leave memory until they are read again.
  func release(_ bytes: UnsafeRawBufferPointer)
  /// madvise(2) with MADV_POPULATE_READ: the pages of a part of a mapping are there when they are read. A hint: where the
  /// file has become shorter, reading them is what fails.
  func populate(_ bytes: UnsafeRawBufferPointer)
}

extension SystemCalls {
  /// Nothing: pages may stay.
  package func release(_ bytes: UnsafeRawBufferPointer) {}
  /// Nothing: pages come when they are read.
  package func populate(_ bytes: UnsafeRawBufferPointer) {}
}

/// A mapped range of a file with the slot that the fault handler knows it by.
package struct FileMapping: @unchecked Sendable {
  /// The bytes.
  ///
  /// SAFETY: never written, and unmapped only by the owner's `deinit`.
  package let bytes: UnsafeRawBufferPointer
  /// The fault handler's slot.
  package let slot: Int32
}
