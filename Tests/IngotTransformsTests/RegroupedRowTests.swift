// SPDX-License-Identifier: Apache-2.0
// Groups of groups of rows that change places, against a plain permutation: over every kind of storage, tiles that fall
// anywhere, and sizes that are no powers of two.
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct RegroupedRowTests {
  /// Outer groups, inner groups, rows of a group, elements of a row.
  static let shapes = [
    [1, 1, 1, 1], [3, 3, 2, 5], [5, 3, 7, 1], [1, 3, 4, 2], [4, 1, 3, 3], [7, 2, 1, 9],
  ]

  /// Rows by the definition: group (o, i) of what comes in is group (i, o) of what goes out.
  private static func rows(_ bytes: [UInt8], _ outer: Int, _ inner: Int, _ rows: Int, rowByteCount: Int)
    -> [UInt8]
  {
    let count = rows * rowByteCount
    return (0..<inner).flatMap { second in
      (0..<outer).flatMap { first -> ArraySlice<UInt8> in
        let start = (first * inner + second) * count
        return bytes[start..<(start + count)]
      }
    }
  }

  @Test(arguments: shapes, StorageKind.allCases)
  func `equals the definition, and goes back`(_ sizes: [Int], _ kind: StorageKind) throws {
    let (outer, inner, rows, width) = (sizes[0], sizes[1], sizes[2], sizes[3])
    let matrix = try StoredMatrix(kind, shape: [outer * inner * rows, width], width: 4)
    let expected = Self.rows(matrix.bytes, outer, inner, rows, rowByteCount: 4 * width)
    let part = matrix.part.regroup(outer: outer, inner: inner)
    #expect(part.shape == matrix.part.shape)
    for grains in [1, 2, 1000] { #expect(try read(part, matrix.files, grains: grains) == expected) }
    #expect(try read(part.regroup(outer: inner, inner: outer), matrix.files) == matrix.bytes)
    // Read back, and not only composed away.
    let back = LazyPart.regrouped(
      .regrouped(matrix.part, outer: outer, inner: inner), outer: inner, inner: outer)
    #expect(try read(back, matrix.files) == matrix.bytes)
  }

  @Test func `a vector's values move like rows, and a cast is done before`() throws {
    let bytes = (0..<6).flatMap { Self.bytes(Float($0)) }
    let (files, stored) = vector(bytes, .f32, count: 6)
    let halves = LazyPart.cast(stored, to: .bf16, onOverflow: .refuse)
    let part = halves.regroup(outer: 3, inner: 2)
    let plain = try read(halves, files)
    #expect(part.dtype == .bf16)
    #expect(
      try read(part, files) == [0, 2, 4, 1, 3, 5].flatMap { plain[(2 * $0)..<(2 * $0 + 2)] })
  }

  @Test func `the second change takes the first one back without reading`() {
    let part = LazyPart.reshaped(.zeros(.f32, [12, 2]), [12, 2]).regroup(outer: 2, inner: 3)
    guard case .reshaped = part.regroup(outer: 3, inner: 2) else {
      Issue.record("is still exchanged")
      return
    }
    // The same numbers once more are another change.
    guard case .regrouped = part.regroup(outer: 2, inner: 3) else {
      Issue.record("was taken back")
      return
    }
  }

  @Test func `groups that are no whole number of rows are refused`() throws {
    let matrix = try StoredMatrix(.raw, shape: [6, 3], width: 4)
    for (outer, inner) in [(4, 1), (2, 2), (0, 3), (3, 0), (-1, -6), (Int.max, 2)] {
      #expect(throws: IngotError.self) {
        try LazyPart.regrouped(matrix.part, outer: outer, inner: inner).open(
          files: matrix.files, scratchFolder: "/tmp")
      }
    }
  }

  private static func bytes(_ number: Float) -> [UInt8] {
    withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
  }
}
