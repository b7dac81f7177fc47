// SPDX-License-Identifier: Apache-2.0
// A walk through the folder that a checkpoint stands in: which files go along by the rule of CompanionName, and which are
// named as left behind. Opens none of them.
import IngotBytes
import IngotCore
import IngotFormats

/// The files beside a checkpoint's weights.
package struct CompanionScan {
  /// A file that goes along.
  package struct Entry {
    /// Its path below the folder.
    package var name: String
    /// What it is for.
    package var kind: Companion.Kind
    /// Its length.
    package var byteCount: Int
  }

  /// Those that go along, in the order in which companions are listed.
  package private(set) var entries: [Entry] = []
  /// Those that do not.
  package private(set) var losses: [Loss] = []
  /// Those of them that are weights by their names, as paths below the folder.
  package private(set) var otherWeights: [String] = []
  /// Paths of the indexes of sets.
  package private(set) var indexes: [String] = []

  private let folder: String
  private let system: any SystemCalls
  private let stem: String
  private let indexName: String?
  /// What is passed over without a word: the checkpoint's own files, and the output when it stands in the folder.
  private let passedOver: Set<FileIdentity>
  private var entryCount: UInt64 = 0

  /// The names of a config that makes the folder of a weight file that folder's model.
  private static let configNames = CompanionName.known.filter { $0.kind == .config }.map(\.name)

  /// Walks through the folder that is a path, or holds it.
  ///
  /// Beside a file that is named by itself, in a folder without a config, stands what need not be a model's: known names
  /// alone are taken there.
  ///
  /// - Parameters:
  ///   - path: the path a checkpoint was opened by.
  ///   - checkpoint: the checkpoint.
  ///   - output: a path that is no companion, nor anything below it.
  ///   - system: the operating system.
  package init(
    of path: String, _ checkpoint: Checkpoint, besides output: String? = nil, system: any SystemCalls
  ) {
    folder = Self.folder(of: path, system: system)
    self.system = system
    (stem, indexName) = (checkpoint.stem ?? "", checkpoint.indexName)
    passedOver = Self.identities(Self.ownFiles(checkpoint) + (output.map { [$0] } ?? []), system: system)
    if Self.isModelFolder(path, system: system) {
      walk("", depth: 0)
    } else {
      for (name, _) in CompanionName.known { take(name) }
    }
    entries.sort { CompanionName.precedes($0.name, $1.name) }
  }

  /// The folder whose files go with a checkpoint: the path itself, or the folder that holds it; nothing stands beside
  /// standard input.
  package static func folder(of path: String, system: any SystemCalls) -> String {
    guard path != StandardInput.path else { return StandardInput.folder }
    let status = try? system.status(at: path, followingLinks: true)
    return status?.kind == .folder ? path : FilePath.folder(of: path)
  }

  /// Whether the folder of a path is a model's: it is what the path names, or has a config.
  static func isModelFolder(_ path: String, system: any SystemCalls) -> Bool {
    let folder = folder(of: path, system: system)
    return folder == path
      || configNames.contains {
        (try? system.status(at: FilePath.join(folder, $0), followingLinks: true))?.kind == .file
      }
  }

  /// The path of a file that goes along.
  package func path(of entry: Entry) -> String { FilePath.join(folder, entry.name) }

  /// What makes two paths the same file.
  private struct FileIdentity: Hashable {
    var device: UInt64
    var inode: UInt64

    init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }
  }

  private static func identities(_ paths: [String], system: any SystemCalls) -> Set<FileIdentity> {
    Set(paths.compactMap { try? FileIdentity(system.status(at: $0, followingLinks: true)) })
  }

  /// A checkpoint's files, with those that TensorFlow writes beside its data.
  private static func ownFiles(_ checkpoint: Checkpoint) -> [String] {
    let files = checkpoint.files.map(\.path)
    guard checkpoint.format == "tensorflow", let first = files.first else { return files }
    return files
      + ["checkpoint", "\(checkpoint.stem ?? "").index"].map { FilePath.join(FilePath.folder(of: first), $0) }
  }

  private mutating func walk(_ prefix: String, depth: Int) {
    let path = prefix.isEmpty ? folder : FilePath.join(folder, prefix)
    for name in (try? system.names(in: path)) ?? [] {
      guard entryCount < Limit.companionFiles.value else {
        return losses.append(
          .leftBehind(
            name, "stands with more than \(Limit.companionFiles.value) others, which are not listed"))
      }
      take(prefix.isEmpty ? name : "\(prefix)/\(name)", depth: depth)
    }
  }

  private mutating func take(_ name: String, depth: Int = 0) {
    let path = FilePath.join(folder, name)
    guard let status = try? system.status(at: path, followingLinks: true) else {
      if (try? system.status(at: path, followingLinks: false)) != nil {
        losses.append(.leftBehind(name, "is a link that leads nowhere"))
      }
      return
    }
    guard !isPassedOver(name, status) else { return }
    entryCount += 1
    let judgement = CompanionName.judge(name)
    switch status.kind {
    case _ where judgement == .hidden: leave(name, judgement)
    case .folder: enter(name, path, depth: depth)
    case .file:
      if case .companion(let kind) = judgement {
        entries.append(Entry(name: name, kind: kind, byteCount: status.byteCount))
      } else {
        let isIndex = CompanionName.isIndex(name)
        if isIndex { indexes.append(path) } else if judgement == .weights { otherWeights.append(name) }
        if !isIndex || !(name.hasPrefix(stem) || name == indexName) { leave(name, judgement) }
      }
    case .other: losses.append(.leftBehind(name, "is not a file"))
    }
  }

  private mutating func enter(_ name: String, _ path: String, depth: Int) {
    let isLink = (try? system.status(at: path, followingLinks: false))?.kind != .folder
    guard !isLink, UInt64(depth) < Limit.companionDepth.value else {
      let why: Evidence =
        isLink ? "is a link to a folder, which is not followed" : "stands too deep in folders"
      losses.append(.leftBehind(name, why))
      return
    }
    walk(name, depth: depth + 1)
  }

  /// What is part of the checkpoint itself, or of what is being written.
  private func isPassedOver(_ name: String, _ status: FileStatus) -> Bool {
    passedOver.contains(FileIdentity(status)) || name.contains(".ingot-partial-")
      || name.contains(".ingot-old-")
  }

  private mutating func leave(_ name: String, _ judgement: CompanionName.Judgement) {
    if let loss = Loss.leftBehind(name, as: judgement) { losses.append(loss) }
  }
}
