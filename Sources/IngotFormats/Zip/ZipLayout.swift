// SPDX-License-Identifier: Apache-2.0
// Lays out a zip archive whose members' data starts at multiples of 64, so that it can be mapped; the checksums, and
// lengths of what is compressed, are patched in when they are known. Pages: formats/containers/zip.md, and those of the
// formats that are archives.
import IngotBytes
import IngotCore
import IngotEncodings

/// A zip archive being planned.
struct ZipLayout: Sendable {
  private struct Member: Sendable {
    var name: [UInt8]
    var headerByteCount: Int
    /// Known beforehand for members at hand, from what was written for all others.
    var crc32: UInt32
    var byteCount: Int
    var part: PartReference?
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
  private var members: [Member] = []
  private var names = Set<ExactName>()
  private var offset = 0
  /// The most bytes that directory and end records take.
  private(set) var directoryByteCountLimit = 22 + 20 + 56
  /// The archive's bytes before its directory.
  private(set) var chunks: [PlannedChunk] = []

  /// Starts an archive.
  ///
  /// - Parameters:
  ///   - target: the format's id, for messages.
  ///   - compresses: whether parts are deflated; then nothing is aligned.
  ///   - padding: how data is aligned.
  init(for target: String, compresses: Bool = false, padding: Padding = .zipalign) {
    self.target = target
    self.compresses = compresses
    paddingKind = padding
  }

  /// Adds a member that holds a part behind some bytes.
  mutating func add(
    _ name: String, lead: [UInt8], _ part: PartReference, byteCount: Int
  ) throws(IngotError) {
    guard let total = lead.count.checkedAdd(byteCount) else {
      throw .internal("a member whose bytes overflow")
    }
    var member = try member(name, byteCount: total)
    member.part = part
    let header = localHeader(member, crc32: 0)
    member.headerByteCount = header.count
    members.append(member)
    chunks += [.bytes(header), compresses ? .deflatedPart(part, lead: lead) : .part(part, lead: lead)]
    offset += header.count + total
  }

  /// Adds a member whose bytes are at hand; it is stored.
  mutating func add(_ name: String, content: [UInt8]) throws(IngotError) {
    var member = try member(name, byteCount: content.count)
    member.crc32 = CRC32.value(of: content)
    let header = localHeader(member, crc32: member.crc32)
    member.headerByteCount = header.count
    members.append(member)
    chunks += [.bytes(header), .bytes(content)]
    offset += header.count + content.count
  }

  private mutating func member(_ name: String, byteCount: Int) throws(IngotError) -> Member {
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
    return Member(
      name: Array(name.utf8), headerByteCount: 0, crc32: 0, byteCount: byteCount, part: nil,
      isWide: byteCount >= Self.wideByteCount)
  }

  /// Whether a member's data is compressed.
  private func isDeflated(_ member: Member) -> Bool { compresses && member.part != nil }

  private func localHeader(_ member: Member, crc32: UInt32) -> [UInt8] {
    var header: [UInt8] = []
    header.appendLittle(UInt32(0x0403_4b50))
    appendCommon(&header, member, crc32: crc32, storedByteCount: isDeflated(member) ? 0 : member.byteCount)
    header.appendLittle(UInt16(member.name.count))
    var extra: [UInt8] = []
    if member.isWide {
      extra.appendLittle(UInt16(1))
      extra.appendLittle(UInt16(16))
      extra.appendLittle(UInt64(member.byteCount))
      extra.appendLittle(UInt64(isDeflated(member) ? 0 : member.byteCount))
    }
    if !compresses { extra += padding(behind: offset + 30 + member.name.count + extra.count) }
    header.appendLittle(UInt16(extra.count))
    return header + member.name + extra
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
  private func appendCommon(_ header: inout [UInt8], _ member: Member, crc32: UInt32, storedByteCount: Int) {
    header.appendLittle(UInt16(member.isWide ? 45 : 20))
    // Bit 11: the name is UTF-8.
    header.appendLittle(UInt16(member.name.allSatisfy { $0 < 0x80 } ? 0 : 0x0800))
    header.appendLittle(UInt16(isDeflated(member) ? 8 : 0))
    header.appendLittle(UInt16(0))
    header.appendLittle(Self.date)
    header.appendLittle(crc32)
    header.appendLittle(member.isWide ? 0xFFFF_FFFF : UInt32(truncatingIfNeeded: storedByteCount))
    header.appendLittle(member.isWide ? 0xFFFF_FFFF : UInt32(truncatingIfNeeded: member.byteCount))
  }

  // MARK: - What depends on what was written

  /// Checksums and sizes of local headers, and the directory.
  ///
  /// - Parameters:
  ///   - written: what became of the parts.
  ///   - file: the archive's position among the planned files.
  /// - Returns: the bytes to be written.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a part that was not written.
  func patches(for written: [WrittenPart], file: Int = 0) throws(IngotError) -> [FilePatch] {
    var parts: [PartReference: WrittenPart] = [:]
    for part in written where part.file == file { parts[part.reference] = part }
    var patches: [FilePatch] = []
    var directory: [UInt8] = []
    var end = 0
    for member in members {
      var headerOffset = end
      var stored = member.byteCount
      var crc = member.crc32
      if let reference = member.part {
        guard let part = parts[reference] else { throw .internal("a member that was not written") }
        headerOffset = part.offset - member.headerByteCount
        stored = part.storedByteCount
        crc = part.crc32
        patches += try localPatches(
          member, of: file, at: headerOffset, crc32: crc, storedByteCount: stored)
      }
      end = headerOffset + member.headerByteCount + stored
      appendEntry(&directory, member, crc32: crc, storedByteCount: stored, headerOffset: headerOffset)
    }
    let bytes = directory + endRecords(directoryOffset: end, directoryByteCount: directory.count)
    return patches + [FilePatch(file: file, offset: end, bytes: bytes)]
  }

  private func localPatches(
    _ member: Member, of file: Int, at offset: Int, crc32: UInt32, storedByteCount: Int
  ) throws(IngotError) -> [FilePatch] {
    var bytes: [UInt8] = []
    bytes.appendLittle(crc32)
    guard isDeflated(member) else { return [FilePatch(file: file, offset: offset + 14, bytes: bytes)] }
    if member.isWide {
      var wide: [UInt8] = []
      wide.appendLittle(UInt64(storedByteCount))
      return [
        FilePatch(file: file, offset: offset + 14, bytes: bytes),
        FilePatch(file: file, offset: offset + 30 + member.name.count + 12, bytes: wide),
      ]
    }
    guard storedByteCount < 0xFFFF_FFFF else { throw .internal("a member that grew past 4 GiB") }
    bytes.appendLittle(UInt32(storedByteCount))
    return [FilePatch(file: file, offset: offset + 14, bytes: bytes)]
  }

  private func appendEntry(
    _ directory: inout [UInt8], _ member: Member, crc32: UInt32, storedByteCount: Int, headerOffset: Int
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
    appendCommon(&directory, member, crc32: crc32, storedByteCount: storedByteCount)
    directory.appendLittle(UInt16(member.name.count))
    directory.appendLittle(UInt16(extra.count))
    // No comment, disk 0, no attributes.
    directory += [UInt8](repeating: 0, count: 10)
    directory.appendLittle(isFar ? 0xFFFF_FFFF : UInt32(headerOffset))
    directory += member.name + extra
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
