// SPDX-License-Identifier: Apache-2.0
// Reads a TensorFlow checkpoint (TensorBundle): its index whole, of its data files their lengths and the strings, which
// are metadata. Page: formats/tensorflow-bundle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The format of TensorFlow's checkpoints.
package struct TensorFlowFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  /// The id in reports and options.
  package let id = "tensorflow"
  /// The name for people.
  package let title = "TensorFlow bundle"
  /// The extension of a bundle's index.
  package let fileExtensions = ["index"]
  /// The page that specifies it.
  package let page = "tensorflow-bundle.md"
  /// Plans bundles.
  package var writer: (any CheckpointWriter)? { TensorFlowWriter() }

  /// The files of bundles: indexes, data files, and what TensorFlow puts beside them.
  package func owns(fileName name: String) -> Bool {
    name == TensorFlowFileName.state || TensorFlowFileName.index(ofShard: name) != nil
      || ["index", "meta"].contains(FilePath.fileExtension(of: name))
  }

  /// An uncompressed table that begins with a header; a compressed one is known by its name alone.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    var cursor = ByteCursor(firstBytes)
    guard cursor.bytes(2)?.elementsEqual([0, 0]) == true, let count = cursor.varint(),
      let header = Int(exactly: count).flatMap({ cursor.bytes($0) }), header.first == 8
    else { return false }
    var reader = ProtobufReader(header, at: Location(""))
    do throws(IngotError) {
      while let field = try reader.next() {
        guard (1...3).contains(field.number) else { return false }
      }
      return true
    } catch {
      return false
    }
  }

  /// Reads the index, the strings, and the lengths of the data files.
  ///
  /// - Parameters:
  ///   - source: the index; the data files stand beside it.
  ///   - options: nothing that concerns this format.
  /// - Returns: the checkpoint; file 0 is the index, data files follow in their order.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, and
  ///   ``IngotCore/IngotError/missing(path:why:hint:)`` for a data file that is not there.
  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    guard let prefix = TensorFlowFileName.prefix(ofIndex: FilePath.name(of: source.path)) else {
      throw .unsuitable(
        Location(source.path), why: "is the index of a TensorFlow bundle under another name",
        hint: "an index is called PREFIX.index, with PREFIX.data-00000-of-00001 beside it")
    }
    let index = try TensorBundleIndex(SortedTableReader(source), path: source.path)
    let files = try TensorBundleFiles(index, beside: source, prefix: prefix)
    try files.checkRanges(of: index)
    var checkpoint = Checkpoint(
      format: id, files: files.all, tensors: index.tensors.map(files.describe), findings: index.findings,
      indexByteCount: source.byteCount + index.decodedByteCount)
    try addOthers(of: index, from: files, to: &checkpoint)
    return checkpoint
  }

  /// Reads strings into metadata, as far as the limit goes, and names what is not read.
  private func addOthers(
    of index: TensorBundleIndex, from files: TensorBundleFiles, to checkpoint: inout Checkpoint
  ) throws(IngotError) {
    var budget = Int(Limit.tensorflowStringBytes.value)
    var entries: [Metadata.Entry] = []
    for other in index.others {
      let cost = other.shape.elementCount.checkedMultiply(64)?.checkedAdd(other.range.byteCount)
      guard other.dtype == TensorFlowDType.string, other.shape.rank < 2, let cost, cost <= budget else {
        let what: Evidence = other.dtype == TensorFlowDType.string ? "strings" : "objects"
        checkpoint.findings.append(
          Finding(
            .notRead, severity: .note, subject: other.name,
            detail: "holds \(what) of \(other.shape), \(other.range.byteCount, "byte"), which are not read"))
        continue
      }
      budget -= cost
      let strings = try files.strings(of: other, byteOrder: index.header.byteOrder)
      entries.append(.init(key: other.name, value: strings.value))
      checkpoint.indexByteCount += other.range.byteCount
    }
    checkpoint.metadata = Metadata(entries)
  }
}

/// The data files of a bundle, as far as its index leads to them.
struct TensorBundleFiles {
  /// The index, then the data files that hold something.
  private(set) var all: [CheckpointFile]
  private let index: any ByteSource
  private let prefix: String
  private let shardCount: Int
  /// The place in ``all`` of each data file that holds something.
  private var places: [Int: Int] = [:]

  /// Finds the files that hold something, and their lengths.
  init(_ index: TensorBundleIndex, beside source: any ByteSource, prefix: String) throws(IngotError) {
    self.index = source
    self.prefix = prefix
    shardCount = index.header.shardCount
    all = [CheckpointFile(path: source.path, byteCount: source.byteCount)]
    var used = Set(index.others.map(\.range.shard))
    for tensor in index.tensors {
      switch tensor.storage.segments {
      case .one(let segment): used.insert(segment.file)
      case .many(let segments): for segment in segments { used.insert(segment.file) }
      }
    }
    for shard in used.sorted() {
      let file = try open(shard)
      places[shard] = all.count
      all.append(CheckpointFile(path: file.path, byteCount: file.byteCount))
    }
  }

  private func open(_ shard: Int) throws(IngotError) -> any ByteSource {
    let file = try index.sibling(named: TensorFlowFileName.shard(shard, of: shardCount, prefix: prefix))
    if let refusal = ForeignContent.standIn(try FormatRegistry.firstBytes(of: file), path: file.path) {
      throw refusal
    }
    return file
  }

  /// A tensor with its files by their places.
  func describe(_ tensor: TensorDescriptor) -> TensorDescriptor {
    var tensor = tensor
    switch tensor.storage.segments {
    case .one(let segment): tensor.storage.segments = .one(placed(segment))
    case .many(let segments): tensor.storage.segments = .many(segments.map(placed))
    }
    return tensor
  }

  private func placed(_ segment: StorageSegment) -> StorageSegment {
    StorageSegment(file: places[segment.file] ?? 0, offset: segment.offset, byteCount: segment.byteCount)
  }

  /// Checks that all ranges lie in their files and share no byte: TF-13, TF-14.
  func checkRanges(of index: TensorBundleIndex) throws(IngotError) {
    var ranges: [(segment: StorageSegment, tensor: Int)] = []
    ranges.reserveCapacity(index.tensors.count + index.others.count)
    for (position, tensor) in index.tensors.enumerated() {
      switch tensor.storage.segments {
      case .one(let segment): ranges.append((placed(segment), position))
      case .many(let segments): for segment in segments { ranges.append((placed(segment), position)) }
      }
    }
    for (position, other) in index.others.enumerated() {
      ranges.append((placed(other.range.segment), index.tensors.count + position))
    }
    func name(_ position: Int) -> String {
      position < index.tensors.count
        ? index.tensors[position].name : index.others[position - index.tensors.count].name
    }
    for (segment, tensor) in ranges where segment.offset + segment.byteCount > all[segment.file].byteCount {
      throw .malformed(
        TensorFlowRule.dataEnd.rule, at: Location(all[segment.file].path, tensor: name(tensor)),
        found: "\(segment.byteCount, "byte") at \(segment.offset) of \(all[segment.file].byteCount)",
        expected: "a range in the file")
    }
    ranges.removeAll { $0.segment.byteCount == 0 }
    ranges.sort { ($0.segment.file, $0.segment.offset) < ($1.segment.file, $1.segment.offset) }
    for (left, right) in zip(ranges, ranges.dropFirst())
    where left.segment.file == right.segment.file
      && left.segment.offset + left.segment.byteCount > right.segment.offset
    {
      throw .malformed(
        TensorFlowRule.overlap.rule,
        at: Location(all[right.segment.file].path, offset: right.segment.offset, tensor: name(right.tensor)),
        found: "bytes shared with \(name(left.tensor))", expected: "none")
    }
  }

  /// Reads a tensor of strings whose range was checked.
  func strings(of other: TensorBundleIndex.Other, byteOrder: ByteOrder) throws(IngotError)
    -> TensorBundleStrings
  {
    let file = try open(other.range.shard)
    guard let place = places[other.range.shard], file.byteCount == all[place].byteCount else {
      throw .sourceChanged(path: file.path, found: "\(file.byteCount, "byte")", expected: "as many as before")
    }
    let bytes = try file.bytes(at: other.range.offset, count: other.range.byteCount)
    return try TensorBundleStrings(
      bytes, of: other, byteOrder: byteOrder, at: Location(file.path, tensor: other.name))
  }
}
