// SPDX-License-Identifier: Apache-2.0
// Tensors that are stored in boxes, cut at random: read in rows of any number, they are the whole.
import IngotBytes
import IngotCore
import IngotTestSupport
import Testing

@Suite struct BoxLayoutTests {
  @Test(arguments: 0..<60)
  func `boxes read row by row are the tensor`(_ seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let shape = try #require(Shape((0..<random.integer(in: 1...4)).map { _ in random.integer(in: 1...6) }))
    let whole = random.bytes(shape.elementCount * 2)
    let cut = Cut(shape, axis: random.integer(in: 0...(shape.rank - 1)), of: whole, &random)
    let reader = try TensorReader(
      "x", cut.part, files: SourceFiles(sources: cut.sources), scratchFolder: "/tmp")
    #expect(!reader.cutsAnywhere)
    var read: [UInt8] = []
    while read.count < whole.count {
      let rows = random.integer(in: 1...4)
      let offset = read.count
      var piece = [UInt8](repeating: 0xAA, count: min(rows * reader.rowByteCount, whole.count - offset))
      var failure: IngotError?
      piece.withUnsafeMutableBytes { buffer in
        do throws(IngotError) { try reader.read(bytesAt: offset, into: buffer) } catch { failure = error }
      }
      if let failure { throw failure }
      read += piece
    }
    #expect(read == whole)
    try reader.verifyStoredChecksum()
  }

  @Test func `a changed byte in any box is found`() throws {
    var random = SeededRandom(seed: 9)
    let shape: Shape = [4, 6]
    var cut = Cut(shape, axis: 1, of: random.bytes(48), &random)
    cut.contents[cut.contents.count - 1][0] ^= 1
    let reader = try TensorReader(
      "x", cut.part, files: SourceFiles(sources: cut.sources), scratchFolder: "/tmp")
    #expect(throws: IngotError.self) { try reader.verifyStoredChecksum() }
  }

  /// A tensor of I16 in boxes along one axis, each in a source of its own.
  private struct Cut {
    var contents: [[UInt8]] = []
    var part: StoredPart

    var sources: [any ByteSource] {
      contents.enumerated().map { MemoryByteSource($1, path: "box \($0)") }
    }

    init(_ shape: Shape, axis: Int, of whole: [UInt8], _ random: inout SeededRandom) {
      var boxes: [ElementBox] = []
      var start = 0
      while start < shape.dimensions[axis] {
        let count = random.integer(in: 1...(shape.dimensions[axis] - start))
        var starts = shape.dimensions.map { _ in 0 }
        var counts = shape.dimensions
        starts[axis] = start
        counts[axis] = count
        boxes.append(ElementBox(starts: starts, shape: Shape(counts) ?? .scalar))
        start += count
      }
      contents = boxes.map { Cut.elements(of: $0, in: shape, whole) }
      let checksums = contents.map { CRC32C.value(of: $0[...]) }
      var storage = TensorStorage(
        StorageSegment(file: 0, offset: 0, byteCount: 0), layout: .boxes(boxes),
        checksum: .crc32cOfSegments(checksums, rule: Rule(id: "XX-01")))
      storage.segments = .many(
        contents.enumerated().map { StorageSegment(file: $0, offset: 0, byteCount: $1.count) })
      part = StoredPart(PartType(kind: .values, dtype: .i16, shape: shape), storage)
    }

    /// The elements of a box, one by one.
    static func elements(of box: ElementBox, in shape: Shape, _ whole: [UInt8]) -> [UInt8] {
      var bytes: [UInt8] = []
      for index in 0..<shape.elementCount {
        var rest = index
        var isInside = true
        for axis in shape.dimensions.indices.reversed() {
          let place = rest % shape.dimensions[axis]
          rest /= shape.dimensions[axis]
          let end = box.starts[axis] + box.shape.dimensions[axis]
          isInside = isInside && place >= box.starts[axis] && place < end
        }
        if isInside { bytes += whole[(2 * index)..<(2 * index + 2)] }
      }
      return bytes
    }
  }
}
