// SPDX-License-Identifier: Apache-2.0
// A number that is added to each value, as llama.cpp's files have Gemma's gains: what comes out, in which dtype, and what
// is counted that does not come back.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

/// A stored vector.
func vector(_ bytes: [UInt8], _ dtype: DType, count: Int) -> (SourceFiles, LazyPart) {
  let part = LazyPart.stored(
    name: "v",
    StoredPart(
      PartType(kind: .values, dtype: dtype, shape: Shape([count]) ?? .scalar),
      TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: bytes.count))))
  return (SourceFiles(sources: [MemoryByteSource(bytes, path: "memory")]), part)
}

@Suite struct ShiftedValueTests {
  /// Half a unit in the last place of 1 in F32 is 2⁻²⁴: what is smaller and no multiple of it is lost.
  private static let small: [Float] = [0, 0.5, -0.25, 0x1p-20, 0x1.000002p-1, 0x1p-30, -0x1.23456ap-3]

  private static func bytes<Number: FixedWidthInteger>(_ patterns: [Number]) -> [UInt8] {
    patterns.flatMap { pattern in withUnsafeBytes(of: pattern.littleEndian) { Array($0) } }
  }

  private static func read(_ part: LazyPart, _ files: SourceFiles) throws -> ([UInt8], inexact: Int) {
    let tiles = try part.open(files: files, scratchFolder: "/tmp", digestsSource: true)
    var bytes = [UInt8](repeating: 0, count: tiles.byteCount)
    try bytes.withUnsafeMutableBytes { try tiles.read(bytesAt: 0, into: $0) }
    try tiles.finish()
    return (bytes, tiles.castReport?.inexactCount ?? -1)
  }

  @Test func `of F32 each sum is rounded once, and those that do not come back are counted`() throws {
    let (files, stored) = vector(Self.bytes(Self.small.map(\.bitPattern)), .f32, count: Self.small.count)
    let part = stored.shift(by: 1)
    #expect(part.dtype == .f32 && part.shape == stored.shape)
    let (bytes, inexact) = try Self.read(part, files)
    let sums = Self.small.map { $0 + 1 }
    #expect(bytes == Self.bytes(sums.map(\.bitPattern)))
    let lost = zip(Self.small, sums).count { $0 != $1 - 1 }
    #expect(inexact == lost && lost == 3)
  }

  @Test func `of F64 the sum is made in F64`() throws {
    let values = [0.1, -3, 0x1p-52, 0x1p-60]
    let (files, stored) = vector(Self.bytes(values.map(\.bitPattern)), .f64, count: 4)
    let part = stored.shift(by: 1)
    #expect(part.dtype == .f64)
    let (bytes, inexact) = try Self.read(part, files)
    #expect(bytes == Self.bytes(values.map { ($0 + 1).bitPattern }))
    #expect(inexact == values.count { ($0 + 1) - 1 != $0 })
  }

  @Test func `of F16 and BF16 the sum is F32, which holds every one of their larger values`() throws {
    let halves: [UInt16] = [0x3C00, 0x0400, 0x2E66, 0xB800, 0x0001]
    let (files, stored) = vector(Self.bytes(halves), .f16, count: halves.count)
    let part = stored.shift(by: 1)
    #expect(part.dtype == .f32)
    let (bytes, inexact) = try Self.read(part, files)
    // 1, 2⁻¹⁴, 0.0999755859375, −0.5 and 2⁻²⁴, of which the last is half of what F32 tells apart beside 1.
    let sums: [Float] = [2, 1 + 0x1p-14, 1.0999755859375, 0.5, 1]
    #expect(bytes == Self.bytes(sums.map(\.bitPattern)))
    #expect(inexact == 1)
  }

  @Test func `a cast behind it counts what was lost before it, though F32 holds the sums`() throws {
    let values = [0x1p-60, 0.5]
    let (files, stored) = vector(Self.bytes(values.map(\.bitPattern)), .f64, count: 2)
    let part = LazyPart.cast(stored.shift(by: 1), to: .f32, onOverflow: .refuse)
    let (bytes, inexact) = try Self.read(part, files)
    #expect(bytes == Self.bytes([Float(1), 1.5].map(\.bitPattern)))
    #expect(inexact == 1)
  }

  @Test
  func `a value that is no number is not counted, and a shift that is taken back reads what was stored`()
    throws
  {
    let (files, stored) = vector(
      Self.bytes([Float.nan.bitPattern, Float.infinity.bitPattern, Float(1).bitPattern]), .f32, count: 3)
    #expect(try Self.read(stored.shift(by: 1), files).inexact == 0)
    guard case .stored = stored.shift(by: 1).shift(by: -1) else {
      Issue.record("is still shifted")
      return
    }
    guard case .shifted = stored.shift(by: 1).shift(by: 1) else {
      Issue.record("was taken back")
      return
    }
  }
}
