// SPDX-License-Identifier: Apache-2.0
// Plans llm.c's model files, version 3 of F32 tensors and 5 of BF16 ones, of tensors that have its names and shapes
// already: making them from another publisher's is the dialect's. Page: formats/llmc.md.
import IngotBytes
import IngotCore

/// Plans llm.c model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct LLMCWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = false
  package let holdsCompanions = false
  package let shards = false

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let layout = try Self.layout(of: request)
    let dimensions = try Self.dimensions(of: request)
    guard let tensors = layout.tensors(dimensions) else {
      throw Self.unrepresentable(nil, "its tensors' sizes overflow")
    }
    var chunks: [PlannedChunk] = [
      .bytes(try LLMCHeader.bytes(version: layout == .float32 ? 3 : 5, dimensions))
    ]
    for expected in tensors {
      let index = try Self.index(of: expected.name, in: request)
      let shape = request.tensors[index].shape
      guard shape == expected.shape else {
        throw Self.unrepresentable(
          expected.name, "has shape \(shape), and wte, wpe and ln1w ask for \(expected.shape)")
      }
      chunks.append(.part(PartReference(tensor: index), lead: []))
    }
    let names = Set(tensors.map { ExactName($0.name) })
    if let other = request.tensors.first(where: { !names.contains(ExactName($0.name)) }) {
      throw Self.unrepresentable(other.name, "is none of its \(tensors.count, "tensor")")
    }
    guard request.tensors.count == tensors.count else {
      throw Self.unrepresentable(nil, "two tensors have one name")
    }
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: chunks)],
      losses: LLMCMetadata.numbers.losses(request.metadata))
  }

  private static func unrepresentable(_ tensor: String?, _ why: Evidence, hint: Evidence? = nil) -> IngotError
  {
    .unrepresentable(tensor: tensor, target: "llmc", why: why, hint: hint)
  }

  private static func index(of name: String, in request: WriteRequest) throws(IngotError) -> Int {
    guard let index = request.tensors.firstIndex(where: { ExactName($0.name) == ExactName(name) }) else {
      throw unrepresentable(
        name, "is missing", hint: "llm.c's files hold GPT-2 only, under llm.c's own names")
    }
    return index
  }

  /// The layout of the tensors' one dtype.
  private static func layout(of request: WriteRequest) throws(IngotError) -> LLMCLayout {
    for tensor in request.tensors {
      guard tensor.quantization == nil else { throw unrepresentable(tensor.name, "is quantized") }
    }
    let dtypes = Set(request.tensors.map(\.dtype))
    if dtypes == [.f32] { return .float32 }
    if dtypes == [.bf16] { return .bfloat16 }
    let odd = request.tensors.first { $0.dtype != .f32 }
    throw unrepresentable(
      odd?.name, "all tensors of a file are F32, or all are BF16", hint: .remedy(.cast(to: [.f32, .bf16])))
  }

  /// The header's numbers: from the shapes of three tensors, and the two that no shape tells from the metadata.
  private static func dimensions(of request: WriteRequest) throws(IngotError) -> LLMCDimensions {
    func lengths(_ name: String) throws(IngotError) -> (Int, Int) {
      let shape = request.tensors[try index(of: name, in: request)].shape
      guard shape.rank == 2 else { throw unrepresentable(name, "has shape \(shape), not two dimensions") }
      return (shape.dimensions[0], shape.dimensions[1])
    }
    let (rows, width) = try lengths("wte")
    let (contextLength, blockCount) = (try lengths("wpe").0, try lengths("ln1w").0)
    let header = LLMCMetadata.numbers
    let headCount = try header.require(LLMCMetadata.headCount, of: request.metadata)
    let vocabularySize =
      try header.number(LLMCMetadata.vocabularySize, of: request.metadata) ?? rows
    guard vocabularySize <= rows else {
      throw unrepresentable("wte", "has \(rows, "row") for \(vocabularySize, "token")")
    }
    try header.requireAgreement(
      [
        (LLMCMetadata.contextLength, contextLength), (LLMCMetadata.blockCount, blockCount),
        (LLMCMetadata.width, width),
      ], request.metadata)
    try header.requireWords([rows, width, contextLength, blockCount, headCount, vocabularySize])
    return LLMCDimensions(
      contextLength: contextLength, vocabularySize: vocabularySize, paddedVocabularySize: rows,
      blockCount: blockCount, headCount: headCount, width: width)
  }
}
