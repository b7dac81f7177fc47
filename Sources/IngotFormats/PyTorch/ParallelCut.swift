// SPDX-License-Identifier: Apache-2.0
// How a model is cut for several processors: which rows or columns of a tensor stand in which file. The way back is that of
// ParallelShards. Page: formats/pytorch.md, "Sets that are cut"; meta-llama/llama-models: models/llama3/model.py.
import IngotCore

/// A cut of a Llama by the rules of Meta's code, a file for each processor.
package struct ParallelCut: Hashable, Sendable {
  /// What of a tensor stands in one file.
  package enum Piece: Hashable, Sendable {
    /// All of it.
    case whole
    /// Some rows.
    case rows(Range<Int>)
    /// Some columns.
    case columns(Range<Int>)
  }

  /// How many files there may be: their names have two digits.
  package static let counts = 1...100
  /// The id by which refusals call the program.
  private static let program = "meta"

  /// Files.
  package let count: Int
  /// How the token embedding is cut.
  package let embedding: EmbeddingCut
  private let keyHeadCount: Int

  /// Makes a cut.
  ///
  /// - Parameters:
  ///   - count: files, one of ``counts``.
  ///   - embedding: how the token embedding is cut.
  ///   - headCount: H, which the files have in equal parts.
  ///   - keyHeadCount: heads of keys and values: the files have them in equal parts, or so many neighbours each.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for heads that don't go up.
  package init(
    count: Int, embedding: EmbeddingCut, headCount: Int, keyHeadCount: Int
  ) throws(IngotError) {
    guard count > 0, headCount > 0, headCount.isMultiple(of: count) else {
      throw Self.refusal(nil, "\(count, "file") can't have equal parts of \(headCount, "head")")
    }
    guard keyHeadCount > 0, keyHeadCount.isMultiple(of: count) || count.isMultiple(of: keyHeadCount) else {
      throw Self.refusal(
        nil,
        "\(count, "file") can't have equal parts of \(keyHeadCount, "head") of keys, nor each a whole one")
    }
    (self.count, self.embedding, self.keyHeadCount) = (count, embedding, keyHeadCount)
  }

  /// Whether neighbouring files hold the same heads of keys and values.
  package var repeatsKeyHeads: Bool { keyHeadCount < count }

  /// The name of one of the files.
  package func fileName(_ index: Int) -> String { ParallelShards.name(index) }

  /// What each file holds of tensors.
  ///
  /// - Parameter tensors: the whole ones, by the names that Meta's code gives them.
  /// - Returns: for each tensor a piece a file.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a length that the files can't have in
  ///   equal parts, for quantized matrices, and for an embedding that a reader could not join.
  package func pieces(of tensors: [PlannedTensor]) throws(IngotError) -> [[Piece]] {
    let names = Set(tensors.map { ExactName($0.name) })
    guard
      !names.contains(ExactName(ParallelShards.embedding)) || names.contains(ExactName(ParallelShards.width))
    else {
      throw Self.refusal(
        ParallelShards.embedding,
        "\(ParallelShards.width), by whose length readers tell how it is cut, is left out")
    }
    var pieces: [[Piece]] = []
    for tensor in tensors { pieces.append(try self.pieces(of: tensor)) }
    return pieces
  }

  private func pieces(of tensor: PlannedTensor) throws(IngotError) -> [Piece] {
    let cut = cut(of: tensor)
    guard cut != .whole else { return [Piece](repeating: .whole, count: count) }
    guard tensor.parts.count == 1, tensor.blockType == nil else {
      throw Self.refusal(tensor.name, "quantized tensors are not cut", hint: .remedy(.dequantize))
    }
    let (isByRow, dimensions) = (cut == .rows, tensor.shape.dimensions)
    let length = isByRow ? dimensions[0] : dimensions[1]
    // Heads that are fewer than the files are whole in each, the same in neighbours.
    let shareCount = ParallelShards.isOfKeys(tensor.name) && repeatsKeyHeads ? keyHeadCount : count
    guard length.isMultiple(of: shareCount) else {
      throw Self.refusal(
        tensor.name,
        "\(count, "file") can't have equal parts of \(length, isByRow ? "row" : "column")")
    }
    let (size, copyCount) = (length / shareCount, count / shareCount)
    return (0..<count).map { file in
      let start = file / copyCount * size
      return isByRow ? .rows(start..<(start + size)) : .columns(start..<(start + size))
    }
  }

  private func cut(of tensor: PlannedTensor) -> ParallelShards.Cut {
    guard tensor.shape.rank == 2 else { return .whole }
    guard tensor.name == ParallelShards.embedding else { return ParallelShards.cut(ofName: tensor.name) }
    return embedding == .rows ? .rows : .columns
  }

  private static func refusal(_ tensor: String?, _ why: Evidence, hint: Evidence? = nil) -> IngotError {
    .unrepresentable(tensor: tensor, target: program, why: why, hint: hint)
  }
}

extension EmbeddingCut {
  /// How the set that a token embedding was read from has cut it; `nil` for one that is not joined of parts.
  package init?(of tensor: TensorDescriptor) {
    guard tensor.name == ParallelShards.embedding, case .joined(let boxes) = tensor.storage.layout,
      let starts = boxes.last?.box.starts, starts.count == 2
    else { return nil }
    self = starts[0] > 0 ? .rows : .columns
  }
}
