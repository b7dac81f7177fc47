// SPDX-License-Identifier: Apache-2.0
// Plans the files of OpenAI's release of GPT-1: ten arrays, the shapes, and the names. Page: formats/openai-params.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Plans ten arrays with their shapes and names.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct OpenAIParamsWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = false
  package let holdsCompanions = false
  package let shards = false
  /// The release is several files.
  package let needsFolder = true

  private static let target = "openai-params"

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let tensors = request.tensors
    for tensor in tensors where tensor.dtype != .f32 || tensor.parts.count != 1 {
      throw .unrepresentable(
        tensor: tensor.name, target: Self.target, why: "its arrays are F32, not \(words: tensor.typeName)",
        hint: .remedy(tensor.dtype.isCast ? .cast(to: [.f32]) : .leaveOut))
    }
    for tensor in tensors {
      try Limit.numpyRank.admit(tensor.shape.rank, "dimensions", tensor: tensor.name, target: Self.target)
    }
    let arrays = try Self.groups(of: tensors).enumerated().map { number, group in
      Self.array(named: OpenAIParamsFileName.arrays[number], of: group, tensors)
    }
    let documents = [
      try Self.document(
        OpenAIParamsFileName.shapes,
        tensors.map { .array($0.shape.dimensions.map { .int64(Int64($0)) }) }),
      try Self.document(
        OpenAIParamsFileName.names, try Self.variables(of: tensors).map { .string($0) }),
    ]
    let losses = request.metadata.entries.map {
      Loss(.metadata, detail: "\($0.key): the release's files hold none")
    }
    return WritePlan(files: arrays + documents, losses: losses)
  }

  /// Cuts the tensors into ten groups, in their order: a tensor belongs to the tenth of all numbers that it begins in.
  private static func groups(of tensors: [PlannedTensor]) throws(IngotError) -> [Range<Int>] {
    var starts: [Int] = []
    var count = 0
    for tensor in tensors {
      starts.append(count)
      guard let sum = count.checkedAdd(tensor.shape.elementCount), sum.checkedMultiply(4) != nil else {
        throw .unrepresentable(
          tensor: tensor.name, target: target, why: "all tensors have more bytes than can be counted",
          hint: nil)
      }
      count = sum
    }
    let share = count / OpenAIParamsFileName.arrays.count + 1
    var end = 0
    return OpenAIParamsFileName.arrays.indices.map { number in
      let start = end
      while end < starts.count, starts[end] / share <= number { end += 1 }
      return start..<end
    }
  }

  private static func array(named name: String, of group: Range<Int>, _ tensors: [PlannedTensor])
    -> PlannedFile
  {
    let count = tensors[group].reduce(0) { $0 + $1.shape.elementCount }
    let header = NumPyArrayHeader.bytes(descr: "<f4", shape: Shape([count]) ?? [0])
    return PlannedFile(
      name: name,
      chunks: PlannedChunks(
        begin: [header], group.map { PartReference(tensor: $0) }, partByteCount: 4 * count))
  }

  /// The names as train.py's variables have them.
  private static func variables(of tensors: [PlannedTensor]) throws(IngotError) -> [String] {
    let names = OpenAIParamsNames.variables(ofNames: tensors.map(\.name))
    for (position, tensor) in tensors.enumerated() {
      // What would come back under another name.
      let isTaken = position == 0 && tensor.name == OpenAIParamsNames.embedding
      guard !isTaken, !tensor.name.isEmpty else {
        throw .unrepresentable(
          tensor: tensor.name, target: target,
          why: isTaken ? "this variable is two tensors in the release" : "a tensor has a name",
          hint: .remedy(.rename))
      }
    }
    return names.map(OpenAIParamsNames.variable)
  }

  private static func document(_ name: String, _ values: [MetadataValue]) throws(IngotError) -> PlannedFile {
    let count = values.reduce(0) { sum, value in
      if case .array(let inner) = value { return sum + 1 + inner.count }
      return sum + 1
    }
    try Limit.jsonValues.admit(count, "values in \(name)", target: target)
    let bytes = Array(JSONWriter.text(.array(values)).utf8)
    try Limit.companionBytes.admit(bytes.count, "bytes of \(name)", target: target)
    return PlannedFile(name: name, chunks: [.bytes(bytes)])
  }
}
