// SPDX-License-Identifier: Apache-2.0
// The one error type, by blame. Cases hold values; only ErrorText (IngotKit) turns them into text.

/// Why work can't go on, sorted by who can mend it.
public enum IngotError: Error, Hashable, Sendable {
  /// The file breaks its own format. Exit 65.
  case malformed(Rule, at: Location, found: Evidence, expected: Evidence)
  /// The file is valid, but holds what this program does not read or write. Exit 65.
  case unsupported(Evidence, at: Location)
  /// The file may be valid, but is over a limit. Exit 65.
  case limitExceeded(Limit, at: Location, asked: UInt64)
  /// The target can't hold what the source has. Exit 65.
  case unrepresentable(tensor: String?, target: String, why: Evidence, hint: Evidence?)
  /// The input is well-formed, but not what the command can work on. Exit 65.
  case unsuitable(Location, why: Evidence, hint: Evidence?)
  /// The caller's mistake. Exit 64.
  case invalidRequest(option: RequestOption, why: Evidence)
  /// A bound that was asked for can't be kept. Exit 1.
  case unmet(option: RequestOption, why: Evidence)
  /// A file the work needs is not there. Exit 66.
  case missing(path: String, why: Evidence, hint: Evidence?)
  /// The output may not be put there. Exit 73.
  case outputRefused(path: String, why: Evidence, hint: Evidence?)
  /// The system refused. Exit 66, 73 or 74, by purpose.
  case environment(SystemFailure)
  /// The source changed while it was read. Exit 74.
  case sourceChanged(path: String, found: Evidence, expected: Evidence)
  /// The user, or another process, asked to stop. Exit 130.
  case interrupted
  /// A state that this program's own logic excludes. Exit 70.
  case `internal`(Evidence)
}

/// A system call that failed.
public struct SystemFailure: Error, Hashable, Sendable {
  /// What the call was for; this decides the exit code.
  public enum Purpose: Hashable, Sendable {
    /// Finding or opening an input: exit 66.
    case openInput
    /// Creating or replacing an output: exit 73.
    case createOutput
    /// Moving bytes: exit 74.
    case transfer
  }

  /// The C function's name.
  public var call: String
  /// The error number it left.
  public var errorNumber: Int32
  /// The path it was about.
  public var path: String
  /// What it was for.
  public var purpose: Purpose

  /// Makes a record of a failure.
  public init(call: String, errorNumber: Int32, path: String, purpose: Purpose) {
    self.call = call
    self.errorNumber = errorNumber
    self.path = path
    self.purpose = purpose
  }
}
