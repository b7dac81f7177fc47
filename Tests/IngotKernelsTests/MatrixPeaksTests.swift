// SPDX-License-Identifier: Apache-2.0
// The channels of a matrix that are far larger than the others: in tiles that end anywhere, in stretches, and where zeros, an
// even number of channels or few of them make the median.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct MatrixPeaksTests {
  private static let levels = CPUFeatures.current.available.map(KernelTable.init)

  @Test(
    arguments: levels, [(1, 1), (3, 16), (5, 67), (33, 129), (7, 1), (1, 40)] as [(Int, Int)])
  func `peaks are those of all rows and columns, however a matrix is cut`(
    kernels: KernelTable, size: (Int, Int)
  ) throws {
    let (rows, columns) = size
    var random = SeededRandom(seed: UInt64(rows * 1000 + columns))
    var values = random.floats(rows * columns)
    for column in 0..<columns where rows > 2 { values[2 * columns + column] = 60 }
    for row in 0..<rows where columns > 20 { values[row * columns + 20] = -50_000 }
    for shape in [[rows, columns], [1, rows, columns]] {
      var (first, second) = try (peaks(shape, kernels), peaks(shape, kernels))
      let cut = values.count / 3
      values.withUnsafeBufferPointer { all in
        first.add(UnsafeBufferPointer(rebasing: all[..<cut]), from: 0)
        second.add(UnsafeBufferPointer(rebasing: all[cut...]), from: cut)
      }
      first.merge(second)
      let found = first.outliers
      var byRow = [Float](repeating: 0, count: rows)
      var byColumn = [Float](repeating: 0, count: columns)
      for (index, value) in values.enumerated() {
        let (row, column) = (index / columns, index % columns)
        byRow[row] = max(byRow[row], value.magnitude)
        byColumn[column] = max(byColumn[column], value.magnitude)
      }
      #expect(found.rows == OutlierChannels(peaks: byRow))
      #expect(found.columns == OutlierChannels(peaks: byColumn))
      #expect(found.rows.first == (rows > 2 && columns < 20 ? [2] : []))
      #expect(found.columns.first == (columns > 20 ? [20] : []))
    }
  }

  private func peaks(_ dimensions: [Int], _ kernels: KernelTable) throws -> MatrixPeaks {
    try #require(MatrixPeaks(Shape(dimensions) ?? [], kernels: kernels))
  }

  /// NumPy's median of what is not 0, times 10, is the bound.
  @Test(
    arguments: [
      ([1, 1, 10], []), ([1, 1, 10.5], [2]), ([1, 2, 15, 1], []), ([1, 2, 15.5, 1], [2]),
      ([0, 0, 0, 0, 1, 3], []), ([0, 0, 0, 1, 2, 3, 20.5], []), ([0, 0, 0, 0], []), ([7], []), ([], []),
      ([100, 2, 2, 2, 100], [0, 4]), ([0x1p-149, 0x1p-149, 1], [2]),
    ] as [([Float], [Int])])
  func `outliers are over ten times the median of channels that are not zeros`(
    peaks: [Float], expected: [Int]
  ) {
    let found = OutlierChannels(peaks: peaks)
    #expect(found.first == expected && found.count == expected.count)
  }

  @Test func `of many outliers all are counted and the first are listed`() {
    let peaks = (0..<100).map { Float($0 % 4 == 3 ? 11 : 1) }
    let found = OutlierChannels(peaks: peaks)
    #expect(found.count == 25 && found.first == [3, 7, 11, 15, 19, 23, 27, 31])
  }

  @Test(arguments: [[], [4], [2, 3, 4], [0, 4], [2, 1, 4, 4], [MatrixPeaks.channelLimit + 1, 1]])
  func `what is no matrix, or a very large one, is not looked at`(dimensions: [Int]) {
    #expect(MatrixPeaks(Shape(dimensions) ?? [5]) == nil)
  }

  @Test func `its memory is four bytes a channel`() throws {
    #expect(try peaks([3, 1000], .current).byteCount == 4012)
  }
}
