// SPDX-License-Identifier: Apache-2.0
// A file mapped for reading, for the runtime only: convert, hash and statistics read by position instead, so that a
// file that shrinks is an error and no signal.
import IngotCore

/// A file mapped into memory, read-only.
package final class MappedFile: Sendable {
  private let system: any SystemCalls
  private let mapping: FileMapping

  /// Maps a whole file.
  package init(path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    let file = try FileByteSource(path: path, system: system)
    self.system = system
    do throws(CallFailure) {
      mapping = try system.map(file.descriptor, byteCount: file.byteCount, path: path)
    } catch {
      throw .failed(error, path: path, purpose: .transfer)
    }
  }

  /// Maps a scratch file, whose blocks then live as long as the map.
  package init(_ scratch: ScratchSource, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    self.system = system
    do throws(CallFailure) {
      mapping = try scratch.file.map(byteCount: scratch.byteCount, path: scratch.path)
    } catch {
      throw .failed(error, path: scratch.path, purpose: .transfer)
    }
  }

  deinit { system.unmap(mapping) }

  /// The file's bytes, valid as long as this object lives.
  package var bytes: UnsafeRawBufferPointer { mapping.bytes }

  /// Lets a part of the bytes leave memory until it is read again.
  ///
  /// - Parameter part: a part of ``bytes``.
  package func release(_ part: UnsafeRawBufferPointer) { system.release(part) }

  /// Brings a part of the bytes into memory at once, which costs less than page by page.
  ///
  /// - Parameter part: a part of ``bytes``.
  package func populate(_ part: UnsafeRawBufferPointer) { system.populate(part) }
}
