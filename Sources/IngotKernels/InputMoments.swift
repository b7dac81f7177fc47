// SPDX-License-Identifier: Apache-2.0
// What the inputs of a product are like: the sum of xᵀx over all rows that were seen. Half of it is the second derivative of
// the squared error of the product by its weight, the same for each output.
import CIngotKernels
import IngotCore

/// The sum of `xᵀx` over rows of inputs.
///
/// Sums have one order for any number of threads.
package final class InputMoments {
  /// Inputs, K.
  package let width: Int
  /// Rows that were added.
  package private(set) var rowCount = 0
  /// `[K, K]`, of which the left lower half is filled in by ``completed()``.
  private let sums: AlignedBuffer
  /// Rows side by side, `[K, rows]`.
  private var turned = AlignedBuffer(byteCount: 0)

  /// Inputs whose sums are added to at a time, so that what lies left of the diagonal is left out.
  private static let bandWidth = 192

  /// Bytes that it holds for a number of inputs; `nil` where that is no number.
  package static func byteCount(width: Int) -> Int? {
    width.checkedMultiply(width)?.checkedMultiply(MemoryLayout<Float>.size)
  }

  /// Starts with nothing.
  ///
  /// - Parameter width: inputs, K, whose square is a number of bytes that there is memory for.
  package init(width: Int) {
    self.width = width
    sums = AlignedBuffer(Float.self, count: width * width)
  }

  /// Adds rows.
  ///
  /// - Parameters:
  ///   - x: `[rows, K]`, f32, contiguous.
  ///   - rowCount: their number.
  ///   - means: memory, kernels, and threads.
  package func add(_ x: UnsafePointer<Float>, rowCount: Int, with means: ProductMeans) {
    guard rowCount > 0, width > 0 else { return }
    let byteCount = rowCount * width * MemoryLayout<Float>.size
    if turned.byteCount < byteCount { turned = AlignedBuffer(uninitializedByteCount: byteCount) }
    let columns = turned.pointer(as: Float.self)
    MatrixTransposition(elementWidth: MemoryLayout<Float>.size).transpose(
      rows: rowCount, columns: width, from: x, sourceStride: width * MemoryLayout<Float>.size, to: columns,
      targetStride: rowCount * MemoryLayout<Float>.size)
    let start = sums.pointer(as: Float.self)
    for first in stride(from: 0, to: width, by: Self.bandWidth) {
      let product = MatrixProduct(
        rowCount: min(Self.bandWidth, width - first), columnCount: width - first, depth: rowCount)
      let target = start + first * width + first
      let inputs = WeightMatrix(bytes: x + first, element: .f32, layout: .inOut, rowStride: width)
      product.multiply(
        FloatRows(columns + first * rowCount, stride: rowCount), by: inputs,
        end: ProductEnd(residual: target), into: MutableFloatRows(target, stride: width), with: means)
    }
    self.rowCount += rowCount
  }

  /// Fills in the half that is the other one's mirror image, and gives all.
  ///
  /// - Returns: `[K, K]`, as long as this value lives.
  package func completed() -> UnsafePointer<Float> {
    let start = sums.pointer(as: Float.self)
    for row in 0..<width {
      for column in 0..<row { start[row * width + column] = start[column * width + row] }
    }
    return UnsafePointer(start)
  }

  /// What stands on the diagonal: the sum of each input's squares, `[K]`.
  package var squares: [Float] {
    let start = sums.pointer(as: Float.self)
    return (0..<width).map { start[$0 * width + $0] }
  }
}

extension InputMoments {
  /// The sum of the squares of what rows of a weight make of all inputs: of each row w, `w H wᵀ`.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount, K]`, f32, contiguous.
  ///   - rowCount: the outputs.
  ///   - products: room for as many numbers.
  ///   - means: memory, kernels, and threads.
  /// - Returns: the sum over the outputs; of moments that are completed.
  package func energy(
    of rows: UnsafePointer<Float>, rowCount: Int, products: UnsafeMutablePointer<Float>,
    with means: ProductMeans
  ) -> Double {
    guard rowCount > 0, width > 0 else { return 0 }
    let own = WeightMatrix(
      bytes: sums.pointer(as: Float.self), element: .f32, layout: .inOut, rowStride: width)
    MatrixProduct(rowCount: rowCount, columnCount: width, depth: width).multiply(
      FloatRows(rows, stride: width), by: own, into: MutableFloatRows(products, stride: width), with: means)
    return (0..<rowCount).reduce(0) {
      $0 + means.kernels.feedback.dot(rows + $1 * width, products + $1 * width, width)
    }
  }
}

/// What rounding a weight cost what its product gives on some inputs.
public struct OutputError: Hashable, Sendable {
  /// The sum of the squared outputs.
  public private(set) var signal = 0.0
  /// The sum of the squares of how far they moved.
  public private(set) var noise = 0.0

  /// Makes the cost of no outputs.
  package init() {}

  /// The signal-to-noise ratio in decibels; infinite when nothing moved.
  public var signalToNoise: Double { noise > 0 ? 10 * ingot_log10(signal / noise) : .infinity }

  /// Adds outputs.
  package mutating func add(signal: Double, noise: Double) {
    self.signal += signal
    self.noise += noise
  }
}
