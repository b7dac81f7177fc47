// SPDX-License-Identifier: Apache-2.0
// Rows of an int8 matrix that are stored in a type of their own, as a table reads them and as products do: what integers give
// for them is written over. Page: formats/quantized-tensors.md.
import IngotCore
import IngotGraph
import IngotKernels

/// Rows of a matrix that are stored beside its integers.
package final class KeptRows: Sendable {
  /// Which, in ascending order.
  let rows: [Int]
  /// Their numbers, `[rows, D]`, F16, BF16 or F32.
  let numbers: Weight
  private let places: [Int: Int]

  /// Takes rows.
  ///
  /// - Parameters:
  ///   - rows: which, in ascending order.
  ///   - numbers: `[rows, D]`, F16, BF16 or F32.
  package init(_ rows: [Int], _ numbers: Weight) {
    (self.rows, self.numbers) = (rows, numbers)
    places = Dictionary(zip(rows, rows.indices), uniquingKeysWith: { first, _ in first })
  }

  /// Where the numbers of a row stand; `nil` for one that is not kept.
  func place(of row: Int) -> Int? { places[row] }

  /// Whether these are rows of a matrix of a shape.
  func fit(_ shape: Shape) -> Bool {
    Quantization.shape(ofRows: rows, in: shape) == numbers.shape
  }

  /// Puts the numbers in their places in a matrix.
  func put(into values: inout [Double]) {
    let (width, numbers) = (numbers.shape.dimensions.last ?? 0, numbers.doubles)
    for (place, row) in rows.enumerated() {
      values.replaceSubrange(
        (row * width)..<((row + 1) * width), with: numbers[(place * width)..<((place + 1) * width)])
    }
  }
}

/// Rows that are kept as columns of a product's result.
struct KeptColumns {
  private let columns: [Int]
  private let weight: LinearWeight

  /// Prepares rows of a weight `[N, K]`; `nil` when they are no matrix.
  init?(_ kept: KeptRows, arithmetic: Arithmetic, kernels: KernelTable) {
    guard
      let weight = LinearWeight(kept.numbers, layout: .outIn, arithmetic: arithmetic, kernels: kernels)
    else { return nil }
    (columns, self.weight) = (kept.rows, weight)
  }

  /// Multiplies rows of activations by them.
  ///
  /// - Parameters:
  ///   - x: `[M, K]`, f32, contiguous.
  ///   - rowCount: M.
  ///   - columnCount: N, of the whole product.
  ///   - end: bias, activation and residual of the whole product; a residual is read here, and not written yet.
  ///   - means: memory, kernels, and threads.
  /// - Returns: `[M, columns]`.
  func product(
    _ x: UnsafePointer<Float>, rowCount: Int, columnCount: Int, end: ProductEnd, with means: ProductMeans
  ) -> [Float] {
    var own = end
    let bias = end.bias.map { bias in columns.map { bias[$0] } } ?? []
    let residual =
      end.residual.map { residual in
        (0..<rowCount).flatMap { row in columns.map { residual[row * columnCount + $0] } }
      } ?? []
    let count = rowCount * columns.count
    return bias.withUnsafeBufferPointer { bias in
      residual.withUnsafeBufferPointer { residual in
        // SAFETY: both buffers outlive the product.
        own.bias = end.bias == nil ? nil : bias.baseAddress
        own.residual = end.residual == nil ? nil : residual.baseAddress
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
          guard let y = buffer.baseAddress else { return }
          weight.multiply(x, rowCount: rowCount, end: own, into: y, with: means)
          initialized = count
        }
      }
    }
  }

  /// Writes their product over what the integers of these columns gave.
  ///
  /// - Parameters:
  ///   - product: `[M, columns]`.
  ///   - y: `[M, N]`, f32, contiguous.
  ///   - columnCount: N.
  func put(_ product: [Float], into y: UnsafeMutablePointer<Float>, columnCount: Int) {
    for (index, value) in product.enumerated() {
      let (row, place) = index.quotientAndRemainder(dividingBy: columns.count)
      y[row * columnCount + columns[place]] = value
    }
  }
}
