// SPDX-License-Identifier: Apache-2.0
// How work is done, whatever it is: nothing of it changes what comes out.
import IngotCore

/// How work is done: none of it changes what comes out.
public struct WorkOptions: Sendable {
  /// The folder of scratch files, for sources that have to be decoded.
  public var scratchFolder = Self.defaultScratchFolder
  /// Threads that work at the same time, at most ``jobLimit``; `nil` for one a processor.
  public var jobs: Int?
  /// The operating system.
  package var system: any SystemCalls = LiveSystem()

  /// The most threads that work at the same time, whatever is asked for: what they read then stays within 64 MiB.
  public static let jobLimit = 16

  /// Where scratch files go when nothing else is asked for: `TMPDIR`, or `/tmp`.
  public static let defaultScratchFolder = Process.environment("TMPDIR") ?? "/tmp"

  /// Makes the default options.
  public init() {}

  /// Makes options for a system of calls.
  package init(system: any SystemCalls) { self.system = system }
}
