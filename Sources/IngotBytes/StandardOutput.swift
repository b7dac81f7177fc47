// SPDX-License-Identifier: Apache-2.0
// Standard output as a target that only goes forward.
import IngotCore

/// Standard output: bytes must come in order, without gaps.
package final class StandardOutput: OutputTarget {
  private let system: any SystemCalls
  private let position = Locked(0)

  /// Makes a target at the start of a stream.
  package init(system: any SystemCalls = LiveSystem()) {
    self.system = system
  }

  /// Writes the next bytes of the stream.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IngotError) {
    guard position.withLock({ $0 }) == offset else {
      throw .internal("a write that goes back in a stream")
    }
    var done = 0
    while done < bytes.count {
      do throws(CallFailure) {
        done += try system.write(1, from: UnsafeRawBufferPointer(rebasing: bytes[done...]))
      } catch {
        throw .failed(error, path: "standard output", purpose: .transfer)
      }
    }
    position.withLock { $0 += bytes.count }
  }
}
