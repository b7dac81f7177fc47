// SPDX-License-Identifier: Apache-2.0
// Output that is made a little at a time and written in large pieces.
import IngotCore

/// Writes bytes behind each other, a megabyte at a time.
package final class StreamedOutput {
  private let target: any OutputTarget
  private var pending: [UInt8] = []
  private var written = 0
  private static let pieceByteCount = 1 << 20

  /// Begins at a target's start.
  package init(_ target: any OutputTarget) { self.target = target }

  /// Bytes so far.
  package var byteCount: Int { written + pending.count }

  /// Adds bytes.
  package func write(_ bytes: some Sequence<UInt8>) throws(IngotError) {
    pending.append(contentsOf: bytes)
    if pending.count >= Self.pieceByteCount { try flush() }
  }

  /// Writes what is still to be written.
  package func flush() throws(IngotError) {
    guard !pending.isEmpty else { return }
    try target.write(pending, at: written)
    written += pending.count
    pending.removeAll(keepingCapacity: true)
  }
}
