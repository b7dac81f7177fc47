// SPDX-License-Identifier: Apache-2.0
// Reads llm.c's debug state: what a model was run on, what it gave, and gradients. Its header does not say how many
// tokens the model knows; the caller does. Page: formats/llmc.md.
import IngotBytes
import IngotCore

/// llm.c's debug state: a file of reference outputs.
package enum LLMCState {
  /// Whether a file begins as a debug state does.
  package static func recognizes(firstBytes: [UInt8]) -> Bool {
    LLMCHeader.firstWord(of: firstBytes) == LLMCHeader.stateMagic
  }

  /// Reads a debug state as arrays of the names that fixtures have.
  ///
  /// - Parameters:
  ///   - source: the file.
  ///   - vocabularySize: V, the tokens that the model knows, without padding.
  /// - Returns: `input_ids` and `targets` `[B, T]`, `logits` `[B, T, V]`, `loss`, and `gradients` in one piece.
  /// - Throws: LC-20 to LC-22; ``IngotCore/IngotError/unsupported(_:at:)`` for a version that is not read.
  package static func read(_ source: any ByteSource, vocabularySize: Int) throws(IngotError) -> Checkpoint {
    let words = try LLMCHeader.words(of: source)
    func malformed(_ rule: LLMCRule, offset: Int, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: Location(source.path, offset: offset), found: found, expected: expected)
    }
    guard words.count == LLMCHeader.wordCount else {
      throw malformed(
        .stateHeaderLength, offset: 0, "a file of \(source.byteCount, "byte")",
        "at least \(LLMCHeader.byteCount) for the header")
    }
    guard (1...2).contains(words[1]) else {
      throw .unsupported(
        "llm.c debug state version \(words[1]); 1 and 2 are read", at: Location(source.path, offset: 4))
    }
    for word in 2...3 where words[word] < 1 {
      throw malformed(.stateDimensions, offset: 4 * word, "\(words[word])", "at least 1")
    }
    let (batch, tokens) = (Int(words[2]), Int(words[3]))
    var arrays = ArrayPlacement(start: LLMCHeader.byteCount, byteCount: source.byteCount)
    let isWhole =
      arrays.add("input_ids", .i32, [batch, tokens]) && arrays.add("targets", .i32, [batch, tokens])
      && arrays.add("logits", .f32, [batch, tokens, vocabularySize]) && arrays.add("loss", .f32, [])
      && arrays.addRest(gradients, .f32)
    guard isWhole else {
      throw malformed(
        .stateLength, offset: LLMCHeader.byteCount, "\(source.byteCount - LLMCHeader.byteCount, "byte")",
        "\(batch) × \(tokens) ids and targets, \(vocabularySize, "logit") for each, a loss, whole numbers behind"
      )
    }
    return Checkpoint(
      format: "llmc", files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: arrays.tensors, indexByteCount: LLMCHeader.byteCount)
  }

  /// The name of the gradients in one piece.
  package static let gradients = "gradients"

  /// A part of the gradients.
  ///
  /// - Parameters:
  ///   - gradients: all of them, as ``read(_:vocabularySize:)`` gives them.
  ///   - range: which of their numbers.
  ///   - name: the part's name.
  /// - Returns: it; `nil` where there are not as many.
  package static func part(
    of gradients: TensorDescriptor, _ range: Range<Int>, named name: String
  ) -> TensorDescriptor? {
    guard let whole = gradients.storage.segments.all.first, let width = gradients.dtype.byteWidth,
      range.lowerBound >= 0, range.upperBound <= gradients.shape.elementCount,
      let shape = Shape([range.count])
    else { return nil }
    let segment = StorageSegment(
      file: whole.file, offset: whole.offset + width * range.lowerBound, byteCount: width * range.count)
    return TensorDescriptor(name: name, dtype: gradients.dtype, shape: shape, storage: TensorStorage(segment))
  }
}

/// Places consecutive arrays in a file.
private struct ArrayPlacement {
  private(set) var tensors: [TensorDescriptor] = []
  private var offset: Int
  private let byteCount: Int

  init(start: Int, byteCount: Int) {
    offset = start
    self.byteCount = byteCount
  }

  /// Adds an array; `false` when it does not fit the file.
  mutating func add(_ name: String, _ dtype: DType, _ dimensions: [Int]) -> Bool {
    guard let shape = Shape(dimensions), let count = shape.byteCount(of: dtype),
      count <= byteCount - offset
    else { return false }
    let segment = StorageSegment(file: 0, offset: offset, byteCount: count)
    tensors.append(
      TensorDescriptor(name: name, dtype: dtype, shape: shape, storage: TensorStorage(segment)))
    offset += count
    return true
  }

  /// Adds what is left as one array; `false` when it is no whole number of elements.
  mutating func addRest(_ name: String, _ dtype: DType) -> Bool {
    let rest = byteCount - offset
    guard let width = dtype.byteWidth, rest % width == 0 else { return false }
    return rest == 0 || add(name, dtype, [rest / width])
  }
}
