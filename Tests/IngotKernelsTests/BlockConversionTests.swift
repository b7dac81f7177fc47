// SPDX-License-Identifier: Apache-2.0
// Block kernels of each level against their plain twins, over blocks of random bytes.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct BlockConversionTests {
  static let levels = CPUFeatures.current.available.map(KernelTable.init)
  static let types = BlockType.allCases.filter(BlockDecoder.supports)

  @Test func `the types of the page are dequantized`() {
    #expect(Set(BlockType.allCases).subtracting(Self.types) == [.q81])
  }

  @Test(arguments: types, levels)
  func `dequantizes as the plain twin does`(_ type: BlockType, kernels: KernelTable) throws {
    let decoder = try #require(BlockDecoder(type, kernels: kernels))
    var random = SeededRandom(seed: UInt64(type.ggmlNumber))
    // Any bytes are blocks; scales become NaN, infinities and denormals too.
    for count in [1, 2, 7, 200] {
      let blocks = (0..<count).map { _ in random.bytes(type.byteCount) }
      let expected = blocks.flatMap { block in
        (0..<type.elementCount).map { ReferenceKernels.blockValue($0, of: block, type) }
      }
      var values = [Float](repeating: 0, count: expected.count)
      blocks.flatMap(\.self).withUnsafeBytes { input in
        values.withUnsafeMutableBytes { output in
          decoder.decode(count: count, from: input.baseAddress!, to: output.baseAddress!)
        }
      }
      for (index, (value, expected)) in zip(values, expected).enumerated() {
        #expect(
          value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN),
          "\(type) value \(index)")
      }
    }
  }

  @Test(arguments: types.filter { $0 != .q8K }, levels)
  func `dequantizes to the bits that gguf-py gives`(_ type: BlockType, kernels: KernelTable) throws {
    let decoder = try #require(BlockDecoder(type, kernels: kernels))
    let bytes = try Fixture.bytes("kernels/blocks/\(type.rawValue).bin")
    let count = bytes.count / (type.byteCount + type.elementCount * 4)
    let start = count * type.byteCount
    try #require(count > 0 && bytes.count == start + count * type.elementCount * 4)
    var values = [UInt8](repeating: 0, count: bytes.count - start)
    bytes.withUnsafeBytes { input in
      values.withUnsafeMutableBytes { output in
        decoder.decode(count: count, from: input.baseAddress!, to: output.baseAddress!)
      }
    }
    #expect(values == Array(bytes[start...]))
  }

  /// Rows that rounding breaks on: zeros, halves of a step, denormals, the largest scale that half precision holds.
  static let rows: [[Float]] = [
    [Float](repeating: 0, count: 32),
    (0..<32).map { Float($0) - 15.5 },
    (0..<32).map { $0 == 0 ? 127 : Float($0) / 2 },
    (0..<32).map { $0 == 0 ? -127 : 0.49999997 * Float($0 % 2) },
    (0..<32).map { Float(bitPattern: UInt32($0) * 1000) },
    (0..<32).map { $0 == 3 ? 8_300_000 : 1 },
    (0..<32).map { Float($0) * 1e-7 },
    // Scales just above and below those whose reciprocal there is, 2^-128, and subnormal ones above.
    (0..<32).map { Float($0 - 16) * 0x1p-124 },
    (0..<32).map { Float($0 - 16) * 0x1.fcp-126 },
    (0..<32).map { Float($0 - 16) * Float(0x1.fcp-126).nextUp },
  ]

  /// Quantizes rows of 32 values.
  private func quantize(_ values: [Float], _ encoder: inout BlockEncoder) -> [UInt8] {
    var blocks = [UInt8](repeating: 0xEE, count: values.count / 32 * 34)
    values.withUnsafeBytes { input in
      blocks.withUnsafeMutableBytes { output in
        guard let values = input.baseAddress, let blocks = output.baseAddress else { return }
        encoder.encode(count: output.count / 34, from: values, to: blocks)
      }
    }
    return blocks
  }

  @Test func `quantizes to Q8_0 as the plain twin does, at a cost that all levels agree on`() throws {
    var random = SeededRandom(seed: 8)
    let rows = Self.rows + (0..<500).map { _ in random.floats(32) }
    let expected = rows.map { ReferenceKernels.blockQ8($0) }
    var (signal, noise, largest) = (0.0, 0.0, 0.0)
    for (row, block) in zip(rows, expected) {
      for (index, value) in row.enumerated() {
        let difference = Double(value) - Double(ReferenceKernels.blockValue(index, of: block, .q80))
        signal += Double(value) * Double(value)
        noise += difference * difference
        largest = max(largest, difference.magnitude)
      }
    }
    var first: QuantizationError?
    for kernels in Self.levels {
      var encoder = try #require(BlockEncoder(.q80, kernels: kernels))
      #expect(quantize(rows.flatMap(\.self), &encoder) == expected.flatMap(\.self))
      #expect(encoder.overflowCount == 0 && encoder.nonFiniteCount == 0)
      // Sums of 16,224 doubles in another order; a difference of single precision is rounded once.
      #expect((encoder.error.signal - signal).magnitude <= 1e-12 * signal)
      #expect((encoder.error.noise - noise).magnitude <= 1e-12 * noise)
      #expect((encoder.error.largest - largest).magnitude <= 0x1p-24 * largest)
      #expect(encoder.error.count == rows.count * 32)
      #expect(first == nil || first == encoder.error, "levels sum in the same lanes")
      first = encoder.error
    }
  }

  @Test(arguments: levels)
  func `blocks that can't stand for their values are counted`(kernels: KernelTable) throws {
    var encoder = try #require(BlockEncoder(.q80, kernels: kernels))
    var values = [Float](repeating: 1e9, count: 128)
    values[64] = .nan
    values[127] = -.infinity
    let blocks = quantize(values, &encoder)
    #expect(encoder.overflowCount == 2 && encoder.nonFiniteCount == 2)
    #expect(blocks.suffix(68).allSatisfy { $0 == 0 })
    #expect(encoder.error.count == 128)
  }
}
