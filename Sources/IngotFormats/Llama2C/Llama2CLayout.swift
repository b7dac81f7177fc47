// SPDX-License-Identifier: Apache-2.0
// The tensors of a llama2.c file: their names, shapes and order are fixed by the version and the numbers of its header.
// The one table serves reader and writer. Page: formats/llama2c.md.
import IngotCore

/// The numbers of a llama2.c model.
///
/// Each is at least 1 and fits a word of 32 bits; two times the heads divide the width, and the heads of keys those of
/// queries.
struct Llama2CDimensions: Hashable, Sendable {
  /// D, width: `dim`.
  var width: Int
  /// F, width inside the feed-forward layers: `hidden_dim`.
  var feedForwardWidth: Int
  /// L, blocks: `n_layers`.
  var blockCount: Int
  /// H, heads of queries: `n_heads`.
  var headCount: Int
  /// Heads of keys and values: `n_kv_heads`.
  var keyHeadCount: Int
  /// V, tokens: `vocab_size`.
  var vocabularySize: Int
  /// T, positions: `seq_len`.
  var contextLength: Int

  /// Pairs of a head that are turned together, E / 2.
  var pairCount: Int { width / headCount / 2 }
  /// Width of all keys of a token.
  var keyWidth: Int { width / headCount * keyHeadCount }
}

/// A tensor of a llama2.c file.
struct Llama2CTensor: Hashable, Sendable {
  /// Its name.
  let name: String
  /// `[V, D]`, `[D]`, `[T, E / 2]`, or `[L, …]` of one that holds all blocks.
  let shape: Shape
  /// Whether it is a matrix, which version 2 has as integers with scales.
  let isMatrix: Bool
  /// Whether it holds all blocks.
  let isStacked: Bool
}

/// A version of llama2.c's files.
enum Llama2CVersion: Hashable, Sendable {
  /// Version 0: seven numbers, then F32.
  case legacy
  /// Version 1: a header of 256 bytes, then F32.
  case float32
  /// Version 2: the same header, norms in F32, and matrices as I8 with a scale for each run of so many values.
  case int8(groupSize: Int)

  /// Its number.
  var number: Int32 {
    switch self {
    case .legacy: 0
    case .float32: 1
    case .int8: 2
    }
  }

  /// The tensor of version 0 that holds the cosines of all positions.
  static let cosines = "freq_cis_real"
  /// The tensor of version 0 that holds the sines.
  static let sines = "freq_cis_imag"
  /// The head, which a file of a tied model does not have.
  static let head = "wcls"

  /// A tensor's name, what it is and its dimensions.
  private typealias Row = (name: String, kind: Kind, shape: @Sendable (Llama2CDimensions) -> [Int])

  private enum Kind {
    /// A norm, or what belongs to no block and is no matrix.
    case vectors
    /// A matrix, `[out, in]`.
    case matrix
    /// Norms of all blocks.
    case stackedVectors
    /// Matrices of all blocks.
    case stackedMatrix
  }

  private static let table: Row = ("token_embedding_table", .matrix, { [$0.vocabularySize, $0.width] })
  private static let attentionNorm: Row = ("rms_att_weight", .stackedVectors, { [$0.blockCount, $0.width] })
  private static let feedForwardNorm: Row = (
    "rms_ffn_weight", .stackedVectors, { [$0.blockCount, $0.width] }
  )
  private static let finalNorm: Row = ("rms_final_weight", .vectors, { [$0.width] })
  private static let attention: [Row] = [
    ("wq", .stackedMatrix, { [$0.blockCount, $0.width, $0.width] }),
    ("wk", .stackedMatrix, { [$0.blockCount, $0.keyWidth, $0.width] }),
    ("wv", .stackedMatrix, { [$0.blockCount, $0.keyWidth, $0.width] }),
    ("wo", .stackedMatrix, { [$0.blockCount, $0.width, $0.width] }),
  ]
  private static let feedForward: [Row] = [
    ("w1", .stackedMatrix, { [$0.blockCount, $0.feedForwardWidth, $0.width] }),
    ("w2", .stackedMatrix, { [$0.blockCount, $0.width, $0.feedForwardWidth] }),
    ("w3", .stackedMatrix, { [$0.blockCount, $0.feedForwardWidth, $0.width] }),
  ]
  private static let turns: [Row] = [
    (cosines, .vectors, { [$0.contextLength, $0.pairCount] }),
    (sines, .vectors, { [$0.contextLength, $0.pairCount] }),
  ]
  private static let classifier: Row = (head, .matrix, { [$0.vocabularySize, $0.width] })

  private var rows: [Row] {
    switch self {
    case .legacy:
      [Self.table, Self.attentionNorm] + Self.attention + [Self.feedForwardNorm] + Self.feedForward
        + [Self.finalNorm] + Self.turns
    case .float32, .int8:
      [Self.attentionNorm, Self.feedForwardNorm, Self.finalNorm, Self.table] + Self.attention
        + Self.feedForward
    }
  }

  /// The tensors in the file's order.
  ///
  /// - Parameters:
  ///   - dimensions: the header's numbers.
  ///   - isTied: whether the head is the token embedding, and so no tensor.
  /// - Returns: the tensors; `nil` when a shape overflows.
  func tensors(_ dimensions: Llama2CDimensions, isTied: Bool) -> [Llama2CTensor]? {
    var tensors: [Llama2CTensor] = []
    for row in isTied ? rows : rows + [Self.classifier] {
      guard let shape = Shape(row.shape(dimensions)) else { return nil }
      tensors.append(
        Llama2CTensor(
          name: row.name, shape: shape, isMatrix: row.kind == .matrix || row.kind == .stackedMatrix,
          isStacked: row.kind == .stackedVectors || row.kind == .stackedMatrix))
    }
    return tensors
  }

  /// Bytes of a tensor, with its scales; `nil` when that overflows.
  func byteCount(of tensor: Llama2CTensor) -> Int? {
    guard case .int8(let groupSize) = self, tensor.isMatrix else { return tensor.shape.byteCount(of: .f32) }
    let scaleCount = tensor.shape.elementCount / groupSize
    return scaleCount.checkedMultiply(4)?.checkedAdd(tensor.shape.elementCount)
  }

  /// Bytes of all tensors; `nil` when that overflows.
  func byteCount(_ dimensions: Llama2CDimensions, isTied: Bool) -> Int? {
    tensors(dimensions, isTied: isTied)?.reduce(Int?.some(0)) { total, tensor in
      guard let total, let count = byteCount(of: tensor) else { return nil }
      return total.checkedAdd(count)
    }
  }
}
