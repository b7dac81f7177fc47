// SPDX-License-Identifier: Apache-2.0
// The 256 words at the start of llm.c's files: numbers of the model, and which of the layouts follows them.
// Page: formats/llmc.md.
import IngotBytes
import IngotCore

/// The header of an llm.c model file, checked against the file's length.
struct LLMCHeader: Hashable, Sendable {
  /// Words in the header, 32 bits each.
  static let wordCount = 256
  /// Bytes of the header.
  static let byteCount = 4 * wordCount
  /// The first word of a model file.
  static let modelMagic: Int32 = 20_240_326
  /// The first word of a debug state file.
  static let stateMagic: Int32 = 20_240_327

  /// The second word.
  let version: Int32
  /// The model's numbers.
  let dimensions: LLMCDimensions
  /// Which layout follows.
  let layout: LLMCLayout
  /// Words behind the known ones that are not 0.
  let unknownWords: [Int]

  /// Parses and checks a header: LC-01 to LC-05.
  ///
  /// - Parameters:
  ///   - words: the file's first words.
  ///   - byteCount: the file's length.
  ///   - path: the file, for messages.
  /// - Throws: the rule that is broken; ``IngotCore/IngotError/unsupported(_:at:)`` for a version that is not read.
  init(_ words: [Int32], byteCount: Int, path: String) throws(IngotError) {
    func malformed(_ rule: LLMCRule, word: Int, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: Location(path, offset: 4 * word), found: found, expected: expected)
    }
    guard words.count == Self.wordCount else {
      throw malformed(
        .headerLength, word: 0, "a file of \(byteCount, "byte")", "at least \(Self.byteCount) for the header")
    }
    guard words[0] == Self.modelMagic else {
      throw malformed(.magic, word: 0, "\(words[0])", "\(Self.modelMagic)")
    }
    version = words[1]
    guard (1...5).contains(version) else {
      throw .unsupported(
        "llm.c model version \(version); those from 1 to 5 are read", at: Location(path, offset: 4))
    }
    for word in 2...6 where words[word] < 1 {
      throw malformed(.dimensions, word: word, "\(words[word])", "at least 1")
    }
    let padded = words[7]
    let isPadded = version > 3 || (version == 3 && padded != 0)
    guard isPadded ? padded >= words[3] : padded == 0 else {
      throw malformed(
        .paddedVocabulary, word: 7, "a padded vocabulary of \(padded) in version \(version)",
        isPadded ? "at least the vocabulary's \(words[3])" : "0")
    }
    dimensions = LLMCDimensions(
      contextLength: Int(words[2]), vocabularySize: Int(words[3]),
      paddedVocabularySize: Int(isPadded ? padded : words[3]), blockCount: Int(words[4]),
      headCount: Int(words[5]), width: Int(words[6]))
    layout = try Self.layout(
      version: version, isPadded: isPadded, dimensions, byteCount: byteCount, path: path)
    unknownWords = (8..<Self.wordCount).filter { words[$0] != 0 }
  }

  /// The layout that version, padding and the file's length tell: LC-05.
  private static func layout(
    version: Int32, isPadded: Bool, _ dimensions: LLMCDimensions, byteCount: Int, path: String
  ) throws(IngotError) -> LLMCLayout {
    let layout: LLMCLayout =
      switch version {
      case 1: .float32
      case 2: .float32NormsLast
      case 3: isPadded ? .float32 : .bfloat16NormsLast
      case 4: .bfloat16NormsFloat32
      default: .bfloat16
      }
    func fileByteCount(_ layout: LLMCLayout) -> Int? {
      layout.byteCount(dimensions).flatMap { $0.checkedAdd(Self.byteCount) }
    }
    if version == 2, fileByteCount(.bfloat16NormsLast) == byteCount {
      throw .unsupported(
        "llm.c model version 2 in BF16, under which two orders of tensors were written: nothing in the file tells which",
        at: Location(path, offset: 4))
    }
    let expected = fileByteCount(layout)
    guard expected == byteCount else {
      throw .malformed(
        LLMCRule.fileLength.rule, at: Location(path), found: "a file of \(byteCount, "byte")",
        expected: expected.map { "\($0), by the header's numbers" } ?? "numbers whose tensors fit 63 bits")
    }
    return layout
  }

  /// The words of a file's start; fewer than 256 when it is shorter.
  static func words(of source: any ByteSource) throws(IngotError) -> [Int32] {
    let bytes = try source.bytes(at: 0, count: min(byteCount, source.byteCount))
    var cursor = ByteCursor(bytes)
    var words: [Int32] = []
    while let word = cursor.little(UInt32.self) { words.append(Int32(bitPattern: word)) }
    return words
  }

  /// The first word of a file; `nil` when there is none.
  static func firstWord(of firstBytes: [UInt8]) -> Int32? {
    var cursor = ByteCursor(firstBytes)
    return cursor.little(UInt32.self).map { Int32(bitPattern: $0) }
  }

  /// The header of a file to be written, as bytes.
  static func bytes(version: Int32, _ dimensions: LLMCDimensions) throws(IngotError) -> [UInt8] {
    let numbers = [
      dimensions.contextLength, dimensions.vocabularySize, dimensions.blockCount, dimensions.headCount,
      dimensions.width, dimensions.paddedVocabularySize,
    ]
    var bytes: [UInt8] = []
    bytes.appendLittle(modelMagic)
    bytes.appendLittle(version)
    for number in numbers {
      guard let word = Int32(exactly: number) else {
        throw .unrepresentable(
          tensor: nil, target: "llmc", why: "\(number) does not fit a word of its header", hint: nil)
      }
      bytes.appendLittle(word)
    }
    return bytes + [UInt8](repeating: 0, count: byteCount - bytes.count)
  }
}
