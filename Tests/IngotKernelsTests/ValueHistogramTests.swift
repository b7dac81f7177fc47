// SPDX-License-Identifier: Apache-2.0
// Histograms against numpy's counts of the same bits, and of the same bounds.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct ValueHistogramTests {
  /// Lines that numpy prints: a place's bounds and how many values have its upper 16 bits; then how many have none.
  private static let peer = """
    import sys
    import numpy as np, ml_dtypes
    dtype = np.dtype({"BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn}.get(sys.argv[1], sys.argv[1]))
    raw = np.frombuffer(sys.stdin.buffer.read(), dtype)
    with np.errstate(over="ignore"): values = raw.astype(np.float32)
    finite = values[np.isfinite(values)]
    places, counts = np.unique(finite.view(np.uint32) >> 16, return_counts=True)
    lines = []
    for place, count in zip(places.tolist(), counts.tolist()):
        near, far = [np.array([(place + step & 0x7FFF) << 16], np.uint32).view(np.float32)[0].item() for step in (0, 1)]
        if not np.isfinite(far): far = 2.0 ** 128
        lines.append((-far, -near, count) if place & 0x8000 else (near, far, count))
    for low, high, count in sorted(lines): print(low.hex(), high.hex(), count)
    print(len(values) - len(finite))
    """

  private static let seeds: [(DType, String)] = [
    (.f32, "<f4"), (.f64, "<f8"), (.f16, "<f2"), (.bf16, "BF16"), (.f8E4M3, "F8_E4M3"), (.i8, "i1"),
    (.u8, "u1"), (.i32, "<i4"), (.i64, "<i8"),
  ]

  private func histogram(_ bytes: [UInt8], _ dtype: DType, in pieces: Int = 1) -> ValueHistogram {
    var sum = ValueHistogram()
    let width = dtype.bitWidth / 8
    let count = bytes.count / width
    for piece in 0..<pieces {
      let (start, end) = (piece * count / pieces, (piece + 1) * count / pieces)
      var counter = ValueHistogram.Counter(elementCount: end - start)
      bytes[(start * width)..<(end * width)].withUnsafeBytes {
        counter.add(Elements($0, .number(dtype)))
      }
      sum.merge(counter.histogram)
    }
    return sum
  }

  /// Any bits: every exponent, both signs, subnormal numbers, NaN and infinities.
  private func bits(_ byteCount: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    return random.bytes(byteCount)
  }

  @Test(arguments: seeds, [1, 3000, 9000])
  func `counts what numpy counts of the same upper bits`(_ type: (DType, String), count: Int) throws {
    let bytes = bits(count * type.0.bitWidth / 8, seed: UInt64(count))
    let output = try PythonPeer.run(code: Self.peer, [type.1], input: bytes).standardOutput
    let expected = output.split(separator: "\n").map { $0.split(separator: " ") }
    // Small ones are sorted, large ones counted by place, and pieces of both are merged.
    for pieces in [1, 7] {
      let found = histogram(bytes, type.0, in: pieces)
      let lines = expected.dropLast()
      #expect(found.occupiedPlaces.count == lines.count)
      for (bin, line) in zip(found.occupiedPlaces, lines) {
        #expect(bin.lower == Double(line[0]) && bin.upper == Double(line[1]), "\(bin)")
        #expect(bin.count == Int(line[2]), "\(bin)")
      }
      #expect(String(found.outsideCount) == expected.last?.first.map(String.init))
      #expect(found.count + found.outsideCount == count)
    }
  }

  @Test(arguments: [1, 2, 17, 64])
  func `few bins have the counts that numpy finds between their bounds`(limit: Int) throws {
    var random = SeededRandom(seed: 5)
    // A bell far from zero, and one across it with a value far out.
    let near = random.floats(6000).map { 1 + $0 / 50 }
    let across = random.floats(5999) + [40]
    for values in [near, across, near + across] {
      let bytes = values.withUnsafeBytes(Array.init)
      let bins = histogram(bytes, .f32).bins(atMost: limit)
      #expect((1...limit).contains(bins.count))
      #expect(zip(bins, bins.dropFirst()).allSatisfy { $0.upper == $1.lower })
      let edges = bins.map(\.lower) + [bins.last?.upper ?? 0]
      let output = try PythonPeer.run(
        code: """
          import sys, numpy as np
          values = np.frombuffer(sys.stdin.buffer.read(), "<f4").astype(np.float64)
          edges = [float(x) for x in sys.argv[1:]]
          print(*np.histogram(values, edges)[0], values.min() >= edges[0], values.max() < edges[-1])
          """, edges.map { "\($0)" }, input: bytes
      ).standardOutput
      #expect(output == (bins.map { String($0.count) } + ["True", "True"]).joined(separator: " ") + "\n")
    }
  }

  @Test func `bins are of about one width where places are narrower`() {
    var random = SeededRandom(seed: 6)
    let bins = histogram(random.floats(9000).withUnsafeBytes(Array.init), .f32).bins(atMost: 64)
    let width = ((bins.last?.upper ?? 0) - (bins.first?.lower ?? 0)) / 64
    // A bound moves by half a place at the most, which is 1/128 of a value.
    #expect(bins.count == 64 && bins.allSatisfy { ($0.upper - $0.lower - width).magnitude < width / 2 })
  }

  @Test func `tails are what lies beyond bounds between places`() throws {
    var random = SeededRandom(seed: 7)
    let values = random.floats(9000) + [9, -9, 0x1.8p3, -12]
    let tails = histogram(values.withUnsafeBytes(Array.init), .f32).tails(below: -0.9, above: 0.95)
    #expect(tails.lower <= -0.9 && tails.lower > -0.91 && tails.upper >= 0.95 && tails.upper < 0.96)
    #expect(tails.count == values.count { Double($0) <= tails.lower || Double($0) >= tails.upper })
    #expect(tails.count > 4)
    let none = histogram(values.withUnsafeBytes(Array.init), .f32).tails(below: -0x1p127, above: 0x1p127)
    #expect(none.count == 0)
  }

  @Test func `nothing, and what is no number, has no bins`() {
    #expect(ValueHistogram().bins(atMost: 64).isEmpty && ValueHistogram().occupiedPlaces.isEmpty)
    let values: [Float] = [.nan, .infinity, -.infinity]
    let histogram = histogram(values.withUnsafeBytes(Array.init), .f32)
    #expect(histogram.outsideCount == 3 && histogram.count == 0 && histogram.bins(atMost: 64).isEmpty)
    let zeros = self.histogram([0, 0, 0, 0x80, 0, 0, 0, 0], .f32)
    #expect(zeros.bins(atMost: 64).map(\.count) == [1, 1])
  }
}
