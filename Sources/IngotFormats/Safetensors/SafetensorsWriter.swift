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
public struct SafetensorsWriter: CheckpointWriter {
  /// Makes the writer.
  public init() {}

  /// A tensor has one name.
  public let keepsAliases = false
  /// The file has no place for a config.
  public let holdsCompanions = false
  /// Sets of files have an index.
  public let shards = true

  /// A part on its way into a file.
  private struct Entry {
    var reference: PartReference
    var name: String
    var dtype: DType
    var shape: Shape
    var byteCount: Int
  }

  /// Plans one file, or a set of shards with an index.
  ///
  /// - Parameter request: what to write.
  /// - Returns: the plan; it needs no checksums and streams.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for `C128`, for two tensors of one
  ///   name, and for a header over the format's limit.
  public func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let (metadata, losses) = Self.stringMetadata(of: request)
    let groups = try Self.shards(of: request)
    guard groups.count > 1 else {
      let name = request.isFolder ? "model.safetensors" : request.fileName
      let file = try Self.file(named: name, entries: groups.first ?? [], metadata: metadata)
      return WritePlan(files: [file], losses: losses)
    }
    var files: [PlannedFile] = []
    var map: [(tensor: String, file: String)] = []
    for (index, entries) in groups.enumerated() {
      let name = "model-\(padded(index + 1))-of-\(padded(groups.count)).safetensors"
      files.append(try Self.file(named: name, entries: entries, metadata: metadata))
      map += entries.map { ($0.name, name) }
    }
    let totalByteCount = groups.joined().reduce(0) { $0 + $1.byteCount }
    files.append(SafetensorsShardIndex.file(map: map, totalByteCount: totalByteCount))
    return WritePlan(files: files, losses: losses)
  }

  /// Metadata that safetensors can hold: strings.
  ///
  /// The schemes of quantized tensors are one of them.
  private static func stringMetadata(of request: WriteRequest) -> (Metadata, [Loss]) {
    var entries: [Metadata.Entry] = []
    var losses: [Loss] = []
    for entry in request.metadata.entries {
      if case .string = entry.value {
        entries.append(entry)
      } else {
        losses.append(
          Loss(.metadata, detail: "\(entry.key): safetensors holds strings only"))
      }
    }
    var kept = Metadata(entries)
    kept[QuantizedParts.metadataKey] = QuantizedParts.metadata(of: request.tensors)
    return (kept, losses)
  }

  /// Cuts the tensors into files by `huggingface_hub`'s rule: in the source's order, a new file when the next tensor
  /// would pass the limit; a tensor over the limit gets a file of its own.
  ///
  /// - SeeAlso: `huggingface/huggingface_hub: src/huggingface_hub/serialization/_base.py`.
  private static func shards(of request: WriteRequest) throws(IngotError) -> [[Entry]] {
    var groups: [[Entry]] = []
    var groupByteCount = 0
    var names = Set<ExactName>()
    for (index, tensor) in request.tensors.enumerated() {
      let entries = try entries(of: tensor, at: index)
      for entry in entries where !names.insert(ExactName(entry.name)).inserted {
        throw .unrepresentable(
          tensor: entry.name, target: "safetensors", why: "two tensors have this name", hint: nil)
      }
      let byteCount = entries.reduce(0) { $0 + $1.byteCount }
      let fits = request.shardByteLimit.map { groupByteCount + byteCount <= $0 } ?? true
      if groups.isEmpty || (!fits && groupByteCount > 0) {
        groups.append([])
        groupByteCount = 0
      }
      groups[groups.count - 1] += entries
      groupByteCount += byteCount
    }
    return groups
  }

  private static func entries(of tensor: PlannedTensor, at index: Int) throws(IngotError) -> [Entry] {
    var entries: [Entry] = []
    for (position, part) in tensor.parts.enumerated() {
      guard part.dtype != .c128 else {
        throw .unrepresentable(
          tensor: tensor.name, target: "safetensors", why: "safetensors has no \(part.dtype)", hint: nil)
      }
      entries.append(
        Entry(
          reference: PartReference(tensor: index, part: position), name: tensor.name + part.kind.nameSuffix,
          dtype: part.dtype, shape: part.shape, byteCount: try part.byteCount()))
    }
    return entries
  }

  private static func file(
    named name: String, entries: [Entry], metadata: Metadata
  ) throws(IngotError) -> PlannedFile {
    let ordered = entries.sorted(by: precedes)
    var header = "{"
    if !metadata.isEmpty {
      header += "\"\(SafetensorsHeader.metadataKey)\":\(JSONWriter.text(metadata))"
    }
    var offset = 0
    for entry in ordered {
      if header.utf8.count > 1 { header += "," }
      let shape = entry.shape.dimensions.map(String.init).joined(separator: ",")
      header += "\(JSONWriter.quoted(entry.name)):{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":[\(shape)]"
      header += ",\"data_offsets\":[\(offset),\(offset + entry.byteCount)]}"
      offset += entry.byteCount
    }
    header += "}"
    var bytes = Array(header.utf8)
    // Spaces to a multiple of 8, so that the data starts aligned; the length counts them.
    bytes += [UInt8](repeating: UInt8(ascii: " "), count: (8 - bytes.count % 8) % 8)
    guard UInt64(bytes.count) <= Limit.safetensorsHeaderBytes.value else {
      throw .unrepresentable(
        tensor: nil, target: "safetensors", why: "the header would have \(bytes.count) bytes",
        hint: "--shard-size cuts the output into several files")
    }
    var start: [UInt8] = []
    start.appendLittle(UInt64(bytes.count))
    let chunks = ordered.map { PlannedChunk.part($0.reference, lead: []) }
    return PlannedFile(name: name, chunks: [.bytes(start + bytes)] + chunks)
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

/// A number with five digits, as names of shards have them.
private func padded(_ number: Int) -> String {
  let text = String(number)
  return String(repeating: "0", count: max(0, 5 - text.count)) + text
}
