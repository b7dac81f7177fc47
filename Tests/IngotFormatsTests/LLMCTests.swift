// SPDX-License-Identifier: Apache-2.0
// llm.c's files where golden and malformed ones do not reach: what is refused by name, and what the writer asks for.
import IngotBytes
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct LLMCTests {
  private func read(_ bytes: [UInt8]) throws(IngotError) -> Checkpoint {
    try LLMCFormat().read(MemoryByteSource(bytes, path: "model.bin"), options: ReadOptions())
  }

  @Test func `another magic number is refused`() throws {
    var bytes = try Fixture.bytes("golden/llmc/float32.bin")
    bytes[0] ^= 2
    #expect(LLMCFormat().recognizes(firstBytes: bytes, byteCount: bytes.count) == false)
    let error = #expect(throws: IngotError.self) { _ = try read(bytes) }
    guard case .malformed(LLMCRule.magic.rule, _, _, _)? = error else {
      return #expect(Bool(false), "\(String(describing: error))")
    }
  }

  @Test(arguments: [
    "unsupported/llmc/version-6.bin", "unsupported/llmc/version-2-bfloat16.bin", "llmc-state/base.bin",
  ])
  func `what is valid and not read is refused by name`(_ path: String) throws {
    let bytes = try Fixture.bytes(path)
    #expect(LLMCFormat().recognizes(firstBytes: bytes, byteCount: bytes.count))
    let error = #expect(throws: IngotError.self) { _ = try read(bytes) }
    guard case .unsupported? = error else {
      return #expect(Bool(false), "\(String(describing: error))")
    }
  }

  @Test func `words that mean nothing are passed over with a finding`() throws {
    var bytes = try Fixture.bytes("golden/llmc/float32.bin")
    #expect(try read(bytes).findings.isEmpty)
    bytes[4 * 9] = 1
    #expect(try read(bytes).findings.count == 1)
  }

  @Test func `the header's numbers are metadata, and zeros of padding are kept`() throws {
    let checkpoint = try read(Fixture.bytes("golden/llmc/base.bin"))
    let expected = [
      ("llmc.version", 3), ("llmc.max_seq_len", 24), ("llmc.vocab_size", 61), ("llmc.n_layer", 2),
      ("llmc.n_head", 4), ("llmc.n_embd", 16), ("llmc.padded_vocab_size", 128),
    ].map { Metadata.Entry(key: $0.0, value: .int32(Int32($0.1))) }
    #expect(checkpoint.metadata.entries == expected)
    #expect(checkpoint.tensors.first?.shape == [128, 16])
  }

  // MARK: - Writing

  private func request(_ change: (inout WriteRequest) -> Void = { _ in }) throws -> WriteRequest {
    WriteRequest(of: try read(Fixture.bytes("golden/llmc/float32.bin")), change)
  }

  private func expectRefusal(_ word: String, _ change: (inout WriteRequest) -> Void) throws {
    expectUnrepresentable(word, try request(change), by: LLMCWriter())
  }

  @Test func `numbers may be text, and tokens are as many as rows unless the metadata tells`() throws {
    let bytes = try Fixture.bytes("golden/llmc/float32.bin")
    let plan = try LLMCWriter().plan(request { $0.metadata["llmc.n_head"] = .string("1") })
    #expect(plan.files.first?.chunks.first == .bytes(Array(bytes[..<1024])))
    let untold = try LLMCWriter().plan(request { $0.metadata["llmc.vocab_size"] = nil })
    guard case .bytes(let header)? = untold.files.first?.chunks.first else { return #expect(Bool(false)) }
    #expect(header[12] == 128)
  }

  @Test func `the writer refuses what a file can't hold, and names it`() throws {
    try expectRefusal("llmc.n_head") { $0.metadata["llmc.n_head"] = nil }
    try expectRefusal("llmc.n_head") { $0.metadata["llmc.n_head"] = .string("four") }
    try expectRefusal("llmc.n_embd") { $0.metadata["llmc.n_embd"] = .int64(4) }
    try expectRefusal("129 tokens") { $0.metadata["llmc.vocab_size"] = .int64(129) }
    try expectRefusal("is missing") { $0.tensors.removeLast() }
    try expectRefusal("none of its") {
      $0.tensors.append(PlannedTensor(name: "lm_head.weight", TensorType(dtype: .f32, shape: [5, 2])))
    }
    try expectRefusal("one name") { $0.tensors.append($0.tensors[0]) }
    try expectRefusal("has shape") { $0.tensors[4].type.shape = [1, 2, 6] }
    try expectRefusal("all are") { $0.tensors[3].type.dtype = .bf16 }
    try expectRefusal("all are") { request in
      for index in request.tensors.indices { request.tensors[index].type.dtype = .f16 }
    }
  }

  @Test func `metadata that the header has no word for is reported`() throws {
    let plan = try LLMCWriter().plan(request { $0.metadata["format"] = .string("pt") })
    #expect(plan.losses.map(\.kind) == [.metadata])
  }
}
