// SPDX-License-Identifier: Apache-2.0
// The start of llama2.c's files: seven numbers alone in version 0, which has no mark, and behind a mark since version 1.
// Page: formats/llama2c.md.
import IngotBytes
import IngotCore

/// The header of a llama2.c file, checked against the file's length.
struct Llama2CHeader: Hashable, Sendable {
  /// Bytes of the header since version 1.
  static let byteCount = 256
  /// Bytes of version 0's.
  static let legacyByteCount = 28
  /// The first word since version 1: `ak42` read from the last byte to the first.
  static let magic: UInt32 = 0x616B_3432

  /// The version.
  let version: Llama2CVersion
  /// The model's numbers.
  let dimensions: Llama2CDimensions
  /// Whether the head is the token embedding.
  let isTied: Bool
  /// Bytes of the header that mean nothing here and are not 0.
  let unknownBytes: [Int]

  /// Bytes before the tensors.
  var dataOffset: Int { version == .legacy ? Self.legacyByteCount : Self.byteCount }

  /// Whether a file is one of llama2.c's, by its mark or, of version 0, by its exact length.
  static func recognizes(_ bytes: [UInt8], byteCount: Int) -> Bool {
    var cursor = ByteCursor(bytes)
    return cursor.little(UInt32.self) == magic || legacy(bytes, byteCount: byteCount) != nil
  }

  /// Parses and checks a header: L2-01 to L2-07.
  ///
  /// - Parameters:
  ///   - bytes: the file's first ones, as many as a header has.
  ///   - byteCount: the file's length.
  ///   - path: the file, for messages.
  /// - Throws: the rule that is broken; ``IngotCore/IngotError/unsupported(_:at:)`` for a version that is not read.
  init(_ bytes: [UInt8], byteCount: Int, path: String) throws(IngotError) {
    func malformed(_ rule: Llama2CRule, _ offset: Int, _ found: Evidence, _ expected: Evidence) -> IngotError
    {
      .malformed(rule.rule, at: Location(path, offset: offset), found: found, expected: expected)
    }
    var cursor = ByteCursor(bytes)
    guard let first = cursor.little(UInt32.self), first == Self.magic else {
      guard let header = Self.legacy(bytes, byteCount: byteCount) else {
        throw malformed(
          .mark, 0, "a file of \(byteCount, "byte") without it",
          "ak42, or seven numbers of a model that takes as many bytes")
      }
      self = header
      return
    }
    guard bytes.count >= Self.byteCount, let number = cursor.little(UInt32.self), let words = cursor.words(7),
      let flag = cursor.byte(), let group = cursor.little(UInt32.self)
    else {
      throw malformed(
        .headerLength, 0, "a file of \(byteCount, "byte")", "at least \(Self.byteCount) for the header")
    }
    guard (1...2).contains(number) else {
      throw .unsupported(
        "llama2.c file version \(Int32(bitPattern: number)); 0, 1 and 2 are read",
        at: Location(path, offset: 4))
    }
    for (index, word) in words.enumerated() where word < 1 {
      throw malformed(.dimensions, 8 + 4 * index, "\(word)", "at least 1")
    }
    guard let dimensions = Self.dimensions(words) else {
      throw malformed(
        .heads, 20, "\(words[3], "head") of queries and \(words[4]) of keys for a width of \(words[0])",
        "even heads of one size, and as many of queries for each of keys")
    }
    guard flag <= 1 else { throw malformed(.sharedFlag, 36, "\(flag)", "0 or 1") }
    self.dimensions = dimensions
    isTied = flag == 1
    version =
      number == 1
      ? .float32 : .int8(groupSize: try Self.groupSize(Int32(bitPattern: group), dimensions, path: path))
    let expected = version.byteCount(dimensions, isTied: isTied).flatMap { $0.checkedAdd(Self.byteCount) }
    guard expected == byteCount else {
      throw malformed(
        .fileLength, 0, "a file of \(byteCount, "byte")",
        expected.map { "\($0), by the header's numbers" } ?? "numbers whose tensors fit 63 bits")
    }
    unknownBytes = ((number == 1 ? 37 : 41)..<Self.byteCount).filter { bytes[$0] != 0 }
  }

  private init(legacy dimensions: Llama2CDimensions, isTied: Bool) {
    version = .legacy
    self.dimensions = dimensions
    self.isTied = isTied
    unknownBytes = []
  }

  /// The header of version 0; `nil` unless its numbers are a model's that takes as many bytes as the file has.
  private static func legacy(_ bytes: [UInt8], byteCount: Int) -> Llama2CHeader? {
    var cursor = ByteCursor(bytes)
    guard var words = cursor.words(7) else { return nil }
    let isTied = words[5] > 0
    words[5] = abs(words[5])
    guard words.allSatisfy({ (1...Int(Int32.max)).contains($0) }), let dimensions = dimensions(words),
      let count = Llama2CVersion.legacy.byteCount(dimensions, isTied: isTied),
      count.checkedAdd(legacyByteCount) == byteCount
    else { return nil }
    return Llama2CHeader(legacy: dimensions, isTied: isTied)
  }

  /// The numbers of seven words that are at least 1; `nil` for heads that can't be.
  private static func dimensions(_ words: [Int]) -> Llama2CDimensions? {
    guard words[0].isMultiple(of: 2 * words[3]), words[3].isMultiple(of: words[4]) else { return nil }
    return Llama2CDimensions(
      width: words[0], feedForwardWidth: words[1], blockCount: words[2], headCount: words[3],
      keyHeadCount: words[4], vocabularySize: words[5], contextLength: words[6])
  }

  /// The group size of version 2, which has to cut every matrix without a rest.
  private static func groupSize(
    _ size: Int32, _ dimensions: Llama2CDimensions, path: String
  ) throws(IngotError) -> Int {
    // Of two numbers of 32 bits.
    let matrices = [
      dimensions.vocabularySize, dimensions.width, dimensions.keyWidth, dimensions.feedForwardWidth,
    ].map { $0 * dimensions.width }
    guard size >= 1, matrices.allSatisfy({ $0.isMultiple(of: Int(size)) }) else {
      throw .malformed(
        Llama2CRule.groupSize.rule, at: Location(path, offset: 37), found: "groups of \(Int(size))",
        expected: "at least 1, and matrices of whole groups")
    }
    // A matrix of each block has ranges of its own.
    guard UInt64(dimensions.blockCount) <= Limit.llama2cLayers.value else {
      throw .limitExceeded(
        .llama2cLayers, at: Location(path, offset: 16), asked: UInt64(dimensions.blockCount))
    }
    return Int(size)
  }

  /// The header of a file to be written, as bytes.
  ///
  /// - Parameters:
  ///   - version: the version; of version 2 the group size fits a word.
  ///   - dimensions: the model's numbers, which fit a word each.
  ///   - isTied: whether the head is the token embedding.
  /// - Returns: what stands before the tensors.
  static func bytes(_ version: Llama2CVersion, _ dimensions: Llama2CDimensions, isTied: Bool) -> [UInt8] {
    let isLegacy = version == .legacy
    let vocabularySize = isLegacy && !isTied ? -dimensions.vocabularySize : dimensions.vocabularySize
    var bytes: [UInt8] = []
    if !isLegacy {
      bytes.appendLittle(magic)
      bytes.appendLittle(version.number)
    }
    for number in [
      dimensions.width, dimensions.feedForwardWidth, dimensions.blockCount, dimensions.headCount,
      dimensions.keyHeadCount, vocabularySize, dimensions.contextLength,
    ] { bytes.appendLittle(Int32(clamping: number)) }
    guard !isLegacy else { return bytes }
    bytes.append(isTied ? 1 : 0)
    if case .int8(let groupSize) = version { bytes.appendLittle(Int32(clamping: groupSize)) }
    return bytes + [UInt8](repeating: 0, count: byteCount - bytes.count)
  }
}

extension ByteCursor {
  /// Takes signed words of 32 bits.
  fileprivate mutating func words(_ count: Int) -> [Int]? {
    var words: [Int] = []
    for _ in 0..<count {
      guard let word = little(UInt32.self) else { return nil }
      words.append(Int(Int32(bitPattern: word)))
    }
    return words
  }
}
