// SPDX-License-Identifier: Apache-2.0
// Deviates that are the same bytes on every level, for any cut and any number of threads, and that are normal.
import Foundation
import IngotKernels
import Testing

@Suite struct NormalDeviatesTests {
  static let sequence = NormalDeviates(key: 0x1234_5678_9abc_def0, deviation: 0.02)

  private static func made(
    _ sequence: NormalDeviates, from first: Int, count: Int, threads: Int = 1,
    kernels: KernelTable = .current
  ) -> [UInt32] {
    var values = [Float](repeating: -1, count: count + 1)
    values.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      sequence.fill(
        from: first, count: count, into: start, pool: ThreadPool(threadCount: threads), kernels: kernels)
    }
    #expect(values[count] == -1)
    return values.dropLast().map(\.bitPattern)
  }

  @Test(arguments: MatrixProductTests.levels, [(0, 1000), (14, 1), (2, 17), (1 << 20, 131)])
  func `equal the plain twin bit by bit`(kernels: KernelTable, part: (first: Int, count: Int)) {
    let expected = (0..<((part.count + 1) / 2)).flatMap { pair -> [UInt32] in
      let (a, b) = ReferenceKernels.normal(Self.sequence, pair: UInt64(part.first / 2 + pair))
      return [a.bitPattern, b.bitPattern]
    }
    let values = Self.made(Self.sequence, from: part.first, count: part.count, kernels: kernels)
    #expect(values == Array(expected.prefix(part.count)))
  }

  @Test func `are the same bytes for any number of threads and any cut`() {
    let whole = Self.made(Self.sequence, from: 0, count: 200_001)
    #expect(Self.made(Self.sequence, from: 0, count: 200_001, threads: 3) == whole)
    #expect(Self.made(Self.sequence, from: 1234, count: 70_000, threads: 2) == Array(whole[1234..<71_234]))
  }

  /// What stands behind the deviates, with the C library's functions: each of a dozen operations in double precision
  /// is off by half a unit, which the rounding to float hides but for ties.
  private static let formulaTolerance = 4e-15

  @Test func `are Box and Muller's`() {
    let unit = NormalDeviates(key: 42, deviation: 1)
    for pair in 0..<UInt64(20_000) {
      let (u, turns) = ReferenceKernels.uniformPair(key: unit.key, pair: pair)
      let radius = (-2 * log(u)).squareRoot()
      let (first, second) = ReferenceKernels.normal(unit, pair: pair)
      for (value, exact) in [
        (first, radius * cos(2 * .pi * turns)), (second, radius * sin(2 * .pi * turns)),
      ] {
        let spacing = Double(Float(exact).ulp)
        #expect((Double(value) - exact).magnitude <= spacing / 2 + Self.formulaTolerance * max(1, radius))
      }
    }
  }

  @Test func `count by SplitMix64`() {
    // The published first outputs for the seed 1234567; a counter is the seed and a multiple of the golden ratio.
    let (a, b) = ReferenceKernels.uniformPair(key: 1_234_567 &+ 0x9e37_79b9_7f4a_7c15, pair: 0)
    #expect(a == Double((6_457_827_717_110_365_317 as UInt64) >> 11 + 1) * 0x1p-53)
    #expect(b == Double((3_203_168_211_198_807_973 as UInt64) >> 11) * 0x1p-53)
  }

  @Test func `have the moments of the normal distribution`() {
    let count = 1 << 20
    let values = Self.made(NormalDeviates(key: 7, deviation: 1), from: 0, count: count)
      .map { Double(Float(bitPattern: $0)) }
    func moment(_ power: Int) -> Double {
      values.reduce(0) { $0 + pow($1, Double(power)) } / Double(count)
    }
    // Five deviations of each estimate: √(1, 2, 15, 96) / √n.
    let bound = 5 / Double(count).squareRoot()
    #expect(moment(1).magnitude < bound)
    #expect((moment(2) - 1).magnitude < bound * 2.0.squareRoot())
    #expect(moment(3).magnitude < bound * 15.0.squareRoot())
    #expect((moment(4) - 3).magnitude < bound * 96.0.squareRoot())
    // Neighbours, of a pair or not, do not hang together.
    let products = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
    #expect(products.magnitude < bound)
  }
}
