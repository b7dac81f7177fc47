// SPDX-License-Identifier: Apache-2.0
// Plans an `.ingot` file: header and index from what the tensors are, the tail when their digests are known. Files are
// written from start to end; the same content gives the same bytes. Page: formats/ingot.md.
import IngotBytes
import IngotCore

/// Plans `.ingot` files.
package struct IngotFileWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  /// Tied tensors are stored once.
  package let keepsAliases = true
  /// Config and tokenizer go into the file.
  package let holdsCompanions = true
  /// SHA-256 stands beside its own checksums.
  package let abilities: Set<WriteAbility> = [.storingSHA256]
  /// An output is one file.
  package let shards = false
  /// Blocks are stored as they are.
  package let holdsBlocks = true
  package let saysScales = true

  /// Plans one file.
  ///
  /// - Parameter request: what to write; tensors keep their order.
  /// - Returns: the plan; it needs XXH3 of every part and of its source, and streams.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for two tensors, keys or companions
  ///   of one name, for a quantization that does not fit its parts, and for what is over the format's limits.
  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let aliases = IngotFileAliases(request.tensors)
    var draft = IngotFileIndexDraft()
    try draft.put(request.tensors, aliases: aliases)
    try draft.put(request.metadata)
    try draft.put(request.companions)
    draft.putNoSections()
    let (index, layout) = try draft.finish()
    let tail = IngotFileTailPlan(request, stored: layout.map(\.reference))

    let end = layout.last.map { IngotFilePlacement.alignUp($0.offset + $0.byteCount) }
    let dataOffset = IngotFilePlacement.alignUp(IngotFileLayout.endByteCount + index.count)
    let header = IngotFileHeader(
      indexByteCount: index.count, tailOffset: end ?? dataOffset, indexDigest: XXH3.digest(of: index))
    let begin = [header.encoded, index, IngotFilePadding.zeros(after: header.indexEnd)]
    let chunks = PlannedChunks(
      count: begin.count + 2 * layout.count, byteCount: header.tailOffset
    ) { position in
      guard position >= begin.count else { return .bytes(begin[position]) }
      let run = layout[(position - begin.count) / 2]
      let isPart = (position - begin.count).isMultiple(of: 2)
      return isPart
        ? .part(run.reference, lead: []) : .bytes(IngotFilePadding.zeros(after: run.offset + run.byteCount))
    }
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: chunks)], losses: aliases.losses,
      digests: request.storesSHA256 ? [.xxh3, .sourceXXH3, .sha256] : [.xxh3, .sourceXXH3], streams: true,
      tailByteCount: try tail.greatestByteCount()
    ) { (parts, patch) throws(IngotError) in
      let bytes = try tail.encoded(parts)
      let footer = IngotFileFooter(
        tailOffset: header.tailOffset, tailByteCount: bytes.count, indexDigest: header.indexDigest,
        tailDigest: XXH3.digest(of: bytes))
      try patch(FilePatch(file: 0, offset: header.tailOffset, bytes: bytes + footer.encoded))
    }
  }
}

/// What stands between runs.
private enum IngotFilePadding {
  /// Runs of 0 to 63 zeros: all gaps of one length share their bytes.
  private static let zeros = (0..<IngotFileLayout.alignment).map { [UInt8](repeating: 0, count: $0) }

  /// Zeros up to the next run's place.
  static func zeros(after end: Int) -> [UInt8] { zeros[IngotFilePlacement.alignUp(end) - end] }
}

/// Which tensors of a request are stored, and which are other names of stored ones.
struct IngotFileAliases {
  /// The position of each alias's target; `nil` for stored tensors.
  private(set) var targets: [Int?]
  /// Tensors that can't be aliases although the request calls them so.
  private(set) var losses: [Loss] = []

  /// Follows each alias to a stored tensor of equal dtype, shape and scheme; one without is stored itself.
  init(_ tensors: [PlannedTensor]) {
    targets = tensors.map { _ in nil }
    guard tensors.contains(where: { $0.aliasOf != nil }) else { return }
    var positions: [ExactName: Int] = [:]
    for (position, tensor) in tensors.enumerated() { positions[ExactName(tensor.name)] = position }
    let named = tensors.map { $0.aliasOf.flatMap { positions[ExactName($0)] } }
    for (position, tensor) in tensors.enumerated() {
      guard let root = Self.root(of: position, in: named) else { continue }
      let target = tensors[root]
      if target.typeName == tensor.typeName, target.shape == tensor.shape,
        target.quantization == tensor.quantization
      {
        targets[position] = root
      } else {
        losses.append(
          Loss(.alias, tensor: tensor.name, detail: "stored in full: \(target.name) has another form"))
      }
    }
  }

  /// Follows the aliases of each file to tensors of the same file; all have the same losses, which are told once.
  init(_ tensors: [PlannedTensor], files: [ParallelFile]) {
    targets = []
    for file in files {
      let own = Self(Array(tensors[file.tensors]))
      targets += own.targets.map { target in target.map { $0 + file.tensors.lowerBound } }
      if losses.isEmpty { losses = own.losses }
    }
  }

  /// The tensor at the end of a chain of aliases; `nil` for none, for one that leads in a circle or nowhere.
  ///
  /// A stored tensor's own entry is `nil`, so a chain that ends does so at one.
  private static func root(of start: Int, in named: [Int?]) -> Int? {
    guard var position = named[start] else { return nil }
    for _ in named {
      guard let next = named[position] else { return position }
      position = next
    }
    return nil
  }
}

/// The tail to be written: what it holds beside the digests, and where they go.
private struct IngotFileTailPlan {
  private let tensors: [PlannedTensor]
  /// The tensors that are stored, by position.
  private let stored: [PartReference]
  private let storesSHA256: Bool
  private let sourceFormat: String
  private let sources: [CheckpointFile]
  private let notes: Metadata

  init(_ request: WriteRequest, stored: [PartReference]) {
    tensors = request.tensors
    self.stored = stored
    storesSHA256 = request.storesSHA256
    sourceFormat = request.sourceFormat
    sources = request.sources
    notes = Metadata(
      request.stem.map { [Metadata.Entry(key: IngotFileProvenance.stemKey, value: .string($0))] } ?? [])
  }

  /// The tail and footer of a file whose every source digest is known.
  func greatestByteCount() throws(IngotError) -> Int {
    var encoder = IngotFileEncoder()
    try begin(&encoder)
    try putSources(&encoder)
    try end(&encoder)
    var count = encoder.bytes.count
    for reference in stored {
      count += (storesSHA256 ? 48 : 16) + 1 + IngotFileLayout.digestByteCount
      guard reference.part == 0 else { continue }
      count += 4
      for transform in tensors[reference.tensor].transforms { count += 4 + transform.description.utf8.count }
    }
    guard UInt64(count) <= Limit.ingotIndexBytes.value else {
      throw IngotFileEncoder.unrepresentable("the tail would have \(count, "byte")")
    }
    return count + IngotFileLayout.endByteCount
  }

  /// The tail of a file whose parts were written.
  func encoded(_ parts: WrittenParts) throws(IngotError) -> [UInt8] {
    guard parts.elementsEqual(stored, by: { $0.reference == $1 }) else {
      throw .internal("parts written in another order than planned")
    }
    var encoder = IngotFileEncoder()
    encoder.bytes.reserveCapacity(try greatestByteCount())
    try begin(&encoder)
    for part in parts {
      guard let digest = part.checksums.xxh3 else {
        throw .internal("a part that was written without its XXH3")
      }
      encoder.digest(digest)
      guard storesSHA256 else { continue }
      guard let sha = part.checksums.sha256, sha.count == 32 else {
        throw .internal("a part without its SHA-256")
      }
      encoder.bytes += sha
    }
    try putSources(&encoder)
    for part in parts {
      if part.reference.part == 0 {
        let transforms = tensors[part.reference.tensor].transforms
        try encoder.count(transforms.count)
        for transform in transforms { try encoder.text(transform.description) }
      }
      encoder.truth(part.checksums.sourceXXH3 != nil)
      if let digest = part.checksums.sourceXXH3 { encoder.digest(digest) }
    }
    try end(&encoder)
    return encoder.bytes
  }

  private func begin(_ encoder: inout IngotFileEncoder) throws(IngotError) {
    encoder.number((storesSHA256 ? IngotFileCode.Digests.xxh3AndSHA256 : .xxh3).rawValue)
    try encoder.count(stored.count)
  }

  private func putSources(_ encoder: inout IngotFileEncoder) throws(IngotError) {
    try encoder.text(sourceFormat)
    try encoder.count(sources.count)
    for file in sources {
      try encoder.text(FilePath.name(of: file.path))
      encoder.number(UInt64(file.byteCount))
    }
    try encoder.count(stored.count { $0.part == 0 })
  }

  /// Notes: the stem of weight files that had a name of their own.
  private func end(_ encoder: inout IngotFileEncoder) throws(IngotError) {
    try encoder.metadata(notes)
  }
}
