// SPDX-License-Identifier: Apache-2.0
// What stands behind the end of an archive, or of any other content that says where it ends: zeros, which fill up, or bytes
// that someone may read. Page: formats/containers/archive.md.
import IngotBytes
import IngotCore

extension ByteSource {
  /// Where the first byte of a range is that is not zero; `nil` where all are.
  ///
  /// - Parameter range: a range of the source.
  /// - Returns: the offset.
  /// - Throws: read errors, and ``IngotCore/IngotError/interrupted``.
  func firstNonzero(in range: Range<Int>) throws(IngotError) -> Int? {
    var position = max(0, range.lowerBound)
    let end = min(range.upperBound, byteCount)
    // Most often it is one of the first.
    var pieceByteCount = 4096
    while position < end {
      if Process.isInterrupted { throw .interrupted }
      let piece = try bytes(at: position, count: min(pieceByteCount, end - position))
      if let index = piece.firstIndex(where: { $0 != 0 }) { return position + index }
      position += piece.count
      pieceByteCount = min(2 * pieceByteCount, 1 << 20)
    }
    return nil
  }
}

/// What stands behind the end of an archive and is no archive.
struct ArchiveTail: Sendable {
  /// The bytes, from the first that is not zero to the end of the file.
  var range: Range<Int>

  /// What is said of it where it is passed over.
  ///
  /// - Parameter path: the archive.
  /// - Returns: a remark.
  func finding(in path: String) -> Finding {
    Finding(
      .notRead, severity: .note, subject: FilePath.name(of: path),
      detail:
        "\(range.count, "byte behind the archive's end is", "bytes behind the archive's end are") not read")
  }
}

/// The end of a 7z archive.
enum SevenZipEnd {
  /// Where an archive ends, as the header at its start says; `nil` where that does not say.
  static func offset(in source: any ByteSource) throws(IngotError) -> Int? {
    guard source.byteCount >= 32 else { return nil }
    var cursor = ByteCursor(try source.bytes(at: 12, count: 16))
    guard let offset = cursor.count64(), let byteCount = cursor.count64() else { return nil }
    return offset.checkedAdd(byteCount)?.checkedAdd(32)
  }
}
