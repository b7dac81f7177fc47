// SPDX-License-Identifier: Apache-2.0
// Parses and checks the index of an `.ingot` file: bytes in, tensors whose ranges lie in the file out; no input or
// output. Digests of the parts are not in it but in the tail. Page: formats/ingot.md, "Index" and "Data".
import IngotBytes
import IngotCore

/// An index whose every rule holds.
struct IngotFileIndex: Sendable {
  /// A run of bytes beside the tensors.
  struct Section: Hashable, Sendable {
    /// What it holds.
    var name: String
    /// Whether the tensors must not be used without it.
    var isRequired: Bool
    /// Where it starts.
    var offset: Int
    /// Its bytes.
    var byteCount: Int
  }

  /// The tensors in the file's order, aliases with their target's storage.
  private(set) var tensors: [TensorDescriptor] = []
  /// Metadata as stored.
  private(set) var metadata = Metadata()
  /// Companions of the kinds we know.
  private(set) var companions: [Companion] = []
  /// Sections in the order of the data.
  private(set) var sections: [Section] = []
  /// Remarks: companions and sections that are not read.
  private(set) var findings: [Finding] = []
  /// Aliases by position, with their targets'.
  private var aliases: [(alias: Int, target: Int)] = []

  /// Parses an index and checks it against the place of the data.
  ///
  /// - Parameters:
  ///   - bytes: the index.
  ///   - header: the file's header, which says where the data ends.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first of IN-08 to IN-26 that is
  ///   broken; ``IngotCore/IngotError/unsupported(_:at:)`` for a required section.
  init(_ bytes: [UInt8], header: IngotFileHeader, path: String) throws(IngotError) {
    var decoder = IngotFileDecoder(bytes, at: IngotFileLayout.endByteCount, path: path, shortRule: .fields)
    var placement = IngotFilePlacement(after: header.indexEnd, tailOffset: header.tailOffset)
    try takeTensors(&decoder, &placement)
    decoder.tensor = nil
    metadata = try decoder.metadata()
    try takeCompanions(&decoder)
    try takeSections(&decoder, &placement)
    guard decoder.remainingCount == 0 else {
      throw decoder.malformed(
        .indexEnd, at: decoder.offset, found: "\(decoder.remainingCount, "byte") behind the sections",
        expected: "0")
    }
    if let section = sections.first(where: \.isRequired) {
      throw .unsupported("a required section \(section.name)", at: Location(path, offset: section.offset))
    }
    guard placement.next == header.tailOffset else {
      throw .malformed(
        IngotFileRule.dataEnd.rule, at: Location(path, offset: 24),
        found: "a tail at byte \(header.tailOffset)",
        expected: "\(placement.next), where the data ends")
    }
  }

  // MARK: - Tensors

  private mutating func takeTensors(
    _ decoder: inout IngotFileDecoder, _ placement: inout IngotFilePlacement
  ) throws(IngotError) {
    let count = try decoder.count(itemByteCount: 9)
    tensors.reserveCapacity(count)
    var names = Set<ExactName>(minimumCapacity: count)
    for position in 0..<count {
      decoder.tensor = nil
      let start = decoder.offset
      let name = try decoder.text()
      decoder.tensor = name
      guard names.insert(ExactName(name)).inserted else {
        throw decoder.malformed(.uniqueTensor, at: start, found: "the name again", expected: "each name once")
      }
      switch IngotFileCode.Entry(rawValue: UInt8(try decoder.code("the tensor kind", atMost: 2))) {
      case .quantized: try takeQuantized(name, &decoder, &placement)
      case .alias:
        aliases.append((position, Int(try decoder.number(UInt32.self))))
        let nowhere = TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: 0))
        tensors.append(TensorDescriptor(name: name, dtype: .u8, shape: [0], storage: nowhere))
      default:
        let (dtype, shape, part) = try decoder.plainPart(&placement)
        tensors.append(
          TensorDescriptor(
            name: name, dtype: dtype, shape: shape, storage: part.storage, blockType: part.blockType))
      }
    }
    try resolveAliases(decoder)
  }

  /// Gives each alias what its target has: IN-14.
  private mutating func resolveAliases(_ decoder: IngotFileDecoder) throws(IngotError) {
    let positions = Set(aliases.map(\.alias))
    for (alias, target) in aliases {
      guard tensors.indices.contains(target), !positions.contains(target) else {
        throw .malformed(
          IngotFileRule.alias.rule, at: Location(decoder.path, tensor: tensors[alias].name),
          found: "an alias of tensor \(target)", expected: "the position of a tensor that is not an alias")
      }
    }
    copyToAliases()
  }

  private mutating func copyToAliases() {
    for (alias, target) in aliases {
      let name = tensors[alias].name
      tensors[alias] = tensors[target]
      tensors[alias].name = name
      tensors[alias].aliasOf = tensors[target].name
    }
  }

  private mutating func takeQuantized(
    _ name: String, _ decoder: inout IngotFileDecoder, _ placement: inout IngotFilePlacement
  ) throws(IngotError) {
    let start = decoder.offset
    let fields = try IngotFileSchemeFields(&decoder)
    var parts: [StoredPart] = []
    var keptRows: [Int] = []
    for number in 0..<fields.partCount {
      let position = decoder.offset
      let code = try decoder.code("the part kind", atMost: IngotFileCode.partKinds.count - 1)
      let kind = IngotFileCode.partKinds[code]
      guard fields.allows(code, at: number, behind: parts.last?.kind) else {
        throw decoder.malformed(
          .quantization, at: position, found: "\(words: kind.rawValue)",
          expected: "values, scales, and others in their order")
      }
      if kind == .keptRows { keptRows = try decoder.rows() }
      parts.append(try decoder.part(kind, &placement))
    }
    let values = parts.removeFirst()
    let scheme = try fields.scheme(
      values: values, parts: parts, keptRows: keptRows, at: start, decoder)
    var tensor = TensorDescriptor(
      name: name, dtype: values.dtype, shape: values.shape, storage: values.storage)
    tensor.quantize(scheme, parts)
    tensors.append(tensor)
  }

  // MARK: - Companions and sections

  private mutating func takeCompanions(_ decoder: inout IngotFileDecoder) throws(IngotError) {
    var names = CompanionPaths()
    var places: [(name: String, offset: Int)] = []
    func refuse(_ name: String, at offset: Int) -> IngotError {
      decoder.malformed(
        .companionName, at: offset, found: .value(name),
        expected: "a path of plain names that no other companion has or is a folder of")
    }
    for _ in 0..<(try decoder.count(itemByteCount: 16)) {
      let kind = try decoder.text()
      let start = decoder.offset
      let name = try decoder.text()
      guard names.insert(name) else { throw refuse(name, at: start) }
      places.append((name, start))
      let byteCount = try decoder.number(UInt64.self)
      let content = try decoder.bytes(Int(clamping: byteCount))
      if let known = Companion.Kind(rawValue: kind) {
        companions.append(Companion(kind: known, name: name, bytes: Array(content)))
      } else {
        findings.append(
          Finding(
            .notRead, severity: .note, subject: name,
            detail: "is a companion of the unknown kind \(kind): skipped"))
      }
    }
    if let place = places.first(where: { names.isBelowFile($0.name) }) {
      throw refuse(place.name, at: place.offset)
    }
  }

  private mutating func takeSections(
    _ decoder: inout IngotFileDecoder, _ placement: inout IngotFilePlacement
  ) throws(IngotError) {
    var names = Set<ExactName>()
    for _ in 0..<(try decoder.count(itemByteCount: 21)) {
      let start = decoder.offset
      let name = try decoder.text()
      guard names.insert(ExactName(name)).inserted else {
        throw decoder.malformed(
          .sectionName, at: start, found: "the section \(name) again", expected: "each name once")
      }
      let isRequired = try decoder.truth()
      let offset = try decoder.runOffset(placement)
      let byteCount = try decoder.runByteCount(expected: nil, &placement)
      sections.append(Section(name: name, isRequired: isRequired, offset: offset, byteCount: byteCount))
      if !isRequired {
        findings.append(
          Finding(
            .notRead, severity: .note, subject: name, detail: "is a section of \(byteCount, "byte"): skipped")
        )
      }
    }
  }

  // MARK: - Runs

  /// Walks all runs in the order of the data: parts with their tensor's name, then sections.
  func forEachRun(
    _ body: (_ tensor: String?, _ range: Range<Int>) throws(IngotError) -> Void
  ) throws(IngotError) {
    for tensor in tensors where tensor.aliasOf == nil {
      for part in tensor.parts {
        for segment in part.storage.segments.all {
          try body(tensor.name, segment.offset..<(segment.offset + segment.byteCount))
        }
      }
    }
    for section in sections { try body(nil, section.offset..<(section.offset + section.byteCount)) }
  }

  /// The number of parts of each stored tensor, in order.
  var partCounts: [Int] {
    tensors.filter { $0.aliasOf == nil }.map { 1 + $0.sideStorages.count }
  }

  /// Notes the digest of each part, in the order of the data.
  mutating func attach(_ digests: [XXH3Digest]) {
    var rest = digests[...]
    for position in tensors.indices where tensors[position].aliasOf == nil {
      tensors[position].storage.checksum = rest.popFirst().map(Self.checksum)
      for part in tensors[position].sideStorages.indices {
        tensors[position].sideStorages[part].checksum = rest.popFirst().map(Self.checksum)
      }
    }
    copyToAliases()
  }

  private static func checksum(_ digest: XXH3Digest) -> StoredChecksum {
    .xxh3(digest, rule: IngotFileRule.partDigest.rule)
  }
}
