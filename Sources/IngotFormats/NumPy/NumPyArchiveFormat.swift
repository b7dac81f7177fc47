// SPDX-License-Identifier: Apache-2.0
// Arrays in a .npz archive, stored or deflated. Page: formats/numpy.md, on the carrier formats/containers/zip.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The .npz format.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct NumPyArchiveFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "npz"
  package let title = "NumPy archive"
  package let fileExtensions = ["npz"]
  package let page = "numpy.md"
  package var writer: (any CheckpointWriter)? { NumPyArchiveWriter() }

  /// A zip archive.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    ZipDirectory.recognizes(firstBytes: firstBytes)
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let directory = try ZipDirectory(source)
    var reader = NumPyArchiveReader(source: source, options: options)
    let hidden = try directory.entries.first { $0.name == NumPyHiddenMember.name }.map {
      (entry) throws(IngotError) in
      try reader.hiddenMember(entry)
    }
    for entry in directory.entries where entry.name != NumPyHiddenMember.name {
      try reader.add(entry, hidden: hidden)
    }
    // Archives of arrays have arrays; what has other members alone is another kind of zip.
    let others = reader.findings.map(\.subject) + directory.folders
    guard reader.hasArrays || others.isEmpty else {
      throw ForeignContent.collection(of: others, path: source.path, kind: "a zip archive")
    }
    try reader.checkNames()
    if let hidden { try reader.checkArrays(of: hidden) }
    var checkpoint = Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: reader.tensors,
      metadata: hidden?.metadata ?? Metadata(), findings: reader.findings,
      indexByteCount: directory.byteCount + reader.headerByteCount)
    checkpoint.unopened = reader.unopened
    return checkpoint
  }
}

/// Collects the arrays of one archive.
private struct NumPyArchiveReader {
  let source: any ByteSource
  let options: ReadOptions
  var tensors: [TensorDescriptor] = []
  var unopened: [String] = []
  var findings: [Finding] = []
  var headerByteCount = 0
  /// Whether there is an array, be it one that is not read.
  var hasArrays = false
  /// Names of arrays whose members end otherwise than in .npy.
  private var bareNames = Set<ExactName>()

  init(source: any ByteSource, options: ReadOptions) {
    self.source = source
    self.options = options
  }

  mutating func add(_ entry: ZipEntry, hidden: NumPyHiddenMember?) throws(IngotError) {
    let isNamed = entry.name.utf8.suffix(4).elementsEqual(".npy".utf8)
    // NumPy reads what has an array's magic bytes, whatever its name ends with.
    let isArray = isNamed ? true : try entry.begins(with: NumPyArrayHeader.magic, in: source)
    guard isArray else {
      findings.append(
        Finding(
          .notRead, severity: .note, subject: entry.name,
          detail: "is not an array"))
      return
    }
    guard let name = try arrayName(of: entry, isNamed: isNamed) else { return }
    if !isNamed { bareNames.insert(ExactName(name)) }
    hasArrays = true
    do throws(IngotError) {
      let location = Location(source.path, member: entry.name, offset: 0)
      let header = try header(of: entry, at: location)
      headerByteCount += header.byteCount
      if case .text(let byteCount) = header.dtype.kind {
        try header.checkText(
          byteCount: byteCount, available: entry.byteCount - header.byteCount, at: location)
        leaveOut(name, header)
      } else {
        tensors.append(try tensor(entry, header, name: name, hidden: hidden, at: location))
      }
    } catch {
      try options.passOver(name, error)
      unopened.append(name)
    }
  }

  /// The array's name: that of its member, without `.npy`: NP-11; `nil` for one that has none, and is left out by what is
  /// shown in its place.
  private mutating func arrayName(of entry: ZipEntry, isNamed: Bool) throws(IngotError) -> String? {
    let bytes = PathText.bytes(of: entry.name).dropLast(isNamed ? 4 : 0)
    let name = String(validating: bytes, as: UTF8.self)
    if let name, !name.isEmpty { return name }
    let shown = PathText.shown(PathText.text(bytes))
    try options.passOver(
      shown,
      .malformed(
        NumPyRule.memberName.rule, at: Location(source.path, member: entry.name, offset: entry.headerOffset),
        found: name == nil ? "an array whose name is not UTF-8" : "an array without a name",
        expected: "a name in UTF-8; \(verb: .convert, .exclude) with what is shown of it leaves it out"))
    unopened.append(shown)
    hasArrays = true
    return nil
  }

  /// Says that an array of text or times is there, and is no tensor.
  private mutating func leaveOut(_ name: String, _ header: NumPyArrayHeader) {
    guard options.selection.takes(name) else { return unopened.append(name) }
    let isTime = header.descr.contains { "Mm".contains($0) }
    findings.append(
      Finding(
        .leftOut, severity: .note, subject: name,
        detail: "holds \(words: isTime ? "times" : "text"), no tensor: \(header.descr) of \(header.shape)"))
  }

  /// `a` and `a.npy` are one name: NP-13.
  func checkNames() throws(IngotError) {
    guard !bareNames.isEmpty else { return }
    var seen = Set<ExactName>()
    for tensor in tensors where bareNames.contains(ExactName(tensor.name)) {
      guard seen.insert(ExactName(tensor.name)).inserted else {
        throw .malformed(
          NumPyRule.uniqueArray.rule, at: Location(source.path, tensor: tensor.name),
          found: "two arrays of this name, one of them with .npy behind it", expected: "one")
      }
    }
  }

  /// A dtype of an array that is not there would be lost with the array's old name: NP-12.
  func checkArrays(of hidden: NumPyHiddenMember) throws(IngotError) {
    let names = Set(tensors.map { ExactName($0.name) } + unopened.map { ExactName($0) })
    for name in hidden.dtypes.keys.sorted(by: { $0.text < $1.text }) where !names.contains(name) {
      throw .malformed(
        NumPyRule.hiddenMember.rule, at: Location(source.path, member: NumPyHiddenMember.name),
        found: "a dtype of \(name.text)", expected: "an array of that name")
    }
  }

  private func tensor(
    _ entry: ZipEntry, _ header: NumPyArrayHeader, name: String, hidden: NumPyHiddenMember?,
    at location: Location
  ) throws(IngotError) -> TensorDescriptor {
    let stored = try header.elementType(name: name, options: options, at: location)
    let dtype = hidden?.dtypes[ExactName(name)] ?? stored
    guard dtype == stored || NumPyDType.bits(of: dtype) == stored else {
      throw .malformed(
        NumPyRule.hiddenMember.rule, at: location, found: "\(dtype) for bits of \(stored)",
        expected: "one that NumPy lacks, for unsigned integers as wide")
    }
    let byteCount = try header.dataByteCount(
      dtype, available: entry.byteCount - header.byteCount, at: location)
    var storage = TensorStorage(
      StorageSegment(file: 0, offset: entry.dataOffset + header.byteCount, byteCount: byteCount),
      byteOrder: header.dtype.byteOrder, layout: header.layout,
      checksum: .crc32(entry.crc32, prefix: header.byteCount, rule: ZipRule.checksum.rule))
    if entry.method == .deflated {
      storage.segments = .one(
        StorageSegment(file: 0, offset: entry.dataOffset, byteCount: entry.storedByteCount))
      storage.codec = .deflate(skip: header.byteCount, decodedByteCount: entry.byteCount)
    }
    return TensorDescriptor(name: name, dtype: dtype, shape: header.shape, storage: storage)
  }

  private func header(of entry: ZipEntry, at location: Location) throws(IngotError) -> NumPyArrayHeader {
    let prefixByteCount = min(NumPyArrayHeader.prefixByteCount, entry.byteCount)
    let member = ZipMemberReader(entry, source: source)
    let prefix = try member.bytes(prefixByteCount)
    let extent = try NumPyArrayHeader.extent(of: prefix, available: entry.byteCount, at: location)
    // The fixed part of a version 1.0 array is shorter than what was read at once.
    let rest = try member.bytes(max(0, extent.data - prefixByteCount))
    let literal = Array((prefix + rest)[extent.literal..<extent.data])
    return try NumPyArrayHeader(literal, version: extent.version, dataOffset: extent.data, at: location)
  }

  /// Reads the member that tells what NumPy can't: NP-12.
  func hiddenMember(_ entry: ZipEntry) throws(IngotError) -> NumPyHiddenMember {
    let location = Location(source.path, member: entry.name, offset: 0)
    try entry.checkByteCount(.companionBytes, at: location)
    let header = try header(of: entry, at: location)
    guard header.dtype.kind == .known(.u8), header.shape.rank == 1 else {
      throw .malformed(
        NumPyRule.hiddenMember.rule, at: location, found: "an array of \(header.descr)", expected: "bytes")
    }
    let count = try header.dataByteCount(.u8, available: entry.byteCount - header.byteCount, at: location)
    let bytes = try ZipMemberReader(entry, source: source).wholeMember()
    return try NumPyHiddenMember(Array(bytes[header.byteCount...].prefix(count)), at: location)
  }
}

/// The member that tells of dtypes and metadata which NumPy lacks.
struct NumPyHiddenMember {
  static let name = "__ingot__.npy"

  /// Dtypes by array, where they are not what the array says.
  var dtypes: [ExactName: DType] = [:]
  /// Metadata of the whole archive.
  var metadata = Metadata()

  init(dtypes: [ExactName: DType], metadata: Metadata) {
    self.dtypes = dtypes
    self.metadata = metadata
  }

  /// Parses the member's JSON.
  init(_ bytes: [UInt8], at location: Location) throws(IngotError) {
    func malformed(_ found: Evidence) -> IngotError {
      .malformed(
        NumPyRule.hiddenMember.rule, at: location, found: found, expected: "schema 1 with dtypes and metadata"
      )
    }
    let document: Metadata
    do throws(JSONFailure) {
      document = try JSONDocument.object(bytes)
    } catch {
      throw malformed(error.found)
    }
    guard document["schema"] == .int64(1), case .object(let names)? = document["dtypes"],
      case .object(let metadata)? = document["metadata"]
    else { throw malformed("another document") }
    for entry in names.entries {
      guard case .string(let spelling) = entry.value, let dtype = DType(rawValue: spelling) else {
        throw malformed("a dtype of \(entry.key) that there is not")
      }
      dtypes[ExactName(entry.key)] = dtype
    }
    self.metadata = metadata
  }

  /// The member's JSON.
  var bytes: [UInt8] {
    let names = dtypes.sorted { $0.key.text.utf8.lexicographicallyPrecedes($1.key.text.utf8) }
    let document = Metadata([
      .init(key: "schema", value: .int64(1)),
      .init(
        key: "dtypes",
        value: .object(Metadata(names.map { .init(key: $0.key.text, value: .string($0.value.rawValue)) }))),
      .init(key: "metadata", value: .object(metadata)),
    ])
    return Array(JSONWriter.text(document).utf8)
  }
}
