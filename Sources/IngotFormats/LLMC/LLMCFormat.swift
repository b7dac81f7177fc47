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
      metadata: LLMCMetadata.metadata(of: header),
      findings: HeaderNumbers.unknown(header.unknownWords, "word"),
      indexByteCount: LLMCHeader.byteCount)
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
  static let numbers = HeaderNumbers(
    format: "llmc", title: "llm.c",
    keys: [version, contextLength, vocabularySize, blockCount, headCount, width, paddedVocabularySize])

  /// The header's words as metadata.
  static func metadata(of header: LLMCHeader) -> Metadata {
    let dimensions = header.dimensions
    return numbers.metadata([
      Int(header.version), dimensions.contextLength, dimensions.vocabularySize, dimensions.blockCount,
      dimensions.headCount, dimensions.width, dimensions.paddedVocabularySize,
    ])
  }
}
