// SPDX-License-Identifier: Apache-2.0
// Plans a TensorFlow checkpoint (TensorBundle): the data files from what the tensors are, the index when their checksums
// are known, byte for byte as TensorFlow writes them. Page: formats/tensorflow-bundle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Plans TensorFlow's bundles.
package struct TensorFlowWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  /// A tensor has one name.
  package let keepsAliases = false
  /// Companions stand beside a bundle.
  package let holdsCompanions = false
  /// Bundles may have several data files.
  package let shards = true
  /// A bundle is several files.
  package let needsFolder = true

  /// Plans the data files, the index, and the state file that names them.
  ///
  /// - Parameter request: what to write; data keeps the order of the tensors, the index sorts their names.
  /// - Returns: the plan; it needs CRC-32C of every part.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for dtypes that TensorFlow lacks, for
  ///   names that no key can be, and for two tensors of one name.
  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let prefix = TensorFlowFileName.prefix(ofIndex: request.fileName) ?? TensorFlowFileName.prefix
    var draft = TensorBundleDraft(prefix: prefix, tensors: request.tensors)
    for group in try Self.groups(of: request) { try draft.addFile(group) }
    var metadata = request.metadata
    metadata[QuantizedParts.metadataKey] = QuantizedParts.metadata(of: request.tensors)
    draft.add(metadata)

    try Limit.sortedTableBytes.admit(
      draft.greatestIndexByteCount, "bytes of index", target: "tensorflow")
    try Limit.shards.admit(
      draft.files.count, "files", target: "tensorflow", hint: .remedy(.cutLarger))
    let finished = draft
    let files = draft.files
    let index = PlannedFile(name: prefix + TensorFlowFileName.indexSuffix, chunks: [])
    let state = "model_checkpoint_path: \"\(prefix)\"\nall_model_checkpoint_paths: \"\(prefix)\"\n"
    return WritePlan(
      files: files + [
        index, PlannedFile(name: TensorFlowFileName.state, chunks: [.bytes(Array(state.utf8))]),
      ],
      losses: draft.losses, digests: [.crc32c], streams: false,
      tailByteCount: draft.greatestIndexByteCount
    ) { (written, patch) throws(IngotError) in
      try patch(FilePatch(file: files.count, offset: 0, bytes: finished.index(written)))
    }
  }

  /// Cuts the tensors into files as sets of safetensors are cut: in the source's order, a new file when the next tensor
  /// would pass the limit.
  private static func groups(of request: WriteRequest) throws(IngotError) -> [[PartReference]] {
    var groups: [[PartReference]] = [[]]
    var groupByteCount = 0
    for (index, tensor) in request.tensors.enumerated() {
      var byteCount = 0
      for part in tensor.parts { byteCount += try part.byteCount() }
      if let limit = request.shardByteLimit, groupByteCount > 0, groupByteCount + byteCount > limit {
        groups.append([])
        groupByteCount = 0
      }
      groups[groups.count - 1] += tensor.parts.indices.map { PartReference(tensor: index, part: $0) }
      groupByteCount += byteCount
    }
    return groups
  }
}

/// A bundle being planned.
private struct TensorBundleDraft: Sendable {
  /// A tensor's entry, but for where its bytes are and their checksum.
  private struct Entry: Sendable {
    var name: String
    var dtype: Int
    var shape: Shape
  }

  /// A tensor of strings, whose bytes are at hand.
  private struct StringEntry: Sendable {
    var entry: Entry
    var range: TensorBundleRange
  }

  /// What the names of its files begin with.
  let prefix: String
  /// What a data file holds.
  private struct Group: Sendable {
    var parts: [PartReference]
    var partByteCount: Int
    /// Tensors of strings, behind the parts.
    var strings: [[UInt8]] = []
  }

  private let tensors: [PlannedTensor]
  private var groups: [Group] = []
  private var byteCount = 0
  private var strings: [StringEntry] = []
  /// Bytes of strings that a reader still takes.
  private var stringBudget = Int(Limit.tensorflowStringBytes.value)
  private var names = Set<ExactName>()
  private(set) var losses: [Loss] = []
  private(set) var greatestIndexByteCount = SortedTableWriter.emptyByteCount + 64

  init(prefix: String, tensors: [PlannedTensor]) {
    self.prefix = prefix
    self.tensors = tensors
  }

  /// The data files.
  var files: [PlannedFile] {
    groups.enumerated().map { index, group in
      PlannedFile(
        name: TensorFlowFileName.shard(index, of: groups.count, prefix: prefix),
        chunks: PlannedChunks(group.parts, end: group.strings, partByteCount: group.partByteCount))
    }
  }

  /// Adds a data file with these parts.
  mutating func addFile(_ parts: [PartReference]) throws(IngotError) {
    byteCount = 0
    for reference in parts {
      let (name, part) = named(reference)
      guard let dtype = TensorFlowDType.number(of: part.dtype) else {
        throw Self.unrepresentable(name, "TensorFlow has no \(part.dtype)", hint: .remedy(part.dtype.wayOut))
      }
      try checkName(name)
      guard part.shape.rank <= TensorBundleEntry.greatestRank else {
        throw Self.unrepresentable(
          name, "TensorFlow's tensors have at most \(TensorBundleEntry.greatestRank) dimensions")
      }
      note(Entry(name: name, dtype: dtype, shape: part.shape))
      byteCount += try part.byteCount()
    }
    groups.append(Group(parts: parts, partByteCount: byteCount))
  }

  private func named(_ reference: PartReference) -> (name: String, part: PartType) {
    let tensor = tensors[reference.tensor]
    let part = tensor.parts[reference.part]
    return (tensor.name + part.kind.nameSuffix, part)
  }

  private mutating func checkName(_ name: String) throws(IngotError) {
    guard Self.isKey(name) else {
      throw Self.unrepresentable(name, "its name can't be a key: empty, too long, or with a first byte of 0")
    }
    guard names.insert(ExactName(name)).inserted else {
      throw Self.unrepresentable(name, "two tensors have this name")
    }
  }

  /// Whether a name is neither the header's key, nor like a slice's, nor too long.
  private static func isKey(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.first != 0 && UInt64(name.utf8.count) <= Limit.sortedTableKeyBytes.value
  }

  private static func unrepresentable(_ name: String, _ why: Evidence, hint: Evidence? = nil) -> IngotError {
    .unrepresentable(tensor: name, target: "tensorflow", why: why, hint: hint)
  }

  private mutating func note(_ entry: Entry) {
    greatestIndexByteCount += SortedTableWriter.greatestByteCount(
      keyByteCount: entry.name.utf8.count, valueByteCount: 64 + 12 * entry.shape.rank)
  }

  /// Adds metadata behind the tensors of the last file: strings as TensorFlow keeps them, as tensors.
  mutating func add(_ metadata: Metadata) {
    for item in metadata.entries {
      guard let strings = TensorBundleStrings(item.value) else {
        losses.append(
          Loss(.metadata, detail: "\(item.key): a bundle holds strings and lists of strings only"))
        continue
      }
      guard Self.isKey(item.key), names.insert(ExactName(item.key)).inserted else {
        losses.append(Loss(.metadata, detail: "\(item.key): a tensor has this name, or it can't be a key"))
        continue
      }
      let (bytes, crc32c) = strings.encoded()
      let cost = bytes.count + 64 * strings.shape.elementCount
      guard cost <= stringBudget else {
        losses.append(Loss(.metadata, detail: "\(item.key): more text than is read of a bundle"))
        continue
      }
      stringBudget -= cost
      let entry = Entry(name: item.key, dtype: TensorFlowDType.string, shape: strings.shape)
      note(entry)
      self.strings.append(
        StringEntry(
          entry: entry,
          range: TensorBundleRange(
            shard: groups.count - 1, offset: byteCount, byteCount: bytes.count, crc32c: crc32c)))
      groups[groups.count - 1].strings.append(bytes)
      byteCount += bytes.count
    }
  }

  /// The index of a bundle whose data was written.
  func index(_ written: WrittenParts) throws(IngotError) -> [UInt8] {
    guard written.elementsEqual(groups.lazy.flatMap(\.parts), by: { $0.reference == $1 }) else {
      throw .internal("parts written that were not planned")
    }
    var table = SortedTableWriter()
    table.put([], header)
    func name(_ position: Int) -> String {
      position < written.count
        ? named(written[position].reference).name : strings[position - written.count].entry.name
    }
    let order = (0..<(written.count + strings.count)).sorted {
      name($0).utf8.lexicographicallyPrecedes(name($1).utf8)
    }
    for position in order {
      let range: TensorBundleRange
      let entry: Entry
      if position < written.count {
        let record = written[position]
        let (name, part) = named(record.reference)
        guard let dtype = TensorFlowDType.number(of: part.dtype) else {
          throw .internal("a dtype that was not planned")
        }
        entry = Entry(name: name, dtype: dtype, shape: part.shape)
        range = TensorBundleRange(
          shard: record.file, offset: record.offset, byteCount: record.storedByteCount,
          crc32c: record.checksums.crc32c)
      } else {
        (entry, range) = (strings[position - written.count].entry, strings[position - written.count].range)
      }
      table.put(Array(entry.name.utf8), value(of: entry, at: range))
    }
    return table.finish()
  }

  private var header: [UInt8] {
    var version = ProtobufWriter()
    version.put(1, integer: Int64(TensorBundleHeader.version))
    var header = ProtobufWriter()
    header.put(1, integer: Int64(groups.count))
    header.put(3, message: version)
    return header.bytes
  }

  private func value(of entry: Entry, at range: TensorBundleRange) -> [UInt8] {
    var shape = ProtobufWriter()
    for count in entry.shape.dimensions {
      var dimension = ProtobufWriter()
      dimension.put(1, integer: Int64(count))
      shape.put(2, message: dimension)
    }
    var value = ProtobufWriter()
    value.put(1, integer: Int64(entry.dtype))
    value.put(2, message: shape)
    value.put(3, integer: Int64(range.shard))
    value.put(4, integer: Int64(range.offset))
    value.put(5, integer: Int64(range.byteCount))
    value.put(6, fixed32: CRC32C.masked(range.crc32c))
    return value.bytes
  }
}
