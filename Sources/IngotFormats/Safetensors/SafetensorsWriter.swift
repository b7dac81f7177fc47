// SPDX-License-Identifier: Apache-2.0
// Plans safetensors files, one or a set of shards, byte for byte as the reference writes them.
// Page: formats/safetensors.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Plans safetensors files.
///
/// The order of tensors, the spelling of the header and its padding are the reference's own, so that both write the
/// same bytes for the same tensors.
///
/// - SeeAlso: `huggingface/safetensors: safetensors/src/tensor.rs`, `prepare`.
package struct SafetensorsWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  /// A tensor has one name, which every reader finds.
  package let keepsAliases = false

  /// What a file of the same format says of tied tensors in its metadata stays there.
  package func keepsAliases(of sourceFormat: String) -> Bool {
    sourceFormat == ShardSetKind.safetensors.format.id
  }

  /// The file has no place for a config.
  package let holdsCompanions = false
  /// Sets of files have an index.
  package let shards = true

  /// A part on its way into a file.
  ///
  /// Files are collected as references, which are small; entries are made of them when
  /// they are looked at.
  private struct Entry {
    var name: String
    var dtype: DType
    var shape: Shape
    var byteCount: Int

    init(_ reference: PartReference, in request: WriteRequest) {
      let tensor = request.tensors[reference.tensor]
      let part = tensor.parts[reference.part]
      name = tensor.name + part.kind.nameSuffix
      dtype = part.dtype
      shape = part.shape
      byteCount = part.shape.byteCount(of: part.dtype) ?? 0
    }
  }

  /// Plans one file, or a set of shards with an index.
  ///
  /// - Parameter request: what to write.
  /// - Returns: the plan; it needs no checksums and streams.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for `C128`, for two tensors of one
  ///   name, and for a header over the format's limit.
  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let (metadata, losses) = Self.stringMetadata(of: request)
    let aliases = Dictionary(
      grouping: request.tensors.filter { $0.aliasOf != nil }, by: { ExactName($0.aliasOf ?? "") })
    try Limit.safetensorsMetadataEntries.admit(
      metadata.entries.count + aliases.values.reduce(0) { $0 + $1.count }, "entries of metadata",
      target: "safetensors")
    let groups = try Self.shards(of: request)
    guard groups.count > 1 else {
      let group = groups.first ?? []
      let own = Self.own(metadata, group, of: request, aliases: aliases)
      let file = try Self.file(named: request.fileName, group, of: request, metadata: own)
      return WritePlan(files: [file], losses: losses)
    }
    var files: [PlannedFile] = []
    var map: [(tensor: String, file: String)] = []
    var totalByteCount = 0
    for (index, group) in groups.enumerated() {
      let name = WeightFileName.shard(index + 1, of: groups.count, named: request.fileName)
      let own = Self.own(metadata, group, of: request, aliases: aliases)
      files.append(try Self.file(named: name, group, of: request, metadata: own))
      for reference in group {
        let entry = Entry(reference, in: request)
        map.append((entry.name, name))
        totalByteCount += entry.byteCount
        guard reference.part == 0 else { continue }
        map += (aliases[ExactName(request.tensors[reference.tensor].name)] ?? []).map { ($0.name, name) }
      }
    }
    let index = request.indexFileName
    files.append(
      try ShardIndex.file(named: index, map: map, totalByteCount: totalByteCount, target: "safetensors"))
    return WritePlan(files: files, losses: losses)
  }

  /// The metadata of one file: of quantized tensors and of other names it has those of what it holds, so that it can be
  /// read alone.
  private static func own(
    _ metadata: Metadata, _ group: [PartReference], of request: WriteRequest,
    aliases: [ExactName: [PlannedTensor]]
  ) -> Metadata {
    var own = metadata
    let tensors = group.filter { $0.part == 0 }.map { request.tensors[$0.tensor] }
    own[QuantizedParts.metadataKey] = QuantizedParts.metadata(of: tensors)
    own.set(
      tensors.flatMap { tensor in
        (aliases[ExactName(tensor.name)] ?? []).map {
          Metadata.Entry(key: $0.name, value: .string(tensor.name))
        }
      })
    return own
  }

  /// Metadata that safetensors can hold: strings.
  ///
  /// The schemes of quantized tensors are one of them.
  private static func stringMetadata(of request: WriteRequest) -> (Metadata, [Loss]) {
    var entries: [Metadata.Entry] = []
    var losses: [Loss] = []
    let (stored, aliases) = tensorNames(of: request)
    for entry in request.metadata.entries {
      let why: Evidence
      if case .string = entry.value {
        if SafetensorsAliases.isAlias(entry, of: stored) {
          why = "it would be read as another name of a tensor"
        } else if aliases.contains(ExactName(entry.key)) {
          why = "a tied tensor has this name"
        } else {
          entries.append(entry)
          continue
        }
      } else {
        why = "safetensors holds strings only"
      }
      losses.append(Loss(.metadata, detail: "\(entry.key): \(why)"))
    }
    var kept = Metadata(entries)
    // Older releases of transformers refuse a file that does not say which library its tensors are of.
    let key = SafetensorsAliases.formatKey
    if request.sourceFormat == PyTorchFormat().id, kept[key] == nil {
      kept[key] = .string("pt")
      losses.append(Loss(.added, detail: "\(key): pt, which older transformers ask for"))
    }
    return (kept, losses)
  }

  /// The names of what is stored and of aliases, which metadata must not take; none where there is no metadata for it.
  private static func tensorNames(of request: WriteRequest) -> (
    stored: Set<ExactName>, aliases: Set<ExactName>
  ) {
    guard request.metadata.entries.contains(where: { $0.key != SafetensorsAliases.formatKey }) else {
      return ([], [])
    }
    var stored = Set<ExactName>()
    var aliases = Set<ExactName>()
    for tensor in request.tensors {
      if tensor.aliasOf == nil {
        for part in tensor.parts { stored.insert(ExactName(tensor.name + part.kind.nameSuffix)) }
      } else {
        aliases.insert(ExactName(tensor.name))
      }
    }
    return (stored, aliases)
  }

  /// Cuts the tensors that are stored into files.
  private static func shards(of request: WriteRequest) throws(IngotError) -> [[PartReference]] {
    var byteCounts: [Int] = []
    let stored = request.tensors.indices.filter { request.tensors[$0].aliasOf == nil }
    for tensor in stored.map({ request.tensors[$0] }) {
      var byteCount = 0
      for part in tensor.parts {
        guard part.dtype != .c128 else {
          throw .unrepresentable(
            tensor: tensor.name, target: "safetensors", why: "safetensors has no \(part.dtype)", hint: nil)
        }
        try Limit.safetensorsRank.admit(
          part.shape.rank, "dimensions", tensor: tensor.name, target: "safetensors")
        byteCount += try part.byteCount()
      }
      byteCounts.append(byteCount)
    }
    try refuseEqualNames(in: request)
    return ShardCut.groups(of: byteCounts, limit: request.shardByteLimit).map { group in
      group.map { stored[$0] }.flatMap { index in
        request.tensors[index].parts.indices.map { PartReference(tensor: index, part: $0) }
      }
    }
  }

  /// Tensors have names of their own, and none is a key that stands for something else; only a quantized one's parts can
  /// take another's.
  private static func refuseEqualNames(in request: WriteRequest) throws(IngotError) {
    for tensor in request.tensors {
      let taken = tensor.aliasOf == nil ? SafetensorsHeader.metadataKey : SafetensorsAliases.formatKey
      guard tensor.name != taken else {
        throw .unrepresentable(
          tensor: tensor.name, target: "safetensors", why: "this key of its header is not a tensor's",
          hint: .remedy(.rename))
      }
    }
    var names = Set<ExactName>()
    for tensor in request.tensors {
      for part in tensor.parts where !names.insert(ExactName(tensor.name + part.kind.nameSuffix)).inserted {
        throw .unrepresentable(
          tensor: tensor.name + part.kind.nameSuffix, target: "safetensors",
          why: "two tensors have this name",
          hint: nil)
      }
    }
  }

  private static func file(
    named name: String, _ group: [PartReference], of request: WriteRequest, metadata: Metadata
  ) throws(IngotError) -> PlannedFile {
    let ordered = group.sorted { precedes(Entry($0, in: request), Entry($1, in: request)) }
    // The length's place is kept, so that the header, which may be large, is built once.
    var bytes = [UInt8](repeating: 0, count: 8)
    // Room for names and what stands around them: growing by doubling would take twice that for a moment.
    let around = "\"\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[,]},".utf8.count + 32
    bytes.reserveCapacity(ordered.reduce(4096) { $0 + request.tensors[$1.tensor].name.utf8.count + around })
    bytes.append(UInt8(ascii: "{"))
    if !metadata.isEmpty {
      bytes += "\"\(SafetensorsHeader.metadataKey)\":\(JSONWriter.text(metadata))".utf8
    }
    var offset = 0
    for reference in ordered {
      let entry = Entry(reference, in: request)
      if bytes.count > 9 { bytes.append(UInt8(ascii: ",")) }
      let shape = entry.shape.dimensions.map(String.init).joined(separator: ",")
      bytes +=
        "\(JSONWriter.quoted(entry.name)):{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":[\(shape)]".utf8
      bytes += ",\"data_offsets\":[\(offset),\(offset + entry.byteCount)]}".utf8
      offset += entry.byteCount
    }
    bytes.append(UInt8(ascii: "}"))
    // Spaces to a multiple of 8, so that the data starts aligned; the length counts them.
    while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
    let headerByteCount = UInt64(bytes.count - 8)
    guard headerByteCount <= Limit.safetensorsHeaderBytes.value else {
      throw .unrepresentable(
        tensor: nil, target: "safetensors", why: "the header would have \(headerByteCount, "byte")",
        hint: .remedy(.cutOutput))
    }
    var length: [UInt8] = []
    length.appendLittle(headerByteCount)
    bytes.replaceSubrange(..<8, with: length)
    return PlannedFile(name: name, chunks: PlannedChunks(begin: [bytes], ordered, partByteCount: offset))
  }

  /// The reference's order: dtype descending, then name ascending by its bytes.
  private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
    guard left.dtype == right.dtype else { return left.dtype.referenceOrder > right.dtype.referenceOrder }
    return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}

extension DType {
  /// The position in the reference's enumeration, whose order ``IngotCore/DType`` keeps.
  fileprivate var referenceOrder: Int {
    DType.allCases.firstIndex(of: self) ?? 0
  }
}
