// SPDX-License-Identifier: Apache-2.0
// The outlying channels of a matrix that is quantized in several stretches, by one thread or more: those of all of it.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms
import Testing

@Suite struct PeakTileTests {
  private static let shape: Shape = [3008, 1792]

  /// Ones, but for two large rows, one in the first stretch and one in the last, and a value in the last that is larger still.
  private static let values: LazyPart = {
    var values = [Float](repeating: 1, count: shape.elementCount)
    for (row, value) in [(5, 30), (3000, 40)] as [(Int, Float)] {
      for index in (row * 1792)..<((row + 1) * 1792) { values[index] = value }
    }
    values[2999 * 1792 + 17] = -1000
    return .literal(.f32, shape, values.withUnsafeBytes { Array($0) })
  }()

  private static let quantized: [(name: String, part: LazyPart)] = [
    ("one scale", .quantized(values, scales: [1000 / 127], axis: nil)),
    (
      "a scale a column",
      .quantized(values, scales: [Float](repeating: 1000 / 127, count: 1792), axis: 1)
    ),
    ("runs", .runs(values, RunRule(size: 128), .integers)),
    (
      "fitted runs of columns", .runs(values, RunRule(size: 32, columnCount: 1792, isFitted: true), .integers)
    ),
    ("blocks", .blocks(values, .q80)),
    ("under another shape", .runs(values, RunRule(size: 128), .integers).reshape(to: [1, 3008, 1792])),
  ]

  @Test(arguments: quantized.map(\.name), [1, 3])
  func `outliers are those of the whole matrix`(_ name: String, _ jobs: Int) throws {
    let part = try #require(Self.quantized.first { $0.name == name }).part
    let found = Locked<(outliers: MatrixOutliers?, stretchCount: Int)>((nil, 0))
    try PartPass(crew: WorkCrew(jobs: jobs), files: SourceFiles(sources: []), scratchFolder: "/tmp")
      .run(count: 1) { (_) throws(IngotError) in
        part
      } read: { (_, reading) throws(IngotError) in
        try reading.forEachTile { (_, _) throws(IngotError) in }
      } finish: { (_, stretches, source) throws(IngotError) in
        let outliers = source.peaks?.outliers
        found.withLock { $0 = (outliers, stretches.count) }
      }
    let (outliers, stretchCount) = found.withLock { $0 }
    #expect(stretchCount > 1)
    #expect(outliers?.rows.first == [5, 2999, 3000] && outliers?.rows.count == 3)
    #expect(outliers?.columns.first == [17] && outliers?.columns.count == 1)
  }

  @Test func `nothing is said of scales, of stacks and of plain parts`() throws {
    let stack = Self.values.reshape(to: [2, 1504, 1792])
    for part in [
      .runs(Self.values, RunRule(size: 128), .scales), .runs(stack, RunRule(size: 128), .integers),
      .blocks(stack, .q80), Self.values,
    ] as [LazyPart] {
      #expect(try part.open(files: SourceFiles(sources: []), scratchFolder: "/tmp").peaks == nil)
    }
  }
}
