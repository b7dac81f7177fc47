// SPDX-License-Identifier: Apache-2.0
// CTranslate2's files where golden and malformed ones do not reach: how they are known, what is refused by name, and what the
// writer asks for.
import IngotBytes
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct CTranslate2Tests {
  private func read(_ bytes: [UInt8], isRaw: Bool = false) throws(IngotError) -> Checkpoint {
    try CTranslate2Format().read(
      MemoryByteSource(bytes, path: "model.bin"), options: ReadOptions(isRaw: isRaw))
  }

  private func recognizes(_ bytes: [UInt8]) -> Bool {
    CTranslate2Format().recognizes(firstBytes: Array(bytes.prefix(512)), byteCount: bytes.count)
  }

  @Test func `what begins otherwise is not taken for one of its files`() throws {
    let bytes = try Fixture.bytes("golden/ctranslate2/gpt2-int8.bin")
    #expect(recognizes(bytes))
    var others: [[UInt8]] = [[], Array(bytes.prefix(4)), Array(bytes.prefix(28))]
    // The version; the length of the name; a letter that is none; the zero byte behind the name.
    for (place, value) in [(0, 1), (1, 1), (4, 1), (4, 22), (5, 3), (8, 0x20), (8, 0x80), (28, 0x41)]
      as [(Int, UInt8)]
    {
      var other = bytes
      other[place] = value
      others.append(other)
    }
    for other in others {
      #expect(!recognizes(other))
      let error = #expect(throws: IngotError.self) { _ = try read(other) }
      guard case .malformed(CTranslate2Rule.mark.rule, _, _, _)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test(arguments: ["version-3", "version-7"]) func `other versions are refused by name`(_ name: String)
    throws
  {
    let bytes = try Fixture.bytes("unsupported/ctranslate2/\(name).bin")
    #expect(recognizes(bytes))
    let error = #expect(throws: IngotError.self) { _ = try read(bytes) }
    guard case .unsupported? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [4, 5] as [UInt8]) func `older versions that are laid out alike are read`(_ version: UInt8)
    throws
  {
    var bytes = try Fixture.bytes("golden/ctranslate2/gpt2-int8.bin")
    let tensors = try read(bytes).tensors
    bytes[0] = version
    let checkpoint = try read(bytes)
    #expect(checkpoint.tensors == tensors)
    #expect(checkpoint.metadata[CTranslate2Metadata.version] == .uint32(UInt32(version)))
  }

  @Test func `raw reading shows every variable`() throws {
    let checkpoint = try read(Fixture.bytes("golden/ctranslate2/gpt2-int8.bin"), isRaw: true)
    let names = Set(checkpoint.tensors.map(\.name))
    #expect(names.contains("decoder/embeddings/weight_scale") && names.contains("decoder/num_heads"))
    #expect(checkpoint.tensors.allSatisfy { $0.quantization == nil })
    #expect(checkpoint.metadata.entries.count == 3)
  }

  // MARK: - Writing

  private func request(
    _ tensors: [PlannedTensor], specification: String? = "TransformerDecoderSpec"
  ) -> WriteRequest {
    var metadata = Metadata([.init(key: CTranslate2Metadata.revision, value: .uint32(8))])
    metadata[CTranslate2Metadata.specification] = specification.map { .string($0) }
    return WriteRequest(tensors: tensors, metadata: metadata, fileName: "model.bin")
  }

  private func expectRefusal(_ request: WriteRequest, _ word: String) {
    let error = #expect(throws: IngotError.self) { _ = try CTranslate2Writer().plan(request) }
    guard case .unrepresentable(_, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains(word), "\(why)")
  }

  private func tensor(_ name: String, _ dtype: DType = .f32, _ shape: Shape = [2, 3]) -> PlannedTensor {
    PlannedTensor(name: name, TensorType(dtype: dtype, shape: shape))
  }

  @Test func `the writer refuses what a file has no place for`() throws {
    _ = try CTranslate2Writer().plan(request([tensor("a"), tensor("b", .bf16)]))
    expectRefusal(request([tensor("a")], specification: nil), "specification")
    expectRefusal(request([tensor("a")], specification: "two words"), "specification")
    expectRefusal(request([tensor("a", .f64)]), "F64")
    expectRefusal(request([tensor("a", .bool)]), "BOOL")
    expectRefusal(request([tensor("a"), tensor("a")]), "this name")
    expectRefusal(request([tensor("")]), "names")
    expectRefusal(request([tensor("a\0b")]), "names")
    expectRefusal(request([tensor(String(repeating: "a", count: 65_535))]), "names")
    expectRefusal(request([tensor("a", .f32, [1 << 30])]), "32 bits")
    _ = try CTranslate2Writer().plan(request([tensor("a", .i8, [(1 << 32) - 1])]))
    var other = request([tensor("a")])
    other.metadata[CTranslate2Metadata.attributePrefix + "decoder/num_heads"] = .string("4")
    expectRefusal(other, "type")
    other = request([tensor("decoder/num_heads")])
    other.metadata[CTranslate2Metadata.attributePrefix + "decoder/num_heads"] = .int16(4)
    expectRefusal(other, "this name")
    other = request([tensor("a")])
    other.metadata[CTranslate2Metadata.version] = .uint32(7)
    expectRefusal(other, "not written")
  }

  @Test func `the writer refuses scales of other kinds`() throws {
    func integers(
      _ granularity: Quantization.Granularity, _ kind: Quantization.ScaleKind, _ scale: DType,
      _ shape: Shape
    ) -> WriteRequest {
      request([
        PlannedTensor(
          name: "a",
          TensorType(
            int8: [2, 3], Quantization(granularity: granularity, scaleKind: kind), scales: scale, of: shape))
      ])
    }
    _ = try CTranslate2Writer().plan(integers(.perChannel(axis: 0), .inverse, .f32, [2]))
    expectRefusal(integers(.perChannel(axis: 0), .direct, .f32, [2]), "divided")
    expectRefusal(integers(.perChannel(axis: 1), .inverse, .f32, [3]), "divided")
    expectRefusal(integers(.perChannel(axis: 0), .inverse, .f16, [2]), "divided")
    expectRefusal(integers(.perTensor, .inverse, .f32, .scalar), "divided")
    expectRefusal(integers(.perGroup(axis: 0, size: 3), .inverse, .f32, [2, 1]), "divided")
  }
}
