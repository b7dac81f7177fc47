// SPDX-License-Identifier: Apache-2.0
// Reads a zip archive's central directory and holds every entry against the file before anyone uses it.
// Decodes nothing. Page: formats/containers/zip.md; PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.
import IngotBytes
import IngotCore

/// The directory of a zip archive.
package struct ZipDirectory: Sendable {
  /// The entries, in the order of the directory; folders are left out.
  package let entries: [ZipEntry]
  /// The names of folders.
  package let folders: [String]
  /// Bytes in front of the directory that belong to no entry; a descriptor belongs to the entry before it.
  package let gaps: [Range<Int>]
  /// Bytes of the directory, which the memory bound counts.
  package let byteCount: Int

  static let endSignature: UInt32 = 0x0605_4b50
  static let zip64EndSignature: UInt32 = 0x0606_4b50
  static let zip64LocatorSignature: UInt32 = 0x0706_4b50
  static let entrySignature: UInt32 = 0x0201_4b50
  static let localSignature: UInt32 = 0x0403_4b50
  static let descriptorSignature: UInt32 = 0x0807_4b50

  /// Whether bytes start as an archive with entries, or an empty one, does.
  package static func recognizes(firstBytes: [UInt8]) -> Bool {
    firstBytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || firstBytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  /// Reads and checks the directory.
  ///
  /// - Parameter source: the archive.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, in the order of the
  ///   page; ``IngotCore/IngotError/unsupported(_:at:)`` for encryption and other methods of compression.
  package init(_ source: any ByteSource) throws(IngotError) {
    let end = try ZipEnd(source)
    let bytes = try source.bytes(at: end.directoryOffset, count: end.directoryByteCount)
    var parser = ZipDirectoryParser(bytes, end: end, path: source.path)
    var entries = try parser.entries()
    var ends: [Int] = []
    for index in entries.indices {
      let place = try Self.place(of: entries[index], in: source, limit: end.directoryOffset)
      entries[index].dataOffset = place.lowerBound
      ends.append(place.upperBound)
    }
    gaps = try Self.gaps(between: entries, ends, end: end.directoryOffset, path: source.path)
    self.entries = entries.filter { !$0.isFolder }
    folders = entries.filter(\.isFolder).map(\.name)
    byteCount = end.directoryByteCount
  }

  /// Where an archive that ends with a file's last byte starts in it; `nil` when none does.
  ///
  /// - Parameter source: any file.
  /// - Returns: the offset of its first byte.
  /// - Throws: read errors.
  package static func start(in source: any ByteSource) throws(IngotError) -> Int? {
    try ZipEnd.archiveStart(in: source)
  }

  /// Where an entry's data and the descriptor behind it stand, after its local header: ZIP-10 to ZIP-12.
  private static func place(
    of entry: ZipEntry, in source: any ByteSource, limit: Int
  ) throws(IngotError) -> Range<Int> {
    func malformed(_ rule: ZipRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(
        rule.rule, at: Location(source.path, member: entry.name, offset: entry.headerOffset), found: found,
        expected: expected)
    }
    let name = PathText.bytes(of: entry.name)
    guard let headerEnd = entry.headerOffset.checkedAdd(30 + name.count), headerEnd <= limit else {
      throw malformed(.localHeader, "a local header that reaches into the directory", "one in front of it")
    }
    var cursor = ByteCursor(try source.bytes(at: entry.headerOffset, count: 30 + name.count))
    guard cursor.little(UInt32.self) == localSignature, cursor.bytes(2) != nil,
      let flags = cursor.little(UInt16.self), let method = cursor.little(UInt16.self), cursor.bytes(4) != nil,
      let crc = cursor.little(UInt32.self), let stored = cursor.little(UInt32.self),
      let size = cursor.little(UInt32.self), let nameCount = cursor.little(UInt16.self),
      let extraCount = cursor.little(UInt16.self)
    else { throw malformed(.localHeader, "no local header", "one, where the directory says") }
    guard method == entry.method.rawValue, Int(nameCount) == name.count,
      cursor.bytes(name.count)?.elementsEqual(name) == true
    else { throw malformed(.localAgrees, "a local header of another entry", "this one's name and method") }
    // Zeros where a descriptor behind the data has them, all ones where a zip64 field does.
    let agrees = flags & 8 != 0 || (crc == 0 && size == 0) || crc == entry.crc32
    func equals(_ value: UInt32, _ known: Int) -> Bool {
      flags & 8 != 0 || value == 0 || value == .max || Int(value) == known
    }
    guard agrees, equals(stored, entry.storedByteCount), equals(size, entry.byteCount) else {
      throw malformed(.localAgrees, "a local header with another checksum or length", "the directory's")
    }
    let start = headerEnd + Int(extraCount)
    guard let dataEnd = start.checkedAdd(entry.storedByteCount), dataEnd <= limit else {
      throw malformed(
        .dataPlace, "data up to byte \(start) + \(entry.storedByteCount)", "an end before \(limit)")
    }
    guard flags & 8 != 0 else { return start..<dataEnd }
    guard let byteCount = try descriptorByteCount(of: entry, in: source, dataEnd..<limit) else {
      throw malformed(.localAgrees, "a data descriptor with another checksum or length", "the directory's")
    }
    return start..<(dataEnd + byteCount)
  }

  /// Bytes of the descriptor behind an entry's data: none where there is none; `nil` where it does not say what the directory
  /// says: APPNOTE 4.3.9.
  ///
  /// Its mark may be left out, and its lengths have 4 bytes or 8: nothing but its values tells which.
  private static func descriptorByteCount(
    of entry: ZipEntry, in source: any ByteSource, _ rest: Range<Int>
  ) throws(IngotError) -> Int? {
    let bytes = try source.bytes(at: rest.lowerBound, count: min(24, rest.count))
    var mark = ByteCursor(bytes)
    guard bytes.count >= 12, let first = mark.little(UInt32.self),
      first != localSignature, first != entrySignature
    else { return 0 }
    for markByteCount in first == descriptorSignature ? [0, 4] : [0] {
      var narrow = ByteCursor(bytes[markByteCount...])
      guard narrow.little(UInt32.self) == entry.crc32 else { continue }
      var wide = narrow
      if narrow.little(UInt32.self).map(Int.init) == entry.storedByteCount,
        narrow.little(UInt32.self).map(Int.init) == entry.byteCount
      {
        return markByteCount + 12
      }
      if wide.count64() == entry.storedByteCount, wide.count64() == entry.byteCount {
        return markByteCount + 20
      }
    }
    return nil
  }

  /// What entries leave free up to the directory; they share no byte: ZIP-13.
  private static func gaps(
    between entries: [ZipEntry], _ ends: [Int], end: Int, path: String
  ) throws(IngotError) -> [Range<Int>] {
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    var gaps: [Range<Int>] = []
    func add(_ start: Int, _ end: Int) {
      if start < end { gaps.append(start..<end) }
    }
    for (index, next) in zip(order, order.dropFirst()) {
      let (first, second) = (entries[index], entries[next])
      guard first.dataOffset + first.storedByteCount <= second.headerOffset else {
        throw .malformed(
          ZipRule.overlap.rule, at: Location(path, member: second.name, offset: second.headerOffset),
          found: "bytes that belong to \(first.name) too", expected: "entries that share none")
      }
      add(ends[index], second.headerOffset)
    }
    add(0, order.first.map { entries[$0].headerOffset } ?? end)
    if let last = order.last { add(ends[last], end) }
    return gaps
  }
}

/// Where the directory is, from the records at the archive's end: ZIP-01 to ZIP-04.
struct ZipEnd: Equatable {
  var entryCount = 0
  var directoryByteCount = 0
  var directoryOffset = 0

  /// The end record without its comment.
  private static let recordByteCount = 22
  private static let locatorByteCount = 20
  private static let zip64RecordByteCount = 56

  init(_ source: any ByteSource) throws(IngotError) {
    func malformed(_ rule: ZipRule, _ offset: Int, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: Location(source.path, offset: offset), found: found, expected: expected)
    }
    let tailByteCount = min(source.byteCount, Self.recordByteCount + 65_535)
    let tail = try source.bytes(at: source.byteCount - tailByteCount, count: tailByteCount)
    guard let position = Self.find(in: tail) else {
      throw malformed(
        .endRecord, source.byteCount, "no end record, as in an archive that is cut off",
        "one at the archive's end")
    }
    let offset = source.byteCount - tailByteCount + position
    var cursor = ByteCursor(tail[position...].prefix(Self.recordByteCount))
    guard cursor.bytes(4) != nil, let disk = cursor.little(UInt16.self),
      let firstDisk = cursor.little(UInt16.self),
      let countHere = cursor.little(UInt16.self), let count = cursor.little(UInt16.self),
      let size = cursor.little(UInt32.self), let start = cursor.little(UInt32.self)
    else { throw malformed(.endRecord, offset, "an end record cut off", "22 bytes") }
    guard disk == 0 || disk == 0xFFFF, firstDisk == 0 || firstDisk == 0xFFFF, countHere == count else {
      throw malformed(.oneDisk, offset, "an archive of several disks", "one")
    }
    entryCount = Int(count)
    directoryByteCount = Int(size)
    directoryOffset = Int(start)
    var directoryEnd = offset
    let isWide = count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF
    // Some writers have a zip64 record whether or not it is needed; it then says the same.
    let hasGap = directoryOffset.checkedAdd(directoryByteCount).map { $0 < offset } ?? false
    if isWide || hasGap, let record = try zip64Offset(source, before: offset) {
      let narrow = self
      try readZip64(source, at: record)
      guard isWide || self == narrow else {
        throw malformed(.zip64, record, "a zip64 record that says other than the end record", "the same")
      }
      directoryEnd = record
    }
    guard let end = directoryOffset.checkedAdd(directoryByteCount), end == directoryEnd else {
      throw malformed(
        .directoryPlace, offset, "a directory of \(directoryByteCount, "byte") at \(directoryOffset)",
        "one that ends at byte \(directoryEnd)")
    }
    guard UInt64(directoryByteCount) <= Limit.zipDirectoryBytes.value else {
      throw .limitExceeded(.zipDirectoryBytes, at: Location(source.path), asked: UInt64(directoryByteCount))
    }
    guard UInt64(entryCount) <= Limit.zipEntries.value else {
      throw .limitExceeded(.zipEntries, at: Location(source.path), asked: UInt64(entryCount))
    }
  }

  /// Where the archive starts whose end record is the file's: as far in as its directory stands behind the place that
  /// the record gives.
  static func archiveStart(in source: any ByteSource) throws(IngotError) -> Int? {
    let tailByteCount = min(source.byteCount, recordByteCount + 65_535)
    let tail = try source.bytes(at: source.byteCount - tailByteCount, count: tailByteCount)
    guard let position = find(in: tail) else { return nil }
    var cursor = ByteCursor(tail[(position + 12)...])
    guard let size = cursor.little(UInt32.self), let start = cursor.little(UInt32.self) else { return nil }
    let end = source.byteCount - tailByteCount + position
    // A zip64 record may stand between directory and end record.
    for between in [0, zip64RecordByteCount + locatorByteCount] {
      guard let place = end.checkedSubtract(between)?.checkedSubtract(Int(size)), place >= Int(start),
        place <= end - 4, var first = try? ByteCursor(source.bytes(at: place, count: 4))
      else { continue }
      if first.little(UInt32.self) == ZipDirectory.entrySignature { return place - Int(start) }
    }
    return nil
  }

  /// The last end record whose comment reaches exactly to the end of the file.
  private static func find(in tail: [UInt8]) -> Int? {
    guard tail.count >= recordByteCount else { return nil }
    for position in stride(from: tail.count - recordByteCount, through: 0, by: -1) {
      guard tail[position] == 0x50, tail[position + 1] == 0x4B, tail[position + 2] == 0x05,
        tail[position + 3] == 0x06
      else { continue }
      let comment = Int(tail[position + 20]) | Int(tail[position + 21]) << 8
      if position + recordByteCount + comment == tail.count { return position }
    }
    return nil
  }

  /// Where the zip64 record is; `nil` without a locator, when the 16- and 32-bit numbers stand for themselves.
  private func zip64Offset(_ source: any ByteSource, before end: Int) throws(IngotError) -> Int? {
    guard end >= Self.locatorByteCount else { return nil }
    let start = end - Self.locatorByteCount
    var cursor = ByteCursor(try source.bytes(at: start, count: Self.locatorByteCount))
    guard cursor.little(UInt32.self) == ZipDirectory.zip64LocatorSignature else { return nil }
    guard cursor.little(UInt32.self) == 0, let record = cursor.count64(), cursor.little(UInt32.self) == 1,
      let recordEnd = record.checkedAdd(Self.zip64RecordByteCount), recordEnd <= start
    else {
      throw .malformed(
        ZipRule.zip64.rule, at: Location(source.path, offset: start), found: "a locator of nothing",
        expected: "the place of a zip64 record on this disk")
    }
    // In concatenated archives the last one's locator leads into the first: what lies between would be missed.
    var size = ByteCursor(try source.bytes(at: record + 4, count: 8))
    guard let end = size.count64()?.checkedAdd(record + 12), end == start else {
      throw .malformed(
        ZipRule.zip64.rule, at: Location(source.path, offset: start),
        found: "a locator that leads \(start - recordEnd, "byte") too far ahead, past another archive",
        expected: "one archive, whose zip64 record stands right before its locator")
    }
    return record
  }

  private mutating func readZip64(_ source: any ByteSource, at offset: Int) throws(IngotError) {
    var cursor = ByteCursor(try source.bytes(at: offset, count: Self.zip64RecordByteCount))
    guard cursor.little(UInt32.self) == ZipDirectory.zip64EndSignature, cursor.count64() != nil,
      cursor.bytes(4) != nil,
      cursor.little(UInt32.self) == 0, cursor.little(UInt32.self) == 0, let countHere = cursor.count64(),
      let count = cursor.count64(), count == countHere, let size = cursor.count64(),
      let start = cursor.count64()
    else {
      throw .malformed(
        ZipRule.zip64.rule, at: Location(source.path, offset: offset), found: "no sound zip64 record",
        expected: "one, of a single disk")
    }
    entryCount = count
    directoryByteCount = size
    directoryOffset = start
  }
}

/// Walks the directory's bytes: ZIP-05 to ZIP-09.
private struct ZipDirectoryParser {
  private var cursor: ByteCursor
  private let end: ZipEnd
  private let path: String

  init(_ bytes: [UInt8], end: ZipEnd, path: String) {
    cursor = ByteCursor(bytes)
    self.end = end
    self.path = path
  }

  mutating func entries() throws(IngotError) -> [ZipEntry] {
    var entries: [ZipEntry] = []
    var names = Set<ExactName>()
    while cursor.remainingCount > 0 {
      let offset = end.directoryOffset + cursor.offset
      let entry = try entry(at: offset)
      guard names.insert(ExactName(entry.name)).inserted else {
        throw .malformed(
          ZipRule.uniqueName.rule, at: Location(path, member: entry.name, offset: offset),
          found: "a second entry of that name", expected: "one")
      }
      entries.append(entry)
    }
    guard entries.count == end.entryCount else {
      throw .malformed(
        ZipRule.directoryEntry.rule, at: Location(path, offset: end.directoryOffset),
        found: "\(entries.count, "entry", "entries")",
        expected: "\(end.entryCount), as the end record says")
    }
    return entries
  }

  private mutating func entry(at offset: Int) throws(IngotError) -> ZipEntry {
    func malformed(_ rule: ZipRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: Location(path, offset: offset), found: found, expected: expected)
    }
    guard cursor.little(UInt32.self) == ZipDirectory.entrySignature, cursor.bytes(4) != nil,
      let flags = cursor.little(UInt16.self), let methodCode = cursor.little(UInt16.self),
      cursor.bytes(4) != nil,
      let crc = cursor.little(UInt32.self), let stored = cursor.little(UInt32.self),
      let size = cursor.little(UInt32.self), let nameCount = cursor.little(UInt16.self),
      let extraCount = cursor.little(UInt16.self), let commentCount = cursor.little(UInt16.self),
      let disk = cursor.little(UInt16.self), cursor.bytes(2) != nil,
      let attributes = cursor.little(UInt32.self), let header = cursor.little(UInt32.self),
      let nameBytes = cursor.bytes(Int(nameCount)), let extra = cursor.bytes(Int(extraCount)),
      cursor.bytes(Int(commentCount)) != nil
    else { throw malformed(.directoryEntry, "an entry cut off, or none", "an entry of the directory") }
    let name = PathText.text(nameBytes)
    guard FilePath.staysInside(name) else {
      throw malformed(.entryName, .value(name), "a relative name without .. in it")
    }
    guard flags & 1 == 0 else { throw .unsupported("an encrypted entry", at: Location(path, member: name)) }
    guard let method = ZipEntry.Method(rawValue: methodCode) else {
      throw .unsupported(
        "compression method \(methodCode); stored and deflated are read", at: Location(path, member: name))
    }
    guard disk == 0 || disk == 0xFFFF else { throw malformed(.oneDisk, "an entry on disk \(disk)", "disk 0") }
    guard let sizes = Self.sizes(stored: stored, size: size, header: header, extra: extra) else {
      throw malformed(.zip64Extra, "sizes that a zip64 extra field lacks", "them, in order")
    }
    guard method == .deflated || sizes.stored == sizes.size else {
      throw malformed(.storedSize, "\(sizes.stored, "stored byte")", "\(sizes.size), as a stored entry has")
    }
    return ZipEntry(
      name: name, method: method, crc32: crc, storedByteCount: sizes.stored, byteCount: sizes.size,
      headerOffset: sizes.header, dataOffset: 0, isLink: attributes >> 28 == 0xA)
  }

  /// Sizes with those that stand in the zip64 extra field: uncompressed, compressed, header, in this order, each only
  /// when its 32-bit field is all ones.
  private static func sizes(
    stored: UInt32, size: UInt32, header: UInt32, extra: ArraySlice<UInt8>
  ) -> (stored: Int, size: Int, header: Int)? {
    let isWide = [stored, size, header].contains(0xFFFF_FFFF)
    guard isWide else { return (Int(stored), Int(size), Int(header)) }
    var fields = ByteCursor(extra)
    while let id = fields.little(UInt16.self), let count = fields.little(UInt16.self),
      let body = fields.bytes(Int(count))
    {
      guard id == 1 else { continue }
      var wide = ByteCursor(body)
      var result = (stored: Int(stored), size: Int(size), header: Int(header))
      if size == 0xFFFF_FFFF {
        guard let value = wide.count64() else { return nil }
        result.size = value
      }
      if stored == 0xFFFF_FFFF {
        guard let value = wide.count64() else { return nil }
        result.stored = value
      }
      if header == 0xFFFF_FFFF {
        guard let value = wide.count64() else { return nil }
        result.header = value
      }
      return result
    }
    return nil
  }
}
