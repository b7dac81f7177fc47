// SPDX-License-Identifier: Apache-2.0
// Int8 kernels against plain Swift, at every level.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct QuantizationTests {
  static let levels = CPUFeatures.current.available.map(KernelTable.init)

  /// A tensor of ties, zeros and odd lengths, and its scales by channel along an axis.
  private struct Sample {
    var values: [Float]
    let layout: ChannelLayout
    let axis: Int?

    init(rows: Int, columns: Int, axis: Int?) {
      var random = SeededRandom(seed: UInt64(rows * 1000 + columns))
      // Multiples of a half, so that many quotients are ties.
      values = random.floats(rows * columns).enumerated().map { index, value in
        index % 7 == 3 ? 0 : index % 3 == 0 ? (value * 20).rounded() / 2 : value
      }
      layout = ChannelLayout(shape: Shape([rows, columns]) ?? [], axis: axis)
      self.axis = axis
      self.columns = columns
    }

    let columns: Int

    func channel(_ index: Int) -> Int {
      switch axis {
      case 0?: index / columns
      case 1?: index % columns
      default: 0
      }
    }
  }

  @Test(
    arguments: [(1, 1), (1, 15), (3, 16), (2, 17), (5, 67), (33, 129), (7, 1)] as [(Int, Int)],
    [nil, 0, 1] as [Int?])
  func `values, scales and cost are those of plain Swift`(size: (Int, Int), axis: Int?) throws {
    let sample = Sample(rows: size.0, columns: size.1, axis: axis)
    var peaks = [Float](repeating: 0, count: sample.layout.channelCount)
    for (index, value) in sample.values.enumerated() {
      peaks[sample.channel(index)] = max(peaks[sample.channel(index)], value.magnitude)
    }
    var first: QuantizationError?
    for kernels in Self.levels {
      var maximum = AbsoluteMaximum(sample.layout, kernels: kernels)
      sample.values.withUnsafeBufferPointer { maximum.add($0, from: 0) }
      #expect(maximum.values == peaks)
      #expect(maximum.nonFiniteCount == 0)

      let (result, error) = quantize(sample, scales: maximum.scales, kernels: kernels)
      var (signal, noise, largest) = (0.0, 0.0, 0.0)
      for (index, value) in sample.values.enumerated() {
        let scale = maximum.scales[sample.channel(index)]
        let expected = ReferenceKernels.quantize(value, scale: scale)
        #expect(result[index] == expected)
        let difference = Double(value) - Double(Float(expected) * scale)
        signal += Double(value) * Double(value)
        noise += difference * difference
        largest = max(largest, difference.magnitude)
      }
      // Sums of at most 4,257 doubles in another order.
      #expect((error.signal - signal).magnitude <= 1e-12 * signal)
      #expect((error.noise - noise).magnitude <= 1e-12 * noise)
      #expect(error.largest == largest && error.count == sample.values.count)
      #expect(first == nil || first == error, "levels sum in the same lanes")
      first = error
    }
  }

  @Test(
    arguments: [(1, 1), (1, 15), (3, 16), (2, 17), (5, 67), (33, 129), (7, 1)] as [(Int, Int)],
    [nil, 0, 1] as [Int?])
  func `values beyond what a scale reaches are counted`(size: (Int, Int), axis: Int?) {
    var sample = Sample(rows: size.0, columns: size.1, axis: axis)
    if sample.values.count > 3 { sample.values[3] = -127.5 / 4 }
    // Of some channels all values are within reach, of some few; 0.25 has quotients of 127.5; 0 reaches nothing.
    let scales = (0..<sample.layout.channelCount).map { [0.25, 0.5, 0.004, 0, 1][$0 % 5] as Float }
    let expected = sample.values.indices.count {
      ReferenceKernels.isClipped(sample.values[$0], scale: scales[sample.channel($0)])
    }
    for kernels in Self.levels {
      #expect(quantize(sample, scales: scales, kernels: kernels).1.clippedCount == expected)
    }
    #expect(sample.values.count < 300 || expected > 0)
  }

  @Test(arguments: levels) func `largest magnitudes clip where their scale is subnormal`(kernels: KernelTable)
  {
    // 190 steps of the least number there is: a scale of 1.496 of them becomes 1.
    let values: [Float] = [0x1p-149 * 190, 0x1p-149 * 127, -0x1p-149 * 128, 0]
    let layout = ChannelLayout(shape: [4], axis: nil)
    var maximum = AbsoluteMaximum(layout, kernels: kernels)
    values.withUnsafeBufferPointer { maximum.add($0, from: 0) }
    #expect(maximum.scales == [0x1p-149])
    var quantizer = Int8Quantizer(layout, scales: maximum.scales, coverPeaks: true, kernels: kernels)
    var result = [Int8](repeating: 0, count: 4)
    values.withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { quantizer.quantize(input, from: 0, into: $0) }
    }
    #expect(result == [127, 127, -127, 0] && quantizer.error.clippedCount == 2)
    #expect(quantizer.error.clippedShare == 0.5)
  }

  /// Quantizes in two stretches that end inside rows.
  private func quantize(
    _ sample: Sample, scales: [Float], kernels: KernelTable
  ) -> ([Int8], QuantizationError) {
    var result = [Int8](repeating: 99, count: sample.values.count)
    var quantizer = Int8Quantizer(sample.layout, scales: scales, kernels: kernels)
    let cut = sample.values.count / 2
    sample.values.withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { output in
        for range in [0..<cut, cut..<input.count] {
          quantizer.quantize(
            UnsafeBufferPointer(rebasing: input[range]), from: range.lowerBound,
            into: UnsafeMutableBufferPointer(rebasing: output[range]))
        }
      }
    }
    return (result, quantizer.error)
  }

  @Test(arguments: levels, [nil, 0, 1] as [Int?])
  func `values that are not finite are counted, and far ones clamped`(kernels: KernelTable, axis: Int?) {
    let values: [Float] = [1, .nan, 3, .infinity, -5, 6, 7, -.infinity, 9, 10, 11, 12]
    let layout = ChannelLayout(shape: [3, 4], axis: axis)
    var maximum = AbsoluteMaximum(layout, kernels: kernels)
    values.withUnsafeBufferPointer { all in
      maximum.add(UnsafeBufferPointer(rebasing: all[..<6]), from: 0)
      maximum.add(UnsafeBufferPointer(rebasing: all[6...]), from: 6)
    }
    #expect(maximum.nonFiniteCount == 3)
    var result = [Int8](repeating: 0, count: 3)
    var quantizer = Int8Quantizer(
      ChannelLayout(shape: [3], axis: nil), scales: [0.5], kernels: kernels)
    [1000, -1000, 1].withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { quantizer.quantize(input, from: 0, into: $0) }
    }
    #expect(result == [127, -127, 2])
  }

  /// A channel's largest magnitudes up to the largest number there is.
  @Test(
    arguments: levels, [Float.greatestFiniteMagnitude, .greatestFiniteMagnitude.nextDown, 0x1p127, 0x1p-149])
  func `steps of a scale stay finite, and so does the cost`(kernels: KernelTable, largest: Float) {
    let values: [Float] = [largest, -largest, largest / 3, 0, largest / 127]
    let layout = ChannelLayout(shape: [5], axis: nil)
    var maximum = AbsoluteMaximum(layout, kernels: kernels)
    values.withUnsafeBufferPointer { maximum.add($0, from: 0) }
    let scale = maximum.scales[0]
    #expect((127 * scale).isFinite && (scale == largest / 127 || scale == (largest / 127).nextDown))
    var result = [Int8](repeating: 0, count: 5)
    var quantizer = Int8Quantizer(layout, scales: [scale], kernels: kernels)
    values.withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { quantizer.quantize(input, from: 0, into: $0) }
    }
    let differences = zip(values, result).map { (Double($0) - Double(Float($1) * scale)).magnitude }
    #expect(quantizer.error.largest == differences.max())
    #expect(quantizer.error.signalToNoise.isFinite || quantizer.error.isExact)
  }

  @Test func `the cost of two stretches is that of both, whichever comes first`() {
    // Rounded to whole numbers, of which one stretch is off by a quarter and the other by an eighth.
    func cost(_ values: [Float]) -> QuantizationError {
      var result = [Int8](repeating: 0, count: values.count)
      var quantizer = Int8Quantizer(ChannelLayout(shape: [2], axis: nil), scales: [1])
      values.withUnsafeBufferPointer { input in
        result.withUnsafeMutableBufferPointer { quantizer.quantize(input, from: 0, into: $0) }
      }
      return quantizer.error
    }
    for stretches: [[Float]] in [[[1.25, 3], [2, -4.125]], [[2, -4.125], [1.25, 3]]] {
      var total = QuantizationError()
      for stretch in stretches { total.merge(cost(stretch)) }
      #expect(total.largest == 0.25 && total.noise == 0.078125 && total.count == 4)
    }
  }

  @Test func `the larger of two numbers is NaN when one of them is`() {
    #expect(Double.nan.orLarger(1).isNaN && 1.0.orLarger(.nan).isNaN)
    #expect(1.0.orLarger(2) == 2 && 2.0.orLarger(1) == 2 && 1.0.orLarger(.infinity) == .infinity)
    var total = QuantizationError()
    #expect(total.isExact && total.signalToNoise == .infinity)
    total.merge(QuantizationError())
    #expect(total.largest == 0)
  }
}
