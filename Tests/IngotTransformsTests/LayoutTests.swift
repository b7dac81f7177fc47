// SPDX-License-Identifier: Apache-2.0
// Changes of layout against plain loops, over odd sizes, every kind of storage and tiles that fall anywhere.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

/// A stored matrix with its canonical bytes.
struct StoredMatrix {
  let files: SourceFiles
  let part: LazyPart
  let bytes: [UInt8]

  /// Stores random elements.
  init(_ storage: StorageKind, shape: Shape, width: Int) throws {
    var random = SeededRandom(seed: UInt64(shape.elementCount * 10 + width))
    bytes = random.bytes(shape.elementCount * width)
    let dtype: DType = [1: .u8, 2: .u16, 4: .u32, 8: .u64, 16: .c128][width] ?? .u8
    let (content, described) = try storage.store(bytes, shape: shape, width: width, dtype: dtype)
    files = SourceFiles(sources: [MemoryByteSource(content, path: "memory")])
    part = .stored(
      name: "matrix", StoredPart(PartType(kind: .values, dtype: dtype, shape: shape), described))
  }
}

/// Ways in which elements are stored.
enum StorageKind: CaseIterable {
  case raw, bigEndian, fortran, strided, deflated, checked

  func store(
    _ bytes: [UInt8], shape: Shape, width: Int, dtype: DType
  ) throws -> ([UInt8], TensorStorage) {
    var content = bytes
    var segment = StorageSegment(file: 0, offset: 0, byteCount: bytes.count)
    var storage = TensorStorage(segment)
    let rows = shape.dimensions.first ?? 1
    switch self {
    case .raw: break
    case .bigEndian:
      let unit = dtype.swapWidth
      content = stride(from: 0, to: bytes.count, by: unit).flatMap { bytes[$0..<($0 + unit)].reversed() }
      storage.byteOrder = .big
    case .fortran:
      content = ReferenceKernels.transpose(
        bytes, rows: rows, columns: bytes.count / width / max(rows, 1), elementWidth: width)
      storage.layout = .columnMajor
    case .strided:
      // Three elements of something else stand before the first, and one behind each row.
      let rowByteCount = shape.rowElementCount * width
      content = [UInt8](repeating: 0xEE, count: 3 * width)
      for row in 0..<rows {
        content += bytes[(row * rowByteCount)..<((row + 1) * rowByteCount)]
        content += [UInt8](repeating: 0xEE, count: width)
      }
      segment.byteCount = content.count
      storage = TensorStorage(
        segment, layout: .strided(offset: 3, strides: [shape.rowElementCount + 1, 1]))
    case .deflated:
      content = try deflate([1, 2, 3] + bytes)
      segment.byteCount = content.count
      storage = TensorStorage(segment, codec: .deflate(skip: 3, decodedByteCount: 3 + bytes.count))
    case .checked:
      var crc = CRC32()
      bytes.withUnsafeBytes { crc.update($0) }
      storage.checksum = .crc32(crc.value, prefix: 0, rule: Rule(id: "XX-01"))
    }
    return (content, storage)
  }

  private func deflate(_ bytes: [UInt8]) throws -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 12, alignment: 64)
    defer { buffer.deallocate() }
    var packed: [UInt8] = []
    var deflater = Deflater()
    try bytes.withUnsafeBytes { raw in
      try deflater.encode(raw, isLast: true, using: buffer) { (piece) throws(IngotError) in packed += piece }
    }
    return packed
  }
}

/// Reads a part in tiles of at most so many grains.
func read(_ part: LazyPart, _ files: SourceFiles, grains: Int = 3) throws -> [UInt8] {
  let folder = try TemporaryFolder()
  let tiles = try part.open(files: files, scratchFolder: folder.path, digestsSource: true)
  var bytes = [UInt8](repeating: 0xAA, count: tiles.byteCount)
  let step = tiles.grainByteCount * grains
  for offset in stride(from: 0, to: bytes.count, by: step) {
    try bytes.withUnsafeMutableBytes { raw in
      try tiles.read(
        bytesAt: offset,
        into: UnsafeMutableRawBufferPointer(rebasing: raw[offset..<min(offset + step, raw.count)]))
    }
  }
  try tiles.finish()
  return bytes
}

@Suite struct LayoutTests {
  static let shapes: [Shape] = [
    [1, 1], [1, 7], [7, 1], [3, 5], [16, 16], [17, 33], [63, 129], [300, 31],
  ]

  @Test(arguments: shapes, [1, 2, 4, 8, 16])
  func `transposes in memory as plain loops do, on every level`(_ shape: Shape, _ width: Int) throws {
    let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
    var random = SeededRandom(seed: 5)
    let bytes = random.bytes(shape.elementCount * width)
    for level in CPUFeatures.current.available {
      let transposition = MatrixTransposition(elementWidth: width, kernels: KernelTable(level: level))
      var result = [UInt8](repeating: 0, count: bytes.count)
      bytes.withUnsafeBytes { from in
        result.withUnsafeMutableBytes { to in
          guard let from = from.baseAddress, let to = to.baseAddress else { return }
          transposition.transpose(
            rows: rows, columns: columns, from: from, sourceStride: columns * width, to: to,
            targetStride: rows * width)
        }
      }
      #expect(
        result == ReferenceKernels.transpose(bytes, rows: rows, columns: columns, elementWidth: width))
    }
  }

  @Test(arguments: StorageKind.allCases, shapes)
  func `transposes whatever the storage`(_ storage: StorageKind, _ shape: Shape) throws {
    for width in [2, 4] {
      let matrix = try StoredMatrix(storage, shape: shape, width: width)
      let expected = ReferenceKernels.transpose(
        matrix.bytes, rows: shape.dimensions[0], columns: shape.dimensions[1], elementWidth: width)
      let turned = matrix.part.transpose
      #expect(turned.shape.dimensions == shape.dimensions.reversed())
      for grains in [1, 3, 1000] { #expect(try read(turned, matrix.files, grains: grains) == expected) }
      #expect(try read(turned.transpose, matrix.files) == matrix.bytes)
      // Not composed away: every source is turned by the tiles too.
      #expect(try read(.transposed(matrix.part), matrix.files) == expected)
    }
  }

  /// Rows of 9,000 elements are read in pieces, 600 rows of them in several windows, and tiles of one row in strips.
  @Test(arguments: [[600, 9000], [9000, 600]] as [Shape])
  func `transposes a matrix that is larger than its buffers`(_ shape: Shape) throws {
    let matrix = try StoredMatrix(.raw, shape: shape, width: 4)
    let expected = ReferenceKernels.transpose(
      matrix.bytes, rows: shape.dimensions[0], columns: shape.dimensions[1], elementWidth: 4)
    for grains in [1, 200, 10_000] {
      #expect(try read(matrix.part.transpose, matrix.files, grains: grains) == expected)
    }
  }

  @Test(arguments: StorageKind.allCases)
  func `slices rows, and elements of a stack`(_ storage: StorageKind) throws {
    let matrix = try StoredMatrix(storage, shape: [11, 7], width: 4)
    #expect(try read(matrix.part.slice(2..<9), matrix.files) == Array(matrix.bytes[(2 * 28)..<(9 * 28)]))
    #expect(try read(matrix.part.slice(2..<9).slice(1..<2), matrix.files) == Array(matrix.bytes[84..<112]))
    #expect(try read(matrix.part.slice(4..<4), matrix.files).isEmpty)
    let row = matrix.part.element(10)
    #expect(row.shape == [7])
    #expect(try read(row, matrix.files) == Array(matrix.bytes.suffix(28)))
  }

  @Test(arguments: StorageKind.allCases)
  func `stacks, pads, and takes that back`(_ storage: StorageKind) throws {
    let matrix = try StoredMatrix(storage, shape: [5, 3], width: 2)
    let turned = ReferenceKernels.transpose(matrix.bytes, rows: 5, columns: 3, elementWidth: 2)
    let stack = LazyPart.stack([matrix.part.transpose, .zeros(.u16, [3, 5]), matrix.part.transpose])
    #expect(stack.shape == [3, 3, 5])
    #expect(try read(stack, matrix.files) == turned + [UInt8](repeating: 0, count: 30) + turned)
    #expect(try read(stack.element(2).transpose, matrix.files) == matrix.bytes)
    let padded = matrix.part.pad(toRows: 8)
    #expect(padded.shape == [8, 3])
    #expect(try read(padded, matrix.files) == matrix.bytes + [UInt8](repeating: 0, count: 18))
    #expect(try read(padded.slice(0..<5), matrix.files) == matrix.bytes)
    let wide = matrix.part.reshape(to: [1, 5, 3])
    #expect(try wide.shape == [1, 5, 3] && read(wide, matrix.files) == matrix.bytes)
    #expect(try read(wide.reshape(to: [5, 3]).transpose, matrix.files) == turned)
  }

  @Test func `a change of layout composes with a cast, and both with int8`() throws {
    var bytes: [UInt8] = []
    for index in 0..<35 { bytes.appendLittle((Float(index) * 0.25 - 4).bitPattern) }
    let files = SourceFiles(sources: [MemoryByteSource(bytes, path: "memory")])
    let stored = LazyPart.stored(
      name: "w",
      StoredPart(
        PartType(kind: .values, dtype: .f32, shape: [5, 7]),
        TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: bytes.count))))
    let cast = try read(.cast(stored, to: .bf16, onOverflow: .refuse), files)
    let turned = ReferenceKernels.transpose(cast, rows: 5, columns: 7, elementWidth: 2)
    #expect(try read(LazyPart.cast(stored, to: .bf16, onOverflow: .refuse).transpose, files) == turned)
    #expect(try read(.cast(stored.transpose, to: .bf16, onOverflow: .refuse), files) == turned)
    let scales = (0..<7).map { 0.5 + Float($0) }
    let values = try read(.quantized(stored, scales: scales, axis: 1), files)
    #expect(
      try read(.quantized(stored.transpose, scales: scales, axis: 0), files)
        == ReferenceKernels.transpose(values, rows: 5, columns: 7, elementWidth: 1))
  }

  @Test func `what cancels out is not computed`() throws {
    let matrix = try StoredMatrix(.raw, shape: [6, 4], width: 4)
    let whole = try #require(matrix.part.exactRange)
    #expect(matrix.part.transpose.transpose.exactRange == whole)
    #expect(matrix.part.transpose.exactRange == nil)
    #expect(matrix.part.reshape(to: [1, 6, 4]).exactRange == whole)
    let row = try #require(matrix.part.element(2).exactRange)
    #expect(row == StorageSegment(file: 0, offset: 32, byteCount: 16))
    let fortran = try StoredMatrix(.fortran, shape: [6, 4], width: 4)
    #expect(fortran.part.transpose.exactRange != nil)
  }

  @Test func `the digest of what was stored is the same in any order`() throws {
    let folder = try TemporaryFolder()
    let matrix = try StoredMatrix(.raw, shape: [33, 65], width: 4)
    func digest(_ part: LazyPart) throws -> XXH3Digest? {
      let tiles = try part.open(files: matrix.files, scratchFolder: folder.path, digestsSource: true)
      try TileEngine().forEachTile(of: tiles) { (_, _) throws(IngotError) in }
      return tiles.sourceDigest
    }
    #expect(try digest(matrix.part) != nil)
    #expect(try digest(matrix.part.transpose) == digest(matrix.part))
  }

  @Test func `bytes that their container's checksum does not fit are found in any order`() throws {
    let matrix = try StoredMatrix(.checked, shape: [9, 5], width: 4)
    guard case .stored(let name, var part) = matrix.part else { return }
    part.storage.checksum = .crc32(1, prefix: 0, rule: Rule(id: "XX-01"))
    let broken = LazyPart.stored(name: name, part)
    for part in [broken, broken.transpose, broken.slice(1..<2), .stack([broken, broken])] {
      #expect(throws: IngotError.self) { try read(part, matrix.files) }
    }
  }
}
