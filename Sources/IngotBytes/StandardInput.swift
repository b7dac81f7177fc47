// SPDX-License-Identifier: Apache-2.0
// Standard input as a source that only goes forward.
import IngotCore

/// Standard input: bytes come once, in order, and nobody knows how many.
package struct StandardInput: Sendable {
  /// What messages call it.
  package static let name = "standard input"

  private let system: any SystemCalls

  /// Takes what comes next.
  package init(system: any SystemCalls = LiveSystem()) { self.system = system }

  /// Reads bytes, however few come at a time.
  ///
  /// - Parameter buffer: where they go.
  /// - Returns: how many; fewer than there is room for only where the input ends.
  /// - Throws: ``IngotError/environment(_:)`` (74) when the system fails.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      do throws(CallFailure) {
        let count = try system.read(0, into: rest)
        guard count > 0 else { break }
        done += count
      } catch {
        throw .failed(error, path: Self.name, purpose: .transfer)
      }
    }
    return done
  }
}
