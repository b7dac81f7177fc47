// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
// Transformers", 2022, section 3): inputs are rounded one after the other, and what that costs is made up for by the inputs
// behind it, as far as they go together in the inputs that were seen.
import CIngotKernels
import IngotCore

/// How errors of some inputs are made up for by others: the factor U of the inverse `(H + λ)⁻¹ = UᵀU`, upper triangular, of
/// the inputs' moments H.
///
/// SAFETY: its memory is written in its initializer only.
package struct FeedbackFactor: @unchecked Sendable {
  /// Inputs, K.
  package let width: Int
  /// λ: what was added to the diagonal, so that directions that were hardly seen don't take all errors.
  package let damping: Float
  /// Uᵀ, `[K, K]`, lower triangular.
  let transposed: AlignedBuffer
  let kernels: KernelTable

  /// Rows of a triangle that are worked on at a time, one after the other, before those below are, side by side.
  private static let blockSize = 64

  /// Finds the factor; `nil` where the moments are not finite, or not those of any inputs.
  ///
  /// - Parameters:
  ///   - moments: H, `[K, K]`, symmetric.
  ///   - width: K.
  ///   - damping: λ as a share of the diagonal's mean.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  package init?(
    _ moments: UnsafePointer<Float>, width: Int, damping: Double, pool: ThreadPool,
    kernels: KernelTable = .current
  ) {
    var sum = 0.0
    for index in 0..<width { sum += Double(moments[index * width + index]) }
    guard sum.isFinite else { return nil }
    let share = Float(damping * sum / Double(max(1, width)))
    // Inputs that are always zero have nothing to make up for.
    let lambda = share > 0 ? share : 1
    // H = R Rᵀ with R upper triangular is Cholesky's L Lᵀ of H with all inputs in reverse, and U = R⁻¹.
    let lower = AlignedBuffer(Float.self, count: width * width)
    let cells = lower.pointer(as: Float.self)
    for row in 0..<width {
      let source = moments + (width - 1 - row) * width
      for column in 0...row { cells[row * width + column] = source[width - 1 - column] }
      cells[row * width + row] += lambda
    }
    guard Self.decompose(cells, width, pool, kernels) else { return nil }
    transposed = Self.inverse(of: cells, width, pool, kernels)
    self.width = width
    self.damping = lambda
    self.kernels = kernels
  }

  /// Replaces the lower half of a symmetric matrix with its Cholesky factor.
  ///
  /// - Returns: false where it has none.
  private static func decompose(
    _ cells: UnsafeMutablePointer<Float>, _ width: Int, _ pool: ThreadPool, _ kernels: KernelTable
  ) -> Bool {
    let dot = kernels.feedback.dot
    func eliminate(_ row: Int, from first: Int, to end: Int) {
      let own = cells + row * width
      for column in first..<end {
        let other = cells + column * width
        own[column] = Float((Double(own[column]) - dot(own, other, column)) / Double(other[column]))
      }
    }
    for first in stride(from: 0, to: width, by: blockSize) {
      let end = min(width, first + blockSize)
      for row in first..<end {
        eliminate(row, from: first, to: row)
        let own = cells + row * width
        let pivot = Double(own[row]) - dot(own, own, row)
        guard pivot > 0, pivot.isFinite else { return false }
        own[row] = Float(pivot.squareRoot())
      }
      pool.forEachRange(width - end, grain: 16) { _, rows in
        for row in rows { eliminate(end + row, from: first, to: end) }
      }
    }
    return true
  }

  /// The inverse of a lower triangle, its rows and columns in reverse and exchanged: Uᵀ.
  private static func inverse(
    of cells: UnsafePointer<Float>, _ width: Int, _ pool: ThreadPool, _ kernels: KernelTable
  ) -> AlignedBuffer {
    let result = AlignedBuffer(Float.self, count: width * width)
    let target = result.pointer(as: Float.self)
    let addMultiple = kernels.feedback.add_multiple
    pool.forEachRange(width, grain: blockSize) { _, columns in
      // These columns of the inverse, row after row, and the sums of the row that is being made.
      let count = columns.count
      var inverse = [Float](repeating: 0, count: (width - columns.lowerBound) * count)
      var sums = [Double](repeating: 0, count: count)
      inverse.withUnsafeMutableBufferPointer { inverse in
        sums.withUnsafeMutableBufferPointer { sums in
          guard let known = inverse.baseAddress, let sum = sums.baseAddress else { return }
          for row in columns.lowerBound..<width {
            let own = cells + row * width
            sum.update(repeating: 0, count: count)
            if row < columns.upperBound { sum[row - columns.lowerBound] = 1 }
            for other in columns.lowerBound..<row {
              addMultiple(known + (other - columns.lowerBound) * count, -Double(own[other]), sum, count)
            }
            for index in 0..<min(count, row + 1 - columns.lowerBound) {
              let value = Float(sum[index] / Double(own[row]))
              known[(row - columns.lowerBound) * count + index] = value
              let (k, j) = (width - 1 - columns.lowerBound - index, width - 1 - row)
              target[k * width + j] = value
            }
          }
        }
      }
    }
    return result
  }
}

/// The rounding of a weight's outputs with error feedback.
package struct FeedbackRounding {
  /// How errors are made up for.
  package let factor: FeedbackFactor
  /// Inputs that share a scale; the last ones of an output may be fewer.
  package let groupSize: Int

  /// Outputs that are rounded side by side.
  package static let rowStep = Int(INGOT_FEEDBACK_ROWS)

  /// Prepares rounding.
  package init(_ factor: FeedbackFactor, groupSize: Int) {
    precondition(groupSize > 0, "groups of inputs")
    (self.factor, self.groupSize) = (factor, groupSize)
  }

  /// Rounds outputs: q of which `q · scale` stands for the weight.
  ///
  /// - Parameters:
  ///   - weights: `[rows, K]`, finite; what lies behind the last whole ``rowStep`` is padded with zeros.
  ///   - rowCount: the outputs.
  ///   - scales: `[rows, ⌈K / groupSize⌉]`.
  ///   - integers: room for `[rows, K]`.
  ///   - pool: the threads; what is written does not depend on their number.
  package func round(
    _ weights: UnsafePointer<Float>, rowCount: Int, scales: UnsafePointer<Float>,
    into integers: UnsafeMutablePointer<Int8>, pool: ThreadPool
  ) {
    let (width, step) = (factor.width, Self.rowStep)
    let groupCount = width.dividedUp(by: groupSize)
    pool.forEachRange(rowCount, grain: step) { _, rows in
      let band = AlignedBuffer(Float.self, count: step * (2 * width + groupCount))
      let rounded = AlignedBuffer(byteCount: step * width)
      let turned = band.pointer(as: Float.self)
      let (errors, turnedScales) = (turned + step * width, turned + 2 * step * width)
      Self.turn(weights + rows.lowerBound * width, rows.count, width, to: turned)
      Self.turn(scales + rows.lowerBound * groupCount, rows.count, groupCount, to: turnedScales)
      factor.kernels.feedback.round_rows(
        turned, width, factor.transposed.pointer(as: Float.self), turnedScales, groupSize, errors,
        rounded.pointer(as: Int8.self))
      MatrixTransposition(elementWidth: 1).transpose(
        rows: width, columns: rows.count, from: rounded.start, sourceStride: step,
        to: integers + rows.lowerBound * width, targetStride: width)
    }
  }

  /// Puts rows side by side, ``rowStep`` of them with those that are there.
  private static func turn(
    _ rows: UnsafePointer<Float>, _ rowCount: Int, _ width: Int, to target: UnsafeMutablePointer<Float>
  ) {
    let elementWidth = MemoryLayout<Float>.size
    MatrixTransposition(elementWidth: elementWidth).transpose(
      rows: rowCount, columns: width, from: rows, sourceStride: width * elementWidth, to: target,
      targetStride: rowStep * elementWidth)
  }
}

/// How far integers with scales are from the weights that they stand for, whatever rounded these.
package struct RoundingCost {
  /// Inputs, K.
  package let width: Int
  /// Inputs that share a scale; the last ones of an output may be fewer.
  package let groupSize: Int
  private let kernels: KernelTable

  /// Prepares for weights of a width.
  package init(width: Int, groupSize: Int, kernels: KernelTable = .current) {
    precondition(groupSize > 0, "groups of inputs")
    (self.width, self.groupSize, self.kernels) = (width, groupSize, kernels)
  }

  /// What rounding outputs cost.
  ///
  /// - Parameters:
  ///   - weights: `[rows, K]`.
  ///   - rowCount: the outputs.
  ///   - scales: `[rows, ⌈K / groupSize⌉]`.
  ///   - integers: `[rows, K]`.
  ///   - differences: room for `[rows, K]`: what each weight is more than what stands for it.
  ///   - pool: the threads.
  /// - Returns: the cost of all.
  package func cost(
    of weights: UnsafePointer<Float>, rowCount: Int, scales: UnsafePointer<Float>,
    integers: UnsafePointer<Int8>, differences: UnsafeMutablePointer<Float>, pool: ThreadPool
  ) -> QuantizationError {
    let groupCount = width.dividedUp(by: groupSize)
    let (dot, peak) = (kernels.feedback.dot, kernels.quantize.peak)
    let clipped = kernels.quantize.clipped
    var costs = [(ingot_rounding, Int)](repeating: (ingot_rounding(), 0), count: rowCount)
    costs.withUnsafeMutableBufferPointer { costs in
      guard let cost = costs.baseAddress else { return }
      pool.forEachRange(rowCount, grain: FeedbackRounding.rowStep) { _, rows in
        for row in rows {
          let (own, rest) = (weights + row * width, differences + row * width)
          var clippedCount = 0
          for group in 0..<groupCount {
            let (scale, first) = (scales[row * groupCount + group], group * groupSize)
            let end = min(width, first + groupSize)
            for index in first..<end {
              rest[index] = own[index] - Float(integers[row * width + index]) * scale
            }
            clippedCount += Int(clipped(own + first, end - first, scale))
          }
          let rounding = ingot_rounding(
            signal: dot(own, own, width), noise: dot(rest, rest, width),
            largest: Double(Float(bitPattern: peak(rest, width))))
          cost[row] = (rounding, clippedCount)
        }
      }
    }
    return costs.reduce(into: QuantizationError()) { $0.add($1.0, count: width, clippedCount: $1.1) }
  }
}
