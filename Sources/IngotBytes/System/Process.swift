// SPDX-License-Identifier: Apache-2.0
// What the process as a whole asks of the system: its environment, clock, signals and threads.
import CIngotBytes
import Glibc
import IngotCore

/// What the process as a whole asks of the system.
package enum Process {
  /// The error numbers that code above this file tells apart.
  package enum ErrorNumber {
    /// No such file or folder.
    package static let notFound = ENOENT
    /// It exists already.
    package static let exists = EEXIST
    /// A folder holds something.
    package static let notEmpty = ENOTEMPTY
    /// A part of the path is not a folder.
    package static let notAFolder = ENOTDIR
    /// A signal has come.
    package static let interrupted = EINTR
    /// The disk is full.
    package static let noSpace = ENOSPC
    /// The reader of a pipe has gone.
    package static let brokenPipe = EPIPE
    /// In-kernel copies and renames with flags are refused with one of these where they are not supported.
    package static let unsupported: Set<Int32> = [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM]
  }

  /// The system's words for an error number: `No space left on device`.
  package static func message(forErrorNumber number: Int32) -> String {
    String(cString: strerror(number))
  }

  /// The number of this process.
  package static var identifier: Int32 { getpid() }

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
  package static var arguments: [String] {
    // SAFETY: the system's own array, which stays as it is, of as many texts as it says.
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map {
        PathText.text(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
      }
    }
  }

  /// The value of an environment variable.
  package static func environment(_ name: String) -> String? {
    getenv(name).map { PathText.text(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  /// Columns of the terminal on a descriptor; `nil` when there is no terminal.
  package static func terminalColumns(of descriptor: Int32) -> Int? {
    let columns = ingot_terminal_columns(descriptor)
    return columns > 0 ? Int(columns) : nil
  }

  /// Makes SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGXCPU end the process with 130, a fault in a mapped file with 74, and a
  /// closed pipe or a file over its size limit an error of the write instead of a signal.
  ///
  /// For the command only: a library leaves its host's signals alone.
  ///
  /// - Parameters:
  ///   - lastWords: what is written to standard error when a signal ends the process at once.
  ///   - faultPieces: what is written for a fault, around the path that stands twice, inside strings of JSON; `nil` for a line
  ///     for people.
  package static func installSignalHandlers(lastWords: String, faultPieces: [String]? = nil) {
    ingot_install_interrupt_handler(lastWords)
    if let faultPieces, faultPieces.count == 3 {
      ingot_tell_mapping_faults(faultPieces[0], faultPieces[1], faultPieces[2])
    }
    ingot_install_mapping_fault_handler()
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Makes large memory that is freed go back to the system; for the command only: a library leaves its host's memory alone.
  package static func returnFreedMemory() { ingot_return_freed_memory() }

  /// Whether a signal that ends the process has come since the handlers were installed, or this thread's work is
  /// cancelled.
  package static var isInterrupted: Bool { ingot_interrupted() != 0 }

  /// Seconds of a clock that only goes forward.
  package static var monotonicSeconds: Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}

extension Process {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Does work on a thread of its own, with a stack of the usual size.
  ///
  /// - Parameter body: the work.
  /// - Returns: false when there is no thread to be had; nothing is done then.
  package static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let work = Unmanaged.passRetained(Work(body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { context in
        guard let context else { return nil }
        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    if code != 0 { work.release() }
    return code == 0
  }
}
