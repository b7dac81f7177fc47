// SPDX-License-Identifier: Apache-2.0
// A scratch file without a name, filled and then only read: what an archive had to be decoded to.
import IngotCore

/// A scratch file that is read like any other; its blocks are freed with the last reference to it.
public final class ScratchSource: ByteSource, UnnamedFile {
  /// The file that it was decoded from, by which messages call it.
  public let path: String
  /// Its length.
  public let byteCount: Int
  let file: OutputFile

  /// Takes over a scratch file that is complete.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - byteCount: its length.
  ///   - path: the file that it was decoded from.
  public init(_ file: OutputFile, byteCount: Int, path: String) {
    self.file = file
    self.byteCount = byteCount
    self.path = path
  }

  /// Reads bytes from a position.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try file.read(into: buffer, at: offset)
  }
}

/// Bytes in memory that are read as a file of a checkpoint.
public final class UnnamedMemoryFile: ByteSource, UnnamedFile {
  private let content: MemoryByteSource

  /// The file that the bytes were decoded from, by which messages call them.
  public var path: String { content.path }
  /// How many there are.
  public var byteCount: Int { content.byteCount }

  /// Takes over bytes.
  public init(_ content: MemoryByteSource) {
    self.content = content
  }

  /// Reads bytes from a position.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try content.read(into: buffer, at: offset)
  }
}

/// Where scratch files go unless the caller says otherwise.
public let defaultScratchFolder = Process.environment("TMPDIR") ?? "/tmp"
