// SPDX-License-Identifier: Apache-2.0
// Standard input as a source that only goes forward, and kept in a scratch file where it is read by position.
import IngotCore

/// Standard input: bytes come once, in order, and nobody knows how many.
package struct StandardInput: Sendable {
  /// What messages call it.
  package static let name = "standard input"
  /// What names it where a path is expected; a file of this name is `./-`.
  package static let path = "-"
  /// Where what stands beside it would be: a folder that holds nothing, for it is none.
  package static let folder = "/dev/stdin"

  /// Whether it was kept by this process: its bytes come once.
  private static let wasKept = Locked(false)

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

  /// Keeps all that comes in a scratch file, to be read by position.
  ///
  /// - Parameter scratchFolder: the folder whose space is taken; the file has no name there.
  /// - Returns: the file, which messages call ``name``.
  /// - Throws: ``IngotError/missing(path:why:hint:)`` for a terminal, and for what was read already;
  ///   ``IngotError/environment(_:)`` when the system fails, and ``IngotError/interrupted``.
  package func kept(in scratchFolder: String) throws(IngotError) -> ScratchSource {
    guard Process.terminalColumns(of: 0) == nil else {
      throw .missing(path: Self.name, why: "is a terminal, which has no checkpoint", hint: nil)
    }
    let wasKept = Self.wasKept.withLock { wasKept in
      defer { wasKept = true }
      return wasKept
    }
    guard !wasKept else {
      throw .missing(path: Self.name, why: "was read already: it comes once", hint: nil)
    }
    let file = try OutputFile.scratch(in: scratchFolder, byteCount: 0, system: system)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var (byteCount, count) = (0, buffer.count)
    while count == buffer.count {
      if Process.isInterrupted { throw .interrupted }
      count = try read(into: buffer)
      try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: byteCount)
      byteCount += count
    }
    return ScratchSource(file, byteCount: byteCount, path: Self.name, isInput: true)
  }
}
