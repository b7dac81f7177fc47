// SPDX-License-Identifier: Apache-2.0
// The index of a sharded set: which shard holds which tensor. safetensors and PyTorch have the same, under two names.
// Pages: formats/safetensors.md and formats/pytorch.md, "Sharded sets".
import IngotBytes
import IngotCore
import IngotEncodings

/// A kind of sharded set: its format, its files' names, and the rules of its page.
package struct ShardSetKind: Sendable {
  /// The format of the shards.
  package let format: any CheckpointFormat
  /// What a folder's one weight file is called, and with numbers its shards: `model` and `.safetensors`.
  let stem: String
  let suffix: String
  /// The rules that an index and its shards can break.
  let rules: Rules

  /// The rules of one page.
  struct Rules {
    var indexJSON: Rule
    var shardName: Rule
    var mappedTensor: Rule
    var uniqueTensor: Rule
  }

  /// The name that the index of a folder has.
  package var indexFileName: String { weightFileName + Self.indexSuffix }
  /// The name that a folder's one weight file has.
  package var weightFileName: String { stem + suffix }

  /// What the name of an index has behind that of the weight file which it stands for.
  package static let indexSuffix = ".index.json"

  /// Whether a file's name is that of an index: `model.safetensors.index.json`, `….index.fp16.json`.
  package static func isIndexName(_ path: String) -> Bool {
    let name = FilePath.name(of: path)
    return name.hasSuffix(".json") && name.contains(".index")
  }

  /// The kind of set whose shards have a file's extension.
  static func kind(ofShard name: String) -> ShardSetKind? {
    let name = FilePath.fileExtension(of: "shard" + name)
    return all.first { $0.format.fileExtensions.contains(name) }
  }

  /// The kind of set that an index's name shows, before anything of it is read.
  static func kind(ofIndex path: String) -> ShardSetKind {
    FilePath.name(of: path).contains(pytorch.suffix + ".") ? pytorch : safetensors
  }

  /// The name of one shard, as `huggingface_hub` gives it.
  func shardFileName(_ number: Int, of count: Int) -> String {
    "\(stem)-\(Self.padded(number))-of-\(Self.padded(count))\(suffix)"
  }

  /// A number with five digits, as names of shards have them.
  static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }

  /// Every kind, in the order in which a folder is searched.
  package static let all = [safetensors, pytorch]

  /// `model.safetensors.index.json`.
  static let safetensors = ShardSetKind(
    format: SafetensorsFormat(), stem: "model", suffix: ".safetensors",
    rules: Rules(
      indexJSON: SafetensorsRule.indexJSON.rule, shardName: SafetensorsRule.shardName.rule,
      mappedTensor: SafetensorsRule.mappedTensor.rule, uniqueTensor: SafetensorsRule.uniqueTensor.rule))

  /// `pytorch_model.bin.index.json`.
  static let pytorch = ShardSetKind(
    format: PyTorchFormat(), stem: "pytorch_model", suffix: ".bin",
    rules: Rules(
      indexJSON: PyTorchRule.indexJSON.rule, shardName: PyTorchRule.shardName.rule,
      mappedTensor: PyTorchRule.mappedTensor.rule, uniqueTensor: PyTorchRule.uniqueTensor.rule))
}

/// A parsed index, such as `model.safetensors.index.json`.
package struct ShardIndex: Sendable {
  /// The kind of set that it describes.
  package let kind: ShardSetKind
  /// Whether there is an index: a set may be known by its files' names alone.
  let isIndexed: Bool
  /// The shards' names, sorted by their bytes.
  package var shards: [String]
  /// The shard of each tensor.
  package var shardOfTensor: [ExactName: String]
  /// The index's own metadata: `total_size` and what else writers put there.
  package var metadata: Metadata

  /// Parses an index.
  ///
  /// - Parameters:
  ///   - bytes: the JSON document.
  ///   - path: the file; its name, and then its shards', tell the kind of set.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the kind's rules on indexes, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a set of too many files.
  package init(_ bytes: [UInt8], path: String) throws(IngotError) {
    let kind = ShardSetKind.kind(ofIndex: path)
    isIndexed = true
    let document: Metadata
    do throws(JSONFailure) {
      document = try JSONDocument.object(bytes)
    } catch {
      throw IngotError(error, rule: kind.rules.indexJSON, at: Location(path))
    }
    guard case .object(let map)? = document["weight_map"] else {
      throw .malformed(
        kind.rules.indexJSON, at: Location(path, key: "weight_map"),
        found: "no object of that name",
        expected: "shard names by tensor name")
    }
    var shardOfTensor: [ExactName: String] = [:]
    var names = Set<ExactName>()
    for entry in map.entries {
      guard case .string(let shard) = entry.value else {
        throw .malformed(
          kind.rules.indexJSON, at: Location(path, tensor: entry.key),
          found: "a value of another type",
          expected: "the name of a shard")
      }
      guard FilePath.isPlainName(shard) else {
        throw .malformed(
          kind.rules.shardName, at: Location(path, tensor: entry.key), found: .value(shard),
          expected: "a plain file name")
      }
      shardOfTensor[ExactName(entry.key)] = shard
      names.insert(ExactName(shard))
      guard UInt64(names.count) <= Limit.shards.value else {
        throw .limitExceeded(.shards, at: Location(path), asked: UInt64(names.count))
      }
    }
    self.shardOfTensor = shardOfTensor
    shards = names.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    self.kind = shards.first.flatMap { ShardSetKind.kind(ofShard: $0) } ?? kind
    if case .object(let own)? = document["metadata"] { metadata = own } else { metadata = Metadata() }
  }

  /// Makes a set of files without an index.
  ///
  /// - Parameters:
  ///   - shards: their names, in their order.
  ///   - path: one of them, for messages.
  /// - Throws: ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for too many files.
  init(shards: [String], path: String) throws(IngotError) {
    guard UInt64(shards.count) < Limit.shards.value else {
      throw .limitExceeded(.shards, at: Location(path), asked: UInt64(shards.count))
    }
    self.shards = shards
    kind = shards.first.flatMap { ShardSetKind.kind(ofShard: $0) } ?? .safetensors
    isIndexed = false
    shardOfTensor = [:]
    metadata = Metadata()
  }

  /// Puts the shards' checkpoints together and checks them against the index.
  ///
  /// - Parameters:
  ///   - parts: the shards' checkpoints, in the order of ``shards``.
  ///   - path: the index, for messages.
  ///   - indexByteCount: bytes of all headers and the index.
  /// - Returns: one checkpoint with all tensors.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the kind's rules on shards.
  func merge(_ parts: [Checkpoint], path: String, indexByteCount: Int) throws(IngotError) -> Checkpoint {
    var merged = Checkpoint(
      format: kind.format.id, files: [], tensors: [], metadata: parts.first?.metadata ?? Metadata(),
      indexByteCount: indexByteCount)
    var seen: [ExactName: String] = [:]
    for (shard, part) in zip(shards, parts) {
      let firstFile = merged.files.count
      merged.files += part.files
      merged.findings += part.findings
      merged.indexByteCount += part.indexByteCount
      merged.unopened += part.unopened
      merged.unjudged += part.unjudged
      for name in part.unopened { seen[ExactName(name)] = shard }
      for tensor in part.tensors {
        try note(tensor, in: shard, path: path, seen: &seen, findings: &merged.findings)
        merged.tensors.append(tensor.movingFiles(by: firstFile))
      }
    }
    for (tensor, shard) in shardOfTensor.sorted(by: { $0.key.text < $1.key.text }) where seen[tensor] == nil {
      throw .malformed(
        kind.rules.mappedTensor, at: Location(path, tensor: tensor.text),
        found: "nothing of that name in \(shard)",
        expected: "the tensor")
    }
    merged.metadata[QuantizedParts.metadataKey] = QuantizedParts.joined(parts.map(\.metadata))
    if !metadata.isEmpty { merged.metadata["index"] = .object(metadata) }
    return merged
  }

  private func note(
    _ tensor: TensorDescriptor, in shard: String, path: String, seen: inout [ExactName: String],
    findings: inout [Finding]
  ) throws(IngotError) {
    if let other = seen.updateValue(shard, forKey: ExactName(tensor.name)) {
      throw .malformed(
        kind.rules.uniqueTensor, at: Location(path, tensor: tensor.name),
        found: "the tensor in \(other) and in \(shard)", expected: "one shard")
    }
    switch shardOfTensor[ExactName(tensor.name)] {
    case shard?: break
    case let other?:
      throw .malformed(
        kind.rules.mappedTensor, at: Location(path, tensor: tensor.name),
        found: "the tensor in \(shard)",
        expected: "it in \(other)")
    case nil where !isIndexed: break
    case nil:
      findings.append(
        Finding(
          .unindexed, severity: .note, subject: tensor.name, detail: "is in \(shard), but not in the index"))
    }
  }

  /// The index of a set, as `huggingface_hub` lays it out: two spaces a level, keys sorted.
  static func file(
    named name: String, map: [(tensor: String, file: String)], totalByteCount: Int, target: String
  ) throws(IngotError) -> PlannedFile {
    var files = Set<String>()
    for entry in map { files.insert(entry.file) }
    try Limit.shards.admit(files.count, "files", target: target, hint: .remedy(.cutLarger))
    let sorted = map.sorted { $0.tensor.utf8.lexicographicallyPrecedes($1.tensor.utf8) }
    // Entry by entry: a document of a million values would take many times its text.
    var bytes = Array(
      "{\n  \"metadata\": {\n    \"total_size\": \(totalByteCount)\n  },\n  \"weight_map\": {".utf8)
    bytes.reserveCapacity(map.reduce(4096) { $0 + $1.tensor.utf8.count + $1.file.utf8.count + 16 })
    for (number, entry) in sorted.enumerated() {
      bytes += (number == 0 ? "\n    " : ",\n    ").utf8
      bytes += JSONWriter.quoted(entry.tensor).utf8
      bytes += ": ".utf8
      bytes += JSONWriter.quoted(entry.file).utf8
    }
    bytes += "\n  }\n}\n".utf8
    try Limit.admit(document: bytes, name, target: target)
    return PlannedFile(name: name, chunks: [.bytes(bytes)])
  }
}
