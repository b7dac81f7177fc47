// SPDX-License-Identifier: Apache-2.0
// The scales of a weight's groups when some inputs are used more than others.
import CIngotKernels
import IngotCore

/// The scales of least squared error when inputs count by how much they are used.
package struct WeightedScaleFit {
  private let weights: [Float]
  private let groupSize: Int
  private let scaleType: ScaleType
  private let kernels: KernelTable

  /// Prepares a search.
  ///
  /// - Parameters:
  ///   - weights: `[K]`, what the squared error of each input counts.
  ///   - groupSize: inputs that share a scale; K is a multiple of it.
  ///   - scaleType: how scales are stored.
  ///   - kernels: the kernels.
  package init(
    weights: [Float], groupSize: Int, scaleType: ScaleType, kernels: KernelTable = .current
  ) {
    precondition(groupSize > 0 && weights.count.isMultiple(of: groupSize), "whole groups")
    (self.weights, self.groupSize, self.scaleType) = (weights, groupSize, scaleType)
    self.kernels = kernels
  }

  /// The scales of outputs.
  ///
  /// - Parameters:
  ///   - rows: `[rows, K]`.
  ///   - rowCount: the outputs.
  ///   - pool: the threads.
  /// - Returns: `[rows, K / groupSize]`; not finite where a group's values are not, or its scale is beyond its type.
  package func scales(of rows: UnsafePointer<Float>, rowCount: Int, pool: ThreadPool) -> [Float] {
    let (width, groupCount) = (weights.count, weights.count / groupSize)
    let (fit, code) = (kernels.quantize.fit_scales, scaleType.code)
    return [Float](unsafeUninitializedCapacity: rowCount * groupCount) { buffer, filled in
      weights.withUnsafeBufferPointer { weights in
        guard let target = buffer.baseAddress else { return }
        pool.forEachRange(rowCount, grain: 16) { _, range in
          for row in range {
            fit(
              rows + row * width, weights.baseAddress, groupCount, groupSize, code, target + row * groupCount)
          }
        }
      }
      filled = rowCount * groupCount
    }
  }
}
