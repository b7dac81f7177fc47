// SPDX-License-Identifier: Apache-2.0
// Links of an archive that lead to a file of the same archive: another name for it. Nothing else is followed.
// Page: formats/containers/archive.md.
import IngotCore

/// The links of an archive, by name.
struct ArchiveLinks {
  /// A link's target: a name of the archive, or a path from the folder that the link is in.
  enum Target {
    case hard(String), symbolic(String)
  }

  /// The links, in the archive's order.
  private(set) var all: [(name: String, target: Target)] = []
  private var targets: [ExactName: Target] = [:]

  /// Steps from link to link, at the most: as many as Linux takes.
  private static let stepLimit = 40
  /// Bytes of a path, at the most: as many as Linux takes.
  static let pathByteLimit = 4096

  /// Adds a link.
  mutating func add(_ name: String, to target: Target) {
    all.append((name, target))
    targets[ExactName(name)] = target
  }

  /// The name of what a link leads to, all links on its way followed; `nil` for one that leads out of the archive, or
  /// round and round.
  func destination(of name: String) -> String? {
    var rest = parts(name)
    var path: [Substring] = []
    var steps = 0
    while let part = rest.popLast() {
      if part == ".." {
        guard path.popLast() != nil else { return nil }
        continue
      }
      path.append(part)
      guard let target = targets[ExactName(path.joined(separator: "/"))] else { continue }
      steps += 1
      guard steps <= Self.stepLimit else { return nil }
      switch target {
      case .hard(let other):
        path = []
        rest += parts(other)
      case .symbolic(let other):
        guard !other.hasPrefix("/") else { return nil }
        path.removeLast()
        rest += parts(other)
      }
      guard rest.count <= Self.pathByteLimit else { return nil }
    }
    return path.joined(separator: "/")
  }

  /// The parts of a path, the first one last.
  private func parts(_ path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }.reversed()
  }
}

/// The folders that files of an archive are in.
struct ArchiveFolders {
  /// The names of the files, sorted by their bytes: a folder's stand together.
  private let names: [String]

  /// Makes the folders of some files.
  init(of members: [ArchiveMember]) {
    names = members.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether a file is in a folder, or in one below it.
  func holds(_ folder: String) -> Bool {
    let start = folder + "/"
    let first = names.indices.partitioningIndex {
      !names[$0].utf8.lexicographicallyPrecedes(start.utf8)
    }
    return first < names.count && names[first].utf8.starts(with: start.utf8)
  }
}
