// SPDX-License-Identifier: Apache-2.0
// Lays out a zip archive whose members' data starts at multiples of 64, so that it can be mapped; the checksums, and
// lengths of what is compressed, are patched in when they are known. Pages: formats/containers/zip.md, and those of the
// formats that are archives.
import IngotBytes
import IngotCore
import IngotEncodings

/// A zip archive being planned.
struct ZipLayout: Sendable {
  /// A member in few bytes: there may be millions, and their names are concatenated.
  private struct Member: Sendable {
    var nameEnd: Int
    /// Where its header starts, when nothing is deflated.
    var offset: Int
    var byteCount: Int
    var part: PartReference
    /// Known beforehand for members at hand, from what was written for all others.
    var crc32: UInt32
    /// Its place among ``contents``; `nil` for one that holds a part.
    var content: UInt32?
    var headerByteCount: UInt32
    var isWide: Bool
  }

  /// Data starts at multiples of this.
  private static let alignment = 64
  /// Sizes from here on are written with 64 bits, with room for what deflate may add.
  private static let wideByteCount = 0xF000_0000
  /// 1980-01-01 00:00, as NumPy writes it: the same arrays give the same bytes.
  private static let date: UInt16 = 0x0021

  /// The extra field that makes data start at a multiple of 64.
  enum Padding: Sendable {
    /// 0xD935, as Android's zipalign writes it: the alignment, then zeros.
    case zipalign
    /// `FB`, as torch writes it: nothing but the letter Z.
    case torch
  }

  private let target: String
  private let compresses: Bool
  private let paddingKind: Padding
  private let lead: @Sendable (PartReference) -> [UInt8]
  private var members: [Member] = []
  private var nameBytes: [UInt8] = []
  /// What members hold that are at hand.
  private var contents: [[UInt8]] = []
  private var names = Set<ExactName>()
  private var offset = 0
  /// The most bytes that directory and end records take.
  private(set) var directoryByteCountLimit = 22 + 20 + 56

  /// Starts an archive.
  ///
  /// - Parameters:
  ///   - target: the format's id, for messages.
  ///   - compresses: whether parts are deflated; then nothing is aligned.
  ///   - padding: how data is aligned.
  ///   - memberCount: about how many members there will be.
  ///   - lead: makes the bytes that stand before a part in its member.
  init(
    for target: String, compresses: Bool = false, padding: Padding = .zipalign, memberCount: Int,
    lead: @escaping @Sendable (PartReference) -> [UInt8] = { _ in [] }
  ) {
    self.target = target
    self.compresses = compresses
    self.lead = lead
    paddingKind = padding
    members.reserveCapacity(memberCount)
    names.reserveCapacity(memberCount)
  }

  /// Adds a member that holds a part behind its lead.
  mutating func add(_ name: String, _ part: PartReference, byteCount: Int) throws(IngotError) {
    guard let total = lead(part).count.checkedAdd(byteCount) else {
      throw .internal("a member whose bytes overflow")
    }
    try append(name, byteCount: total) { $0.part = part }
  }

  /// Adds a member whose bytes are at hand; it is stored.
  mutating func add(_ name: String, content: [UInt8]) throws(IngotError) {
    contents.append(content)
    let number = UInt32(clamping: contents.count - 1)
    try append(name, byteCount: content.count) { member in
      member.crc32 = CRC32.value(of: content)
      member.content = number
    }
  }

  /// The layout without what only adding members needs.
  consuming func finished() -> ZipLayout {
    names = []
    return self
  }

  /// The archive's bytes before its directory: a header and what is behind it, for each member.
  var chunks: PlannedChunks {
    PlannedChunks(count: 2 * members.count, byteCount: compresses ? nil : offset) { [self] position in
      let index = position / 2
      let member = members[index]
      guard !position.isMultiple(of: 2) else { return .bytes(localHeader(member, name: name(of: index))) }
      if let content = member.content { return .bytes(contents[Int(content)]) }
      let lead = lead(member.part)
      return compresses ? .deflatedPart(member.part, lead: lead) : .part(member.part, lead: lead)
    }
  }

  private func name(of index: Int) -> ArraySlice<UInt8> {
    nameBytes[(index == 0 ? 0 : members[index - 1].nameEnd)..<members[index].nameEnd]
  }

  private mutating func append(
    _ name: String, byteCount: Int, _ complete: (inout Member) -> Void
  ) throws(IngotError) {
    guard FilePath.staysInside(name), name.utf8.count <= 0xFFFF else {
      throw .unrepresentable(
        tensor: name, target: target,
        why: "its name can't be a member's: absolute, empty, too long or with ..",
        hint: nil)
    }
    guard names.insert(ExactName(name)).inserted else {
      throw .unrepresentable(tensor: name, target: target, why: "two members have this name", hint: nil)
    }
    directoryByteCountLimit += 46 + name.utf8.count + 28
    try Limit.zipEntries.admit(members.count + 1, "members", target: target)
    try Limit.zipDirectoryBytes.admit(directoryByteCountLimit, "bytes of directory", target: target)
    let nameStart = nameBytes.count
    nameBytes += name.utf8
    var member = Member(
      nameEnd: nameBytes.count, offset: offset, byteCount: byteCount, part: PartReference(tensor: 0),
      crc32: 0,
      content: nil, headerByteCount: 0, isWide: byteCount >= Self.wideByteCount)
    complete(&member)
    members.append(member)
    let headerByteCount = localHeader(member, name: nameBytes[nameStart...]).count
    members[members.count - 1].headerByteCount = UInt32(headerByteCount)
    offset += headerByteCount + byteCount
  }

  /// Whether a member's data is compressed.
  private func isDeflated(_ member: Member) -> Bool { compresses && member.content == nil }

  /// A local header: the checksum of a part is patched in later.
  private func localHeader(_ member: Member, name: ArraySlice<UInt8>) -> [UInt8] {
    var header: [UInt8] = []
    header.reserveCapacity(128 + name.count)
    header.appendLittle(UInt32(0x0403_4b50))
    appendCommon(
      &header, member, name: name, crc32: member.crc32,
      storedByteCount: isDeflated(member) ? 0 : member.byteCount)
    header.appendLittle(UInt16(name.count))
    var extra: [UInt8] = []
    if member.isWide {
      extra.appendLittle(UInt16(1))
      extra.appendLittle(UInt16(16))
      extra.appendLittle(UInt64(member.byteCount))
      extra.appendLittle(UInt64(isDeflated(member) ? 0 : member.byteCount))
    }
    if !compresses { extra += padding(behind: member.offset + 30 + name.count + extra.count) }
    header.appendLittle(UInt16(extra.count))
    header += name
    return header + extra
  }

  /// An extra field that makes the data start at a multiple of 64.
  private func padding(behind position: Int) -> [UInt8] {
    guard position % Self.alignment != 0 else { return [] }
    let fieldByteCount = paddingKind == .torch ? 4 : 6
    let space = (Self.alignment - (position + fieldByteCount) % Self.alignment) % Self.alignment
    var field: [UInt8] = []
    guard paddingKind == .zipalign else {
      field += "FB".utf8
      field.appendLittle(UInt16(space))
      return field + [UInt8](repeating: UInt8(ascii: "Z"), count: space)
    }
    field.appendLittle(UInt16(0xD935))
    field.appendLittle(UInt16(2 + space))
    field.appendLittle(UInt16(Self.alignment))
    return field + [UInt8](repeating: 0, count: space)
  }

  /// Version, flags, method, date, checksum and sizes: the same in local headers and in the directory.
  private func appendCommon(
    _ header: inout [UInt8], _ member: Member, name: ArraySlice<UInt8>, crc32: UInt32, storedByteCount: Int
  ) {
    header.appendLittle(UInt16(member.isWide ? 45 : 20))
    // Bit 11: the name is UTF-8.
    header.appendLittle(UInt16(name.allSatisfy { $0 < 0x80 } ? 0 : 0x0800))
    header.appendLittle(UInt16(isDeflated(member) ? 8 : 0))
    header.appendLittle(UInt16(0))
    header.appendLittle(Self.date)
    header.appendLittle(crc32)
    header.appendLittle(member.isWide ? 0xFFFF_FFFF : UInt32(truncatingIfNeeded: storedByteCount))
    header.appendLittle(member.isWide ? 0xFFFF_FFFF : UInt32(truncatingIfNeeded: member.byteCount))
  }

  // MARK: - What depends on what was written

  /// Makes checksums and sizes of local headers, and the directory.
  ///
  /// - Parameters:
  ///   - written: what became of the parts, in the order of the plan; those of this archive are taken from it.
  ///   - file: the archive's position among the planned files.
  ///   - patch: takes the bytes to be written.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a part that was not written, and what `patch` throws.
  func patch(
    behind written: inout Slice<WrittenParts>, file: Int = 0,
    _ patch: (FilePatch) throws(IngotError) -> Void
  ) throws(IngotError) {
    var directory: [UInt8] = []
    directory.reserveCapacity(directoryByteCountLimit)
    var end = 0
    for (index, member) in members.enumerated() {
      let name = self.name(of: index)
      var headerOffset = end
      var stored = member.byteCount
      var crc = member.crc32
      if member.content == nil {
        guard let part = written.popFirst(), part.file == file, part.reference == member.part else {
          throw .internal("a member that was not written")
        }
        headerOffset = part.offset - Int(member.headerByteCount)
        stored = part.storedByteCount
        crc = part.checksums.crc32
        try localPatches(
          member, nameByteCount: name.count, of: file, at: headerOffset, crc32: crc, storedByteCount: stored,
          patch)
      }
      end = headerOffset + Int(member.headerByteCount) + stored
      appendEntry(
        &directory, member, name: name, crc32: crc, storedByteCount: stored, headerOffset: headerOffset)
    }
    let directoryByteCount = directory.count
    directory += endRecords(directoryOffset: end, directoryByteCount: directoryByteCount)
    try patch(FilePatch(file: file, offset: end, bytes: directory))
  }

  private func localPatches(
    _ member: Member, nameByteCount: Int, of file: Int, at offset: Int, crc32: UInt32, storedByteCount: Int,
    _ patch: (FilePatch) throws(IngotError) -> Void
  ) throws(IngotError) {
    var bytes: [UInt8] = []
    bytes.appendLittle(crc32)
    if isDeflated(member), member.isWide {
      var wide: [UInt8] = []
      wide.appendLittle(UInt64(storedByteCount))
      try patch(FilePatch(file: file, offset: offset + 30 + nameByteCount + 12, bytes: wide))
    } else if isDeflated(member) {
      guard storedByteCount < 0xFFFF_FFFF else { throw .internal("a member that grew past 4 GiB") }
      bytes.appendLittle(UInt32(storedByteCount))
    }
    try patch(FilePatch(file: file, offset: offset + 14, bytes: bytes))
  }

  private func appendEntry(
    _ directory: inout [UInt8], _ member: Member, name: ArraySlice<UInt8>, crc32: UInt32,
    storedByteCount: Int,
    headerOffset: Int
  ) {
    let isFar = headerOffset >= 0xFFFF_FFFF
    var extra: [UInt8] = []
    if member.isWide || isFar {
      extra.appendLittle(UInt16(1))
      extra.appendLittle(UInt16((member.isWide ? 16 : 0) + (isFar ? 8 : 0)))
      if member.isWide {
        extra.appendLittle(UInt64(member.byteCount))
        extra.appendLittle(UInt64(storedByteCount))
      }
      if isFar { extra.appendLittle(UInt64(headerOffset)) }
    }
    directory.appendLittle(UInt32(0x0201_4b50))
    directory.appendLittle(UInt16(isFar || member.isWide ? 45 : 20))
    appendCommon(&directory, member, name: name, crc32: crc32, storedByteCount: storedByteCount)
    directory.appendLittle(UInt16(name.count))
    directory.appendLittle(UInt16(extra.count))
    // No comment, disk 0, no attributes.
    directory += [UInt8](repeating: 0, count: 10)
    directory.appendLittle(isFar ? 0xFFFF_FFFF : UInt32(headerOffset))
    directory += name
    directory += extra
  }

  private func endRecords(directoryOffset: Int, directoryByteCount: Int) -> [UInt8] {
    let isWide =
      members.count >= 0xFFFF || directoryOffset >= 0xFFFF_FFFF || directoryByteCount >= 0xFFFF_FFFF
    var bytes: [UInt8] = []
    if isWide {
      bytes.appendLittle(UInt32(0x0606_4b50))
      bytes.appendLittle(UInt64(44))
      bytes.appendLittle(UInt16(45))
      bytes.appendLittle(UInt16(45))
      bytes.appendLittle(UInt64(0))
      bytes.appendLittle(UInt64(members.count))
      bytes.appendLittle(UInt64(members.count))
      bytes.appendLittle(UInt64(directoryByteCount))
      bytes.appendLittle(UInt64(directoryOffset))
      bytes.appendLittle(UInt32(0x0706_4b50))
      bytes.appendLittle(UInt32(0))
      bytes.appendLittle(UInt64(directoryOffset + directoryByteCount))
      bytes.appendLittle(UInt32(1))
    }
    let count = UInt16(clamping: members.count)
    bytes.appendLittle(UInt32(0x0605_4b50))
    bytes.appendLittle(UInt32(0))
    bytes.appendLittle(count)
    bytes.appendLittle(count)
    bytes.appendLittle(UInt32(clamping: directoryByteCount))
    bytes.appendLittle(UInt32(clamping: directoryOffset))
    bytes.appendLittle(UInt16(0))
    return bytes
  }
}
