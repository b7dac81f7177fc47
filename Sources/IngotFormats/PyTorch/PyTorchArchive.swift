// SPDX-License-Identifier: Apache-2.0
// The zip form of PyTorch checkpoints, torch 1.6 and later: the records of the archive, and where storages' bytes are.
// Page: formats/pytorch.md, "Zip form".
import IngotBytes
import IngotCore
import IngotEncodings

/// The records of an archive, without the folder that they all stand in.
struct PyTorchArchive {
  /// The record that holds the pickle.
  static let pickleName = "data.pkl"
  /// A record of ours, which torch passes over: the schemes of quantized tensors.
  static let quantizationName = "ingot.quantization"

  /// The folder, with the slash behind it.
  let folder: String
  /// Bytes of the archive's directory.
  let directoryByteCount: Int

  private let source: any ByteSource
  private let records: [ExactName: ZipEntry]

  /// Reads the directory: PT-01 and PT-02.
  init(_ source: any ByteSource) throws(IngotError) {
    let directory = try ZipDirectory(source)
    self.source = source
    directoryByteCount = directory.byteCount
    if let kind = Self.foreignKind(directory.entries.map(\.name)) {
      throw .unsupported(kind, at: Location(source.path))
    }
    let first = directory.entries.first?.name ?? ""
    folder = String(Substring(first.utf8.prefix { $0 != UInt8(ascii: "/") })) + "/"
    var records: [ExactName: ZipEntry] = [:]
    for entry in directory.entries {
      guard entry.name.utf8.starts(with: folder.utf8) else {
        throw .malformed(
          PyTorchRule.folder.rule, at: Location(source.path, member: entry.name),
          found: "a record outside \(folder)", expected: "all of them in one folder")
      }
      records[ExactName(String(decoding: entry.name.utf8.dropFirst(folder.utf8.count), as: UTF8.self))] =
        entry
    }
    self.records = records
    guard records[ExactName(Self.pickleName)] != nil else {
      throw .malformed(
        PyTorchRule.form.rule, at: Location(source.path),
        found: "an archive without \(folder + Self.pickleName)",
        expected: "one with it")
    }
  }

  /// What other archive of torch's one is, by its records; `nil` for a checkpoint.
  static func foreignKind(_ names: [String]) -> Evidence? {
    let records = Set(
      names.map { name in name.firstIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name })
    func has(_ record: String) -> Bool { records.contains(record) || names.contains(record) }
    if has("archive_format") || has("models/model.json") || has("serialized_exported_program.json") {
      return "a program exported by torch.export, with its weights; save the model's state_dict() instead"
    }
    if has(".data/extern_modules") {
      return "a torch.package, which holds Python code with pickles; save the model's state_dict() instead"
    }
    if has("bytecode.pkl") {
      return
        "a program for torch's mobile interpreter, with its weights; save the model's state_dict() instead"
    }
    guard has("constants.pkl") else { return nil }
    return
      "a TorchScript archive, which holds a program with its weights; save the model's state_dict() instead"
  }

  /// The versions of archives that torch reads: caffe2/serialize/versions.h.
  private static let versions = 1...10

  /// The record that says the version; `nil` in an archive that torch refuses.
  var version: ZipEntry? { self["version"] ?? self[".data/version"] }

  /// Refuses an archive of another version, whose records may mean something else.
  func checkVersion() throws(IngotError) {
    guard let record = version else { return }
    let isShort = record.byteCount <= 16
    let text = isShort ? String(decoding: try content(of: record), as: UTF8.self) : ""
    let digits = text.filter { !$0.isWhitespace }
    guard let version = Int(digits), Self.versions.contains(version) else {
      throw .unsupported(
        isShort
          ? "an archive of version \(digits); \(Self.versions.lowerBound) to \(Self.versions.upperBound) are read"
          : "an archive whose version has \(record.byteCount, "byte"); a number is read",
        at: location("version"))
    }
  }

  /// A record, by its name without the folder.
  subscript(name: String) -> ZipEntry? { records[ExactName(name)] }

  /// A record as a place.
  func location(_ name: String) -> Location { Location(source.path, member: folder + name) }

  /// The order of bytes in all storages: little-endian unless the archive says so; PT-03.
  func byteOrder() throws(IngotError) -> ByteOrder {
    guard let record = self["byteorder"] else { return .little }
    let text = record.byteCount <= 16 ? String(decoding: try content(of: record), as: UTF8.self) : ""
    switch text {
    case "little": return .little
    case "big": return .big
    default:
      throw .malformed(
        PyTorchRule.byteOrder.rule, at: location("byteorder"), found: .value(text), expected: "little or big")
    }
  }

  /// The schemes of quantized tensors, as JSON; `nil` when there are none.
  func quantization() throws(IngotError) -> String? {
    guard let record = self[Self.quantizationName] else { return nil }
    try record.checkByteCount(.companionBytes, at: location(Self.quantizationName))
    return String(decoding: try content(of: record), as: UTF8.self)
  }

  /// Bytes of the pickle in the file.
  var storedPickleByteCount: Int { self[Self.pickleName]?.storedByteCount ?? 0 }

  /// A machine for the archive's pickle.
  func pickle() throws(IngotError) -> PickleMachine {
    guard let record = self[Self.pickleName] else {
      throw .internal("an archive without a pickle that was let through")
    }
    return try Self.pickle(record, in: source, isSurvey: false)
  }

  /// A machine for a pickle in an archive.
  ///
  /// A stored one is read where it is; a deflated one is decoded, as far as pickles go.
  static func pickle(
    _ record: ZipEntry, in source: any ByteSource, isSurvey: Bool
  ) throws(IngotError) -> PickleMachine {
    var place = Location(source.path, member: record.name)
    guard record.method == .deflated else {
      place.offset = -record.dataOffset
      return PickleMachine(
        source, range: record.dataOffset..<(record.dataOffset + record.byteCount),
        allowList: PyTorchGlobals.allowList, at: place, isSurvey: isSurvey)
    }
    try record.checkExpansion(at: place)
    let bytes = try ZipMemberReader(record, source: source).bytes(record.byteCount)
    return PickleMachine(
      MemoryByteSource(bytes, path: source.path), range: bytes.indices, allowList: PyTorchGlobals.allowList,
      at: place, isSurvey: isSurvey)
  }

  /// All bytes of a record, decoded; its checksum is held.
  private func content(of record: ZipEntry) throws(IngotError) -> [UInt8] {
    let bytes = try ZipMemberReader(record, source: source).bytes(record.byteCount)
    try check(CRC32.value(of: bytes), of: record)
    return bytes
  }

  /// Holds a record's checksum; 0 stands for one that torch was told not to compute.
  private func check(_ crc: UInt32, of record: ZipEntry) throws(IngotError) {
    guard record.crc32 != 0, crc != record.crc32 else { return }
    throw .malformed(
      ZipRule.checksum.rule, at: Location(source.path, member: record.name), found: "CRC-32 \(crc)",
      expected: "\(record.crc32)")
  }

  /// Holds the checksum of the stored pickle, piece by piece; of a deflated one the stream is checked.
  func checkPickle() throws(IngotError) {
    guard let record = self[Self.pickleName], record.method == .stored else { return }
    var crc = CRC32()
    var offset = 0
    while offset < record.byteCount {
      let piece = try source.bytes(
        at: record.dataOffset + offset, count: min(1 << 20, record.byteCount - offset))
      piece.withUnsafeBytes { crc.update($0) }
      offset += piece.count
    }
    try check(crc.value, of: record)
  }

  /// Finds each storage's record; one that is not there, or is of another length, breaks PT-13 for the tensors that are
  /// views of it.
  ///
  /// - Returns: how many records carry no checksum.
  func place(_ storages: inout PyTorchStorages) -> Int {
    var uncheckedCount = 0
    for (index, storage) in storages.all.enumerated() {
      let name = "data/" + storage.key
      guard let record = self[name], record.byteCount == storage.byteCount else {
        let found: Evidence = self[name].map { "\($0.byteCount, "byte")" } ?? "no such record"
        storages.fail(
          index,
          with: .malformed(
            PyTorchRule.storageData.rule, at: location(name), found: found,
            expected: "the storage's \(storage.byteCount, "byte")"))
        continue
      }
      var place = PyTorchStorage.Place(
        segment: StorageSegment(file: 0, offset: record.dataOffset, byteCount: record.storedByteCount),
        checksum: .crc32(record.crc32, prefix: 0, rule: ZipRule.checksum.rule))
      if record.crc32 == 0, record.byteCount > 0 {
        place.checksum = nil
        uncheckedCount += 1
      }
      if record.method == .deflated { place.codec = .deflate(skip: 0, decodedByteCount: record.byteCount) }
      storages.place(index, at: place)
    }
    return uncheckedCount
  }
}
