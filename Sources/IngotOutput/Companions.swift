// SPDX-License-Identifier: Apache-2.0
// The small files that travel with weights: found beside them by the rule of CompanionName, or inside the checkpoint;
// and those that stay behind, each with the reason.
import IngotBytes
import IngotCore
import IngotFormats

/// The small files that travel with a checkpoint.
package struct Companions {
  /// Those that travel, with their bytes.
  package private(set) var files: [Companion]
  /// Those that do not.
  package private(set) var losses: [Loss]

  /// Finds the companions inside a checkpoint, else those beside it.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint as opened.
  ///   - path: the path it was opened by.
  ///   - destination: where they go: what has no place there is not read but named.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a known one that is too large, and read errors.
  package init(
    of checkpoint: Checkpoint, at path: String, for destination: OutputDestination,
    system: any SystemCalls
  ) throws(IngotError) {
    files = checkpoint.companions
    losses = checkpoint.losses
    for file in files where file.kind != .other && destination.holdsCompanions {
      try file.requireItself(at: "\(path): \(file.name)")
    }
    guard files.isEmpty, losses.isEmpty else { return }
    let scan = CompanionScan(of: path, checkpoint, besides: destination.path, system: system)
    losses = scan.losses
    var freeByteCount = Limit.companionTotalBytes.value
    for entry in scan.entries {
      guard !CompanionName.isKnown(entry.name) else {
        let path = scan.path(of: entry)
        let bytes =
          try destination.holdsCompanions && entry.kind != .other
          ? Self.text(path, system: system) : Self.read(path, system: system)
        files.append(Companion(kind: entry.kind, name: entry.name, bytes: bytes))
        continue
      }
      guard destination.holdsCompanions else {
        losses.append(destination.hasNoPlace(for: entry.name))
        continue
      }
      guard UInt64(entry.byteCount) <= min(Limit.travellingBytes.value, freeByteCount) else {
        losses.append(.leftBehind(entry.name, byteCount: entry.byteCount))
        continue
      }
      freeByteCount -= UInt64(entry.byteCount)
      take(entry, from: scan.path(of: entry), system: system)
    }
  }

  /// Takes a file whose content is not known, unless it can't be read or turns out to hold weights.
  private mutating func take(_ entry: CompanionScan.Entry, from path: String, system: any SystemCalls) {
    guard let bytes = try? Self.read(path, system: system) else {
      losses.append(.leftBehind(entry.name, "can't be read"))
      return
    }
    let companion = Companion(kind: .other, name: entry.name, bytes: bytes)
    if let loss = companion.holdingWeights { losses.append(loss) } else { files.append(companion) }
  }

  /// Whether a folder that a checkpoint is written to gets a weight file of the same name: it comes from a folder, from an
  /// archive of one, or from a file that remembers the name.
  package static func keepsName(
    of checkpoint: Checkpoint, at path: String, system: any SystemCalls
  ) -> Bool {
    checkpoint.isStemInside || CompanionScan.isModelFolder(path, system: system)
      || WeightFileName.stem(of: path) != checkpoint.stem
  }

  /// The small files that go with a checkpoint's weights, so that none of them becomes the output.
  ///
  /// - Parameters:
  ///   - path: the path the checkpoint was opened by.
  ///   - checkpoint: the checkpoint.
  ///   - output: where the output goes: what an older one holds, when it is a folder, is no source.
  ///   - system: the operating system.
  /// - Returns: what the path names, companions, and indexes of sets, those that are there.
  package static func files(
    beside path: String, of checkpoint: Checkpoint, output: OutputDestination,
    system: any SystemCalls
  ) -> [CheckpointFile] {
    let scan = CompanionScan(
      of: path, checkpoint, besides: output.isFolder ? output.path : nil, system: system)
    return ([path] + scan.entries.map(scan.path) + scan.indexes).compactMap { path in
      guard let status = try? system.status(at: path, followingLinks: true), status.kind == .file else {
        return nil
      }
      return CheckpointFile(path: path, byteCount: status.byteCount)
    }
  }

  /// Reads a small file of text whole.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for what a version control system or a server put in its
  ///   place, and as ``read(_:system:)``.
  package static func text(_ path: String, system: any SystemCalls) throws(IngotError)
    -> [UInt8]
  {
    let bytes = try read(path, system: system)
    if let refusal = ForeignContent.standIn(bytes, path: path) { throw refusal }
    return bytes
  }

  /// Reads a small file whole.
  package static func read(_ path: String, system: any SystemCalls) throws(IngotError)
    -> [UInt8]
  {
    let file = try FileByteSource(path: path, system: system)
    guard UInt64(file.byteCount) <= Limit.companionBytes.value else {
      throw .limitExceeded(.companionBytes, at: Location(path), asked: UInt64(file.byteCount))
    }
    return try file.bytes(at: 0, count: file.byteCount)
  }
}

extension Companion {
  /// Refuses what a version control system or a server put in the file's place.
  package func requireItself(at path: String) throws(IngotError) {
    if let refusal = ForeignContent.standIn(bytes, path: path) { throw refusal }
  }
}
