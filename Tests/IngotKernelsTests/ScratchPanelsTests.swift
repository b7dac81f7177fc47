// SPDX-License-Identifier: Apache-2.0
// Products by a part of a weight in scratch memory, as attention makes them, against products by that part packed alone.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct ScratchPanelsTests {
  /// M, and how many of 70 columns and of 131 rows are used: ends of tiles, panels, words and chains.
  static let sizes: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (3, 70, 131), (14, 32, 64), (15, 33, 63), (28, 69, 130), (29, 31, 2), (5, 70, 127),
  ]

  @Test(arguments: sizes, MatrixProductTests.levels)
  func `some columns and rows give the bytes of a weight that has no others`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    let (columnCount, depth) = (70, 131)
    var random = SeededRandom(seed: UInt64(size.m * 1009 + size.n * 31 + size.k))
    let x = random.floats(size.m * size.k)
    let weight = random.floats(columnCount * depth)
    for form in [PackedWeight.Form.f32, .bf16] {
      for layout in [WeightLayout.inOut, .outIn] {
        let stride = layout == .inOut ? columnCount : depth
        var some = [Float](repeating: .nan, count: size.m * size.n)
        var alone = some
        weight.withUnsafeBytes { weight in
          guard let start = weight.baseAddress else { return }
          let matrix = WeightMatrix(bytes: start, element: .f32, layout: layout, rowStride: stride)
          let product = MatrixProduct(rowCount: size.m, columnCount: size.n, depth: size.k)
          let means = ProductMeans(kernels: kernels)
          let panels = MatrixProduct(rowCount: 0, columnCount: columnCount, depth: depth)
            .pack(matrix, as: form, for: .values, means)
          x.withUnsafeBufferPointer { x in
            some.withUnsafeMutableBufferPointer { some in
              alone.withUnsafeMutableBufferPointer { alone in
                guard let x = x.baseAddress, let some = some.baseAddress, let alone = alone.baseAddress else {
                  return
                }
                let rows = FloatRows(x, stride: size.k)
                product.multiply(rows, by: panels, into: MutableFloatRows(some, stride: size.n), with: means)
                let packed = PackedWeight(
                  matrix, columnCount: size.n, depth: size.k, form: form, pool: nil, kernels: kernels)
                product.multiply(
                  rows, by: packed, into: MutableFloatRows(alone, stride: size.n),
                  with: ProductMeans(kernels: kernels))
              }
            }
          }
        }
        #expect(some == alone, "\(form) \(layout)")
      }
    }
  }
}
