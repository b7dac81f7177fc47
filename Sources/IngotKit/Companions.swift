// SPDX-License-Identifier: Apache-2.0
// The small files that travel with weights: which names they have, and where they are found.
import IngotBytes
import IngotCore
import IngotFormats

/// Companions of checkpoints: config, tokenizer, generation settings.
public enum Companions {
  /// Known names, in the order in which they are listed.
  static let kinds = CompanionName.all

  /// Whether a file of this name is a companion.
  static func isCompanion(_ name: String) -> Bool { kinds.contains { $0.name == name } }

  /// The folder whose files go with a checkpoint: the path itself, or the folder that holds it.
  static func folder(of path: String, system: any SystemCalls) -> String {
    let status = try? system.status(at: path, followingLinks: true)
    return status?.kind == .folder ? path : FilePath.folder(of: path)
  }

  /// The companions inside a checkpoint, else those beside it.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint as opened.
  ///   - path: the path it was opened by.
  ///   - system: the operating system.
  /// - Returns: the companions with their bytes.
  /// - Throws: ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for one that is too large, and read errors.
  static func find(
    for checkpoint: Checkpoint, at path: String, system: any SystemCalls = LiveSystem()
  ) throws(IngotError) -> [Companion] {
    guard checkpoint.companions.isEmpty else { return checkpoint.companions }
    let folder = folder(of: path, system: system)
    guard let names = try? system.names(in: folder) else { return [] }
    var companions: [Companion] = []
    for (name, kind) in kinds where names.contains(name) {
      companions.append(
        Companion(kind: kind, name: name, bytes: try read(FilePath.join(folder, name), system: system)))
    }
    return companions
  }

  /// The small files that are read with a checkpoint's weights, so that none of them becomes the output.
  ///
  /// - Parameters:
  ///   - path: the path the checkpoint was opened by.
  ///   - system: the operating system.
  /// - Returns: companions and the index of shards, those that are there.
  static func files(beside path: String, system: any SystemCalls) -> [CheckpointFile] {
    let folder = folder(of: path, system: system)
    let names = (try? system.names(in: folder)) ?? []
    let known = names.filter { isCompanion($0) || ShardSetKind.isIndexName($0) }
    return ([path] + known.map { FilePath.join(folder, $0) }).compactMap { path in
      guard let status = try? system.status(at: path, followingLinks: true), status.kind == .file else {
        return nil
      }
      return CheckpointFile(path: path, byteCount: status.byteCount)
    }
  }

  /// Reads a small file whole.
  static func read(_ path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) -> [UInt8] {
    let file = try FileByteSource(path: path, system: system)
    guard UInt64(file.byteCount) <= Limit.companionBytes.value else {
      throw .limitExceeded(.companionBytes, at: Location(path), asked: UInt64(file.byteCount))
    }
    return try file.bytes(at: 0, count: file.byteCount)
  }
}
