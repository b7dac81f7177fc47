// SPDX-License-Identifier: Apache-2.0
// Scales of least squared error: the kernels against plain Swift, and what has no such scale.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct FittedScaleTests {
  private static let levels = CPUFeatures.current.available.map(KernelTable.init)

  private static func scales(
    _ values: [Float], size: Int, _ type: ScaleType, _ kernels: KernelTable
  ) throws -> (scales: [Float], nonFinite: Int, overflows: Int) {
    var quantizer = RunQuantizer(RunRule(size: size, scaleType: type, isFitted: true), kernels: kernels)
    let scales = try values.withUnsafeBytes { bytes in
      try quantizer.scales(of: Elements(bytes, .number(.f32)))
    }
    return (scales, quantizer.nonFiniteCount, quantizer.overflowCount)
  }

  @Test(arguments: [1, 2, 15, 16, 17, 32, 64, 128, 129], ScaleType.allCases)
  func `are those of plain Swift at every level`(size: Int, type: ScaleType) throws {
    var random = SeededRandom(seed: UInt64(size))
    // Outliers, ties, zeros, and numbers near the least and the largest that the type of a scale has room for.
    let runs = (0..<40).map { run -> [Float] in
      var values = random.floats(size)
      if run % 4 == 1 { values[size / 2] *= 30 }
      if run % 4 == 2 { values = values.map { ($0 * 20).rounded() / 2 } }
      let factors: [Float] = [1, 0, 0x1p-17, 0x1p-30, 0x1p18, 0x1p-140]
      return values.map { $0 * factors[run % 6] }
    }
    let expected = runs.map { ReferenceKernels.fittedScale($0, type) }
    for kernels in Self.levels {
      let found = try Self.scales(runs.flatMap(\.self), size: size, type, kernels)
      #expect(found.scales == expected && found.nonFinite == 0 && found.overflows == 0, "\(kernels)")
    }
  }

  @Test(arguments: [16, 17, 96], ScaleType.allCases)
  func `with weights are those of plain Swift, and others`(size: Int, type: ScaleType) throws {
    var random = SeededRandom(seed: UInt64(size))
    let weights = random.floats(size * 3).map { $0 * $0 * 4 }
    let rows = (0..<20).map { _ in random.floats(size * 3) }
    let expected = rows.map { row in
      (0..<3).map { group in
        let range = (group * size)..<((group + 1) * size)
        return ReferenceKernels.fittedScale(Array(row[range]), weights: Array(weights[range]), type)
      }
    }
    for kernels in Self.levels {
      let fit = WeightedScaleFit(weights: weights, groupSize: size, scaleType: type, kernels: kernels)
      #expect(fit.scales(of: rows.flatMap(\.self), rowCount: 20, pool: .shared) == expected.flatMap(\.self))
    }
    let plain = rows.map { ReferenceKernels.fittedScale(Array($0[..<size]), type) }
    #expect(plain != expected.map { $0[0] })
  }

  @Test(arguments: levels)
  func `what is not finite, and what no scale of a type has room for, is counted`(kernels: KernelTable) throws
  {
    var values = [Float](repeating: 1, count: 32 * 5)
    values[3] = .nan
    values[40] = -.infinity
    values[41] = .infinity
    for index in 64..<96 { values[index] = 1e9 }
    for index in 96..<128 { values[index] = .greatestFiniteMagnitude }
    let half = try Self.scales(values, size: 32, .f16, kernels)
    #expect(half.nonFinite == 3 && half.overflows == 2 && half.scales[0] == 0 && half.scales[4] > 0)
    for type in [ScaleType.f32, .bf16] {
      let wide = try Self.scales(values, size: 32, type, kernels)
      #expect(wide.nonFinite == 3 && wide.overflows == 0 && wide.scales.allSatisfy(\.isFinite))
    }
  }
}
