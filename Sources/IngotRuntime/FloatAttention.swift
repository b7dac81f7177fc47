// SPDX-License-Identifier: Apache-2.0
// Attention with f32 activations, block by block of queries: no buffer grows with the square of the tokens.
import IngotGraph
import IngotKernels

/// One run of an attention step over the rows of a batch.
struct FloatAttention {
  /// Keys and values of one row: where they start and how far apart tokens are, in elements.
  struct Context {
    var keys: UnsafeRawPointer
    var values: UnsafeRawPointer
    var element: WeightMatrix.Element
    var stride: Int
  }

  /// Queries of a block: eight tiles of AVX-512, so that packing keys costs little beside multiplying them.
  private static let queryBlock = 112

  let attributes: AttentionAttributes
  /// B, T and P.
  let batchCount: Int, tokenCount: Int, pastCount: Int
  /// The first query that is wanted, counted from the first token of this run.
  let firstQuery: Int
  /// 0 where a token may not be seen, `[B, P + T]`; empty where all may.
  let mask: [UInt8]

  /// Tokens that can be seen, P + T.
  var contextCount: Int { pastCount + tokenCount }
  private var width: Int { attributes.headCount * attributes.headDimension }
  private var queryCount: Int { tokenCount - firstQuery }

  /// Computes all heads of all rows.
  ///
  /// - Parameters:
  ///   - qkv: `[B, T, 3D]`, f32.
  ///   - output: `[B, T − firstQuery, D]`, f32; overwritten.
  ///   - scratches: memory of products, one for each thread.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  ///   - context: keys and values of a row.
  func run(
    _ qkv: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, scratches: [ProductScratch],
    pool: ThreadPool, kernels: KernelTable, context: (_ row: Int) -> Context
  ) {
    let blocks = (queryCount + Self.queryBlock - 1) / Self.queryBlock
    let contexts = (0..<batchCount).map(context)
    let heads = attributes.headCount
    // Later queries see more: the long blocks go first, so that threads end together.
    let isSmall = batchCount * heads * queryCount * contextCount * attributes.headDimension < 1 << 17
    let chunks = batchCount * heads * blocks
    let body = { (slot: Int, chunk: Int) in
      let block = blocks - 1 - chunk / (batchCount * heads)
      let (row, head) = (chunk % (batchCount * heads) / heads, chunk % heads)
      let first = firstQuery + block * Self.queryBlock
      attend(
        qkv, row: row, head: head, queries: first..<min(tokenCount, first + Self.queryBlock),
        contexts[row], into: output, scratch: scratches[slot], kernels: kernels)
    }
    if isSmall {
      for chunk in 0..<chunks { body(0, chunk) }
    } else {
      pool.run(chunkCount: chunks, body)
    }
  }

  /// Some queries of one head: `softmax(q kᵀ · scale) v`.
  private func attend(
    _ qkv: UnsafePointer<Float>, row: Int, head: Int, queries: Range<Int>, _ context: Context,
    into output: UnsafeMutablePointer<Float>, scratch: ProductScratch, kernels: KernelTable
  ) {
    let dimension = attributes.headDimension
    let seen = attributes.isCausal ? pastCount + queries.upperBound : contextCount
    let scores = scratch.scores(count: queries.count * seen)
    let offset = head * dimension
    func matrix(_ start: UnsafeRawPointer, _ layout: WeightMatrix.Layout) -> WeightMatrix {
      WeightMatrix(
        bytes: start + offset * context.element.byteWidth, element: context.element, layout: layout,
        rowStride: context.stride)
    }
    MatrixProduct(rowCount: queries.count, columnCount: seen, depth: dimension).multiply(
      qkv + (row * tokenCount + queries.lowerBound) * 3 * width + offset, xStride: 3 * width,
      by: matrix(context.keys, .outIn), into: scores, yStride: seen, scratch: scratch, pool: nil,
      kernels: kernels)
    for query in queries {
      weigh(
        scores + (query - queries.lowerBound) * seen, seen: seen, query: query, row: row, kernels: kernels)
    }
    let target = output + (row * queryCount + queries.lowerBound - firstQuery) * width + offset
    MatrixProduct(rowCount: queries.count, columnCount: dimension, depth: seen).multiply(
      scores, xStride: seen, by: matrix(context.values, .inOut), into: target, yStride: width,
      scratch: scratch,
      pool: nil, kernels: kernels)
  }

  /// Scales one query's scores, hides what it may not see, and makes them shares.
  private func weigh(
    _ scores: UnsafeMutablePointer<Float>, seen: Int, query: Int, row: Int, kernels: KernelTable
  ) {
    let count = attributes.isCausal ? pastCount + query + 1 : seen
    let scale = Float(attributes.scale)
    for index in 0..<count { scores[index] *= scale }
    for index in count..<seen { scores[index] = 0 }
    guard !mask.isEmpty else { return kernels.softmax(scores, count: count, mask: nil) }
    mask.withUnsafeBufferPointer { mask in
      kernels.softmax(scores, count: count, mask: mask.baseAddress.map { $0 + row * contextCount })
    }
  }
}
