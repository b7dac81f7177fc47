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
    #expect(
      Set(Self.types) == [.q40, .q41, .q50, .q51, .q80, .q2K, .q3K, .q4K, .q5K, .q6K, .q8K])
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

  /// Rows that rounding breaks on: zeros, halves of a step, denormals, the largest scale that half precision holds.
  static let rows: [[Float]] = [
    [Float](repeating: 0, count: 32),
    (0..<32).map { Float($0) - 15.5 },
    (0..<32).map { $0 == 0 ? 127 : Float($0) / 2 },
    (0..<32).map { $0 == 0 ? -127 : 0.49999997 * Float($0 % 2) },
    (0..<32).map { Float(bitPattern: UInt32($0) * 1000) },
    (0..<32).map { $0 == 3 ? 8_300_000 : 1 },
    (0..<32).map { Float($0) * 1e-7 },
  ]

  @Test(arguments: levels)
  func `quantizes to Q8_0 as the plain twin does`(kernels: KernelTable) throws {
    let encoder = try #require(BlockEncoder(.q80, kernels: kernels))
    var random = SeededRandom(seed: 8)
    let rows = Self.rows + (0..<500).map { _ in random.floats(32) }
    let expected = rows.flatMap { ReferenceKernels.blockQ8($0) }
    var blocks = [UInt8](repeating: 0, count: expected.count)
    let overflowCount = rows.flatMap(\.self).withUnsafeBytes { input in
      blocks.withUnsafeMutableBytes { output in
        encoder.encode(count: rows.count, from: input.baseAddress!, to: output.baseAddress!)
      }
    }
    #expect(overflowCount == 0)
    #expect(blocks == expected)
  }

  @Test(arguments: levels)
  func `a scale beyond half precision is counted`(kernels: KernelTable) throws {
    let encoder = try #require(BlockEncoder(.q80, kernels: kernels))
    let values = [Float](repeating: 1e9, count: 64)
    var blocks = [UInt8](repeating: 0, count: 68)
    let count = values.withUnsafeBytes { input in
      blocks.withUnsafeMutableBytes {
        encoder.encode(count: 2, from: input.baseAddress!, to: $0.baseAddress!)
      }
    }
    #expect(count == 2)
  }
}
