// SPDX-License-Identifier: Apache-2.0
// Views of a storage, with strides of any order, gaps and repetitions: read in rows of any number, each element is that
// which the strides name.
import IngotBytes
import IngotCore
import IngotTestSupport
import Testing

@Suite struct StridedReadingTests {
  @Test(arguments: 0..<120)
  func `each element is where the strides say`(_ seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let dimensions = (0..<random.integer(in: 1...4)).map { _ in random.integer(in: 1...5) }
    try Self.check(dimensions, Self.strides(of: dimensions, &random), &random)
  }

  /// Rows whose elements lie so far apart that they are not read in one piece.
  @Test(arguments: [[10, 300_000, 1], [300_000, 10, 600_000], [1, 400_000, 7], [0, 600_000, 3]], 0..<3)
  func `elements that lie far apart are found too`(_ strides: [Int], _ seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    try Self.check([3, 2, 3], strides, &random)
  }

  /// Reads a view in rows of random numbers.
  private static func check(
    _ dimensions: [Int], _ strides: [Int], _ random: inout SeededRandom
  ) throws {
    let offset = random.integer(in: 0...3)
    let last = offset + zip(dimensions, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    let stored = (0..<((last + 1) * 2)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    let shape = try #require(Shape(dimensions))
    let storage = TensorStorage(
      StorageSegment(file: 0, offset: 0, byteCount: stored.count),
      layout: .strided(offset: offset, strides: strides))
    let reader = try TensorReader(
      "x", StoredPart(PartType(kind: .values, dtype: .i16, shape: shape), storage),
      files: SourceFiles(sources: [MemoryByteSource(stored, path: "memory")]), scratchFolder: "/tmp")
    var read: [UInt8] = []
    while read.count < reader.byteCount {
      let rows = random.integer(in: 1...4)
      let count = min(rows * reader.rowByteCount, reader.byteCount - read.count)
      var piece = [UInt8](repeating: 0xAA, count: count)
      var failure: IngotError?
      piece.withUnsafeMutableBytes { buffer in
        do throws(IngotError) { try reader.read(bytesAt: read.count, into: buffer) } catch { failure = error }
      }
      if let failure { throw failure }
      read += piece
    }
    #expect(read == elements(of: dimensions, strides, offset, in: stored), "\(dimensions) \(strides)")
  }

  /// Strides of the dimensions in a random order, some with gaps, some 0.
  private static func strides(of dimensions: [Int], _ random: inout SeededRandom) -> [Int] {
    var strides = [Int](repeating: 0, count: dimensions.count)
    var remaining = Array(dimensions.indices)
    var stride = 1
    while !remaining.isEmpty {
      let axis = remaining.remove(at: random.integer(in: 0...(remaining.count - 1)))
      if random.integer(in: 0...5) == 0 { continue }
      stride += random.integer(in: 0...3) == 0 ? random.integer(in: 1...3) : 0
      strides[axis] = stride
      stride *= dimensions[axis]
    }
    return strides
  }

  /// The elements, one by one.
  private static func elements(
    of dimensions: [Int], _ strides: [Int], _ offset: Int, in stored: [UInt8]
  ) -> [UInt8] {
    (0..<dimensions.reduce(1, *)).flatMap { index in
      var (rest, place) = (index, offset)
      for axis in dimensions.indices.reversed() {
        place += rest % dimensions[axis] * strides[axis]
        rest /= dimensions[axis]
      }
      return stored[(2 * place)..<(2 * place + 2)]
    }
  }
}
