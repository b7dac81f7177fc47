// SPDX-License-Identifier: Apache-2.0
// Rows of heads in another order of pairs, against a plain loop: over every kind of storage, tiles that fall anywhere, and
// rows wider than a window.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct PairedRowTests {
  /// Heads, rows of a head, elements of a row.
  static let shapes = [[1, 2, 1], [3, 4, 5], [2, 12, 33], [5, 64, 7], [1, 6, 200_000]]

  /// Rows by the definition: of the pair i, row 2i and 2i + 1, or row i and i + E / 2.
  private static func rows(_ bytes: [UInt8], heads: Int, rows: Int, rowByteCount: Int, _ order: PairOrder)
    -> [UInt8]
  {
    (0..<(heads * rows)).flatMap { row -> ArraySlice<UInt8> in
      let (head, place) = (row / rows, row % rows)
      let source =
        order == .sideBySide
        ? place / 2 + place % 2 * rows / 2 : place % (rows / 2) * 2 + place / (rows / 2)
      let start = (head * rows + source) * rowByteCount
      return bytes[start..<(start + rowByteCount)]
    }
  }

  @Test(arguments: shapes, StorageKind.allCases)
  func `equals the definition, and goes back`(_ sizes: [Int], _ kind: StorageKind) throws {
    let (heads, rows, width) = (sizes[0], sizes[1], sizes[2])
    let matrix = try StoredMatrix(kind, shape: [heads * rows, width], width: 2)
    for order in [PairOrder.sideBySide, .apart] {
      let part = matrix.part.paired(headRowCount: rows, order)
      let expected = Self.rows(matrix.bytes, heads: heads, rows: rows, rowByteCount: 2 * width, order)
      #expect(try read(part, matrix.files, tileRows: heads * rows) == expected)
      #expect(try read(part, matrix.files, tileRows: 1) == expected)
      #expect(try read(part, matrix.files, tileRows: max(1, rows / 2 + 1)) == expected)
      let back = part.paired(headRowCount: rows, order.inverse)
      #expect(try read(back, matrix.files, tileRows: 3) == matrix.bytes)
    }
  }

  @Test func `the second change takes the first one back without reading`() {
    let stored = LazyPart.zeros(.f32, [8, 2])
    let part = LazyPart.reshaped(stored, [8, 2]).paired(headRowCount: 4, .apart)
    guard case .reshaped = part.paired(headRowCount: 4, .sideBySide) else {
      Issue.record("is still turned")
      return
    }
  }

  @Test func `heads that are no whole number of rows are refused`() throws {
    let matrix = try StoredMatrix(.raw, shape: [6, 3], width: 4)
    for rows in [4, 3, 0] {
      #expect(throws: IngotError.self) {
        try LazyPart.paired(matrix.part, headRowCount: rows, .apart).open(
          files: matrix.files, scratchFolder: "/tmp")
      }
    }
  }

  private func read(_ part: LazyPart, _ files: SourceFiles, tileRows: Int) throws -> [UInt8] {
    let tiles = try part.open(files: files, scratchFolder: "/tmp")
    var bytes = [UInt8](repeating: 0, count: tiles.byteCount)
    let step = max(1, tileRows * part.shape.rowElementCount * 2)
    try bytes.withUnsafeMutableBytes { bytes in
      for offset in stride(from: 0, to: bytes.count, by: step) {
        try tiles.read(
          bytesAt: offset,
          into: UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<min(bytes.count, offset + step)]))
      }
    }
    try tiles.finish()
    return bytes
  }
}
