// SPDX-License-Identifier: Apache-2.0
// The instants at which runs of a command are killed.
import IngotTestSupport

/// Instants spread over the time that a whole run takes, as the last whole ones took: a machine that was busy when the first
/// was timed may be idle now, and kills that come too late prove nothing.
struct KillInstants {
  private var random: SeededRandom
  private var seconds: Double

  /// Spreads instants over the time that the first whole run took.
  init(seed: UInt64, over seconds: Double) {
    random = SeededRandom(seed: seed)
    self.seconds = seconds
  }

  /// Runs a process that is killed at the next instant, if it has not ended before.
  mutating func run(_ process: ChildProcess) throws -> ProcessResult {
    var process = process
    process.killAfterSeconds = Double.random(in: 0...seconds, using: &random)
    let result = try process.run()
    if result.signal == nil { seconds = (seconds + result.seconds) / 2 }
    return result
  }
}
