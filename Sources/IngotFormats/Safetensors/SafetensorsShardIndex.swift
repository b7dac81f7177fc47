// SPDX-License-Identifier: Apache-2.0
// The index of a sharded set: which shard holds which tensor. Page: formats/safetensors.md, "Sharded sets".
import IngotBytes
import IngotCore
import IngotEncodings

/// A parsed `model.safetensors.index.json`.
public struct SafetensorsShardIndex: Sendable {
  /// The name that the index of a folder has.
  public static let fileName = "model.safetensors.index.json"

  /// The shards' names, sorted by their bytes.
  public var shards: [String]
  /// The shard of each tensor.
  public var shardOfTensor: [ExactName: String]
  /// The index's own metadata: `total_size` and what else writers put there.
  public var metadata: Metadata

  /// Parses an index.
  ///
  /// - Parameters:
  ///   - bytes: the JSON document.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with ST-20 or ST-21, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a set of too many files.
  public init(_ bytes: [UInt8], path: String) throws(IngotError) {
    let document: Metadata
    do throws(JSONFailure) {
      document = try JSONDocument.object(bytes)
    } catch {
      throw IngotError(error, rule: SafetensorsRule.indexJSON.rule, at: Location(path))
    }
    guard case .object(let map)? = document["weight_map"] else {
      throw .malformed(
        SafetensorsRule.indexJSON.rule, at: Location(path, key: "weight_map"),
        found: "no object of that name",
        expected: "shard names by tensor name")
    }
    var shardOfTensor: [ExactName: String] = [:]
    for entry in map.entries {
      guard case .string(let shard) = entry.value else {
        throw .malformed(
          SafetensorsRule.indexJSON.rule, at: Location(path, tensor: entry.key),
          found: "a value of another type",
          expected: "the name of a shard")
      }
      guard FilePath.isPlainName(shard) else {
        throw .malformed(
          SafetensorsRule.shardName.rule, at: Location(path, tensor: entry.key), found: .value(shard),
          expected: "a plain file name")
      }
      shardOfTensor[ExactName(entry.key)] = shard
    }
    self.shardOfTensor = shardOfTensor
    shards = Set(shardOfTensor.values.map(ExactName.init)).map(\.text).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    guard UInt64(shards.count) <= Limit.shards.value else {
      throw .limitExceeded(.shards, at: Location(path), asked: UInt64(shards.count))
    }
    if case .object(let own)? = document["metadata"] { metadata = own } else { metadata = Metadata() }
  }

  /// Puts the shards' checkpoints together and checks them against the index.
  ///
  /// - Parameters:
  ///   - parts: the shards' checkpoints, in the order of ``shards``.
  ///   - path: the index, for messages.
  ///   - indexByteCount: bytes of all headers and the index.
  /// - Returns: one checkpoint with all tensors.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with ST-22 or ST-23.
  func merge(_ parts: [Checkpoint], path: String, indexByteCount: Int) throws(IngotError) -> Checkpoint {
    var merged = Checkpoint(
      format: "safetensors", files: [], tensors: [], metadata: parts.first?.metadata ?? Metadata(),
      indexByteCount: indexByteCount)
    var seen: [ExactName: String] = [:]
    for (shard, part) in zip(shards, parts) {
      let firstFile = merged.files.count
      merged.files += part.files
      merged.indexByteCount += part.indexByteCount
      for tensor in part.tensors {
        try note(tensor, in: shard, path: path, seen: &seen, findings: &merged.findings)
        merged.tensors.append(tensor.movingFiles(by: firstFile))
      }
    }
    for (tensor, shard) in shardOfTensor.sorted(by: { $0.key.text < $1.key.text }) where seen[tensor] == nil {
      throw .malformed(
        SafetensorsRule.mappedTensor.rule, at: Location(path, tensor: tensor.text),
        found: "nothing of that name in \(shard)",
        expected: "the tensor")
    }
    if !metadata.isEmpty { merged.metadata["index"] = .object(metadata) }
    return merged
  }

  private func note(
    _ tensor: TensorDescriptor, in shard: String, path: String, seen: inout [ExactName: String],
    findings: inout [Finding]
  ) throws(IngotError) {
    if let other = seen.updateValue(shard, forKey: ExactName(tensor.name)) {
      throw .malformed(
        SafetensorsRule.uniqueTensor.rule, at: Location(path, tensor: tensor.name),
        found: "the tensor in \(other) and in \(shard)", expected: "one shard")
    }
    switch shardOfTensor[ExactName(tensor.name)] {
    case shard?: break
    case let other?:
      throw .malformed(
        SafetensorsRule.mappedTensor.rule, at: Location(path, tensor: tensor.name),
        found: "the tensor in \(shard)",
        expected: "it in \(other)")
    case nil:
      findings.append(
        Finding(severity: .note, subject: tensor.name, detail: "is in \(shard), but not in the index"))
    }
  }

  /// The index of a set, as `huggingface_hub` lays it out: two spaces a level, keys sorted.
  static func file(map: [(tensor: String, file: String)], totalByteCount: Int) -> PlannedFile {
    let sorted = map.sorted { $0.tensor.utf8.lexicographicallyPrecedes($1.tensor.utf8) }
    let document = Metadata([
      .init(
        key: "metadata",
        value: .object(Metadata([.init(key: "total_size", value: .int64(Int64(totalByteCount)))]))),
      .init(
        key: "weight_map",
        value: .object(Metadata(sorted.map { .init(key: $0.tensor, value: .string($0.file)) }))),
    ])
    let text = JSONWriter.text(document, style: .indented) + "\n"
    return PlannedFile(name: fileName, chunks: [.bytes(Array(text.utf8))])
  }
}

extension TensorDescriptor {
  /// The descriptor with its files counted from another start.
  func movingFiles(by count: Int) -> TensorDescriptor {
    guard count > 0 else { return self }
    var moved = self
    moved.storage.moveFiles(by: count)
    for index in (moved.quantization?.parts ?? []).indices {
      moved.quantization?.parts[index].storage.moveFiles(by: count)
    }
    return moved
  }
}

extension TensorStorage {
  fileprivate mutating func moveFiles(by count: Int) {
    func moved(_ segment: StorageSegment) -> StorageSegment {
      StorageSegment(file: segment.file + count, offset: segment.offset, byteCount: segment.byteCount)
    }
    switch segments {
    case .one(let segment): segments = .one(moved(segment))
    case .many(let list): segments = .many(list.map(moved))
    }
  }
}
