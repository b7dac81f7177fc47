// SPDX-License-Identifier: Apache-2.0
// The operating system itself.
import CIngotBytes
import Glibc
import IngotCore

/// The operating system itself; what each call does stands with the protocol.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct LiveSystem: SystemCalls {
  /// Makes the one implementation that calls the system.
  package init() {}

  /// Repeats a call that a signal has cut short, unless that is to end the process; throws `errno` when it fails.
  @discardableResult
  private func calling<Result: FixedWidthInteger>(
    _ name: String, _ body: () throws(CallFailure) -> Result
  ) throws(CallFailure) -> Result {
    while true {
      let result = try body()
      if result >= 0 { return result }
      if errno != EINTR || Process.isInterrupted { throw CallFailure(call: name, errorNumber: errno) }
    }
  }

  package func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY | O_NONBLOCK
      case .readStream: O_RDONLY
      case .createNew: O_RDWR | O_CREAT | O_EXCL
      case .existingNoLink: O_RDWR | O_NOFOLLOW
      case .update: O_RDWR
      case .scratch: O_RDWR | ingotScratchFlag
      }
    return try calling("open") { () throws(CallFailure) in try Glibc.open(raw(path), flags | O_CLOEXEC, 0o666)
    }
  }

  package func openFolder(_ path: String) throws(CallFailure) -> Int32 {
    try calling("open") { () throws(CallFailure) in
      try Glibc.open(raw(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
  }

  package func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  package func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(CallFailure)
    -> Int
  {
    try calling("read") { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
  }

  package func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int {
    try calling("write") { Glibc.write(descriptor, buffer.baseAddress, buffer.count) }
  }

  package func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    try calling("pread") { pread(descriptor, buffer.baseAddress, buffer.count, offset) }
  }

  package func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    try calling("pwrite") { pwrite(descriptor, buffer.baseAddress, buffer.count, offset) }
  }

  package func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    try calling("copy_file_range") {
      ingot_copy_file_range(source, Int64(sourceOffset), target, Int64(targetOffset), byteCount)
    }
  }

  package func status(of descriptor: Int32) throws(CallFailure) -> FileStatus {
    var raw = stat()
    try calling("fstat") { fstat(descriptor, &raw) }
    return FileStatus(raw)
  }

  package func status(at path: String, followingLinks: Bool) throws(CallFailure) -> FileStatus {
    let path = try raw(path)
    var status = stat()
    try calling("stat") { followingLinks ? stat(path, &status) : lstat(path, &status) }
    return FileStatus(status)
  }

  package func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    var free: UInt64 = 0
    var isInMemory: Int32 = 0
    try calling("fstatfs") {
      isInMemory = ingot_memory_free_space(descriptor, &free)
      return isInMemory
    }
    guard isInMemory == 1 else {
      try calling("fallocate") { ingot_allocate(descriptor, Int64(byteCount)) }
      return
    }
    guard free >= byteCount else { throw CallFailure(call: "fstatfs", errorNumber: ENOSPC) }
    try truncate(descriptor, byteCount: byteCount)
  }

  package func truncate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    try calling("ftruncate") { ftruncate(descriptor, byteCount) }
  }

  package func synchronize(_ descriptor: Int32) throws(CallFailure) {
    try calling("fsync") { fsync(descriptor) }
  }

  package func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool {
    do throws(CallFailure) {
      try calling("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.errorNumber == EWOULDBLOCK { return false }
      throw error
    }
  }

  package func rename(_ path: String, to target: String) throws(CallFailure) {
    try calling("rename") { () throws(CallFailure) in try Glibc.rename(raw(path), raw(target)) }
  }

  package func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    try calling("renameat2") { () throws(CallFailure) in try ingot_rename_no_replace(raw(path), raw(target)) }
  }

  package func exchange(_ path: String, with other: String) throws(CallFailure) {
    try calling("renameat2") { () throws(CallFailure) in try ingot_rename_exchange(raw(path), raw(other)) }
  }

  package func isMountPoint(_ path: String) -> Bool {
    guard let path = try? raw(path) else { return false }
    return ingot_is_mount_point(path) == 1
  }

  package func link(_ path: String, to target: String) throws(CallFailure) {
    try calling("link") { () throws(CallFailure) in try Glibc.link(raw(path), raw(target)) }
  }

  package func removeFile(_ path: String) throws(CallFailure) {
    try calling("unlink") { () throws(CallFailure) in try unlink(raw(path)) }
  }

  package func removeFolder(_ path: String) throws(CallFailure) {
    try calling("rmdir") { () throws(CallFailure) in try rmdir(raw(path)) }
  }

  package func makeFolder(_ path: String, isPrivate: Bool) throws(CallFailure) {
    try calling("mkdir") { () throws(CallFailure) in try mkdir(raw(path), isPrivate ? 0o700 : 0o777) }
  }

  package func takeOverAttributes(of path: String, by descriptor: Int32) throws(CallFailure) {
    try calling("fchmod") { () throws(CallFailure) in try ingot_take_over_attributes(raw(path), descriptor) }
  }

  package func names(in folder: String) throws(CallFailure) -> [String] {
    guard let stream = opendir(try raw(folder)) else {
      throw CallFailure(call: "opendir", errorNumber: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        PathText.text(raw.prefix { $0 != 0 })
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  package func resolve(_ path: String) throws(CallFailure) -> String {
    guard let resolved = realpath(try raw(path), nil) else {
      throw CallFailure(call: "realpath", errorNumber: errno)
    }
    defer { free(resolved) }
    return PathText.text(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  package func freeByteCount(at path: String) throws(CallFailure) -> Int {
    let path = try raw(path)
    var status = statvfs()
    try calling("statvfs") { statvfs(path, &status) }
    return Int(clamping: UInt64(status.f_bavail).multipliedFullWidth(by: UInt64(status.f_frsize)).low)
  }

  package func map(_ descriptor: Int32, byteCount: Int, path: String) throws(CallFailure) -> FileMapping {
    guard byteCount > 0 else {
      return FileMapping(bytes: UnsafeRawBufferPointer(start: nil, count: 0), slot: -1)
    }
    let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw CallFailure(call: "mmap", errorNumber: errno) }
    let slot = ingot_register_mapping(start, byteCount, PathText.shown(path))
    return FileMapping(bytes: UnsafeRawBufferPointer(start: start, count: byteCount), slot: slot)
  }

  package func unmap(_ mapping: FileMapping) {
    ingot_unregister_mapping(mapping.slot)
    guard let start = mapping.bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: start), mapping.bytes.count)
  }

  package func release(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let page = Int(getpagesize())
    // Pages at either end may hold other bytes, which someone may be reading.
    let first = (UInt(bitPattern: start) + UInt(page) - 1) / UInt(page) * UInt(page)
    let end = (UInt(bitPattern: start) + UInt(bytes.count)) / UInt(page) * UInt(page)
    guard first < end, let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
    _ = madvise(address, Int(end - first), MADV_DONTNEED)
  }

  package func populate(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let page = UInt(getpagesize())
    let first = UInt(bitPattern: start) / page * page
    let end = UInt(bitPattern: start) + UInt(bytes.count)
    guard let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
    _ = madvise(address, Int(end - first), MADV_POPULATE_READ)
  }
}

/// The bytes of a path, ended as C wants them; none holds a zero, behind which C would not look.
private func raw(_ path: String) throws(CallFailure) -> [CChar] {
  let bytes = PathText.bytes(of: path)
  guard !bytes.contains(0) else { throw CallFailure(call: "open", errorNumber: EINVAL) }
  return bytes.map { CChar(bitPattern: $0) } + [0]
}

/// `O_TMPFILE`, whose macro is not a constant that Swift can import.
private let ingotScratchFlag: Int32 = 0o20000000 | O_DIRECTORY

extension FileStatus {
  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  fileprivate init(_ raw: stat) {
    let kind: Kind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      default: .other
      }
    self.init(
      kind: kind, byteCount: Int(raw.st_size), device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino),
      modifiedNanoseconds: Self.nanoseconds(raw.st_mtim), changedNanoseconds: Self.nanoseconds(raw.st_ctim))
    rights = UInt32(raw.st_mode) & 0o777
  }
}
