// SPDX-License-Identifier: Apache-2.0
// Input that is read once from front to back: standard input, a pipe, or a file.
import IngotCore

/// Input that is read once from front to back.
package final class InputStream {
  /// What it is called in messages.
  package let name: String
  private let descriptor: Int32
  private let closes: Bool
  private let system: any SystemCalls
  private var buffer: [UInt8]

  /// Opens a file, or takes standard input.
  ///
  /// - Parameters:
  ///   - path: the file; `nil`, or `-`, for standard input.
  ///   - chunkBytes: how much is read at once at the most.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/environment(_:)`` when it can't be opened, and
  ///   ``IngotCore/IngotError/missing(path:why:hint:)`` for a folder, and what is not there.
  package init(
    _ path: String?, chunkBytes: Int = 256 << 10, system: any SystemCalls = LiveSystem()
  ) throws(IngotError) {
    self.system = system
    buffer = Array(repeating: 0, count: chunkBytes)
    guard let path, path != "-" else {
      (name, descriptor, closes) = ("standard input", 0, false)
      return
    }
    (name, closes) = (path, true)
    let kind: FileStatus.Kind
    do throws(CallFailure) {
      descriptor = try system.open(path, .readStream)
      kind = try system.status(of: descriptor).kind
    } catch {
      throw .notFound(error, path: path, system)
    }
    // The descriptor is closed with the object.
    if kind == .folder { throw .missing(path: path, why: "is a folder", hint: nil) }
  }

  deinit { if closes { system.close(descriptor) } }

  /// Reads what there is next.
  ///
  /// - Returns: bytes; none at the end.
  package func next() throws(IngotError) -> ArraySlice<UInt8> {
    var count = 0
    let (descriptor, name, system) = (descriptor, name, system)
    try buffer.withMutableBytes { (bytes) throws(IngotError) in
      do throws(CallFailure) {
        count = try system.read(descriptor, into: bytes)
      } catch {
        throw .failed(error, path: name, purpose: .transfer)
      }
    }
    return buffer[..<count]
  }
}
