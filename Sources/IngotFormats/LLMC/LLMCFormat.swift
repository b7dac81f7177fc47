// SPDX-License-Identifier: Apache-2.0
// Reads llm.c's model files: a header of numbers, then tensors without names. What its numbers and names mean to a
// model is the dialect's. Debug states are LLMCState's. Page: formats/llmc.md.
import IngotBytes
import IngotCore

/// llm.c's model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct LLMCFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "llmc"
  package let title = "llm.c"
  package let fileExtensions = ["bin"]
  package let page = "llmc.md"
  package var writer: (any CheckpointWriter)? { LLMCWriter() }

  /// A model's magic number, or a debug state's, which ``read(_:options:)`` refuses by name.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    let word = LLMCHeader.firstWord(of: firstBytes)
    return word == LLMCHeader.modelMagic || word == LLMCHeader.stateMagic
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let words = try LLMCHeader.words(of: source)
    guard words.first != LLMCHeader.stateMagic else {
      throw .unsupported(
        "a debug state of llm.c, whose arrays need a model to be told: \(verb: .verify, .fixtures) takes it",
        at: Location(source.path))
    }
    let header = try LLMCHeader(words, byteCount: source.byteCount, path: source.path)
    var tensors: [TensorDescriptor] = []
    var offset = LLMCHeader.byteCount
    for tensor in header.layout.tensors(header.dimensions) ?? [] {
      let count = tensor.shape.byteCount(of: tensor.dtype) ?? 0
      let segment = StorageSegment(file: 0, offset: offset, byteCount: count)
      tensors.append(
        TensorDescriptor(
          name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, storage: TensorStorage(segment)))
      offset += count
    }
    return Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)], tensors: tensors,
      metadata: LLMCMetadata.metadata(of: header), findings: Self.findings(header),
      indexByteCount: LLMCHeader.byteCount)
  }

  /// A note on header words that mean nothing known.
  private static func findings(_ header: LLMCHeader) -> [Finding] {
    guard let first = header.unknownWords.first else { return [] }
    return [
      Finding(
        .unknown, severity: .note, subject: "header",
        detail:
          "has \(header.unknownWords.count, "word that means", "words that mean") nothing here, the first of them word \(first)"
      )
    ]
  }
}

/// The metadata keys under which the header's numbers travel.
enum LLMCMetadata {
  static let version = "llmc.version"
  static let contextLength = "llmc.max_seq_len"
  static let vocabularySize = "llmc.vocab_size"
  static let blockCount = "llmc.n_layer"
  static let headCount = "llmc.n_head"
  static let width = "llmc.n_embd"
  static let paddedVocabularySize = "llmc.padded_vocab_size"

  /// Every key that the header has a word for.
  static let keys = [
    version, contextLength, vocabularySize, blockCount, headCount, width, paddedVocabularySize,
  ]

  /// The header's words as metadata.
  static func metadata(of header: LLMCHeader) -> Metadata {
    let dimensions = header.dimensions
    let numbers = [
      Int(header.version), dimensions.contextLength, dimensions.vocabularySize, dimensions.blockCount,
      dimensions.headCount, dimensions.width, dimensions.paddedVocabularySize,
    ]
    return Metadata(
      zip(keys, numbers).map { Metadata.Entry(key: $0, value: .int32(Int32(truncatingIfNeeded: $1))) })
  }

  /// A number among metadata: of any integer type, or as the decimal text that formats of strings keep.
  ///
  /// - Returns: the number; `nil` when the key is absent.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` when it is no number that a header
  ///   can hold.
  static func number(_ key: String, of metadata: Metadata) throws(IngotError) -> Int? {
    guard let value = metadata[key] else { return nil }
    guard let number = value.integer ?? value.text.flatMap({ Int($0) }), number >= 0 else {
      throw .unrepresentable(
        tensor: nil, target: "llmc", why: "\(key) is no number of its header", hint: nil)
    }
    return number
  }
}
