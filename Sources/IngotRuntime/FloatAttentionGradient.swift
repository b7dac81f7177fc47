// SPDX-License-Identifier: Apache-2.0
// The gradient of attention with f32 activations, block by block of queries: no buffer grows with the square of the tokens.
// Products are those of kernels, sums over a row of shares are in float64, and one order holds for any number of threads.
import IngotCore
import IngotGraph
import IngotKernels

/// The gradient of an attention step.
struct FloatAttentionGradient {
  let attention: Attention
  let step: FloatGradientStep

  /// Queries of a block.
  private static let queryBlock = 128

  private var dimension: Int { attention.queries.headDimension }
  private var tokenCount: Int { step.run.tokenCount }

  /// Gradients of queries, keys and values, `[B · T, H · E]` each, and of the sinks, `[B, H]`.
  private struct Memory {
    let queries: AlignedBuffer
    let keys: AlignedBuffer
    let values: AlignedBuffer
    let sinks: AlignedBuffer
  }

  /// One thread's rows of scores, a block of queries high: shares, their gradients, and both turned.
  private struct Scratch {
    let shares: UnsafeMutablePointer<Float>
    let slopes: UnsafeMutablePointer<Float>
    let turned: UnsafeMutablePointer<Float>
    let means: ProductMeans
  }

  /// Adds the gradients with respect to inputs and sinks.
  ///
  /// - Parameters:
  ///   - output: the gradient with respect to the output, `[B · T, H · E]`.
  ///   - sums: what is added to.
  func add(of output: [Float], to sums: inout NodeGradients<Float>) {
    let rowCount = step.run.batchCount * tokenCount
    let memory = Memory(
      queries: AlignedBuffer(Float.self, count: rowCount * attention.queries.width),
      keys: AlignedBuffer(Float.self, count: rowCount * attention.keys.width),
      values: AlignedBuffer(Float.self, count: rowCount * attention.keys.width),
      sinks: AlignedBuffer(Float.self, count: step.run.batchCount * attention.queries.headCount))
    differentiate(output, memory)
    for (view, buffer) in [
      (attention.queries, memory.queries), (attention.keys, memory.keys), (attention.values, memory.values),
    ] {
      let part = buffer.pointer(as: Float.self)
      for row in 0..<rowCount {
        let values = UnsafeBufferPointer(start: part + row * view.width, count: view.width)
        sums.inputs[view.input].add(values, at: row * view.rowStride + view.offset)
      }
    }
    guard attention.hasSinks, sums.wantsParameters else { return }
    let (part, count) = (memory.sinks.pointer(as: Float.self), attention.queries.headCount)
    for row in 0..<step.run.batchCount {
      sums.add(UnsafeBufferPointer(start: part + row * count, count: count), toParameter: 0)
    }
  }

  /// Works on heads of keys side by side: the heads of queries that share one add to the same sums, one after the other.
  private func differentiate(_ output: [Float], _ memory: Memory) {
    let (pool, keyHeads) = (step.means.pool, attention.keys.headCount)
    let size = min(Self.queryBlock, tokenCount) * tokenCount
    let scratches = (0..<pool.threadCount).map { _ in
      AlignedBuffer(uninitializedByteCount: 3 * size * MemoryLayout<Float>.size)
    }
    let sinks = attention.hasSinks ? step.weights.vector(step.parameters[0]) : nil
    output.withUnsafeBufferPointer { output in
      guard let output = output.baseAddress else { return }
      pool.run(chunkCount: step.run.batchCount * keyHeads) { slot, chunk in
        let rows = scratches[slot].pointer(as: Float.self)
        let scratch = Scratch(
          shares: rows, slopes: rows + size, turned: rows + 2 * size,
          means: ProductMeans(scratch: step.means.threadScratches[slot], kernels: step.means.kernels))
        for member in 0..<attention.groupSize {
          let head = chunk % keyHeads * attention.groupSize + member
          differentiate(row: chunk / keyHeads, head: head, output, sink: sinks?[head], memory, scratch)
        }
      }
    }
  }

  /// One head of queries of one row.
  private func differentiate(
    row: Int, head: Int, _ output: UnsafePointer<Float>, sink: Float?, _ memory: Memory, _ scratch: Scratch
  ) {
    let (queries, keys) = (attention.queries, attention.keys)
    let keyHead = head / attention.groupSize
    let first = row * tokenCount
    func sums(_ buffer: AlignedBuffer, _ view: AttentionView, _ head: Int, from token: Int)
      -> MutableFloatRows
    {
      MutableFloatRows(
        buffer.pointer(as: Float.self) + (first + token) * view.width + head * dimension, stride: view.width)
    }
    var ofSink = 0.0
    for block in stride(from: 0, to: tokenCount, by: Self.queryBlock) {
      let count = min(Self.queryBlock, tokenCount - block)
      let seen = attention.isCausal ? block + count : tokenCount
      let slopes = FloatRows(
        output + (first + block) * queries.width + head * dimension, stride: queries.width)
      withRows(of: queries, head, from: first + block) { query in
        withRows(of: keys, keyHead, from: first) { key in
          withRows(of: attention.values, keyHead, from: first) { value in
            multiply(query, key, count, seen, into: scratch.shares, scratch)
            multiply(slopes, value, count, seen, into: scratch.slopes, scratch)
            ofSink += turnShares(row: row, queries: block..<(block + count), seen: seen, sink: sink, scratch)
            let product = MatrixProduct(rowCount: count, columnCount: dimension, depth: seen)
            product.multiply(
              FloatRows(scratch.slopes, stride: seen), by: matrix(key, .inOut),
              into: sums(memory.queries, queries, head, from: block), with: scratch.means)
            addTurned(
              scratch.shares, slopes, count, seen, to: sums(memory.values, keys, keyHead, from: 0), scratch)
            addTurned(
              scratch.slopes, query, count, seen, to: sums(memory.keys, keys, keyHead, from: 0), scratch)
          }
        }
      }
    }
    memory.sinks.pointer(as: Float.self)[row * queries.headCount + head] = Float(ofSink)
  }

  /// Turns scores into shares, and gradients with respect to shares into those with respect to `q kᵀ`.
  ///
  /// - Returns: the gradient with respect to the sink.
  private func turnShares(row: Int, queries: Range<Int>, seen: Int, sink: Float?, _ scratch: Scratch)
    -> Double
  {
    var ofSink = 0.0
    for query in queries {
      let start = (query - queries.lowerBound) * seen
      let (scores, slopes) = (scratch.shares + start, scratch.slopes + start)
      let mask = (0..<seen).map { position in
        position >= attention.firstVisible(behind: query) && (!attention.isCausal || position <= query)
          && step.run.isVisible(position, row: row)
      }
      var capped = (0..<seen).map { Double(scores[$0]) * attention.scale }
      if let cap = attention.softcap {
        capped = capped.map { cap * ReferenceKernels.activation(.tanh, $0 / cap) }
      }
      let own = sink.map { [Double($0)] } ?? []
      let shares = ReferenceKernels.softmax(capped + own, mask: mask + own.map { _ in true })
      // A sink takes a share of no value, and what is not seen has none.
      let ofShares = shares.indices.map { $0 < seen && shares[$0] != 0 ? Double(slopes[$0]) : 0 }
      let ofScores = ReferenceKernels.softmaxGradient(shares, of: ofShares)
      for position in 0..<seen {
        let bend = attention.softcap.map { 1 - capped[position] / $0 * (capped[position] / $0) } ?? 1
        scores[position] = Float(shares[position])
        slopes[position] = shares[position] == 0 ? 0 : Float(ofScores[position] * bend * attention.scale)
      }
      if sink != nil { ofSink += ofScores[seen] }
    }
    return ofSink
  }

  // MARK: - Products

  /// `a bᵀ` of rows of E: `[count, seen]`.
  private func multiply(
    _ a: FloatRows, _ b: FloatRows, _ count: Int, _ seen: Int, into scores: UnsafeMutablePointer<Float>,
    _ scratch: Scratch
  ) {
    MatrixProduct(rowCount: count, columnCount: seen, depth: dimension).multiply(
      a, by: matrix(b, .outIn), into: MutableFloatRows(scores, stride: seen), with: scratch.means)
  }

  /// Adds `sᵀ b`, of scores `[count, seen]` and rows of E, to rows of E.
  private func addTurned(
    _ scores: UnsafeMutablePointer<Float>, _ b: FloatRows, _ count: Int, _ seen: Int,
    to sums: MutableFloatRows,
    _ scratch: Scratch
  ) {
    let width = MemoryLayout<Float>.size
    MatrixTransposition(elementWidth: width, kernels: step.means.kernels).transpose(
      rows: count, columns: seen, from: scores, sourceStride: seen * width, to: scratch.turned,
      targetStride: count * width)
    MatrixProduct(rowCount: seen, columnCount: dimension, depth: count).multiply(
      FloatRows(scratch.turned, stride: count), by: matrix(b, .inOut),
      end: ProductEnd(residual: UnsafePointer(sums.start)), into: sums, with: scratch.means)
  }

  private func matrix(_ rows: FloatRows, _ layout: WeightLayout) -> WeightMatrix {
    WeightMatrix(bytes: UnsafeRawPointer(rows.start), element: .f32, layout: layout, rowStride: rows.stride)
  }

  /// Calls `body` with one head's part of a view, from a row on.
  private func withRows(of view: AttentionView, _ head: Int, from row: Int, _ body: (FloatRows) -> Void) {
    step.inputs[view.input].withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      body(
        FloatRows(start + row * view.rowStride + view.offset + head * dimension, stride: view.rowStride))
    }
  }
}
