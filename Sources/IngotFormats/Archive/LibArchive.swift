// SPDX-License-Identifier: Apache-2.0
// One pass over a tar or a 7z by libarchive, which is fed by position from a source and asked for nothing else: no
// other format and no filter is switched on, nothing is unpacked to a path, no link is followed. Tars that stand one behind
// the other are one, as for `tar -i`.
// Page: formats/containers/archive.md.
import CArchive
import IngotBytes
import IngotCore

/// What libarchive says of one entry.
struct LibArchiveEntry {
  /// The name's bytes; `nil` when libarchive can't say it.
  var name: [UInt8]?
  /// Whether it is a file with bytes of its own, and not a folder, link or device.
  var isFile: Bool
  /// Whether it is a folder.
  var isFolder: Bool
  /// Where it leads to, when it is a link: another name of the archive, or a path from the folder that it is in.
  var link: Link?
  /// Bytes of the file.
  var byteCount: Int
  /// Where the file's bytes are in the archive, where that is one range of plain bytes.
  var dataOffset: Int?

  /// Where a link leads to.
  enum Link {
    case hard([UInt8]), symbolic([UInt8])
  }
}

/// One pass over an archive.
final class LibArchive {
  private let source: any ByteSource
  private let kind: ArchiveKind
  private var handle: OpaquePointer
  private var feed: ArchiveFeed
  private var isOpen = false
  /// Where the archive that is read starts, of several one behind the other.
  private var start = 0
  /// What stands behind the last archive and is none; known once all entries were read.
  private(set) var tail: ArchiveTail?

  /// Opens an archive of one kind.
  ///
  /// - Throws: AR-01 when its start is not of that kind, and read errors.
  init(_ source: any ByteSource, kind: ArchiveKind) throws(IngotError) {
    guard let handle = archive_read_new() else { throw .internal("libarchive gives no reader") }
    self.source = source
    self.handle = handle
    self.kind = kind
    feed = ArchiveFeed(source)
    try open()
  }

  private func open() throws(IngotError) {
    if kind == .sevenZip {
      archive_read_support_format_7zip(handle)
    } else {
      archive_read_support_format_tar(handle)
    }
    // SAFETY: `feed` is a stored property, which changes only when the handle that it was given to is gone, and libarchive
    // calls back only while this object lives.
    archive_read_set_callback_data(handle, Unmanaged.passUnretained(feed).toOpaque())
    archive_read_set_read_callback(handle) { _, data, place in
      ArchiveFeed.of(data)?.nextPiece(place) ?? Int(ARCHIVE_FATAL)
    }
    archive_read_set_skip_callback(handle) { _, data, count in ArchiveFeed.of(data)?.skip(count) ?? 0 }
    archive_read_set_seek_callback(handle) { _, data, offset, whence in
      ArchiveFeed.of(data)?.seek(offset, whence) ?? Int64(ARCHIVE_FATAL)
    }
    try check(archive_read_open1(handle))
    isOpen = true
  }

  deinit { archive_read_free(handle) }

  /// Throws what stopped libarchive: the source's error, or AR-01.
  ///
  /// A warning about a header is passed over, one about data is not: 7z's CRC-32 is one.
  private func check(_ status: Int32, passesWarnings: Bool = true) throws(IngotError) {
    if status == ARCHIVE_OK || (status == ARCHIVE_WARN && passesWarnings) { return }
    if let failure = feed.failure { throw failure }
    let location = Location(feed.source.path)
    // Of a handle that was not opened, libarchive 3.6 would ask a format that there is not.
    if isOpen, archive_read_has_encrypted_entries(handle) > 0 {
      throw .unsupported("an encrypted archive", at: location)
    }
    let words = archive_error_string(handle).map { String(cString: $0) } ?? "an archive that is not whole"
    throw .malformed(
      ArchiveRule.wellFormed.rule, at: location, found: .value(words), expected: "what libarchive reads")
  }

  // MARK: - Behind the end

  /// Goes on with the tar that stands behind the end of the one that was read; `false` where none does.
  private func openNext() throws(IngotError) -> Bool {
    guard tail == nil, let end = try end() else { return false }
    guard let first = try source.firstNonzero(in: end..<max(end, source.byteCount)) else { return false }
    // Blocks are counted from the start of an archive.
    let block = first - (first - end) % 512
    let header = try source.bytes(at: block, count: min(512, source.byteCount - block))
    guard kind == .tar, ArchiveKind.isTar(header) else {
      tail = ArchiveTail(range: first..<source.byteCount)
      return false
    }
    guard let next = archive_read_new() else { throw .internal("libarchive gives no reader") }
    archive_read_free(handle)
    handle = next
    isOpen = false
    start = block
    feed = ArchiveFeed(SourceSlice(source, block..<source.byteCount, path: source.path))
    try open()
    return true
  }

  /// Where the archive ends whose last entry was read; `nil` where that is not known.
  private func end() throws(IngotError) -> Int? {
    if kind == .sevenZip { return try SevenZipEnd.offset(in: source) }
    return start.checkedAdd(Int(archive_filter_bytes(handle, 0)))
  }

  // MARK: - Entries

  /// The next entry; `nil` behind the last.
  ///
  /// - Throws: AR-01, read errors, and ``IngotCore/IngotError/unsupported(_:at:)`` for an encrypted entry.
  func next() throws(IngotError) -> LibArchiveEntry? {
    if Process.isInterrupted { throw .interrupted }
    var entry: OpaquePointer?
    var status = archive_read_next_header(handle, &entry)
    while status == ARCHIVE_EOF {
      guard try openNext() else { return nil }
      status = archive_read_next_header(handle, &entry)
    }
    try check(status)
    guard let entry else { throw .internal("libarchive gives no entry") }
    guard archive_entry_is_encrypted(entry) == 0 else {
      throw .unsupported("an encrypted archive", at: Location(feed.source.path))
    }
    let byteCount = Int(archive_entry_size(entry))
    guard byteCount >= 0 else {
      throw .malformed(
        ArchiveRule.wellFormed.rule, at: Location(feed.source.path),
        found: "an entry of \(byteCount, "byte")",
        expected: "none or more")
    }
    return LibArchiveEntry(
      name: bytes(archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)),
      isFile: ingot_archive_is_file(entry) != 0, isFolder: ingot_archive_is_folder(entry) != 0,
      link: link(of: entry), byteCount: byteCount, dataOffset: dataOffset(of: entry, byteCount: byteCount))
  }

  private func link(of entry: OpaquePointer) -> LibArchiveEntry.Link? {
    if let target = bytes(archive_entry_hardlink_utf8(entry) ?? archive_entry_hardlink(entry)) {
      return .hard(target)
    }
    return bytes(archive_entry_symlink_utf8(entry) ?? archive_entry_symlink(entry)).map { .symbolic($0) }
  }

  /// The bytes of a text that libarchive gives.
  private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
    guard let text else { return nil }
    var length = 0
    while text[length] != 0 { length += 1 }
    return Array(UnsafeRawBufferPointer(start: text, count: length))
  }

  /// Where an entry's bytes start: a plain tar's header has just been consumed, and they stand behind it.
  private func dataOffset(of entry: OpaquePointer, byteCount: Int) -> Int? {
    guard kind == .tar, archive_entry_sparse_count(entry) == 0 else { return nil }
    let offset = Int(archive_filter_bytes(handle, 0))
    guard offset >= 0, offset % 512 == 0, let end = offset.checkedAdd(byteCount),
      end <= feed.source.byteCount
    else { return nil }
    return start + offset
  }

  /// Fills a buffer with the entry's next bytes; fewer come only at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) -> Int {
    if Process.isInterrupted { throw .interrupted }
    let count = archive_read_data(handle, buffer.baseAddress, buffer.count)
    if count < 0 { try check(Int32(truncatingIfNeeded: count), passesWarnings: false) }
    return max(0, Int(count))
  }
}

/// What libarchive reads from.
private final class ArchiveFeed {
  let source: any ByteSource
  /// The first error of the source.
  private(set) var failure: IngotError?
  private var position = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// Bytes of the next piece: the first is short, for there may be many archives in a file.
  private var pieceByteCount = 1 << 13

  init(_ source: any ByteSource) {
    self.source = source
  }

  deinit { buffer.deallocate() }

  /// The feed that libarchive hands back.
  static func of(_ data: UnsafeMutableRawPointer?) -> ArchiveFeed? {
    // SAFETY: LibArchive passed its own feed, which outlives the handle.
    data.map { Unmanaged<ArchiveFeed>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Reads on; gives the bytes' place and their number.
  func nextPiece(_ place: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
    let count = min(pieceByteCount, source.byteCount - position)
    pieceByteCount = min(2 * pieceByteCount, buffer.count)
    do throws(IngotError) {
      try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: position)
    } catch {
      failure = failure ?? error
      return Int(ARCHIVE_FATAL)
    }
    position += count
    place?.pointee = UnsafeRawPointer(buffer.baseAddress)
    return count
  }

  /// Passes over bytes; gives their number.
  func skip(_ request: Int64) -> Int64 {
    let count = min(max(0, Int(request)), source.byteCount - position)
    position += count
    return Int64(count)
  }

  /// Moves to a position and gives it; `whence` is SEEK_SET, SEEK_CUR or SEEK_END, the same in every C library.
  func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
    let start = whence == 0 ? 0 : whence == 1 ? position : source.byteCount
    guard let target = start.checkedAdd(Int(offset)), target >= 0 else { return Int64(ARCHIVE_FATAL) }
    position = min(target, source.byteCount)
    return Int64(position)
  }
}
