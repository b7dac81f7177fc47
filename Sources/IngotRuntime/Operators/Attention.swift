// SPDX-License-Identifier: Apache-2.0
// Attention, in float64 by plain loops, with its gradient, and with f32 activations over what the caches hold.
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
        output += attend(query, keys, values, mask: mask(row, token, run), step)
      }
    }
    return output
  }

  /// Which of the P + T tokens one of the T sees.
  private func mask(_ row: Int, _ token: Int, _ run: RunExtent) -> [Bool] {
    (0..<run.contextCount).map { position in
      run.isVisible(position, row: row)
        && (!isCausal || position <= run.pastCount + token)
        && position >= firstVisible(behind: run.pastCount + token)
    }
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
    _ query: ArraySlice<Double>, _ keys: [Double], _ values: [Double], mask: [Bool], _ step: ReferenceStep
  ) -> [Double] {
    let (dimension, width) = (queries.headDimension, self.keys.width)
    var output = [Double](repeating: 0, count: queries.width)
    for head in 0..<queries.headCount {
      let offset = head * dimension
      let keyOffset = head / groupSize * dimension
      let scores = scores(query, keys, head: head, count: mask.count)
      let shares = shares(scores, mask: mask, head: head, step)
      for (position, share) in shares.prefix(scores.count).enumerated() where share != 0 {
        for index in 0..<dimension {
          output[offset + index] += share * values[position * width + keyOffset + index]
        }
      }
    }
    return output
  }

  /// What one head's query scores against each of so many keys.
  private func scores(_ query: ArraySlice<Double>, _ keys: [Double], head: Int, count: Int) -> [Double] {
    let (dimension, width) = (queries.headDimension, self.keys.width)
    let (offset, keyOffset) = (query.startIndex + head * dimension, head / groupSize * dimension)
    return (0..<count).map { position in
      var sum = 0.0
      for index in 0..<dimension { sum += query[offset + index] * keys[position * width + keyOffset + index] }
      let score = sum * scale
      return softcap.map { $0 * ReferenceKernels.activation(.tanh, score / $0) } ?? score
    }
  }

  /// The share of each value, and last that of the sink where there is one.
  private func shares(_ scores: [Double], mask: [Bool], head: Int, _ step: ReferenceStep) -> [Double] {
    guard hasSinks else { return ReferenceKernels.softmax(scores, mask: mask) }
    return ReferenceKernels.softmax(scores + [step.parameters[0].values[head]], mask: mask + [true])
  }
}

extension Attention: DifferentiableOperator {
  /// The shares are computed again, token by token and head by head.
  func addGradients(_ step: ReferenceStep, of output: [Double], to sums: inout NodeGradients<Double>) {
    let run = step.run
    for row in 0..<run.batchCount {
      let (keys, values) = (
        rows(of: keys, row, step).flatMap(\.self), rows(of: values, row, step).flatMap(\.self)
      )
      var ofContext = (keys: keys.map { _ in 0.0 }, values: values.map { _ in 0.0 })
      for (token, query) in rows(of: queries, row, step).enumerated() {
        let start = (row * run.tokenCount + token) * queries.width
        let ofQuery = differentiate(
          query, keys, values, mask: mask(row, token, run), of: output[start..<(start + queries.width)], step,
          &ofContext, &sums)
        sums.inputs[queries.input].add(ofQuery, at: place(of: queries, row, token, run))
      }
      for token in 0..<run.tokenCount {
        let part = (token * self.keys.width)..<((token + 1) * self.keys.width)
        sums.inputs[self.keys.input].add(ofContext.keys[part], at: place(of: self.keys, row, token, run))
        sums.inputs[self.values.input].add(
          ofContext.values[part], at: place(of: self.values, row, token, run))
      }
    }
  }

  func addGradients(_ step: FloatGradientStep, of output: [Float], to sums: inout NodeGradients<Float>) {
    FloatAttentionGradient(attention: self, step: step).add(of: output, to: &sums)
  }

  /// The gradients of one token's attention, head by head.
  ///
  /// - Returns: that with respect to the query; those of keys, values and sinks are added.
  private func differentiate(
    _ query: ArraySlice<Double>, _ keys: [Double], _ values: [Double], mask: [Bool],
    of output: ArraySlice<Double>, _ step: ReferenceStep,
    _ ofContext: inout (keys: [Double], values: [Double]),
    _ sums: inout NodeGradients<Double>
  ) -> [Double] {
    let (dimension, width) = (queries.headDimension, self.keys.width)
    var ofQuery = [Double](repeating: 0, count: queries.width)
    for head in 0..<queries.headCount {
      let (offset, keyOffset) = (head * dimension, head / groupSize * dimension)
      let scores = scores(query, keys, head: head, count: mask.count)
      let shares = shares(scores, mask: mask, head: head, step)
      // A sink takes a share of no value.
      var ofShares = shares.map { _ in 0.0 }
      for (position, share) in shares.prefix(scores.count).enumerated() where share != 0 {
        for index in 0..<dimension {
          let slope = output[output.startIndex + offset + index]
          ofShares[position] += slope * values[position * width + keyOffset + index]
          ofContext.values[position * width + keyOffset + index] += share * slope
        }
      }
      let ofScores = ReferenceKernels.softmaxGradient(shares, of: ofShares)
      if hasSinks, sums.wantsParameters { sums.parameters[0][head] += ofScores[scores.count] }
      for (position, score) in scores.enumerated() where shares[position] != 0 {
        let bend = softcap.map { 1 - score / $0 * (score / $0) } ?? 1
        let slope = ofScores[position] * bend * scale
        for index in 0..<dimension {
          let place = position * width + keyOffset + index
          ofQuery[offset + index] += slope * keys[place]
          ofContext.keys[place] += slope * query[query.startIndex + offset + index]
        }
      }
    }
    return ofQuery
  }

  /// Where a token's part of a view starts in its input.
  private func place(of view: AttentionView, _ row: Int, _ token: Int, _ run: RunExtent) -> Int {
    (row * run.tokenCount + token) * view.rowStride + view.offset
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
