// SPDX-License-Identifier: Apache-2.0
// Attention with f32 activations, block by block of queries: no buffer grows with the square of the tokens.
import IngotCore
import IngotGraph
import IngotKernels

/// One run of an attention step over the rows of a batch.
struct FloatAttention {
  /// Keys and values of one row: where each starts, and how far apart its tokens are, in elements.
  struct Context {
    var keys: (start: UnsafeRawPointer, stride: Int)
    var values: (start: UnsafeRawPointer, stride: Int)
    var element: WeightMatrix.Element
  }

  /// Queries of a block: two tiles of AVX-512.
  ///
  /// A block sees keys up to its last query, on average half of a block more than needed.
  private static let queryBlock = 28
  /// Queries from which packing keys and values pays.
  private static let manyQueries = 3

  let attention: Attention
  /// B, T and P.
  let batchCount: Int, tokenCount: Int, pastCount: Int
  /// The first query that is wanted, counted from the first token of this run.
  let firstQuery: Int
  /// One more score for each head, `[H]`; `nil` for none.
  let sinks: UnsafePointer<Float>?
  /// 0 where a token may not be seen, `[B, P + T]`; empty where all may.
  let mask: [UInt8]
  /// How exact shares are.
  let accuracy: FunctionAccuracy
  /// What many queries' products are made of: ``IngotKernels/PackedWeight/Form/f32`` or
  /// ``IngotKernels/PackedWeight/Form/bf16``.
  let form: PackedWeight.Form

  /// Tokens that can be seen, P + T.
  var contextCount: Int { pastCount + tokenCount }
  private var width: Int { attention.queries.width }
  private var queryCount: Int { tokenCount - firstQuery }

  /// Computes all heads of all rows.
  ///
  /// - Parameters:
  ///   - queries: the first of `[B, T]`, H · E each.
  ///   - output: `[B, T − firstQuery, H · E]`, f32; overwritten.
  ///   - scratches: memory of products, one for each thread.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  ///   - context: keys and values of a row.
  func run(
    _ queries: FloatRows, into output: UnsafeMutablePointer<Float>, scratches: [ProductScratch],
    pool: ThreadPool,
    kernels: KernelTable, context: (_ row: Int) -> Context
  ) {
    let contexts = (0..<batchCount).map(context)
    let (heads, groupSize, dimension) = (
      attention.queries.headCount, attention.groupSize, attention.queries.headDimension
    )
    // A head is divided only where there are few heads: each division packs keys and values again.
    let parts = max(1, min(queryCount / 64, 2 * pool.threadCount / max(1, batchCount * heads)))
    let chunks = batchCount * heads * parts
    let body = { (slot: Int, chunk: Int) in
      let (row, head, part) = (chunk / (heads * parts), chunk / parts % heads, chunk % parts)
      let work = Head(
        queries: FloatRows(
          queries.row(row * tokenCount) + head * dimension, stride: queries.stride),
        output: output + row * queryCount * width + head * dimension, row: row, sink: sinks?[head],
        keyOffset: head / groupSize * dimension, context: contexts[row],
        means: ProductMeans(scratch: scratches[slot], kernels: kernels))
      let first = firstQuery + queryCount * part / parts
      attend(work, queries: first..<(firstQuery + queryCount * (part + 1) / parts))
    }
    if batchCount * heads * queryCount * contextCount * dimension < Self.threadingThreshold {
      for chunk in 0..<chunks { body(0, chunk) }
    } else {
      pool.run(chunkCount: chunks, body)
    }
  }

  /// Multiplications below which attention stays on one thread.
  private static let threadingThreshold = 1 << 15

  /// One head of one row.
  private struct Head {
    /// This head's queries.
    let queries: FloatRows
    /// This head's first result, rows H · E apart.
    let output: UnsafeMutablePointer<Float>
    let row: Int
    /// One more score, whose share is taken of no value.
    let sink: Float?
    /// Elements of a token's keys before those of this head.
    let keyOffset: Int
    let context: Context
    let means: ProductMeans

    /// The queries from one on.
    func queries(from first: Int) -> FloatRows { FloatRows(queries.row(first), stride: queries.stride) }

    /// Keys or values of the tokens from one on, as a product reads them.
    func matrix(
      _ rows: (start: UnsafeRawPointer, stride: Int), from first: Int, _ layout: WeightLayout
    ) -> WeightMatrix {
      WeightMatrix(
        bytes: rows.start + context.element.byteCount(of: first * rows.stride + keyOffset),
        element: context.element, layout: layout, rowStride: rows.stride)
    }
  }

  /// The first token that any query from one on sees.
  private func firstSeen(from query: Int) -> Int { attention.firstVisible(behind: pastCount + query) }

  /// Where the tokens end that the queries before `end` see.
  private func seenEnd(before end: Int) -> Int { attention.isCausal ? pastCount + end : contextCount }

  /// Some queries of one head, block by block: `softmax(q kᵀ · scale) v`.
  private func attend(_ head: Head, queries: Range<Int>) {
    let dimension = attention.queries.headDimension
    let first = firstSeen(from: queries.lowerBound)
    let seen = seenEnd(before: queries.upperBound) - first
    let keys = head.matrix(head.context.keys, from: first, .outIn)
    let values = head.matrix(head.context.values, from: first, .inOut)
    guard queries.count >= Self.manyQueries else {
      let scores = head.means.scratch.scores(count: queries.count * seen)
      MatrixProduct(rowCount: queries.count, columnCount: seen, depth: dimension).multiplyByDots(
        head.queries(from: queries.lowerBound), by: keys, into: MutableFloatRows(scores, stride: seen),
        kernels: head.means.kernels)
      weigh(scores, seen: first..<(first + seen), queries: queries, head)
      MatrixProduct(rowCount: queries.count, columnCount: dimension, depth: seen).multiply(
        FloatRows(scores, stride: seen), by: values, into: result(queries.lowerBound, head), with: head.means)
      return
    }
    let packedKeys = MatrixProduct(rowCount: 0, columnCount: seen, depth: dimension)
      .pack(keys, as: form, for: .keys, head.means)
    let packedValues = MatrixProduct(rowCount: 0, columnCount: dimension, depth: seen)
      .pack(values, as: form, for: .values, head.means)
    for start in stride(from: queries.lowerBound, to: queries.upperBound, by: Self.queryBlock) {
      let block = start..<min(queries.upperBound, start + Self.queryBlock)
      let seen = seenEnd(before: block.upperBound) - first
      let scores = head.means.scratch.scores(count: block.count * seen)
      MatrixProduct(rowCount: block.count, columnCount: seen, depth: dimension).multiply(
        head.queries(from: start), by: packedKeys, into: MutableFloatRows(scores, stride: seen),
        with: head.means)
      weigh(scores, seen: first..<(first + seen), queries: block, head)
      MatrixProduct(rowCount: block.count, columnCount: dimension, depth: seen).multiply(
        FloatRows(scores, stride: seen), by: packedValues, into: result(start, head), with: head.means)
    }
  }

  private func result(_ token: Int, _ head: Head) -> MutableFloatRows {
    MutableFloatRows(head.output + (token - firstQuery) * width, stride: width)
  }

  /// Scales the scores of some queries, hides what each may not see, and makes them shares.
  private func weigh(
    _ scores: UnsafeMutablePointer<Float>, seen: Range<Int>, queries: Range<Int>, _ head: Head
  ) {
    let scale = Float(attention.scale)
    for query in queries {
      let row = scores + (query - queries.lowerBound) * seen.count
      let first = max(firstSeen(from: query), seen.lowerBound)
      let end = attention.isCausal ? pastCount + query + 1 : seen.upperBound
      let visible = (first - seen.lowerBound)..<(end - seen.lowerBound)
      for index in 0..<visible.lowerBound { row[index] = 0 }
      if let softcap = attention.softcap {
        let start = row + visible.lowerBound
        head.means.kernels.softcap(
          start, into: start, count: visible.count, scale: attention.scale, bound: softcap, accuracy: accuracy
        )
      } else {
        for index in visible { row[index] *= scale }
      }
      for index in visible.upperBound..<seen.count { row[index] = 0 }
      let shares = row + visible.lowerBound
      let shown = mask.isEmpty ? nil : mask[(head.row * contextCount + first)...].prefix(visible.count)
      let greatest = head.sink == nil ? 0 : greatestScore(shares, count: visible.count, shown: shown)
      if let shown {
        shown.withUnsafeBufferPointer { shown in
          head.means.kernels.softmax(
            shares, count: visible.count, mask: shown.baseAddress, accuracy: accuracy)
        }
      } else {
        head.means.kernels.softmax(shares, count: visible.count, mask: nil, accuracy: accuracy)
      }
      if let sink = head.sink {
        head.means.kernels.takeSink(sink, from: shares, count: visible.count, greatest: greatest)
      }
    }
  }

  /// The greatest of the scores that are shown.
  private func greatestScore(
    _ scores: UnsafeMutablePointer<Float>, count: Int, shown: ArraySlice<UInt8>?
  ) -> Float {
    var greatest = -Float.infinity
    for index in 0..<count where shown.map({ $0[$0.startIndex + index] != 0 }) ?? true {
      greatest = max(greatest, scores[index])
    }
    return greatest
  }
}
