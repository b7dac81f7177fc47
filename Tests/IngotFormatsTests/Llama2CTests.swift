// SPDX-License-Identifier: Apache-2.0
// llama2.c's files where golden and malformed ones do not reach: how version 0 is known, what is refused by name, and what
// the writer asks for.
import IngotBytes
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct Llama2CTests {
  private func read(_ bytes: [UInt8]) throws(IngotError) -> Checkpoint {
    try Llama2CFormat().read(MemoryByteSource(bytes, path: "model.bin"), options: ReadOptions())
  }

  private func recognizes(_ bytes: [UInt8]) -> Bool {
    Llama2CFormat().recognizes(firstBytes: Array(bytes.prefix(512)), byteCount: bytes.count)
  }

  private func expectMark(_ bytes: [UInt8]) {
    #expect(!recognizes(bytes))
    let error = #expect(throws: IngotError.self) { _ = try read(bytes) }
    guard case .malformed(Llama2CRule.mark.rule, _, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["tied", "untied"])
  func `what is neither marked nor as long as its numbers say is refused`(_ stem: String) throws {
    let bytes = try Fixture.bytes("golden/llama2c/version-0-\(stem).bin")
    #expect(recognizes(bytes))
    expectMark(Array(bytes.dropLast()))
    expectMark(bytes + [0])
    expectMark([])
    // Each number is part of the length, or of what makes a model.
    for word in 0..<7 {
      for value: Int32 in [0, -1, 1000, .max, .min] {
        var changed = bytes
        changed.replaceSubrange(
          (4 * word)..<(4 * word + 4), with: (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
        expectMark(changed)
      }
    }
    var other = try Fixture.bytes("golden/llama2c/version-1-\(stem).bin")
    other[0] ^= 1
    expectMark(other)
  }

  @Test func `versions of later years are refused by name`() throws {
    let bytes = try Fixture.bytes("unsupported/llama2c/version-3.bin")
    #expect(recognizes(bytes))
    let error = #expect(throws: IngotError.self) { _ = try read(bytes) }
    guard case .unsupported? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [("version-1-tied", 37), ("version-2-tied", 41)])
  func `bytes that mean nothing are passed over with a finding`(_ stem: String, _ first: Int) throws {
    var bytes = try Fixture.bytes("golden/llama2c/\(stem).bin")
    #expect(try read(bytes).findings.isEmpty)
    bytes[first] = 1
    bytes[255] = 1
    let findings = try read(bytes).findings
    #expect(findings.count == 1 && "\(findings[0].detail)".contains("byte \(first)"))
  }

  @Test func `layers of version 2 are limited, since each has ranges of its own`() throws {
    // A model of 2 × 1 numbers a matrix: a layer takes 4 × 4 bytes of norms, and 28 in integers and scales of 2.
    func file(_ layers: Int32) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.appendLittle(UInt32(0x616B_3432))
      for word: Int32 in [2, 2, 1, layers, 1, 1, 1, 1] { bytes.appendLittle(word) }
      bytes += [1, 2, 0, 0, 0]
      bytes += [UInt8](repeating: 0, count: 256 - bytes.count)
      let matrices = 4 * (4 + 8) + 3 * (2 + 4)
      return bytes + [UInt8](repeating: 0, count: Int(layers) * (16 + matrices) + 8 + 2 + 4)
    }
    #expect(try read(file(10_000)).tensors.count == 11)
    let error = #expect(throws: IngotError.self) { _ = try read(file(10_001)) }
    guard case .limitExceeded(.llama2cLayers, _, 10_001)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `the header's numbers are metadata, and a head that is not there is shared`() throws {
    func metadata(_ values: [(String, Int)]) -> [Metadata.Entry] {
      values.map { Metadata.Entry(key: "llama2c." + $0.0, value: .int32(Int32($0.1))) }
    }
    let numbers = [
      ("dim", 4), ("hidden_dim", 6), ("n_layers", 2), ("n_heads", 2), ("n_kv_heads", 1), ("vocab_size", 5),
      ("seq_len", 3),
    ]
    for version in 0...2 {
      let tied = try read(Fixture.bytes("golden/llama2c/version-\(version)-tied.bin"))
      let group = version == 2 ? [("group_size", 4)] : []
      #expect(tied.metadata.entries == metadata([("version", version)] + numbers + group))
      #expect(!tied.tensors.contains { $0.name == "wcls" })
      let untied = try read(Fixture.bytes("golden/llama2c/version-\(version)-untied.bin"))
      #expect(untied.tensors.last?.name == "wcls")
      #expect(untied.metadata["llama2c.vocab_size"] == .int32(5))
    }
  }

  // MARK: - Writing

  private func request(
    _ stem: String = "version-1-untied", _ change: (inout WriteRequest) -> Void = { _ in }
  ) throws -> WriteRequest {
    WriteRequest(of: try read(Fixture.bytes("golden/llama2c/\(stem).bin")), change)
  }

  private func expectRefusal(
    _ word: String, _ stem: String = "version-1-untied", _ change: (inout WriteRequest) -> Void
  ) throws {
    expectUnrepresentable(word, try request(stem, change), by: Llama2CWriter())
  }

  @Test func `numbers may be text, and only two are asked for`() throws {
    let bytes = try Fixture.bytes("golden/llama2c/version-1-untied.bin")
    let plan = try Llama2CWriter().plan(
      request {
        $0.metadata = Metadata([
          .init(key: "llama2c.n_heads", value: .string("2")),
          .init(key: "llama2c.seq_len", value: .string("3")),
        ])
      })
    #expect(plan.files.first?.chunks.first == .bytes(Array(bytes[..<256])))
    #expect(plan.losses.isEmpty)
  }

  @Test func `the writer refuses what a file can't hold, and names it`() throws {
    try expectRefusal("llama2c.n_heads") { $0.metadata["llama2c.n_heads"] = nil }
    try expectRefusal("llama2c.seq_len") { $0.metadata["llama2c.seq_len"] = nil }
    try expectRefusal("llama2c.n_heads") { $0.metadata["llama2c.n_heads"] = .string("four") }
    try expectRefusal("llama2c.version") { $0.metadata["llama2c.version"] = .string("one") }
    for key in ["dim", "hidden_dim", "n_layers", "n_kv_heads", "vocab_size"] {
      try expectRefusal("llama2c.\(key)") { $0.metadata["llama2c.\(key)"] = .int64(7) }
    }
    for count in [0, 3, 4, 8] {
      try expectRefusal("heads") { $0.metadata["llama2c.n_heads"] = .int64(Int64(count)) }
    }
    try expectRefusal("2147483647") { $0.metadata["llama2c.seq_len"] = .int64(1 << 31) }
    try expectRefusal("2147483647") { $0.metadata["llama2c.seq_len"] = .int64(0) }
    for name in ["token_embedding_table", "rms_att_weight", "wo"] {
      try expectRefusal("is missing") { $0.tensors.removeAll { $0.name == name } }
    }
    try expectRefusal("none of its") {
      $0.tensors.append(PlannedTensor(name: "lm_head.weight", TensorType(dtype: .f32, shape: [5, 4])))
    }
    try expectRefusal("one name") { $0.tensors.append($0.tensors[0]) }
    try expectRefusal("has shape") { $0.tensors[0].type.shape = [4] }
    try expectRefusal("dimensions") { request in
      for index in request.tensors.indices { request.tensors[index].type.shape = [4] }
    }
    try expectRefusal("F16") { $0.tensors[3].type.dtype = .f16 }
  }

  @Test(arguments: ["tied", "untied"])
  func `integers are followed by their scales, block by block`(_ stem: String) throws {
    let bytes = try Fixture.bytes("golden/llama2c/version-2-\(stem).bin")
    let request = try request("version-2-\(stem)") { $0.metadata["llama2c.version"] = .int32(1) }
    let file = try #require(try Llama2CWriter().plan(request).files.first)
    #expect(file.chunks.byteCount == bytes.count)
    var expected = [PlannedChunk.bytes(Array(bytes[..<256]))]
    for (index, tensor) in request.tensors.enumerated() {
      let shares = tensor.shape.rank == 3 ? (0..<tensor.shape.dimensions[0]).map { $0 } : [nil]
      for share in tensor.quantization == nil ? [nil] : shares {
        for part in tensor.parts.indices {
          expected.append(.part(PartReference(tensor: index, part: part, share: share), lead: []))
        }
      }
    }
    #expect(Array(file.chunks) == expected)
  }

  @Test func `the writer refuses integers that version 2 does not have, and names the tensor`() throws {
    func expect(_ word: String, _ name: String, _ change: @escaping (inout PlannedTensor) -> Void) throws {
      try expectRefusal(word, "version-2-untied") { request in
        for index in request.tensors.indices where request.tensors[index].name == name {
          change(&request.tensors[index])
        }
      }
    }
    func runs(_ size: Int) -> (inout PlannedTensor) -> Void {
      { tensor in
        let scheme = Quantization(granularity: .perRun(size))
        guard tensor.quantization != nil, let shape = scheme.scaleShape(of: tensor.shape) else { return }
        let scales = PartType(kind: .scales, dtype: .f32, shape: shape)
        tensor.type.quantization = QuantizedType(scheme: scheme, parts: [scales])
      }
    }
    try expect("has no place for it", "wo") {
      $0.type = TensorType(dtype: .f32, shape: $0.shape)
    }
    try expect("F32 in version 2", "rms_final_weight") {
      let scales = PartType(kind: .scales, dtype: .f32, shape: [1])
      $0.type = TensorType(
        dtype: .i8, shape: $0.shape,
        quantization: QuantizedType(scheme: Quantization(granularity: .perRun(4)), parts: [scales]))
    }
    try expect("one size of runs", "wo", runs(2))
    try expect("one size of runs", "w1") { $0.type.quantization?.parts[0].dtype = .f16 }
    try expect("one size of runs", "w1") { $0.type.quantization?.scheme.scaleKind = .absmax }
    try expect("one size of runs", "w1") { $0.type.quantization?.scheme.granularity = .perTensor }
    try expect("scale for each run", "token_embedding_table") {
      $0.type.quantization?.scheme.granularity = .perChannel(axis: 0)
    }
    try expect("I16", "w1") { $0.type = TensorType(dtype: .i16, shape: $0.shape) }
    // A block of queries has 4 × 4 numbers, the embedding 5 × 4.
    for (size, name) in [(16, "token_embedding_table"), (20, "wq"), (5, "wq")] {
      let error = #expect(throws: IngotError.self) {
        _ = try Llama2CWriter().plan(
          request("version-2-untied") { request in
            for index in request.tensors.indices { runs(size)(&request.tensors[index]) }
          })
      }
      guard case .unrepresentable(name, _, let why, _)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect("\(why)".contains("no whole runs of \(size)"))
    }
  }

  @Test func `what runq computes otherwise is said of integers that are made, and not of copies`() throws {
    // Six values in a row of w2, and runs of four.
    #expect(try Llama2CWriter().plan(request("version-2-tied")).losses.isEmpty)
    func losses(_ stem: String) throws -> [Loss] {
      try Llama2CWriter().plan(
        request("version-2-\(stem)") { request in
          for index in request.tensors.indices where request.tensors[index].quantization != nil {
            request.tensors[index].transforms = [.quantizedToInt8(from: .f32)]
          }
        }
      ).losses
    }
    #expect(try losses("tied").map { [$0.kind.rawValue, $0.tensor ?? ""] } == [["readers", "w2"]])
    #expect(try losses("untied").isEmpty)
  }

  @Test func `what the header has no number for is reported, and tables go where there are some`() throws {
    let plan = try Llama2CWriter().plan(request { $0.metadata["format"] = .string("pt") })
    #expect(plan.losses.map(\.kind) == [.metadata])
    let dropped = try Llama2CWriter().plan(
      request("version-0-tied") { $0.metadata["llama2c.version"] = .int32(1) })
    #expect(dropped.losses.map(\.tensor) == ["freq_cis_real", "freq_cis_imag"])
    #expect(try Llama2CWriter().plan(request("version-0-tied")).losses.isEmpty)
  }

  @Test func `tables that are not given are made`() throws {
    let bytes = try Fixture.bytes("golden/llama2c/version-0-tied.bin")
    let plan = try Llama2CWriter().plan(
      request("version-0-tied") { $0.tensors.removeAll { $0.name.hasPrefix("freq_cis") } })
    let chunks = try #require(plan.files.first).chunks
    #expect(chunks.byteCount == bytes.count)
    // Three positions of one pair: cosines, then sines.
    #expect(
      Array(chunks.suffix(2)) == [
        .bytes(Array(bytes[(bytes.count - 24)..<(bytes.count - 12)])), .bytes(Array(bytes.suffix(12))),
      ])
  }
}
