// SPDX-License-Identifier: Apache-2.0
// What stands beside OpenAI's arrays: the shapes of the tensors, and their names where somebody has put them there.
// Page: formats/openai-params.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The tensors of OpenAI's release, in their order.
struct OpenAIParamsIndex {
  /// Their shapes.
  private(set) var shapes: [Shape] = []
  /// Their names: as many.
  let names: [String]
  /// Numbers in all of them.
  private(set) var elementCount = 0
  /// The files that say so.
  let files: (shapes: CheckpointFile, names: CheckpointFile?)

  /// Reads the shapes, and the names beside them: OP-01 to OP-04.
  ///
  /// - Parameter source: the shapes.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule that is broken.
  init(_ source: any ByteSource) throws(IngotError) {
    let values = try Self.list(in: source, rule: .shapesJSON)
    for (position, value) in values.enumerated() {
      let shape = try Self.shape(value, at: Location(source.path, key: "\(position)"))
      guard let count = elementCount.checkedAdd(shape.elementCount), count.checkedMultiply(4) != nil else {
        throw .malformed(
          OpenAIParamsRule.shape.rule, at: Location(source.path, key: "\(position)"),
          found: "more bytes than can be counted", expected: "fewer than 2^63 in all")
      }
      elementCount = count
      shapes.append(shape)
    }
    let (file, count) = (try Self.names(beside: source), shapes.count)
    let listed = try file.map { (file) throws(IngotError) in try Self.names(in: file, count: count) }
    names = listed ?? OpenAIParamsNames.names(of: shapes)
    files = (
      CheckpointFile(path: source.path, byteCount: source.byteCount),
      file.map { CheckpointFile(path: $0.path, byteCount: $0.byteCount) }
    )
  }

  private static func list(
    in source: any ByteSource, rule: OpenAIParamsRule
  ) throws(IngotError) -> [MetadataValue] {
    guard UInt64(source.byteCount) <= Limit.companionBytes.value else {
      throw .limitExceeded(
        .companionBytes, at: Location(source.path), asked: UInt64(source.byteCount))
    }
    let bytes = try source.bytes(at: 0, count: source.byteCount)
    if let refusal = ForeignContent.standIn(bytes, path: source.path) { throw refusal }
    do throws(JSONFailure) {
      return try JSONDocument.array(bytes)
    } catch {
      throw IngotError(error, rule: rule.rule, at: Location(source.path))
    }
  }

  private static func shape(_ value: MetadataValue, at location: Location) throws(IngotError) -> Shape {
    guard case .array(let values) = value, values.allSatisfy(\.isIntegral) else {
      throw .malformed(
        OpenAIParamsRule.shapesJSON.rule, at: location, found: "no list of integers", expected: "a shape")
    }
    let dimensions = values.compactMap(\.integer)
    guard UInt64(values.count) <= Limit.numpyRank.value, dimensions.count == values.count,
      let shape = Shape(dimensions)
    else {
      throw .malformed(
        OpenAIParamsRule.shape.rule, at: location, found: "\(words: JSONWriter.text(value))",
        expected: "at most \(Limit.numpyRank.value) dimensions from 0 on, with fewer than 2^63 numbers")
    }
    return shape
  }

  // MARK: - Names

  private static func names(beside source: any ByteSource) throws(IngotError) -> (any ByteSource)? {
    do throws(IngotError) {
      return try source.sibling(named: OpenAIParamsFileName.names)
    } catch {
      guard case .missing = error else { throw error }
      return nil
    }
  }

  private static func names(in source: any ByteSource, count: Int) throws(IngotError) -> [String] {
    let values = try list(in: source, rule: .namesJSON)
    var variables: [String] = []
    var seen = Set<ExactName>()
    for (position, value) in values.enumerated() {
      guard case .string(let text) = value, let name = OpenAIParamsNames.name(ofVariable: text),
        seen.insert(ExactName(name)).inserted
      else {
        throw .malformed(
          OpenAIParamsRule.namesJSON.rule, at: Location(source.path, key: "\(position)"),
          found: "\(words: JSONWriter.text(value))", expected: "a text that stands nowhere else in the list")
      }
      variables.append(name)
    }
    let names = OpenAIParamsNames.names(ofVariables: variables)
    guard names.count >= count else {
      throw .malformed(
        OpenAIParamsRule.names.rule, at: Location(source.path), found: "names of \(names.count, "tensor")",
        expected: "those of \(count)")
    }
    return Array(names.prefix(count))
  }
}

extension MetadataValue {
  /// Whether it is an integer, of whatever size.
  fileprivate var isIntegral: Bool {
    switch self {
    case .int64, .uint64: true
    default: false
    }
  }
}

/// What the tensors are called in the code that makes and loads them.
///
/// - SeeAlso: `openai/finetune-transformer-lm: train.py`, `model` and `block`.
enum OpenAIParamsNames {
  /// The one variable of positions and tokens, which stand in the release one after the other.
  static let embedding = "model/we"
  /// The parts of that variable, in the release's order; it gives them no names.
  static let embeddingParts = ["model/we/positions", "model/we/tokens"]
  /// The variables of one block below `model/h0/`, with their shapes in multiples of the width.
  private static let block: [(name: String, shape: [Int])] = [
    ("attn/c_attn/w", [1, 3]), ("attn/c_attn/b", [3]), ("attn/c_proj/w", [1, 1]), ("attn/c_proj/b", [1]),
    ("ln_1/g", [1]), ("ln_1/b", [1]),
    ("mlp/c_fc/w", [1, 4]), ("mlp/c_fc/b", [4]), ("mlp/c_proj/w", [4, 1]), ("mlp/c_proj/b", [1]),
    ("ln_2/g", [1]), ("ln_2/b", [1]),
  ]
  private static let ending = ":0"

  /// The name of a variable, which TensorFlow lists by its first output: `model/h0/ln_1/g:0`; `nil` for none.
  static func name(ofVariable text: String) -> String? {
    let name = text.hasSuffix(ending) ? String(text.dropLast(ending.count)) : text
    return name.isEmpty ? nil : name
  }

  /// The variable of a name.
  static func variable(named name: String) -> String { name + ending }

  /// The tensors of variables: the first variable is two tensors where it is that of positions and tokens.
  static func names(ofVariables variables: [String]) -> [String] {
    variables.first == embedding ? embeddingParts + variables.dropFirst() : variables
  }

  /// The variables of tensors.
  static func variables(ofNames names: [String]) -> [String] {
    names.starts(with: embeddingParts) ? [embedding] + names.dropFirst(embeddingParts.count) : names
  }

  /// The names of tensors without any, by the order of train.py where the shapes fit it.
  static func names(of shapes: [Shape]) -> [String] {
    let blockCount = max(0, shapes.count - embeddingParts.count) / block.count
    let names =
      embeddingParts
      + (0..<blockCount).flatMap { number in block.map { "model/h\(number)/\($0.name)" } }
    return fits(shapes, blockCount: blockCount) ? names : shapes.indices.map { "params.\($0)" }
  }

  /// Whether shapes are those of train.py's model: `[T, D]`, `[V, D]`, and those of each block; weights are `[1, in, out]`.
  private static func fits(_ shapes: [Shape], blockCount: Int) -> Bool {
    guard blockCount > 0, shapes.count == embeddingParts.count + blockCount * block.count,
      let width = shapes[0].dimensions.last, let widest = width.checkedMultiply(4), widest > 0
    else { return false }
    let areTables = shapes.prefix(embeddingParts.count).allSatisfy {
      $0.rank == 2 && $0.dimensions.last == width
    }
    let expected = block.map { part in
      (part.shape.count > 1 ? [1] : []) + part.shape.map { $0 * width }
    }
    return areTables
      && shapes.dropFirst(embeddingParts.count).enumerated().allSatisfy { position, shape in
        shape.dimensions == expected[position % expected.count]
      }
  }
}
