// SPDX-License-Identifier: Apache-2.0
// Every call into the operating system. The only Swift file that imports the C library or our shims, so that tests
// can put another implementation in its place: one that runs out of space, writes short, or fails on purpose.
import CIngotBytes
import Glibc
import IngotCore

/// What a path or an open file is.
public struct FileStatus: Hashable, Sendable {
  /// What kind of thing stands at a path.
  public enum Kind: Hashable, Sendable {
    case file, folder, other
  }

  /// What kind of thing it is.
  public var kind: Kind
  /// Its length in bytes.
  public var byteCount: Int
  /// The device it is on; with ``inode``, the file's identity.
  public var device: UInt64
  /// The number of the file on its device.
  public var inode: UInt64
  /// When its content was last changed, in nanoseconds since 1970.
  public var modifiedNanoseconds: Int64
  /// When its content, names or rights were last changed, which nobody can set, in nanoseconds since 1970.
  public var changedNanoseconds: Int64

  /// Makes a status.
  public init(
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
  public func isSameFile(as other: FileStatus) -> Bool {
    device == other.device && inode == other.inode
  }

  /// Whether both are the same file with the same content; further names and other rights are no other content.
  public func isSameContent(as other: FileStatus) -> Bool {
    isSameFile(as: other) && kind == other.kind && byteCount == other.byteCount
      && modifiedNanoseconds == other.modifiedNanoseconds
  }
}

/// How a file is opened.
public enum OpenMode: Hashable, Sendable {
  /// For reading.
  case read
  /// For reading and writing; it must not exist yet.
  case createNew
  /// For reading and writing what exists.
  case existing
  /// For reading and writing; it must exist.
  case update
  /// For reading and writing without a name, in the folder given: gone when it is closed.
  case scratch
}

/// The system calls this package makes, with errors thrown instead of returned.
///
/// Calls interrupted by a signal are repeated by the implementation; short reads and writes are not hidden.
public protocol SystemCalls: Sendable {
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
  public func release(_ bytes: UnsafeRawBufferPointer) {}
  /// Nothing: pages come when they are read.
  public func populate(_ bytes: UnsafeRawBufferPointer) {}
}

/// A mapped range of a file with the slot that the fault handler knows it by.
public struct FileMapping: @unchecked Sendable {
  /// The bytes.
  ///
  /// SAFETY: never written, and unmapped only by the owner's `deinit`.
  public let bytes: UnsafeRawBufferPointer
  /// The fault handler's slot.
  public let slot: Int32
}

/// The operating system itself; what each call does stands with the protocol.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public struct LiveSystem: SystemCalls {
  /// Makes the one implementation that calls the system.
  public init() {}

  /// Repeats a call that a signal has cut short, unless that is to end the process; throws `errno` when it fails.
  @discardableResult
  private func calling<Result: FixedWidthInteger>(
    _ name: String, _ body: () -> Result
  ) throws(CallFailure) -> Result {
    while true {
      let result = body()
      if result >= 0 { return result }
      if errno != EINTR || Process.isInterrupted { throw CallFailure(call: name, errorNumber: errno) }
    }
  }

  public func open(_ path: String, _ mode: OpenMode) throws(CallFailure) -> Int32 {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY | O_NONBLOCK
      case .createNew: O_RDWR | O_CREAT | O_EXCL
      case .existing: O_RDWR | O_NOFOLLOW
      case .update: O_RDWR
      case .scratch: O_RDWR | ingotScratchFlag
      }
    return try calling("open") { Glibc.open(raw(path), flags | O_CLOEXEC, 0o666) }
  }

  public func openFolder(_ path: String) throws(CallFailure) -> Int32 {
    try calling("open") { Glibc.open(raw(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  }

  public func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  public func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(CallFailure) -> Int
  {
    try calling("read") { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
  }

  public func write(_ descriptor: Int32, from buffer: UnsafeRawBufferPointer) throws(CallFailure) -> Int {
    try calling("write") { Glibc.write(descriptor, buffer.baseAddress, buffer.count) }
  }

  public func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    try calling("pread") { pread(descriptor, buffer.baseAddress, buffer.count, offset) }
  }

  public func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    try calling("pwrite") { pwrite(descriptor, buffer.baseAddress, buffer.count, offset) }
  }

  public func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    try calling("copy_file_range") {
      ingot_copy_file_range(source, Int64(sourceOffset), target, Int64(targetOffset), byteCount)
    }
  }

  public func status(of descriptor: Int32) throws(CallFailure) -> FileStatus {
    var raw = stat()
    try calling("fstat") { fstat(descriptor, &raw) }
    return FileStatus(raw)
  }

  public func status(at path: String, followingLinks: Bool) throws(CallFailure) -> FileStatus {
    let path = raw(path)
    var status = stat()
    try calling("stat") { followingLinks ? stat(path, &status) : lstat(path, &status) }
    return FileStatus(status)
  }

  public func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
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

  public func truncate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    try calling("ftruncate") { ftruncate(descriptor, byteCount) }
  }

  public func synchronize(_ descriptor: Int32) throws(CallFailure) {
    try calling("fsync") { fsync(descriptor) }
  }

  public func tryLock(_ descriptor: Int32) throws(CallFailure) -> Bool {
    do throws(CallFailure) {
      try calling("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.errorNumber == EWOULDBLOCK { return false }
      throw error
    }
  }

  public func rename(_ path: String, to target: String) throws(CallFailure) {
    try calling("rename") { Glibc.rename(raw(path), raw(target)) }
  }

  public func renameWithoutReplacing(_ path: String, to target: String) throws(CallFailure) {
    try calling("renameat2") { ingot_rename_no_replace(raw(path), raw(target)) }
  }

  public func exchange(_ path: String, with other: String) throws(CallFailure) {
    try calling("renameat2") { ingot_rename_exchange(raw(path), raw(other)) }
  }

  public func link(_ path: String, to target: String) throws(CallFailure) {
    try calling("link") { Glibc.link(raw(path), raw(target)) }
  }

  public func removeFile(_ path: String) throws(CallFailure) {
    try calling("unlink") { unlink(raw(path)) }
  }

  public func removeFolder(_ path: String) throws(CallFailure) {
    try calling("rmdir") { rmdir(raw(path)) }
  }

  public func makeFolder(_ path: String, isPrivate: Bool) throws(CallFailure) {
    try calling("mkdir") { mkdir(raw(path), isPrivate ? 0o700 : 0o777) }
  }

  public func takeOverAttributes(of path: String, by descriptor: Int32) throws(CallFailure) {
    try calling("fchmod") { ingot_take_over_attributes(raw(path), descriptor) }
  }

  public func names(in folder: String) throws(CallFailure) -> [String] {
    guard let stream = opendir(raw(folder)) else { throw CallFailure(call: "opendir", errorNumber: errno) }
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

  public func resolve(_ path: String) throws(CallFailure) -> String {
    guard let resolved = realpath(raw(path), nil) else {
      throw CallFailure(call: "realpath", errorNumber: errno)
    }
    defer { free(resolved) }
    return PathText.text(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  public func freeByteCount(at path: String) throws(CallFailure) -> Int {
    let path = raw(path)
    var status = statvfs()
    try calling("statvfs") { statvfs(path, &status) }
    return Int(clamping: UInt64(status.f_bavail).multipliedFullWidth(by: UInt64(status.f_frsize)).low)
  }

  public func map(_ descriptor: Int32, byteCount: Int, path: String) throws(CallFailure) -> FileMapping {
    guard byteCount > 0 else {
      return FileMapping(bytes: UnsafeRawBufferPointer(start: nil, count: 0), slot: -1)
    }
    let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw CallFailure(call: "mmap", errorNumber: errno) }
    let slot = ingot_register_mapping(start, byteCount, PathText.shown(path))
    return FileMapping(bytes: UnsafeRawBufferPointer(start: start, count: byteCount), slot: slot)
  }

  public func unmap(_ mapping: FileMapping) {
    ingot_unregister_mapping(mapping.slot)
    guard let start = mapping.bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: start), mapping.bytes.count)
  }

  public func release(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let page = Int(getpagesize())
    // Pages at either end may hold other bytes, which someone may be reading.
    let first = (UInt(bitPattern: start) + UInt(page) - 1) / UInt(page) * UInt(page)
    let end = (UInt(bitPattern: start) + UInt(bytes.count)) / UInt(page) * UInt(page)
    guard first < end, let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
    _ = madvise(address, Int(end - first), MADV_DONTNEED)
  }

  public func populate(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let page = UInt(getpagesize())
    let first = UInt(bitPattern: start) / page * page
    let end = UInt(bitPattern: start) + UInt(bytes.count)
    guard let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
    _ = madvise(address, Int(end - first), MADV_POPULATE_READ)
  }
}

/// The bytes of a path, ended as C wants them.
private func raw(_ path: String) -> [CChar] {
  PathText.bytes(of: path).map { CChar(bitPattern: $0) } + [0]
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
  }
}

/// Holds back the end by a signal, as long as it lives, where something would have to be cleaned up: there
/// ``Process/isInterrupted`` is to be looked at.
package final class InterruptHold: Sendable {
  /// Begins to hold.
  ///
  /// - Throws: ``IngotError/interrupted`` when a signal has come; nothing is held then.
  package init() throws(IngotError) {
    guard ingot_hold_interrupts() != 0 else { return }
    ingot_release_interrupts()
    throw .interrupted
  }

  deinit { ingot_release_interrupts() }
}

/// What the process as a whole asks of the system.
public enum Process {
  /// The error numbers that code above this file tells apart.
  public enum ErrorNumber {
    /// No such file or folder.
    public static let notFound = ENOENT
    /// It exists already.
    public static let exists = EEXIST
    /// A folder holds something.
    public static let notEmpty = ENOTEMPTY
    /// A part of the path is not a folder.
    public static let notAFolder = ENOTDIR
    /// A signal has come.
    public static let interrupted = EINTR
    /// The disk is full.
    public static let noSpace = ENOSPC
    /// The reader of a pipe has gone.
    public static let brokenPipe = EPIPE
    /// In-kernel copies and renames with flags are refused with one of these where they are not supported.
    public static let unsupported: Set<Int32> = [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM]
  }

  /// The system's words for an error number: `No space left on device`.
  public static func message(forErrorNumber number: Int32) -> String {
    String(cString: strerror(number))
  }

  /// The number of this process.
  public static var identifier: Int32 { getpid() }

  /// What tells one start of the system from another; of no other process where the system does not say.
  static var startIdentifier: String {
    let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "process-\(identifier)" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).prefix { $0 > 32 }, as: UTF8.self)
  }

  /// What the program was called with, behind its name, byte for byte.
  public static var arguments: [String] {
    // SAFETY: the system's own array, which stays as it is, of as many texts as it says.
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map {
        PathText.text(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
      }
    }
  }

  /// The value of an environment variable.
  public static func environment(_ name: String) -> String? {
    getenv(name).map { PathText.text(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  /// Columns of the terminal on a descriptor; `nil` when there is no terminal.
  public static func terminalColumns(of descriptor: Int32) -> Int? {
    let columns = ingot_terminal_columns(descriptor)
    return columns > 0 ? Int(columns) : nil
  }

  /// Makes SIGINT, SIGTERM and SIGHUP end the process with 130, a fault in a mapped file with 74, and a closed pipe or a
  /// file over its size limit an error of the write instead of a signal.
  ///
  /// For the command only: a library leaves its host's signals alone.
  ///
  /// - Parameter lastWords: what is written to standard error when a signal ends the process at once.
  public static func installSignalHandlers(lastWords: String) {
    ingot_install_interrupt_handler(lastWords)
    ingot_install_mapping_fault_handler()
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Makes large memory that is freed go back to the system; for the command only: a library leaves its host's memory alone.
  public static func returnFreedMemory() { ingot_return_freed_memory() }

  /// Whether a signal that ends the process has come since the handlers were installed.
  public static var isInterrupted: Bool { ingot_interrupted() != 0 }

  /// Seconds of a clock that only goes forward.
  public static var monotonicSeconds: Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}
