// SPDX-License-Identifier: Apache-2.0
// Parses and checks the header of one GGUF file: version and byte order, metadata, tensors. No tensor is read.
// Page: formats/gguf.md.
import IngotBytes
import IngotCore

/// A header whose every rule holds.
struct GGUFHeader: Sendable {
  /// The tensors, with storage in file 0.
  private(set) var tensors: [TensorDescriptor] = []
  /// Metadata, typed as stored.
  private(set) var metadata = Metadata()
  /// Remarks on what is odd and accepted.
  private(set) var findings: [Finding] = []
  /// The version, which says the byte order too.
  private(set) var version: UInt32 = 0
  /// The order of the bytes of numbers.
  private(set) var byteOrder = ByteOrder.little
  /// What tensors' offsets are multiples of.
  private(set) var alignment = GGUFLayout.alignment
  /// Where the tensors' fields start.
  private(set) var fieldsOffset = 0
  /// Bytes up to the end of the last tensor's fields.
  private(set) var byteCount = 0
  /// Bytes up to the end of the last tensor, or of the fields where there is none; what fills up is not counted.
  var end: Int {
    guard case .one(let segment)? = tensors.last?.storage.segments else { return byteCount }
    return segment.offset + segment.byteCount
  }

  /// Parses a header and places its tensors in the file: GG-01 to GG-19.
  ///
  /// - Parameter source: the file.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken;
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for versions before 2 and after 3.
  init(_ source: any ByteSource) throws(IngotError) {
    var cursor = GGUFCursor(source)
    let counts = try takeCounts(&cursor)
    try takeMetadata(counts.entries, &cursor)
    alignment = try Self.alignment(of: metadata, path: source.path)
    fieldsOffset = cursor.offset
    let entries = try takeTensors(counts.tensors, &cursor)
    byteCount = cursor.offset
    try place(entries, in: source, cursor)
    if let long = GGUFLayout.longNames(in: tensors.lazy.map(\.name)) { findings.append(long) }
  }

  // MARK: - Fields

  /// Takes magic, version and counts: GG-01 to GG-04.
  private mutating func takeCounts(
    _ cursor: inout GGUFCursor
  ) throws(IngotError) -> (tensors: Int, entries: Int) {
    let magic = try cursor.bytes(min(GGUFLayout.magic.count, cursor.remainingCount))
    guard magic.elementsEqual(GGUFLayout.magic) else {
      if let refusal = try ForeignContent.refusal(of: cursor.source, isClaimed: true) { throw refusal }
      throw cursor.malformed(.magic, at: 0, "\(magic.count) other bytes", "GGUF")
    }
    let start = cursor.offset
    version = try cursor.number(UInt32.self)
    if version & 0xFFFF == 0 {
      cursor.byteOrder = .big
      version = version.byteSwapped
    }
    byteOrder = cursor.byteOrder
    guard version != 0 else { throw cursor.malformed(.version, at: start, "version 0", "2 or 3") }
    guard version == 2 || version == 3 else {
      throw .unsupported("version \(version), not 2 or 3", at: cursor.location(start))
    }
    let tensorCount = try cursor.number(UInt64.self)
    let entryCount = try cursor.number(UInt64.self)
    // A tensor has at least 24 bytes of fields, an entry 14; a product may overflow, a quotient not.
    let room = UInt64(cursor.remainingCount)
    guard tensorCount <= room / 24, entryCount <= room / 14 else {
      throw cursor.malformed(
        .counts, at: 8, "\(tensorCount, "tensor") and \(entryCount, "key") with \(room, "byte") left",
        "at most \(room / 24) and \(room / 14)")
    }
    guard entryCount <= Limit.ggufMetadataEntries.value else {
      throw .limitExceeded(.ggufMetadataEntries, at: cursor.location(16), asked: entryCount)
    }
    return (Int(tensorCount), Int(entryCount))
  }

  /// Takes the metadata: GG-04 to GG-10.
  private mutating func takeMetadata(_ count: Int, _ cursor: inout GGUFCursor) throws(IngotError) {
    var entries: [Metadata.Entry] = []
    entries.reserveCapacity(count)
    var keys = Set<ExactName>(minimumCapacity: count)
    for _ in 0..<count {
      cursor.key = nil
      let start = cursor.offset
      let key = try cursor.text()
      guard (1...GGUFLayout.greatestKeyByteCount).contains(key.utf8.count) else {
        throw cursor.malformed(
          .key, at: start, "a key of \(key.utf8.count, "byte")", "1 to \(GGUFLayout.greatestKeyByteCount)")
      }
      cursor.key = key
      try Self.refuseNUL(in: key, at: start, cursor)
      guard keys.insert(ExactName(key)).inserted else {
        throw cursor.malformed(.uniqueKey, at: start, "the key again", "each key once")
      }
      entries.append(Metadata.Entry(key: key, value: try cursor.value()))
    }
    cursor.key = nil
    metadata = Metadata(entries)
  }

  /// What offsets are multiples of: GG-11.
  static func alignment(of metadata: Metadata, path: String) throws(IngotError) -> Int {
    guard let value = metadata[GGUFLayout.alignmentKey] else { return GGUFLayout.alignment }
    guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1 else {
      throw .malformed(
        GGUFRule.alignment.rule, at: Location(path, key: GGUFLayout.alignmentKey),
        found: "another value", expected: "a power of two, as u32")
    }
    return Int(alignment)
  }

  // MARK: - Tensors

  /// A tensor's fields.
  private struct Entry {
    var name: String
    var type: GGUFElementType
    var shape: Shape
    var byteCount: Int
    var offset: UInt64
  }

  /// Takes the tensors' fields: GG-12 to GG-17, each tensor's in this order.
  private func takeTensors(_ count: Int, _ cursor: inout GGUFCursor) throws(IngotError) -> [Entry] {
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    var names = Set<ExactName>(minimumCapacity: count)
    for _ in 0..<count {
      cursor.tensor = nil
      let start = cursor.offset
      let name = try cursor.text()
      cursor.tensor = name
      guard name.utf8.count <= GGUFLayout.greatestNameByteCount else {
        throw cursor.malformed(
          .nameLength, at: start, "a name of \(name.utf8.count, "byte")",
          "at most \(GGUFLayout.greatestNameByteCount)")
      }
      try Self.refuseNUL(in: name, at: start, cursor)
      guard names.insert(ExactName(name)).inserted else {
        throw cursor.malformed(.uniqueName, at: start, "the name again", "each name once")
      }
      entries.append(try Self.entry(name, &cursor))
    }
    cursor.tensor = nil
    return entries
  }

  /// To ggml a name ends at its first NUL, and two could be one: GG-24.
  private static func refuseNUL(
    in name: String, at offset: Int, _ cursor: GGUFCursor
  ) throws(IngotError) {
    guard !name.utf8.contains(0) else {
      throw cursor.malformed(.noNUL, at: offset, "a name with a NUL in it", "none")
    }
  }

  private static func entry(_ name: String, _ cursor: inout GGUFCursor) throws(IngotError) -> Entry {
    let start = cursor.offset
    let rank = try cursor.number(UInt32.self)
    guard rank <= GGUFLayout.greatestRank else {
      throw cursor.malformed(.rank, at: start, "\(rank, "dimension")", "at most \(GGUFLayout.greatestRank)")
    }
    // The file has the fastest dimension first.
    var dimensions: [UInt64] = []
    for _ in 0..<rank { dimensions.insert(try cursor.number(UInt64.self), at: 0) }
    guard let shape = Shape(dimensions), shape.byteCount(of: .f64) != nil else {
      throw cursor.malformed(.shape, at: start + 4, "2^57 elements or more", "fewer")
    }
    let typeStart = cursor.offset
    let number = try cursor.number(UInt32.self)
    guard let type = GGUFElementType(number: number) else {
      throw cursor.malformed(.tensorType, at: typeStart, "type \(number)", "a type of the page")
    }
    guard let byteCount = byteCount(type, shape) else {
      throw cursor.malformed(
        .rows, at: typeStart, "\(words: type.name) of \(shape)",
        "rows of whole blocks of \(type.blockType?.elementCount ?? 1)")
    }
    if cursor.byteOrder == .big, let blockType = type.blockType, blockType.numbers == nil {
      throw .unsupported(
        "big-endian \(words: blockType.rawValue) blocks", at: cursor.location(typeStart))
    }
    let offset = try cursor.number(UInt64.self)
    return Entry(name: name, type: type, shape: shape, byteCount: byteCount, offset: offset)
  }

  private static func byteCount(_ type: GGUFElementType, _ shape: Shape) -> Int? {
    switch type {
    case .plain(let dtype): shape.byteCount(of: dtype)
    case .blocks(let blockType): blockType.byteShape(of: shape)?.elementCount
    }
  }

  // MARK: - Data

  /// Places the tensors consecutively, each aligned, from the aligned end of the header on: GG-18 and GG-19.
  private mutating func place(
    _ entries: [Entry], in source: any ByteSource, _ cursor: GGUFCursor
  ) throws(IngotError) {
    var cursor = cursor
    let aligned = byteCount.checkedAlignUp(to: alignment)
    guard !entries.isEmpty else { return noteTrailing(source.byteCount - (aligned ?? source.byteCount)) }
    guard let dataStart = aligned, dataStart <= source.byteCount else {
      throw cursor.malformed(.dataInFile, "a file that ends at byte \(source.byteCount)", "tensors behind it")
    }
    tensors.reserveCapacity(entries.count)
    // Where the next tensor starts in the data, and where the one before ended.
    var (next, end) = (0, 0)
    for entry in entries {
      cursor.tensor = entry.name
      guard entry.offset == UInt64(next) else {
        throw cursor.malformed(.offset, at: byteCount, "offset \(entry.offset)", "\(next)")
      }
      let room = source.byteCount - dataStart
      guard next <= room, entry.byteCount <= room - next else {
        throw cursor.malformed(
          .dataInFile, at: source.byteCount, "the end of the file",
          "\(entry.byteCount, "byte") from byte \(dataStart + min(next, room)) on")
      }
      tensors.append(
        TensorDescriptor(
          name: entry.name, dtype: entry.type.dtype, shape: entry.shape,
          storage: TensorStorage(
            StorageSegment(file: 0, offset: dataStart + next, byteCount: entry.byteCount),
            byteOrder: cursor.byteOrder), blockType: entry.type.blockType))
      end = next + entry.byteCount
      next = end.checkedAlignUp(to: alignment) ?? Int.max
    }
    // The last tensor's padding may be missing.
    noteTrailing(source.byteCount - dataStart - min(next, max(end, source.byteCount - dataStart)))
  }

  private mutating func noteTrailing(_ count: Int) {
    guard count > 0 else { return }
    findings.append(
      Finding(
        .notRead, severity: .note, subject: "data",
        detail:
          "\(count, "byte behind the last tensor belongs", "bytes behind the last tensor belong") to none"))
  }
}
