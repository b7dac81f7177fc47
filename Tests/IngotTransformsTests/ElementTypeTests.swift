// SPDX-License-Identifier: Apache-2.0
// Parts and elements that meet a computation for another type: refused, whatever their sizes would allow.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms
import Testing

@Suite struct ElementTypeTests {
  private static let files = SourceFiles(sources: [
    MemoryByteSource([UInt8](repeating: 1, count: 4096), path: "memory")
  ])

  private static func stored(_ dtype: DType, _ shape: Shape, blockType: BlockType? = nil) -> LazyPart {
    let byteCount = shape.byteCount(of: dtype) ?? 0
    return .stored(
      name: "t",
      StoredPart(
        PartType(kind: .values, dtype: dtype, shape: shape, blockType: blockType),
        TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: byteCount))))
  }

  /// Parts that are planned as if their source were of another type.
  private static let misplanned: [LazyPart] = [
    .blocks(stored(.i8, [4, 32]), .q80), .blocks(stored(.f16, [4, 32]), .q80),
    .blocks(stored(.f64, [4, 32]), .q80),
    .quantized(stored(.i8, [4, 32]), scales: [1], axis: nil),
    .quantized(stored(.bf16, [4, 32]), scales: [1, 1, 1, 1], axis: 0),
    .quantized(.transposed(stored(.u32, [4, 32])), scales: [1], axis: nil),
    .runs(stored(.f16, [4, 32]), RunRule(size: 32), .integers),
    .runs(stored(.i8, [4, 32]), RunRule(size: 32), .scales),
    .runs(stored(.f32, [4, 32]), RunRule(size: 48), .integers),
    .runs(stored(.f32, [4, 32]), RunRule(size: 0), .scales),
    .dequantized(stored(.u8, [4, 34]), .q80, [4, 32]),
    .dequantized(stored(.u8, [4, 18], blockType: .q40), .q80, [4, 32]),
    .dequantized(stored(.u8, [4, 34], blockType: .q80), .q80, [4, 64]),
    .joined([stored(.f32, [1, 8]), stored(.u8, [1, 8])], [2, 8]),
    .joined([stored(.f32, [1, 8]), stored(.i32, [1, 8])], [2, 8]),
    .reshaped(stored(.f32, [4, 32]), [4, 33]),
    .literal(.f32, [4], [0, 0, 0]),
  ]

  @Test(arguments: misplanned.indices)
  func `a part of another type or size is never read`(_ index: Int) {
    #expect {
      let tiles = try Self.misplanned[index].open(files: Self.files, scratchFolder: "/tmp")
      try TileEngine().forEachTile(of: tiles) { (_, _) throws(IngotError) in }
    } throws: { error in
      if case .internal? = error as? IngotError { true } else { false }
    }
  }

  @Test func `a part says what its bytes are`() throws {
    let blocks = Self.stored(.u8, [4, 34], blockType: .q80)
    for (part, type) in [
      (Self.stored(.bf16, [3]), ElementType.number(.bf16)), (blocks, .block(.q80)),
      (.dequantized(blocks, .q80, [4, 32]), .number(.f32)),
      (.cast(Self.stored(.i8, [3]), to: .f32, onOverflow: .refuse), .number(.f32)),
      (.blocks(Self.stored(.f32, [4, 32]), .q80), .block(.q80)),
      (.quantized(Self.stored(.f32, [3]), scales: [1], axis: nil), .number(.i8)),
      (.runs(Self.stored(.f32, [3, 4]), RunRule(size: 6), .integers), .number(.i8)),
      (.runs(Self.stored(.f32, [3, 4]), RunRule(size: 6), .scales), .number(.f32)),
      (.transposed(Self.stored(.f16, [2, 3])), .number(.f16)), (.zeros(.i64, [3]), .number(.i64)),
      (.rows(Self.stored(.f64, [3, 2]), 1..<3), .number(.f64)),
    ] as [(LazyPart, ElementType)] {
      #expect(try part.open(files: Self.files, scratchFolder: "/tmp").elementType == type)
    }
  }

  /// Runs a body on elements of a type, and expects that it is refused.
  private func expectRefusal(
    _ type: ElementType, byteCount: Int = 136,
    _ body: (Elements, UnsafeMutableRawBufferPointer) throws -> Void
  ) {
    var room = [UInt8](repeating: 0, count: 1024)
    let content = [UInt8](repeating: 1, count: byteCount)
    content.withUnsafeBytes { bytes in
      room.withUnsafeMutableBytes { (room) -> Void in
        #expect(throws: IngotError.self) { try body(Elements(bytes, type), room) }
      }
    }
  }

  private func part(_ room: UnsafeMutableRawBufferPointer, _ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: room[..<count])
  }

  @Test func `kernels take elements of their type alone, and write what there is room for`() throws {
    let conversion = try #require(ElementConversion(from: .f16, to: .f32))
    let decoder = try #require(BlockDecoder(.q80))
    var encoder = try #require(BlockEncoder(.q80))
    for type in [ElementType.number(.f32), .number(.i8), .block(.q40)] {
      expectRefusal(type) { _ = try conversion.convert($0, to: part($1, 272)) }
      expectRefusal(type) { try decoder.decode($0, to: part($1, 512)) }
    }
    for type in [ElementType.number(.i8), .number(.i32), .block(.q80)] {
      expectRefusal(type, byteCount: 128) { try encoder.encode($0, to: part($1, 34)) }
      expectRefusal(type) { elements, _ in _ = try elements.floats() }
      expectRefusal(type) { elements, _ in _ = try elements.doubles() }
    }
    for room in [271, 273, 0] {
      expectRefusal(.number(.f16)) { _ = try conversion.convert($0, to: part($1, room)) }
    }
    for room in [511, 508, 1024] {
      expectRefusal(.block(.q80)) { try decoder.decode($0, to: part($1, room)) }
    }
    for room in [33, 35, 68] {
      expectRefusal(.number(.f32), byteCount: 128) { try encoder.encode($0, to: part($1, room)) }
    }
    var quantizer = RunQuantizer(RunRule(size: 32))
    for type in [ElementType.number(.i8), .number(.i32), .block(.q80)] {
      expectRefusal(type, byteCount: 128) { try quantizer.quantize($0, to: part($1, 32)) }
      expectRefusal(type, byteCount: 128) { elements, _ in _ = try quantizer.scales(of: elements) }
    }
    for room in [31, 33, 128] {
      expectRefusal(.number(.f32), byteCount: 128) { try quantizer.quantize($0, to: part($1, room)) }
    }
    // Parts of elements, of runs and of blocks.
    expectRefusal(.number(.f32), byteCount: 132) { try quantizer.quantize($0, to: part($1, 33)) }
    expectRefusal(.number(.f16), byteCount: 135) { _ = try conversion.convert($0, to: part($1, 268)) }
    expectRefusal(.block(.q80), byteCount: 135) { try decoder.decode($0, to: part($1, 384)) }
    expectRefusal(.number(.f32), byteCount: 132) { try encoder.encode($0, to: part($1, 34)) }
  }
}
