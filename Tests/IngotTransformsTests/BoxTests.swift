// SPDX-License-Identifier: Apache-2.0
// Rows and columns of matrices against plain loops, over every kind of storage, parts that are joined or made, and tiles that
// fall anywhere.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct BoxTests {
  static let boxes: [(rows: Range<Int>, columns: Range<Int>)] = [
    (0..<12, 0..<10), (0..<12, 0..<5), (0..<12, 5..<10), (3..<9, 0..<10), (6..<12, 5..<10), (4..<5, 0..<10),
    (4..<5, 2..<3), (0..<12, 9..<10), (11..<12, 0..<1), (1..<8, 3..<9),
  ]
  private static let shape: Shape = [12, 10]

  /// A box by its definition: row by row.
  private static func box(_ bytes: [UInt8], _ index: Int, width: Int) -> [UInt8] {
    taken(boxes[index].rows, boxes[index].columns, of: bytes, width: width)
  }

  private static func taken(
    _ rows: Range<Int>, _ columns: Range<Int>, of bytes: [UInt8], width: Int
  ) -> [UInt8] {
    var taken: [UInt8] = []
    for row in rows {
      let start = (row * 10 + columns.lowerBound) * width
      taken += bytes[start..<(start + columns.count * width)]
    }
    return taken
  }

  private static func box(of part: LazyPart, _ index: Int) -> LazyPart {
    part.box(rows: boxes[index].rows, columns: boxes[index].columns)
  }

  @Test(arguments: StorageKind.allCases, boxes.indices)
  func `equals the definition`(_ kind: StorageKind, _ index: Int) throws {
    for width in [1, 2, 4, 16] {
      let matrix = try StoredMatrix(kind, shape: Self.shape, width: width)
      let part = Self.box(of: matrix.part, index)
      let expected = Self.box(matrix.bytes, index, width: width)
      #expect(part.shape == Shape([Self.boxes[index].rows.count, Self.boxes[index].columns.count]))
      for grains in [1, 2, 1000] { #expect(try read(part, matrix.files, grains: grains) == expected) }
      // A box of a box, and one of what is no stored part.
      let whole = LazyPart.reshaped(matrix.part, Self.shape)
      #expect(try read(Self.box(of: whole, index), matrix.files) == expected)
      let half = part.box(rows: 0..<1, columns: 0..<1)
      #expect(try read(half, matrix.files) == Array(expected.prefix(width)))
    }
  }

  @Test(arguments: boxes.indices)
  func `of joined boxes only those are taken that it meets`(_ index: Int) throws {
    for axis in 0..<2 {
      let matrix = try StoredMatrix(.raw, shape: Self.shape, width: 4)
      let (joined, files) = try Self.halves(of: matrix.bytes, axis: axis)
      let part = Self.box(of: joined, index)
      #expect(try read(part, files, grains: 2) == Self.box(matrix.bytes, index, width: 4))
    }
  }

  /// A matrix whose halves are files of their own, each with a checksum.
  private static func halves(of bytes: [UInt8], axis: Int) throws -> (LazyPart, SourceFiles) {
    let shape: Shape = axis == 0 ? [6, 10] : [12, 5]
    var (boxes, sources): ([JoinedBox], [any ByteSource]) = ([], [])
    for half in 0..<2 {
      // All rows of a half, or a half of each row.
      let runByteCount = axis == 0 ? 240 : 20
      var content: [UInt8] = []
      for start in stride(from: half * runByteCount, to: bytes.count, by: 2 * runByteCount) {
        content += bytes[start..<(start + runByteCount)]
      }
      var crc = CRC32()
      content.withUnsafeBytes { crc.update($0) }
      let storage = TensorStorage(
        StorageSegment(file: half, offset: 0, byteCount: 240),
        checksum: .crc32(crc.value, prefix: 0, rule: Rule(id: "XX-01")))
      let starts = axis == 0 ? [6 * half, 0] : [0, 5 * half]
      boxes.append(JoinedBox(box: ElementBox(starts: starts, shape: shape), storage: storage))
      sources.append(MemoryByteSource(content, path: "half \(half)"))
    }
    let type = PartType(kind: .values, dtype: .u32, shape: Self.shape)
    let part = StoredPart(type, TensorStorage(joining: boxes))
    return (.stored(name: "joined", part), SourceFiles(sources: sources))
  }

  @Test func `a half that was joined is that half again, and nothing else is read`() throws {
    let matrix = try StoredMatrix(.raw, shape: Self.shape, width: 4)
    for axis in 0..<2 {
      let (joined, _) = try Self.halves(of: matrix.bytes, axis: axis)
      let box = joined.box(rows: axis == 0 ? 6..<12 : 0..<12, columns: axis == 0 ? 0..<10 : 5..<10)
      guard case .stored(_, let part) = box, case .one(let segment) = part.storage.segments else {
        Issue.record("\(box)")
        continue
      }
      #expect(segment.file == 1 && part.storage.layout == .rowMajor && part.storage.checksum != nil)
    }
  }

  @Test(arguments: StorageKind.allCases)
  func `rows of whole heads are turned by themselves, and others with them`(_ kind: StorageKind) throws {
    let matrix = try StoredMatrix(kind, shape: Self.shape, width: 4)
    for (headRowCount, rows) in [(4, 4..<8), (4, 2..<7), (6, 6..<12), (2, 0..<12)] {
      let turned = matrix.part.paired(headRowCount: headRowCount, .sideBySide)
      let whole = try read(turned, matrix.files)
      let part = turned.box(rows: rows, columns: 2..<9)
      let expected = Self.taken(rows, 2..<9, of: whole, width: 4)
      #expect(try read(part, matrix.files, grains: 1) == expected)
    }
  }

  @Test func `a checksum that does not hold is told by every box`() throws {
    let matrix = try StoredMatrix(.checked, shape: Self.shape, width: 4)
    guard case .stored(let name, var part) = matrix.part else { return }
    part.storage.checksum = .crc32(1, prefix: 0, rule: Rule(id: "XX-01"))
    for index in Self.boxes.indices {
      #expect(throws: IngotError.self) {
        try read(Self.box(of: .stored(name: name, part), index), matrix.files)
      }
    }
  }

  @Test func `what is cast is cut before`() throws {
    let matrix = try StoredMatrix(.raw, shape: [4, 2], width: 4)
    guard case .stored(let name, var part) = matrix.part else { return }
    part = StoredPart(PartType(kind: .values, dtype: .f32, shape: [4, 2]), part.storage)
    let cast = LazyPart.cast(.stored(name: name, part), to: .f64, onOverflow: .refuse)
    guard case .cast(.stored(_, let box), .f64, _) = cast.box(rows: 0..<4, columns: 1..<2) else {
      Issue.record("casts more than it has")
      return
    }
    #expect(box.shape == [4, 1])
  }
}
