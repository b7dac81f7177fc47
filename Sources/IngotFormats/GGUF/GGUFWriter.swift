// SPDX-License-Identifier: Apache-2.0
// Plans GGUF files of version 3, little-endian: header, then each tensor padded to the alignment, the last one too;
// and sets of them. Names are written as they are; which names llama.cpp wants is a dialect's to know. Page: formats/gguf.md.
import IngotBytes
import IngotCore

/// Plans GGUF files.
package struct GGUFWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  /// A tensor has one name.
  package let keepsAliases = false
  /// Config and tokenizer become metadata only by a dialect.
  package let holdsCompanions = false
  /// An output can be cut into a set.
  package let shards = true
  /// Blocks are what the format is made for.
  package let holdsBlocks = true

  private static let versionKey = "general.quantization_version"

  /// Plans one file, or a set of them.
  ///
  /// - Parameter request: what to write; tensors keep their order.
  /// - Returns: the plan; it needs no checksums and, when it is one file, streams.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for dtypes that GGUF lacks, names
  ///   that readers do not take, more than four dimensions, quantizations that are no blocks, and sets of more files than it can count.
  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    var (metadata, losses) = Self.metadata(of: request)
    try Limit.ggufMetadataEntries.admit(metadata.entries.count, "entries of metadata", target: "gguf")
    let alignment = Self.takeAlignment(from: &metadata, &losses)
    try Self.check(request)
    let name = request.fileName
    let groups = try Self.cut(request)
    guard groups.count > 1 else {
      let all = 0..<request.tensors.count
      let file = try Self.file(name, request.tensors, all, metadata, alignment: alignment)
      return plan(WritePlan(files: [file], losses: losses), request)
    }
    guard groups.count <= Int(UInt16.max), let tensorCount = Int32(exactly: request.tensors.count) else {
      throw .unrepresentable(
        tensor: nil, target: "gguf", why: "the set would have \(groups.count, "file")",
        hint: .remedy(.cutLarger))
    }
    var files: [PlannedFile] = []
    for (number, group) in groups.enumerated() {
      let split = GGUFSplit(number: number, count: groups.count, tensorCount: Int(tensorCount))
      files.append(
        try Self.file(
          split.name(stem: FilePath.stem(of: name)), request.tensors, group,
          split.metadata(of: metadata), alignment: alignment))
    }
    return plan(WritePlan(files: files, losses: losses, streams: false), request)
  }

  /// A plan with the remark on names that only some programs take.
  private func plan(_ plan: WritePlan, _ request: WriteRequest) -> WritePlan {
    var plan = plan
    if let long = GGUFLayout.longNames(in: request.tensors.lazy.map(\.name)) { plan.findings.append(long) }
    return plan
  }

  /// Names that are all different, and that readers take.
  private static func check(_ request: WriteRequest) throws(IngotError) {
    let usual = GGUFLayout.usualNameByteCount
    let limit = request.keepsLongNames ? GGUFLayout.greatestNameByteCount : usual
    for tensor in request.tensors {
      guard tensor.name.utf8.count <= limit else {
        throw unrepresentable(
          tensor,
          "its name has \(tensor.name.utf8.count, "byte"), and ggml takes \(usual) unless it is built for more",
          hint: "a dialect's names are shorter; \(option: .dialect, "keep") writes it as it is")
      }
      guard !tensor.name.utf8.contains(0) else { throw unrepresentable(tensor, "its name has a NUL in it") }
    }
    try requireUniqueNames(request.tensors)
  }

  /// The tensors of each file, in order: llama.cpp's rule for sets.
  private static func cut(_ request: WriteRequest) throws(IngotError) -> [Range<Int>] {
    guard let limit = request.shardByteLimit else { return [] }
    var byteCounts: [Int] = []
    byteCounts.reserveCapacity(request.tensors.count)
    for tensor in request.tensors { byteCounts.append(try tensor.parts[0].byteCount()) }
    return ShardCut.runs(of: byteCounts, limit: limit)
  }

  private static func requireUniqueNames(_ tensors: [PlannedTensor]) throws(IngotError) {
    var names = Set<ExactName>(minimumCapacity: tensors.count)
    for tensor in tensors where !names.insert(ExactName(tensor.name)).inserted {
      throw unrepresentable(tensor, "two tensors have this name")
    }
  }

  /// Plans one file of some tensors.
  private static func file(
    _ name: String, _ tensors: [PlannedTensor], _ range: Range<Int>, _ metadata: Metadata, alignment: Int
  ) throws(IngotError) -> PlannedFile {
    var encoder = GGUFEncoder()
    encoder.number(GGUFLayout.version)
    encoder.number(UInt64(range.count))
    encoder.number(UInt64(metadata.entries.count))
    for entry in metadata.entries { _ = encoder.entry(entry.key, entry.value) }
    var padding: [UInt32] = []
    padding.reserveCapacity(range.count)
    var offset = 0
    for tensor in tensors[range] {
      let byteCount = try Self.put(tensor, at: offset, &encoder)
      guard let end = offset.checkedAdd(byteCount), let next = end.checkedAlignUp(to: alignment) else {
        throw Self.unrepresentable(tensor, "more than 2^63 bytes")
      }
      padding.append(UInt32(clamping: next - end))
      offset = next
    }
    let header = encoder.packer.bytes
    guard UInt64(header.count) <= Limit.ggufHeaderBytes.value else {
      throw .unrepresentable(
        tensor: nil, target: "gguf", why: "the header would have \(header.count, "byte")", hint: nil)
    }
    let zeros = [UInt8](repeating: 0, count: (alignment - header.count % alignment) % alignment)
    let (begin, gaps) = ([header, zeros], padding)
    guard let byteCount = offset.checkedAdd(header.count + zeros.count) else {
      throw .unrepresentable(tensor: nil, target: "gguf", why: "more than 2^63 bytes", hint: nil)
    }
    let chunks = PlannedChunks(count: begin.count + 2 * gaps.count, byteCount: byteCount) { position in
      guard position >= begin.count else { return .bytes(begin[position]) }
      let (tensor, piece) = (position - begin.count).quotientAndRemainder(dividingBy: 2)
      return piece == 0
        ? .part(PartReference(tensor: range.lowerBound + tensor), lead: [])
        : .bytes([UInt8](repeating: 0, count: Int(gaps[tensor])))
    }
    return PlannedFile(name: name, chunks: chunks)
  }

  // MARK: - Metadata

  /// Metadata that GGUF has types for, with what it says of the tensors' types: a key is added that readers want of
  /// quantized files.
  private static func metadata(of request: WriteRequest) -> (Metadata, [Loss]) {
    var entries: [Metadata.Entry] = []
    var losses: [Loss] = []
    for entry in request.metadata.entries {
      guard (1...GGUFLayout.greatestKeyByteCount).contains(entry.key.utf8.count), !entry.key.utf8.contains(0)
      else {
        losses.append(Loss(.metadata, detail: "\(entry.key): no key that GGUF can have"))
        continue
      }
      guard GGUFEncoder.holds(entry.value) else {
        losses.append(Loss(.metadata, detail: "\(entry.key): GGUF has no type for its value"))
        continue
      }
      guard entry.value.arrayDepth <= Int(Limit.ggufArrayDepth.value) else {
        losses.append(
          Loss(.metadata, detail: "\(entry.key): nested deeper than \(Limit.ggufArrayDepth.value) arrays"))
        continue
      }
      entries.append(entry)
    }
    var metadata = Metadata(entries)
    // A file whose tensors were changed on the way is no longer of the type that it says.
    if metadata[GGUFFileType.key] != nil, request.tensors.contains(where: { !$0.transforms.isEmpty }),
      let type = GGUFFileType.number(of: request.tensors), metadata[GGUFFileType.key] != .uint32(type)
    {
      metadata[GGUFFileType.key] = .uint32(type)
      losses.append(Loss(.changed, detail: "\(GGUFFileType.key): \(type) from now on, as the tensors are"))
    }
    // A GGUF file's own blocks do without it if they did so far.
    let isNewlyBlocks = request.tensors.contains {
      $0.blockType != nil && (request.sourceFormat != "gguf" || !$0.transforms.isEmpty)
    }
    if isNewlyBlocks, metadata[versionKey] == nil {
      metadata[versionKey] = .uint32(2)
      losses.append(Loss(.added, detail: "\(versionKey): 2, which readers ask for beside blocks"))
    }
    return (metadata, losses)
  }

  /// The alignment that the metadata states, which the file keeps; one that none can have is left out.
  private static func takeAlignment(from metadata: inout Metadata, _ losses: inout [Loss]) -> Int {
    guard let value = metadata[GGUFLayout.alignmentKey] else { return GGUFLayout.alignment }
    if case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1, alignment <= 1 << 16 {
      return Int(alignment)
    }
    metadata[GGUFLayout.alignmentKey] = nil
    losses.append(
      Loss(
        .metadata, detail: "\(GGUFLayout.alignmentKey): written with \(GGUFLayout.alignment), not as it says")
    )
    return GGUFLayout.alignment
  }

  // MARK: - Tensors

  /// Puts a tensor's fields; returns its bytes in the file.
  private static func put(
    _ tensor: PlannedTensor, at offset: Int, _ encoder: inout GGUFEncoder
  ) throws(IngotError) -> Int {
    guard tensor.quantization == nil else {
      throw unrepresentable(
        tensor, "it has no \(tensor.dtype) with scales beside it",
        hint: .remedy(.makeBlocks(.q80)))
    }
    guard tensor.shape.rank <= GGUFLayout.greatestRank else {
      throw unrepresentable(tensor, "\(tensor.shape.rank, "dimension"), over \(GGUFLayout.greatestRank)")
    }
    guard let number = GGUFElementType.number(dtype: tensor.dtype, blockType: tensor.blockType) else {
      throw unrepresentable(
        tensor, "ggml has no \(tensor.dtype)",
        hint: .remedy(tensor.dtype.wayOut))
    }
    encoder.text(tensor.name)
    encoder.number(UInt32(tensor.shape.rank))
    for dimension in tensor.shape.dimensions.reversed() { encoder.number(UInt64(dimension)) }
    encoder.number(number)
    encoder.number(UInt64(offset))
    return try tensor.parts[0].byteCount()
  }

  private static func unrepresentable(
    _ tensor: PlannedTensor, _ why: Evidence, hint: Evidence? = nil
  ) -> IngotError {
    .unrepresentable(tensor: tensor.name, target: "gguf", why: why, hint: hint)
  }
}

extension MetadataValue {
  /// How many arrays stand in each other.
  fileprivate var arrayDepth: Int {
    switch self {
    case .array(let values): 1 + (values.map(\.arrayDepth).max() ?? 0)
    case .typedArray(let array) where array.elementType == .array:
      1 + (array.values.map(\.arrayDepth).max() ?? 0)
    case .typedArray: 1
    default: 0
    }
  }
}
