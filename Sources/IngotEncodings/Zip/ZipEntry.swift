// SPDX-License-Identifier: Apache-2.0
// The rules of formats/containers/zip.md, and one entry of an archive.
import IngotCore

/// The rules of zip archives; their meaning stands on `formats/containers/zip.md`, with ``IngotBytes/StreamRule``.
package enum ZipRule: String, FormatRule {
  case endRecord = "ZIP-01"
  case oneDisk = "ZIP-02"
  case zip64 = "ZIP-03"
  case directoryPlace = "ZIP-04"
  case directoryEntry = "ZIP-05"
  case zip64Extra = "ZIP-06"
  case entryName = "ZIP-07"
  case uniqueName = "ZIP-08"
  case storedSize = "ZIP-09"
  case localHeader = "ZIP-10"
  case localAgrees = "ZIP-11"
  case dataPlace = "ZIP-12"
  case overlap = "ZIP-13"
  case checksum = "ZIP-14"
}

/// One entry of a zip archive, as its directory describes it; every range lies inside the file.
package struct ZipEntry: Hashable, Sendable {
  /// How the data is stored.
  package enum Method: UInt16, Hashable, Sendable {
    /// As it is.
    case stored = 0
    /// As a raw deflate stream.
    case deflated = 8
  }

  /// The name, with `/` between folders.
  package var name: String
  /// How the data is stored.
  package var method: Method
  /// CRC-32 of the data, decoded.
  package var crc32: UInt32
  /// Bytes in the file.
  package var storedByteCount: Int
  /// Bytes when decoded.
  package var byteCount: Int
  /// Where the local header starts.
  package var headerOffset: Int
  /// Where the data starts.
  package var dataOffset: Int
  /// Whether it is a symbolic link of Unix, whose data is the path that it leads to.
  package var isLink = false

  /// Whether it stands for a folder.
  package var isFolder: Bool { name.hasSuffix("/") }
}
