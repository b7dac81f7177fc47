// SPDX-License-Identifier: Apache-2.0
// The rules of formats/containers/archive.md, and how an archive is known.
import IngotBytes
import IngotCore
import IngotEncodings

/// The rules of archives that hold checkpoints; their meaning stands on `formats/containers/archive.md`.
package enum ArchiveRule: String, FormatRule {
  case wellFormed = "AR-01"
  case memberName = "AR-02"
  case uniqueName = "AR-03"
}

/// The kinds of archive that are read.
enum ArchiveKind: Hashable, Sendable {
  case tar, gzip, zip, sevenZip

  /// The kind that a file's first bytes show; `nil` for what is no archive, or is a format of its own on a zip.
  init?(firstBytes: [UInt8]) {
    if firstBytes.starts(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if firstBytes.starts(with: [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) {
      self = .sevenZip
    } else if Self.isTar(firstBytes) {
      self = .tar
    } else if ZipDirectory.recognizes(firstBytes: firstBytes), !Self.isFormatOnZip(firstBytes) {
      self = .zip
    } else {
      return nil
    }
  }

  /// Whether bytes begin as a tar does since POSIX.
  static func isTar(_ firstBytes: [UInt8]) -> Bool {
    firstBytes.count >= 262 && firstBytes[257..<262].elementsEqual("ustar".utf8)
  }

  /// What it is called in messages.
  var words: String {
    switch self {
    case .tar: "a tar archive"
    case .gzip: "a gzipped tar archive"
    case .zip: "a zip archive"
    case .sevenZip: "a 7z archive"
    }
  }

  /// Whether a zip's first entry is one that archives of NumPy and PyTorch begin with.
  ///
  /// Such an archive may have millions of entries, and its directory is read once only.
  private static func isFormatOnZip(_ firstBytes: [UInt8]) -> Bool {
    var cursor = ByteCursor(firstBytes)
    guard cursor.seek(to: 26), let count = cursor.little(UInt16.self), cursor.seek(to: 30),
      let name = cursor.bytes(min(Int(count), cursor.remainingCount))
    else { return false }
    // An archive of OpenAI's release may begin with one of its arrays.
    let isOfRelease = OpenAIParamsFileName.arrays.contains {
      name.suffix($0.utf8.count).elementsEqual($0.utf8)
    }
    return name.suffix(4).elementsEqual(".npy".utf8) && !isOfRelease
      || name.suffix(9).elementsEqual("/data.pkl".utf8)
  }
}
