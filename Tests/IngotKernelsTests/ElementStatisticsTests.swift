// SPDX-License-Identifier: Apache-2.0
// Statistics against a plain two-pass computation.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct ElementStatisticsTests {
  static let levels = CPUFeatures.current.available.map(KernelTable.init)

  @Test(arguments: [1, 2, 7, 8, 9, 2047, 2048, 2049, 10_001], levels)
  func `equals a plain two-pass computation`(count: Int, kernels: KernelTable) throws {
    var random = SeededRandom(seed: UInt64(count))
    // Far from zero: a sum of squares less a squared mean would lose the deviation.
    var values = random.floats(count).map { $0 + 1000 }
    if count > 8 { (values[3], values[5], values[7], values[8]) = (.nan, .infinity, 0, -.infinity) }
    for dtype in [DType.f32, .f64] {
      let statistics = gather(values, as: dtype, kernels: kernels)
      let finite = values.filter(\.isFinite).map(Double.init)
      let mean = finite.reduce(0, +) / Double(finite.count)
      let deviation = (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(finite.count))
        .squareRoot()
      #expect(statistics.count == count)
      #expect(statistics.min == finite.min() && statistics.max == finite.max())
      // Sums of ten thousand doubles: off by far less than 1e-12, relative.
      #expect((try #require(statistics.mean) - mean).magnitude <= 1e-12 * mean.magnitude)
      #expect((try #require(statistics.standardDeviation) - deviation).magnitude <= 1e-9 * deviation + 1e-12)
      #expect((statistics.sumOfSquares / finite.reduce(0) { $0 + $1 * $1 } - 1).magnitude <= 1e-12)
      #expect(statistics.nanCount == (count > 8 ? 1 : 0))
      #expect(statistics.infinityCount == (count > 8 ? 2 : 0))
      #expect(statistics.zeroCount == (count > 8 ? 1 : 0))
    }
  }

  @Test(arguments: levels)
  func `the element behind the last whole vector counts once, whatever it is`(kernels: KernelTable) {
    let ones = [Float](repeating: 1, count: 8)
    for dtype in [DType.f32, .f64] {
      #expect(gather(ones + [0, 2], as: dtype, kernels: kernels).zeroCount == 1)
      #expect(gather(ones + [.nan, 2], as: dtype, kernels: kernels).nanCount == 1)
      #expect(gather(ones + [.infinity, 2], as: dtype, kernels: kernels).infinityCount == 1)
    }
  }

  @Test(arguments: [
    [1e308, 1.5e308, 1e308, -3], [1e308, -1e308, .leastNonzeroMagnitude], [1e200, -3e199, 7e-200, 12],
    Array(repeating: 2.0, count: 5000) + [1.7e308], [1.7e308] + Array(repeating: -1.7e308, count: 4100),
    Array(repeating: 0x1p480, count: 3000) + Array(repeating: 0x1p481, count: 3000),
  ])
  func `of values near the end of the range are what exact arithmetic gives`(values: [Double]) throws {
    let output = try PythonPeer.run(
      code: """
        import array, sys
        from fractions import Fraction
        values = [Fraction(x) for x in array.array("d", sys.stdin.buffer.read())]
        mean = sum(values) / len(values)
        squares = sum((x - mean) ** 2 for x in values) / len(values)
        # A root of a fraction beyond the range: of its square scaled down, and scaled up again.
        print(float(mean), float(squares / 2 ** 1200) ** 0.5 * 2.0 ** 600)
        """, input: values.withUnsafeBytes(Array.init)
    ).standardOutput
    let expected = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    try #require(expected.count == 2)
    for kernels in Self.levels {
      var statistics = ElementStatistics()
      statistics.add(count: values.count, from: values, dtype: .f64, kernels: kernels)
      // In pieces, as threads gather them.
      var merged = ElementStatistics()
      for start in stride(from: 0, to: values.count, by: 3) {
        var piece = ElementStatistics()
        let part = Array(values[start..<min(start + 3, values.count)])
        piece.add(count: part.count, from: part, dtype: .f64, kernels: kernels)
        merged.merge(piece)
      }
      for statistics in [statistics, merged] {
        let scale = values.map(\.magnitude).max() ?? 0
        #expect((try #require(statistics.mean) - expected[0]).magnitude <= 1e-12 * scale)
        #expect((try #require(statistics.standardDeviation) / expected[1] - 1).magnitude <= 1e-12)
      }
    }
  }

  @Test func `takes integers, small floats and booleans`() {
    var bytes = ElementStatistics()
    bytes.add(count: 4, from: [UInt8]([0x80, 0x7f, 0, 1]), dtype: .i8)
    #expect(bytes.min == -128 && bytes.max == 127 && bytes.zeroCount == 1)
    var longs = ElementStatistics()
    longs.add(count: 2, from: [Int64.min, 5], dtype: .i64)
    #expect(longs.min == -0x1p63 && longs.max == 5)
    var halves = ElementStatistics()
    halves.add(count: 3, from: [0x3c00, 0xfc00, 0x7e00] as [UInt16], dtype: .f16)
    #expect(halves.mean == 1 && halves.infinityCount == 1 && halves.nanCount == 1)
    var truths = ElementStatistics()
    truths.add(count: 3, from: [UInt8]([1, 0, 1]), dtype: .bool)
    #expect(truths.sum == 2)
  }

  @Test func `has no range of nothing`() {
    let statistics = gather([.nan, .infinity], as: .f32, kernels: .current)
    #expect(statistics.min == nil && statistics.max == nil && statistics.mean == nil)
    #expect(statistics.standardDeviation == nil && statistics.count == 2)
  }

  private func gather(_ values: [Float], as dtype: DType, kernels: KernelTable) -> ElementStatistics {
    var statistics = ElementStatistics()
    if dtype == .f32 {
      statistics.add(count: values.count, from: values, dtype: dtype, kernels: kernels)
    } else {
      statistics.add(count: values.count, from: values.map(Double.init), dtype: dtype, kernels: kernels)
    }
    return statistics
  }
}
