// SPDX-License-Identifier: Apache-2.0
// The two ends of an `.ingot` file, 64 bytes each: the header, which says where the index and the tail are, and the
// footer, which shows that the file is whole. Page: formats/ingot.md, "Header" and "Footer".
import IngotBytes
import IngotCore

/// Numbers that hold for every `.ingot` file.
enum IngotFileLayout {
  /// The first bytes of every file.
  static let magic: [UInt8] = [0x89, 0x49, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  /// The version that this program reads and writes.
  static let version: UInt32 = 1
  /// Bytes of the header, and of the footer.
  static let endByteCount = 64
  /// Bytes of a digest.
  static let digestByteCount = 16
  /// What offsets of runs are multiples of: a cache line, and the widest vector.
  static let alignment = 64
}

/// The first 64 bytes of a file.
struct IngotFileHeader: Hashable, Sendable {
  /// Bytes of the index, which starts behind the header.
  var indexByteCount: Int
  /// Where the tail starts.
  var tailOffset: Int
  /// Of the index.
  var indexDigest: XXH3Digest

  /// Where the index ends.
  var indexEnd: Int { IngotFileLayout.endByteCount + indexByteCount }

  init(indexByteCount: Int, tailOffset: Int, indexDigest: XXH3Digest) {
    self.indexByteCount = indexByteCount
    self.tailOffset = tailOffset
    self.indexDigest = indexDigest
  }

  /// Reads and checks the header: IN-01 to IN-06, and the version.
  init(_ source: any ByteSource) throws(IngotError) {
    let start = try source.bytes(at: 0, count: min(IngotFileLayout.endByteCount, source.byteCount))
    func malformed(
      _ rule: IngotFileRule, _ offset: Int, _ found: Evidence, _ expected: Evidence
    ) -> IngotError {
      .malformed(rule.rule, at: Location(source.path, offset: offset), found: found, expected: expected)
    }
    guard start.starts(with: IngotFileLayout.magic) else {
      throw malformed(.magic, 0, Self.describe(start), "the bytes 89 49 4e 47 0d 0a 1a 0a")
    }
    guard source.byteCount >= 2 * IngotFileLayout.endByteCount else {
      throw malformed(
        .fileLength, 0, "a file of \(source.byteCount, "byte")",
        "at least \(2 * IngotFileLayout.endByteCount) for header and footer")
    }
    var decoder = IngotFileDecoder(start, at: 0, path: source.path, shortRule: .fileLength)
    _ = try decoder.bytes(IngotFileLayout.magic.count)
    let version = try decoder.number(UInt32.self)
    let reserved = try decoder.number(UInt32.self)
    let indexByteCount = try decoder.number(UInt64.self)
    let tailOffset = try decoder.number(UInt64.self)
    indexDigest = try decoder.digest()
    guard try decoder.digest() == XXH3.digest(of: Array(start.prefix(48))) else {
      throw malformed(.headDigest, 48, "another XXH3", "that of bytes 0 to 47")
    }
    guard version == IngotFileLayout.version else {
      throw .unsupported(
        "version \(version); this program reads version \(IngotFileLayout.version)",
        at: Location(source.path, offset: 8))
    }
    guard reserved == 0 else { throw malformed(.reserved, 12, "\(reserved)", "0") }
    guard indexByteCount <= Limit.ingotIndexBytes.value else {
      throw malformed(
        .sizeLimit, 16, "an index of \(indexByteCount, "byte")", "at most \(Limit.ingotIndexBytes.value)")
    }
    self.indexByteCount = Int(indexByteCount)
    guard self.indexByteCount <= source.byteCount - 2 * IngotFileLayout.endByteCount else {
      throw malformed(
        .indexInFile, 16, "an index of \(indexByteCount, "byte") in a file of \(source.byteCount)",
        "at most \(source.byteCount - 2 * IngotFileLayout.endByteCount)")
    }
    // Beyond Int's range it is beyond the data's end, which IN-26 finds.
    self.tailOffset = Int(clamping: tailOffset)
  }

  /// What the first bytes are instead of the magic, with the damage they show.
  private static func describe(_ start: [UInt8]) -> Evidence {
    let found = start.prefix(IngotFileLayout.magic.count).map { hexadecimal([$0]) }.joined(separator: " ")
    let cause: Evidence =
      switch Array(start.prefix(8)) {
      case let bytes where bytes.starts(with: [0x09, 0x49, 0x4E, 0x47]):
        ": a transfer cleared every eighth bit"
      case let bytes where bytes.starts(with: [0x89, 0x49, 0x4E, 0x47, 0x0A]),
        let bytes where bytes.starts(with: [0x89, 0x49, 0x4E, 0x47, 0x0D, 0x0D]),
        let bytes where bytes.starts(with: [0x89, 0x49, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0D]):
        ": a transfer changed line ends"
      default: ""
      }
    return "the bytes \(words: found)\(cause)"
  }

  /// The header's bytes.
  var encoded: [UInt8] {
    var encoder = IngotFileEncoder()
    encoder.bytes = IngotFileLayout.magic
    encoder.number(IngotFileLayout.version)
    encoder.number(UInt32(0))
    encoder.number(UInt64(indexByteCount))
    encoder.number(UInt64(tailOffset))
    encoder.digest(indexDigest)
    encoder.digest(XXH3.digest(of: encoder.bytes))
    return encoder.bytes
  }
}

/// The last 64 bytes of a file.
struct IngotFileFooter: Hashable, Sendable {
  /// Where the tail starts, as in the header.
  var tailOffset: Int
  /// Bytes of the tail.
  var tailByteCount: Int
  /// Of the index, as in the header.
  var indexDigest: XXH3Digest
  /// Of the tail.
  var tailDigest: XXH3Digest

  init(tailOffset: Int, tailByteCount: Int, indexDigest: XXH3Digest, tailDigest: XXH3Digest) {
    self.tailOffset = tailOffset
    self.tailByteCount = tailByteCount
    self.indexDigest = indexDigest
    self.tailDigest = tailDigest
  }

  /// Reads the footer and checks it against the header: IN-28, IN-05 and IN-29.
  ///
  /// - Precondition: the file is not shorter than its header and this footer, which IN-02 and IN-27 see to.
  init(_ source: any ByteSource, header: IngotFileHeader) throws(IngotError) {
    let start = source.byteCount - IngotFileLayout.endByteCount
    let bytes = try source.bytes(at: start, count: IngotFileLayout.endByteCount)
    func malformed(
      _ rule: IngotFileRule, _ offset: Int, _ found: Evidence, _ expected: Evidence
    ) -> IngotError {
      .malformed(
        rule.rule, at: Location(source.path, offset: start + offset), found: found, expected: expected)
    }
    var decoder = IngotFileDecoder(bytes, at: start, path: source.path, shortRule: .footerDigest)
    let tailOffset = try decoder.number(UInt64.self)
    let tailByteCount = try decoder.number(UInt64.self)
    indexDigest = try decoder.digest()
    tailDigest = try decoder.digest()
    guard try decoder.digest() == XXH3.digest(of: Array(bytes.prefix(48))) else {
      throw malformed(
        .footerDigest, 0, "no footer in the last 64 bytes: the file is cut off, or other bytes follow it",
        "a footer with the XXH3 of its first 48 bytes")
    }
    guard tailByteCount <= Limit.ingotIndexBytes.value else {
      throw malformed(
        .sizeLimit, 8, "a tail of \(tailByteCount, "byte")", "at most \(Limit.ingotIndexBytes.value)")
    }
    guard tailOffset == UInt64(header.tailOffset) else {
      throw malformed(
        .footer, 0, "a tail at byte \(tailOffset)", "it at \(header.tailOffset), as in the header")
    }
    guard tailByteCount == UInt64(start - header.tailOffset) else {
      throw malformed(
        .footer, 8, "a tail of \(tailByteCount, "byte")", "\(start - header.tailOffset) from it to the footer"
      )
    }
    guard indexDigest == header.indexDigest else {
      throw malformed(.footer, 16, "the XXH3 of another index", "that of this file's")
    }
    self.tailOffset = header.tailOffset
    self.tailByteCount = Int(tailByteCount)
  }

  /// The footer's bytes.
  var encoded: [UInt8] {
    var encoder = IngotFileEncoder()
    encoder.number(UInt64(tailOffset))
    encoder.number(UInt64(tailByteCount))
    encoder.digest(indexDigest)
    encoder.digest(tailDigest)
    encoder.digest(XXH3.digest(of: encoder.bytes))
    return encoder.bytes
  }
}
