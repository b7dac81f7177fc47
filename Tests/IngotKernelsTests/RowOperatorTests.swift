// SPDX-License-Identifier: Apache-2.0
// Row and element operators against their plain twins.
import Foundation
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct RowOperatorTests {
  static let levels = CPUFeatures.current.available.map(KernelTable.init)
  static let counts = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 64, 101]
  /// Half a unit in the last place of the result, and a little for the double arithmetic before it (1e-10, relative).
  static let roundingOnly = 0x1.01p-24

  @Test(arguments: ActivationKind.allCases, levels)
  func `activations are off by their rounding alone`(kind: ActivationKind, kernels: KernelTable) {
    let grid = (-4000...4000).map { Float($0) / 160 }
    let small =
      [0, 1e-30, -1e-30, 1e-6, -1e-6, 1e-3, -1e-3, 9.99e-4, 88, -88, 200, -200, 1e4, -1e4] as [Float]
    let x = grid + small
    let y = apply(kernels, x) { kernels.activate(kind, $0, into: $1, count: x.count) }
    for (index, value) in x.enumerated() {
      let expected = ReferenceKernels.activation(kind, Double(value))
      // Below the smallest normal number, steps are absolute. tanh of the plain gelu cancels: 1e-16 of x.
      let bound = expected.magnitude * Self.roundingOnly + 0x1p-149 + Double(value.magnitude) * 2e-16
      let error = (Double(y[index]) - expected).magnitude
      #expect(error <= bound, "\(kind) of \(value): \(y[index]), expected \(expected)")
    }
  }

  /// What `FunctionAccuracy.quick` promises: 2⁻²¹, of the result for shares, of the argument for activations.
  private static let quickBound = 0x1p-21

  @Test(arguments: ActivationKind.allCases, levels)
  func `quick activations keep their bound`(kind: ActivationKind, kernels: KernelTable) {
    let x = (-4000...4000).map { Float($0) / 160 } + [0, 1e-30, -1e-30, 88, -88, 200, -200, 1e4, -1e4, .nan]
    let y = apply(kernels, x) { kernels.activate(kind, $0, into: $1, count: x.count, accuracy: .quick) }
    for (index, value) in x.enumerated() where !value.isNaN {
      let expected = ReferenceKernels.activation(kind, Double(value))
      let bound = max(expected.magnitude, Double(value.magnitude)) * Self.quickBound + 0x1p-126
      #expect((Double(y[index]) - expected).magnitude <= bound, "\(kind) of \(value)")
    }
    #expect(y.last?.isNaN == true)
  }

  @Test(arguments: counts, levels)
  func `quick softmax keeps its bound, masked or not`(count: Int, kernels: KernelTable) {
    var random = SeededRandom(seed: UInt64(count))
    let scores = random.floats(count).map { $0 * 30 }
    for masked in [false, true] {
      let mask: [UInt8] = (0..<count).map { masked && $0 % 3 == 1 ? 0 : 1 }
      let y = apply(kernels, scores) { from, to in
        to.update(from: from, count: count)
        kernels.softmax(to, count: count, mask: masked ? mask : nil, accuracy: .quick)
      }
      let expected = ReferenceKernels.softmax(scores.map(Double.init), mask: mask.map { $0 != 0 })
      for index in y.indices {
        // The difference to the largest score is rounded too, and what it is off by multiplies the power.
        let distance = Double((scores.max() ?? 0) - scores[index])
        let bound = expected[index] * (Self.quickBound + distance * 0x1p-23) + 0x1p-126
        #expect((Double(y[index]) - expected[index]).magnitude <= bound)
      }
    }
  }

  @Test(arguments: ActivationKind.allCases, levels)
  func `activations keep NaN`(kind: ActivationKind, kernels: KernelTable) {
    let y = apply(kernels, [Float.nan, 1]) { kernels.activate(kind, $0, into: $1, count: 2) }
    #expect(y[0].isNaN && !y[1].isNaN)
  }

  @Test(arguments: counts, levels)
  func `layer norm equals its plain twin`(width: Int, kernels: KernelTable) {
    guard width > 0 else { return }
    var random = SeededRandom(seed: UInt64(width))
    let rows = 3
    // A mean far from zero, where sums of squares would cancel.
    let x = random.floats(rows * width).map { $0 + 100 }
    let (gain, bias) = (random.floats(width), random.floats(width))
    let y = apply(kernels, x) {
      kernels.layerNorm($0, into: $1, rowCount: rows, width: width, gain: gain, bias: bias, epsilon: 1e-5)
    }
    let expected = ReferenceKernels.layerNorm(
      x.map(Double.init), gain: gain.map(Double.init), bias: bias.map(Double.init), epsilon: 1e-5)
    for index in y.indices {
      #expect(
        (Double(y[index]) - expected[index]).magnitude <= expected[index].magnitude * Self.roundingOnly
          + 1e-12)
    }
  }

  @Test(arguments: counts, levels)
  func `RMS norm equals its plain twin`(width: Int, kernels: KernelTable) {
    guard width > 0 else { return }
    var random = SeededRandom(seed: UInt64(width))
    let rows = 3
    let (x, gain) = (random.floats(rows * width), random.floats(width))
    for offset in [0.0, 1.0] {
      let y = apply(kernels, x) {
        kernels.rmsNorm(
          $0, into: $1, rowCount: rows, width: width, gain: gain, offset: offset, epsilon: 1e-5)
      }
      let expected = ReferenceKernels.rmsNorm(
        x.map(Double.init), gain: gain.map(Double.init), offset: offset, epsilon: 1e-5)
      for index in y.indices {
        #expect(
          (Double(y[index]) - expected[index]).magnitude <= expected[index].magnitude * Self.roundingOnly
            + 1e-12)
      }
    }
  }

  @Test(arguments: counts, levels)
  func `turning pairs equals its plain twin, and leaves the rest`(pairs: Int, kernels: KernelTable) {
    var random = SeededRandom(seed: UInt64(pairs))
    let (heads, rest) = (3, 5)
    let width = 2 * pairs + rest
    let x = random.floats(heads * width)
    let angles = random.floats(pairs).map { Double($0) * 100 }
    let (cosine, sine) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
    let y = apply(kernels, x) {
      kernels.rotate(
        $0, into: $1, headCount: heads, headDimension: width, half: pairs, cosine: cosine, sine: sine)
    }
    for head in 0..<heads {
      let row = x[(head * width)..<((head + 1) * width)].map(Double.init)
      let expected = ReferenceKernels.rotate(row[...], angles: angles, factor: 1)
      for index in 0..<width {
        // Cosine and sine are rounded to F32 before, the result after.
        let bound = index < 2 * pairs ? 3 * 0x1p-24 * (row[index % max(1, pairs)].magnitude + 1) : 0
        #expect((Double(y[head * width + index]) - expected[index]).magnitude <= bound)
      }
    }
  }

  @Test(arguments: counts, levels)
  func `products of two rows are rounded once`(count: Int, kernels: KernelTable) {
    var random = SeededRandom(seed: UInt64(count))
    let (a, b) = (random.floats(count), random.floats(count))
    let y = apply(kernels, a) { kernels.multiply($0, b, into: $1, count: count) }
    #expect(y == zip(a, b).map { $0 * $1 })
  }

  @Test(arguments: counts, levels)
  func `softmax equals its plain twin, masked or not`(count: Int, kernels: KernelTable) {
    var random = SeededRandom(seed: UInt64(count))
    let scores = random.floats(count).map { $0 * 30 }
    for masked in [false, true] {
      let mask: [UInt8] = (0..<count).map { masked && $0 % 3 == 1 ? 0 : 1 }
      var y = scores
      y.withUnsafeMutableBufferPointer { y in
        if let start = y.baseAddress { kernels.softmax(start, count: count, mask: masked ? mask : nil) }
      }
      let expected = ReferenceKernels.softmax(scores.map(Double.init), mask: mask.map { $0 != 0 })
      for index in y.indices {
        // Two roundings: of the power and of the quotient.
        let bound = expected[index] * 2 * Self.roundingOnly + 0x1p-149
        #expect((Double(y[index]) - expected[index]).magnitude <= bound)
      }
    }
  }

  @Test(arguments: levels) func `a fully masked row becomes zeros`(kernels: KernelTable) {
    var y: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    kernels.softmax(&y, count: 9, mask: [UInt8](repeating: 0, count: 9))
    #expect(y == [Float](repeating: 0, count: 9))
  }

  /// Scores in which a NaN stands first, last, behind whole vectors, alone, and among hidden ones.
  static let broken: [[Float]] = [
    [.nan], [.nan, -.infinity], [-.infinity, .nan], [.nan, 1], [1, .nan, 2],
    [Float](repeating: 1, count: 16) + [.nan], [.nan] + [Float](repeating: -.infinity, count: 40),
    [Float](repeating: -.infinity, count: 40) + [.nan],
  ]

  @Test(arguments: broken, levels)
  func `softmax keeps NaN, however few other scores there are`(scores: [Float], kernels: KernelTable) {
    for accuracy in [FunctionAccuracy.exact, .quick] {
      var y = scores
      kernels.softmax(&y, count: y.count, mask: nil, accuracy: accuracy)
      #expect(y.allSatisfy { $0.isNaN }, "\(accuracy)")
      // What is hidden counts for nothing.
      y = scores
      kernels.softmax(&y, count: y.count, mask: scores.map { $0.isNaN ? 0 : 1 }, accuracy: accuracy)
      #expect(y.allSatisfy { !$0.isNaN }, "\(accuracy)")
    }
    #expect(ReferenceKernels.softmax(scores.map(Double.init)).allSatisfy { $0.isNaN })
  }

  /// Powers to 1e-14, and sums of a few hundred terms.
  private static let sumTolerance = 1e-12

  @Test(arguments: counts.filter { $0 > 0 }, levels)
  func `sums of scores and divergences equal their plain twins`(count: Int, kernels: KernelTable) {
    var random = SeededRandom(seed: UInt64(count))
    let rows = (0..<2).map { _ in random.floats(count).map { $0 * 30 } }
    let expected = rows.map { ReferenceKernels.normalizer($0.map(Double.init)) }
    rows[0].withUnsafeBufferPointer { x in
      rows[1].withUnsafeBufferPointer { y in
        let sums = (kernels.sum(x), kernels.sum(y))
        #expect((sums.0.normalizer - expected[0]).magnitude < Self.sumTolerance)
        #expect((sums.1.normalizer - expected[1]).magnitude < Self.sumTolerance)
        #expect(sums.0.isFinite && sums.0.greatest == rows[0].map(Double.init).max())
        let divergence = ReferenceKernels.divergence(rows[0].map(Double.init), from: rows[1].map(Double.init))
        let found = kernels.divergence(of: x, sums.0, from: y, sums.1)
        #expect((found - max(0, divergence)).magnitude < Self.sumTolerance * max(1, divergence))
        #expect(kernels.divergence(of: x, sums.0, from: x, sums.0) == 0)
      }
    }
  }

  @Test(arguments: broken + [[.infinity, 1], [1, .infinity], [-.infinity, -.infinity]], levels)
  func `scores that have no shares sum up to none`(scores: [Float], kernels: KernelTable) {
    scores.withUnsafeBufferPointer { x in
      let sum = kernels.sum(x)
      #expect(sum.normalizer.isNaN && !sum.isFinite)
      #expect(kernels.divergence(of: x, sum, from: x, sum).isNaN)
    }
    #expect(ReferenceKernels.normalizer(scores.map(Double.init)).isNaN)
  }

  @Test(arguments: levels) func `what is ruled out has no share`(kernels: KernelTable) {
    let (sure, unsure): ([Float], [Float]) = ([0, -.infinity, -.infinity], [0, 0, 0])
    sure.withUnsafeBufferPointer { x in
      unsure.withUnsafeBufferPointer { y in
        let sums = (kernels.sum(x), kernels.sum(y))
        #expect(sums.0.normalizer == 0 && !sums.0.isFinite && sums.1.isFinite)
        #expect((kernels.divergence(of: x, sums.0, from: y, sums.1) - 1.0986122886681098).magnitude < 1e-15)
        #expect(kernels.divergence(of: y, sums.1, from: x, sums.0) == .infinity)
      }
    }
  }

  @Test(arguments: levels) func `adds`(kernels: KernelTable) {
    var random = SeededRandom(seed: 3)
    let a = random.floats(185)
    let b = random.floats(185)
    let sum = apply(kernels, a) { kernels.add($0, b, into: $1, count: a.count) }
    #expect(sum == zip(a, b).map { $0 + $1 })
  }

  private func apply(
    _ kernels: KernelTable, _ x: [Float], _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    var y = [Float](repeating: 0, count: x.count)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        if let x = x.baseAddress, let y = y.baseAddress { body(x, y) }
      }
    }
    return y
  }
}
