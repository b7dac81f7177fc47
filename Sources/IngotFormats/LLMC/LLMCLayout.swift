// SPDX-License-Identifier: Apache-2.0
// The tensors of an llm.c model file: their names, shapes and order are fixed by the numbers of its header.
// The one table serves reader and writer. Page: formats/llmc.md.
import IngotCore

/// The numbers of an llm.c model.
struct LLMCDimensions: Hashable, Sendable {
  /// Positions: `max_seq_len`.
  var contextLength: Int
  /// Tokens: `vocab_size`.
  var vocabularySize: Int
  /// Rows of the token embedding, at least one a token.
  var paddedVocabularySize: Int
  /// L, blocks: `n_layer`.
  var blockCount: Int
  /// H, heads: `n_head`.
  var headCount: Int
  /// D, width: `n_embd`.
  var width: Int
}

/// A tensor of an llm.c file.
struct LLMCTensor: Hashable, Sendable {
  var name: String
  var dtype: DType
  var shape: Shape
}

/// How the tensors of an llm.c file follow each other.
enum LLMCLayout: Hashable, CaseIterable, Sendable {
  /// Versions 1 and 3: all F32.
  case float32
  /// Version 2 of a few days: all F32, the layer norms behind all others.
  case float32NormsLast
  /// Version 3 of the same days: BF16, the layer norms F32 and behind all others.
  case bfloat16NormsLast
  /// Version 4: BF16, the layer norms F32 in their places.
  case bfloat16NormsFloat32
  /// Version 5: all BF16.
  case bfloat16

  /// A tensor's name and its dimensions; each is one tensor over all blocks.
  private typealias Row = (name: String, isNorm: Bool, shape: @Sendable (LLMCDimensions) -> [Int])

  /// Shapes `[V, D]`, `[T, D]`, `[L, …]` and `[D]`; linear weights are `[L, out, in]`.
  private static let rows: [Row] = [
    ("wte", false, { [$0.paddedVocabularySize, $0.width] }),
    ("wpe", false, { [$0.contextLength, $0.width] }),
    ("ln1w", true, { [$0.blockCount, $0.width] }),
    ("ln1b", true, { [$0.blockCount, $0.width] }),
    ("qkvw", false, { [$0.blockCount, 3 * $0.width, $0.width] }),
    ("qkvb", false, { [$0.blockCount, 3 * $0.width] }),
    ("attprojw", false, { [$0.blockCount, $0.width, $0.width] }),
    ("attprojb", false, { [$0.blockCount, $0.width] }),
    ("ln2w", true, { [$0.blockCount, $0.width] }),
    ("ln2b", true, { [$0.blockCount, $0.width] }),
    ("fcw", false, { [$0.blockCount, 4 * $0.width, $0.width] }),
    ("fcb", false, { [$0.blockCount, 4 * $0.width] }),
    ("fcprojw", false, { [$0.blockCount, $0.width, 4 * $0.width] }),
    ("fcprojb", false, { [$0.blockCount, $0.width] }),
    ("lnfw", true, { [$0.width] }),
    ("lnfb", true, { [$0.width] }),
  ]

  private var normsAreLast: Bool { self == .float32NormsLast || self == .bfloat16NormsLast }

  private func dtype(isNorm: Bool) -> DType {
    switch self {
    case .float32, .float32NormsLast: .f32
    case .bfloat16: .bf16
    case .bfloat16NormsLast, .bfloat16NormsFloat32: isNorm ? .f32 : .bf16
    }
  }

  /// The tensors in the file's order; `nil` when a shape overflows.
  ///
  /// - Precondition: no dimension is above that of a word of 32 bits, so that four times it can't overflow.
  func tensors(_ dimensions: LLMCDimensions) -> [LLMCTensor]? {
    let rows =
      normsAreLast ? Self.rows.filter { !$0.isNorm } + Self.rows.filter(\.isNorm) : Self.rows
    var tensors: [LLMCTensor] = []
    for row in rows {
      guard let shape = Shape(row.shape(dimensions)) else { return nil }
      tensors.append(LLMCTensor(name: row.name, dtype: dtype(isNorm: row.isNorm), shape: shape))
    }
    return tensors
  }

  /// Bytes of all tensors; `nil` when that overflows.
  func byteCount(_ dimensions: LLMCDimensions) -> Int? {
    tensors(dimensions)?.reduce(Int?.some(0)) { total, tensor in
      guard let total, let count = tensor.shape.byteCount(of: tensor.dtype) else { return nil }
      return total.checkedAdd(count)
    }
  }
}
