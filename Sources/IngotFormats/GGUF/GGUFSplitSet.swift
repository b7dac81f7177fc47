// SPDX-License-Identifier: Apache-2.0
// Sets of files that one model was split into: `name-00001-of-00003.gguf`. The first has the metadata, each says which
// part it is. Page: formats/gguf.md, "Split sets".
import IngotBytes
import IngotCore

/// What a file says about the set it belongs to.
struct GGUFSplit: Hashable {
  static let numberKey = "split.no"
  static let countKey = "split.count"
  static let tensorCountKey = "split.tensors.count"

  /// Which part it is, from 0 on.
  var number: Int
  /// How many parts there are.
  var count: Int
  /// Tensors of all parts together, if it says.
  var tensorCount: Int?

  /// Describes a part that is to be written.
  init(number: Int, count: Int, tensorCount: Int) {
    self.number = number
    self.count = count
    self.tensorCount = tensorCount
  }

  /// The name of the part's file.
  func name(stem: String) -> String { stem + Self.suffix(number, of: count) }

  /// The metadata of the part's file: the first has all, each says which it is, and where its tensors stand.
  ///
  /// - Parameter metadata: that of the set.
  /// - Returns: the part's own.
  func metadata(of metadata: Metadata) -> Metadata {
    var own = number == 0 ? metadata : Metadata(metadata.entries.filter { $0.key == GGUFLayout.alignmentKey })
    own[Self.numberKey] = .uint16(UInt16(clamping: number))
    own[Self.countKey] = .uint16(UInt16(clamping: count))
    own[Self.tensorCountKey] = .int32(Int32(clamping: tensorCount ?? 0))
    return own
  }

  /// Takes a file's own words: GG-20; `nil` for a file that is whole.
  init?(_ metadata: Metadata, path: String) throws(IngotError) {
    func integer(_ key: String) throws(IngotError) -> Int? {
      guard let value = metadata[key] else { return nil }
      guard let integer = value.integer, integer >= 0 else {
        throw .malformed(
          GGUFRule.splitNumbers.rule, at: Location(path, key: key), found: "another value",
          expected: "an integer of at least 0")
      }
      return integer
    }
    // A set that was merged again says that it has no parts.
    guard let count = try integer(Self.countKey), count > 1 else { return nil }
    guard let number = try integer(Self.numberKey), number < count else {
      throw .malformed(
        GGUFRule.splitNumbers.rule, at: Location(path, key: Self.numberKey), found: "no part of \(count)",
        expected: "0 to \(count - 1)")
    }
    guard UInt64(count) <= Limit.shards.value else {
      throw .limitExceeded(.shards, at: Location(path, key: Self.countKey), asked: UInt64(count))
    }
    self.number = number
    self.count = count
    tensorCount = try integer(Self.tensorCountKey)
  }

  /// The part of a file's name before its numbers: GG-21.
  func stem(of path: String) throws(IngotError) -> String {
    let name = FilePath.name(of: path)
    let suffix = Self.suffix(number, of: count)
    guard name.utf8.count > suffix.utf8.count, name.hasSuffix(suffix) else {
      throw .malformed(
        GGUFRule.splitName.rule, at: Location(path),
        found: "part \(number + 1) of \(count) in a file of this name",
        expected: "a name that ends with \(suffix)")
    }
    return String(name.dropLast(suffix.count))
  }

  /// How the name of a part ends.
  static func suffix(_ number: Int, of count: Int) -> String {
    "-\(fiveDigits(number + 1))-of-\(fiveDigits(count)).gguf"
  }

  /// Whether a file is, by its name, a part of a set and not the first: the first opens the set.
  static func isLaterPart(_ name: String) -> Bool {
    guard let match = name.wholeMatch(of: /.+-(\d{5,6})-of-\d{5,6}\.gguf/) else { return false }
    return Int(match.1) != 1
  }

  private static func fiveDigits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
  }
}

/// Puts the parts of a set together.
struct GGUFSplitSet {
  private var merged: Checkpoint
  private let split: GGUFSplit
  private var names: Set<ExactName>

  /// Starts with the first part.
  init(_ first: Checkpoint, _ split: GGUFSplit) {
    merged = first
    self.split = split
    names = Set(first.tensors.map { ExactName($0.name) })
    var index = Metadata()
    for key in [GGUFSplit.numberKey, GGUFSplit.countKey, GGUFSplit.tensorCountKey] {
      index[key] = merged.metadata[key]
      merged.metadata[key] = nil
    }
    merged.metadata["index"] = .object(index)
  }

  /// Opens the other parts beside the first and adds them: GG-21 to GG-23.
  ///
  /// - Parameter source: the first part.
  /// - Returns: one checkpoint with all tensors; what the first says of the set is in its metadata under `index`.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` for a part that is not there, and the rules' errors.
  consuming func opened(beside source: any ByteSource) throws(IngotError) -> Checkpoint {
    let stem = try split.stem(of: source.path)
    for number in 1..<split.count {
      let part = try source.sibling(named: stem + GGUFSplit.suffix(number, of: split.count))
      let header = try GGUFHeader(part)
      guard let own = try GGUFSplit(header.metadata, path: part.path), own.number == number,
        own.count == split.count
      else {
        throw .malformed(
          GGUFRule.splitPart.rule, at: Location(part.path), found: "another part, or one of another set",
          expected: "part \(number + 1) of \(split.count)")
      }
      try add(header, of: part)
    }
    if let expected = split.tensorCount, expected != merged.tensors.count {
      throw .malformed(
        GGUFRule.splitTensors.rule, at: Location(source.path, key: GGUFSplit.tensorCountKey),
        found: "\(merged.tensors.count, "tensor") in \(split.count, "file")", expected: "\(expected)")
    }
    return merged
  }

  private mutating func add(_ header: GGUFHeader, of part: any ByteSource) throws(IngotError) {
    for tensor in header.tensors {
      guard names.insert(ExactName(tensor.name)).inserted else {
        throw .malformed(
          GGUFRule.splitTensors.rule, at: Location(part.path, tensor: tensor.name),
          found: "a tensor of an earlier part", expected: "each name once")
      }
      merged.tensors.append(tensor.movingFiles(by: merged.files.count))
    }
    let own = header.metadata.entries.filter { !$0.key.hasPrefix("split.") }
    if let first = own.first {
      merged.findings.append(
        Finding(
          .misplaced, severity: .note, subject: first.key,
          detail:
            "and \(own.count - 1) more keys stand in \(FilePath.name(of: part.path)), not in the first part"))
    }
    merged.files.append(CheckpointFile(path: part.path, byteCount: part.byteCount))
    merged.findings += header.findings
    merged.indexByteCount += header.byteCount
  }
}
