// SPDX-License-Identifier: Apache-2.0
// Which of the names in one folder are its checkpoint: an index, a set by its files' names, or one file. The same for
// folders on disk and in archives.
import IngotBytes
import IngotCore

/// What to open of a folder.
enum WeightChoice {
  /// A weight file, or the index of a set.
  case file(String)
  /// The files of a set without an index, in their order.
  case shards([String])
  /// The files of a set that each hold a part of every tensor, in their order.
  case parallel([String])

  /// The name that stands for it in messages.
  var name: String {
    switch self {
    case .file(let name): name
    case .shards(let names), .parallel(let names): names.first ?? ""
    }
  }
}

/// Chooses the one checkpoint of a folder.
struct WeightChooser {
  /// The names in the folder.
  let names: [String]
  /// The folder, for messages.
  let folder: String
  /// What the folder is, for messages.
  let kind: String
  /// The files that an index names; `nil` for JSON of another kind.
  let shards: (_ indexName: String) throws(IngotError) -> [String]?

  /// The checkpoint of a folder: the named one, a file or the prefix of a TensorFlow bundle; else the one there is.
  ///
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` for none,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for several and for what is known to be something else, and the
  ///   errors of reading an index.
  func choice(named name: String?) throws(IngotError) -> WeightChoice {
    guard let name else { return try onlyChoice() }
    if names.contains(name) { return .file(name) }
    let index = name + TensorFlowFileName.indexSuffix
    if names.contains(index) { return .file(index) }
    throw .missing(
      path: FilePath.join(folder, name), why: "does not exist",
      hint: NearestText.match(name, among: names.prefix(1000)).map { "\(folder) holds \($0)" })
  }

  /// By the names that transformers gives, else the only candidate.
  private func onlyChoice() throws(IngotError) -> WeightChoice {
    let known =
      ShardSetKind.all.flatMap { [$0.indexFileName, $0.weightFileName] }
      + FormatRegistry.formats.compactMap(\.fileName)
    if let name = known.first(where: names.contains) { return .file(name) }
    let candidates = try candidates()
    guard let first = candidates.first else {
      throw names.isEmpty
        ? .missing(
          path: folder, why: "holds no weight file",
          hint: "looked for \(words: known.joined(separator: ", ")), and files of a known format")
        : ForeignContent.collection(of: names, path: folder, kind: kind)
    }
    guard candidates.count == 1 else {
      throw .unsuitable(
        Location(folder),
        why: "holds several weight files: \(candidates.map(\.name).joined(separator: ", "))",
        hint: .remedy(.chooseFile))
    }
    return first
  }

  /// Indexes, sets without one, and single files that belong to neither.
  private func candidates() throws(IngotError) -> [WeightChoice] {
    var candidates: [WeightChoice] = []
    var indexed = Set<ExactName>()
    for name in names where ShardSetKind.isIndexName(name) {
      guard let shards = try shards(name) else { continue }
      candidates.append(.file(name))
      indexed.formUnion(shards.map { ExactName($0) })
    }
    var sets = Set<ShardName>()
    if let parallel = ParallelShards(among: names) {
      candidates.append(.parallel(parallel.names))
      indexed.formUnion(parallel.names.map { ExactName($0) })
    }
    for name in ForeignContent.leavingOutParts(names)
    where CheckpointOpener.isWeightFile(name) && !GGUFSplit.isLaterPart(name)
      && !indexed.contains(ExactName(name))
    {
      guard let shard = ShardName(name), shard.isOfSet else {
        candidates.append(.file(name))
        continue
      }
      if sets.insert(shard.first).inserted { candidates.append(.shards(shard.all)) }
    }
    return candidates
  }
}

/// The name of one file of a set: `model-00001-of-00003.safetensors`.
struct ShardName: Hashable {
  private var start: String
  private var end: String
  /// Which file of the set, from 1 on.
  private(set) var number: Int
  /// Files of the set.
  private(set) var count: Int

  /// Takes a name apart; `nil` for one that is no set's.
  init?(_ name: String) {
    guard let match = name.wholeMatch(of: /(.*)-(\d{5,9})-of-(\d{5,9})(\.[^.]+)/),
      let number = Int(match.2), let count = Int(match.3), (1...count).contains(number)
    else { return nil }
    (self.number, self.count) = (number, count)
    (start, end) = (String(match.1), String(match.4))
  }

  /// Whether it is one of several files that a set of this format is made of.
  var isOfSet: Bool { count > 1 && ShardSetKind.kind(ofShard: end) != nil }

  /// Whether it is a later file of a set that its first file opens, as GGUF's.
  var isOpenedByFirst: Bool { number > 1 && ShardSetKind.kind(ofShard: end) == nil }

  /// The name as it is written.
  var text: String { "\(start)-\(ShardSetKind.padded(number))-of-\(ShardSetKind.padded(count))\(end)" }

  /// The set's first file.
  var first: ShardName {
    var first = self
    first.number = 1
    return first
  }

  /// The names of all files of the set, at most as many as a set may have.
  var all: [String] {
    (1...min(count, Int(Limit.shards.value))).map { number in
      var name = self
      name.number = number
      return name.text
    }
  }
}
