// SPDX-License-Identifier: Apache-2.0
// Runs another program to its end and keeps what it wrote. Output goes to unlinked files, so that a program which
// writes much never waits for the test; every run has a time limit.
import Foundation

/// What a program that has ended left behind.
package struct ProcessResult: Sendable {
  /// What was run, for failure messages.
  package let command: String
  /// The exit code; `nil` when a signal ended the program.
  package let exitCode: Int32?
  /// The signal that ended the program.
  package let signal: Int32?
  /// The bytes of standard output.
  package let outputBytes: [UInt8]
  /// The bytes of standard error.
  package let errorBytes: [UInt8]
  /// The largest resident memory, file pages included; under a sanitizer a share of it (``Patience/memoryFactor``).
  package let peakResidentBytes: Int
  /// From start to end.
  package let seconds: Double

  /// Standard output as text.
  package var standardOutput: String { String(decoding: outputBytes, as: UTF8.self) }
  /// Standard error as text.
  package var standardError: String { String(decoding: errorBytes, as: UTF8.self) }
  /// The first line of standard error, without its end.
  package var firstErrorLine: String {
    String(standardError.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).first ?? "")
  }
}

/// A program that is run and waited for.
package struct ChildProcess: Sendable {
  /// Why there is no result.
  package enum Failure: Error, CustomStringConvertible {
    case notStarted(command: String, errorNumber: Int32)
    case timedOut(command: String, seconds: Double, standardError: String)

    package var description: String {
      switch self {
      case .notStarted(let command, let number):
        "could not start \(command): \(String(cString: strerror(number)))"
      case .timedOut(let command, let seconds, let standardError):
        "\(command) did not end within \(seconds) s; its standard error: \(standardError)"
      }
    }
  }

  /// The program's path.
  package var program: String
  /// What follows the program's name.
  package var arguments: [String]
  /// What the program reads on standard input.
  package var input: [UInt8] = []
  /// Variables added to, or replaced in, this process's environment; `nil` removes one.
  package var environment: [String: String?] = [:]
  /// The folder to run in; this process's own when `nil`.
  package var folder: String?
  /// Limits for the shell's `ulimit`, such as `-f 100` (blocks of 512 bytes that a file may have).
  package var shellLimits: String?
  /// After this time the program is killed and the run is a failure.
  package var timeoutSeconds: Double = 120 * Patience.factor
  /// After this time the program gets ``killSignal``, and the run goes on to its result.
  package var killAfterSeconds: Double?
  /// When the program has read so many bytes, it gets ``killSignal``, however long it took to begin.
  package var killAfterReadByteCount: Int?
  /// The signal sent after ``killAfterSeconds`` or ``killAfterReadByteCount``.
  package var killSignal: Int32 = SIGKILL

  /// Describes a run.
  package init(_ program: String, _ arguments: [String] = []) {
    self.program = program
    self.arguments = arguments
  }

  private var command: String { ([program] + arguments).joined(separator: " ") }

  /// Runs the program to its end.
  ///
  /// - Returns: what it wrote and how it ended.
  /// - Throws: ``Failure`` when it can't be started or runs over the time limit.
  package func run() throws -> ProcessResult {
    let stdin = try ScratchFile(input)
    let stdout = try ScratchFile()
    let stderr = try ScratchFile()
    let start = ContinuousClock.now
    let child = try spawn(stdin.descriptor, stdout.descriptor, stderr.descriptor)
    let end = try wait(for: child, since: start, stderr)
    return ProcessResult(
      command: command, exitCode: end.exitCode, signal: end.signal, outputBytes: stdout.bytes(),
      errorBytes: stderr.bytes(), peakResidentBytes: end.peakResidentBytes, seconds: seconds(since: start))
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double {
    (ContinuousClock.now - start) / .seconds(1)
  }

  // MARK: - Starting

  private func spawn(_ stdin: Int32, _ stdout: Int32, _ stderr: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in [(0, stdin), (1, stdout), (2, stderr)] {
      posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that a time limit ends its children too.
    // And no signals blocked or ignored: the threads that tests run on block most of them, tests may run under nohup,
    // and children inherit both.
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    var endingSignals = noSignals
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&endingSignals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &endingSignals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var child: pid_t = 0
    let words = wordsToRun()
    let failure = withCStrings(words) { arguments in
      withCStrings(childEnvironment()) { environment in
        posix_spawnp(&child, words[0], &actions, &attributes, arguments, environment)
      }
    }
    guard failure == 0 else { throw Failure.notStarted(command: command, errorNumber: failure) }
    return child
  }

  /// The program with its arguments, by way of a shell where it is to run in another folder or under limits.
  private func wordsToRun() -> [String] {
    var preparation: [String] = []
    if folder != nil { preparation.append("cd \"$0\"") }
    if let shellLimits { preparation.append("ulimit \(shellLimits)") }
    guard !preparation.isEmpty else { return [program] + arguments }
    let script = (preparation + ["exec \"$@\""]).joined(separator: " && ")
    return ["/bin/sh", "-c", script, folder ?? "", program] + arguments
  }

  private func childEnvironment() -> [String] {
    var all = ProcessInfo.processInfo.environment
    for (name, value) in environment { all[name] = value }
    return all.map { "\($0.key)=\($0.value)" }
  }

  /// Calls a function with a null-terminated array of C strings.
  private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies + [nil])
  }

  // MARK: - Waiting

  /// Bytes that a process has read from files and pipes: `rchar` of proc(5).
  private static func readByteCount(of process: pid_t) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/io", encoding: .utf8) else { return 0 }
    let line = text.split(separator: "\n").first { $0.hasPrefix("rchar: ") }
    return line.flatMap { Int($0.dropFirst(7)) } ?? 0
  }

  private struct End {
    var exitCode: Int32?
    var signal: Int32?
    var peakResidentBytes: Int
  }

  private func wait(
    for child: pid_t, since start: ContinuousClock.Instant, _ stderr: ScratchFile
  ) throws -> End {
    var status: Int32 = 0
    var usage = rusage()
    var isKillDue = killAfterSeconds != nil || killAfterReadByteCount != nil
    var seenPeak = 0
    while true {
      // The last look tells: a first one may be of this process's memory, which the child has until its program begins.
      let peak = ResidentPeak.bytes(of: child)
      if peak > 0 { seenPeak = peak }
      let ended = wait4(child, &status, WNOHANG, &usage)
      if ended == child { break }
      if ended < 0, errno != EINTR { throw Failure.notStarted(command: command, errorNumber: errno) }
      let elapsed = seconds(since: start)
      let isTime = killAfterSeconds.map { elapsed >= $0 } ?? false
      let hasRead = isKillDue && killAfterReadByteCount.map { Self.readByteCount(of: child) >= $0 } ?? false
      if isKillDue, isTime || hasRead {
        kill(child, killSignal)
        isKillDue = false
      }
      if elapsed > timeoutSeconds {
        kill(-child, SIGKILL)
        waitpid(child, &status, 0)
        throw Failure.timedOut(
          command: command, seconds: timeoutSeconds,
          standardError: String(decoding: stderr.bytes(), as: UTF8.self))
      }
      usleep(isKillDue || elapsed < 0.05 ? 200 : 2000)
    }
    // The low seven bits hold the signal, the next byte the exit code (wait(2)).
    let signal = status & 0x7f
    return End(
      exitCode: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      peakResidentBytes: ResidentPeak.bytes(reported: usage.ru_maxrss * 1024, seen: seenPeak)
        / Patience.memoryFactor)
  }
}

/// The most memory that a process had at once.
private enum ResidentPeak {
  /// The high-water mark of a process that runs; 0 of one that has ended.
  static func bytes(of process: pid_t) -> Int {
    let descriptor = open("/proc/\(process)/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("VmHWM:") }) else { return 0 }
    return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  /// The peak of a process that has ended.
  ///
  /// The system reports the larger one of its own and that of the process that started it, as that was then. Only what
  /// is above the latter is known to be its own; otherwise it is what was seen last while it ran.
  static func bytes(reported: Int, seen: Int) -> Int {
    reported > bytes(of: getpid()) ? reported : seen
  }
}

/// A file without a name that holds what goes to or comes from a child.
private final class ScratchFile {
  let descriptor: Int32

  init(_ bytes: [UInt8] = []) throws {
    var path = Array((NSTemporaryDirectory() + "/ingot-child-XXXXXX").utf8CString)
    descriptor = mkstemp(&path)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    unlink(path)
    // Other children must not inherit it.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    try handle.write(contentsOf: bytes)
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit { close(descriptor) }

  private var handle: FileHandle { FileHandle(fileDescriptor: descriptor, closeOnDealloc: false) }

  /// All that is in the file.
  func bytes() -> [UInt8] {
    lseek(descriptor, 0, SEEK_SET)
    return [UInt8]((try? handle.readToEnd()) ?? Data())
  }
}
