// SPDX-License-Identifier: Apache-2.0
// Attention, in float64 by plain loops, and with f32 activations over what the caches hold.
import IngotCore
import IngotGraph
import IngotKernels

extension Attention: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let run = step.run
    var output: [Double] = []
    output.reserveCapacity(run.batchCount * run.tokenCount * queries.width)
    for row in 0..<run.batchCount {
      let (newKeys, newValues) = (rows(of: keys, row, step), rows(of: values, row, step))
      var (keys, values) = (newKeys.flatMap(\.self), newValues.flatMap(\.self))
      if let cacheSlot, let cache = step.cache {
        (keys, values) = cache.append(slot: cacheSlot, row: row, keys: keys, values: values)
      }
      for (token, query) in rows(of: queries, row, step).enumerated() {
        let mask = (0..<run.contextCount).map { position in
          run.isVisible(position, row: row)
            && (!isCausal || position <= run.pastCount + token)
            && position >= firstVisible(behind: run.pastCount + token)
        }
        output += attend(query, keys, values, mask: mask, sinks: hasSinks ? step.parameters[0].values : [])
      }
    }
    return output
  }

  /// What a view shows of a row's tokens, `[T]` of `[H · E]`.
  private func rows(of view: AttentionView, _ row: Int, _ step: ReferenceStep) -> [ArraySlice<Double>] {
    (0..<step.run.tokenCount).map { token in
      let start = (row * step.run.tokenCount + token) * view.rowStride + view.offset
      return step.inputs[view.input][start..<(start + view.width)]
    }
  }

  /// One token's query against all keys, head by head: `softmax(q kᵀ · scale) v`.
  private func attend(
    _ query: ArraySlice<Double>, _ keys: [Double], _ values: [Double], mask: [Bool], sinks: [Double]
  ) -> [Double] {
    let (dimension, width) = (queries.headDimension, self.keys.width)
    var output = [Double](repeating: 0, count: queries.width)
    for head in 0..<queries.headCount {
      let offset = head * dimension
      let keyOffset = head / groupSize * dimension
      let scores = mask.indices.map { position in
        var sum = 0.0
        for index in 0..<dimension {
          sum += query[query.startIndex + offset + index] * keys[position * width + keyOffset + index]
        }
        let score = sum * scale
        return softcap.map { $0 * ReferenceKernels.activation(.tanh, score / $0) } ?? score
      }
      let sink = sinks.isEmpty ? [] : [sinks[head]]
      let shares = ReferenceKernels.softmax(scores + sink, mask: mask + sink.map { _ in true })
      for (position, share) in shares.prefix(scores.count).enumerated() where share != 0 {
        for index in 0..<dimension {
          output[offset + index] += share * values[position * width + keyOffset + index]
        }
      }
    }
    return output
  }
}

extension Attention: FloatOperator {
  func compute(_ step: FloatStep) {
    let pass = step.pass
    func rows(_ view: AttentionView, _ row: Int) -> FloatRows {
      FloatRows(
        UnsafePointer(step.input(view.input) + view.offset + row * pass.tokenCount * view.rowStride),
        stride: view.rowStride)
    }
    let kept = cacheSlot.flatMap { slot in step.cache.map { (slot: slot, cache: $0) } }
    if let (slot, cache) = kept {
      for row in 0..<pass.batchCount {
        cache.keep(
          keys: rows(keys, row), values: rows(values, row), count: pass.tokenCount, slot: slot,
          row: pass.firstRow + row, at: pass.past)
      }
    }
    let attention = FloatAttention(
      attention: self, batchCount: pass.batchCount, tokenCount: pass.tokenCount, pastCount: pass.past,
      firstQuery: step.rows == .all ? 0 : pass.tokenCount - 1, sinks: hasSinks ? step.vector(0) : nil,
      mask: pass.mask, accuracy: step.means.accuracy,
      form: step.means.attentionForm)
    attention.run(
      rows(queries, 0), into: step.output, scratches: step.means.threadScratches, pool: step.means.pool,
      kernels: step.kernels
    ) { row in
      guard let (slot, cache) = kept else {
        let (keys, values) = (rows(keys, row), rows(values, row))
        return FloatAttention.Context(
          keys: (UnsafeRawPointer(keys.start), keys.stride),
          values: (UnsafeRawPointer(values.start), values.stride),
          element: .f32)
      }
      let (keys, values) = cache.rows(slot: slot, row: pass.firstRow + row)
      let width = cache.width(slot: slot)
      return FloatAttention.Context(
        keys: (UnsafeRawPointer(keys), width), values: (UnsafeRawPointer(values), width),
        element: cache.element.matrixElement)
    }
  }
}
