// SPDX-License-Identifier: Apache-2.0
// A scratch file without a name, filled and then only read: what an archive had to be decoded to, or standard input.
import IngotCore

/// A scratch file that is read like any other; its blocks are freed with the last reference to it.
package final class ScratchSource: ByteSource, UnnamedFile {
  /// The file that it was decoded from, by which messages call it.
  package let path: String
  /// Its length.
  package let byteCount: Int
  /// Whether it is what was given, and not decoded from that.
  package let isInput: Bool
  let file: OutputFile

  /// Takes over a scratch file that is complete.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - byteCount: its length.
  ///   - path: the file that it was decoded from.
  ///   - isInput: whether it is what was given, and not decoded from that.
  package init(_ file: OutputFile, byteCount: Int, path: String, isInput: Bool = false) {
    self.file = file
    self.byteCount = byteCount
    self.path = path
    self.isInput = isInput
  }

  /// Reads bytes from a position.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try file.read(into: buffer, at: offset)
  }
}

/// Bytes in memory that are read as a file of a checkpoint.
package final class UnnamedMemoryFile: ByteSource, UnnamedFile {
  private let content: MemoryByteSource

  /// The file that the bytes were decoded from, by which messages call them.
  package var path: String { content.path }
  /// How many there are.
  package var byteCount: Int { content.byteCount }
  /// They were decoded.
  package var isInput: Bool { false }

  /// Takes over bytes.
  package init(_ content: MemoryByteSource) {
    self.content = content
  }

  /// Reads bytes from a position.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try content.read(into: buffer, at: offset)
  }
}
