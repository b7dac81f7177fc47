// SPDX-License-Identifier: Apache-2.0
// GGUF against gguf-py: typed metadata, the values that blocks stand for, files that are written byte for byte.
import Foundation
import IngotEncodings
import IngotKernels
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct GGUFTests {
  /// What gguf-py reads in a golden file, beside the tensors' own bytes.
  struct Description: Sendable {
    /// Keys with the names of their types, outermost first, and their values as JSON.
    var metadata: [(key: String, types: [String], value: String)] = []
    /// SHA-256 of the F32 values that blocks stand for, by tensor.
    var values: [String: String] = [:]
  }

  /// The manifest, by file name.
  static let manifest: [String: Description] = {
    let bytes = (try? Fixture.bytes("golden/gguf/manifest.json")) ?? []
    let files = (try? JSONDocument.object(bytes)) ?? Metadata()
    return Dictionary(uniqueKeysWithValues: files.entries.map { ($0.key, description($0.value)) })
  }()

  private static func description(_ value: MetadataValue) -> Description {
    var description = Description()
    guard case .object(let file) = value else { return description }
    for case .object(let entry) in file["metadata"]?.elements ?? [] {
      let types = (entry["types"]?.elements ?? []).map { text($0) }
      description.metadata.append(
        (entry.string("key") ?? "", types, entry["value"].map { text($0) } ?? ""))
    }
    if case .object(let values)? = file["values"] {
      for entry in values.entries { description.values[entry.key] = values.string(entry.key) }
    }
    return description
  }

  private static func text(_ value: MetadataValue) -> String { JSONWriter.text(value) }

  private static func path(_ name: String) -> String { Fixture.path("golden/gguf/" + name) }

  /// The names of a value's types as gguf-py lists them, as JSON strings.
  private static func types(of value: MetadataValue) -> [String] {
    guard case .typedArray(let array) = value else {
      return value.type.map { ["\"\($0)\"".uppercased()] } ?? []
    }
    let first = array.values.first.map { types(of: $0) } ?? []
    return ["\"ARRAY\""] + first
  }

  /// Nested arrays laid out flat, as gguf-py reads them.
  private static func flat(_ value: MetadataValue) -> MetadataValue {
    guard case .typedArray(let array) = value, array.elementType == .array else { return value }
    return .array(array.values.flatMap { flat($0).elements ?? [] })
  }

  @Test(arguments: manifest.keys.sorted())
  func `reads the metadata that gguf-py reads, with its types`(_ name: String) throws {
    let metadata = try Ingot.inspect(Self.path(name)).checkpoint.metadata
    let expected = try #require(Self.manifest[name]).metadata
    #expect(metadata.entries.map(\.key) == expected.map(\.key))
    for (entry, expected) in zip(metadata.entries, expected) {
      #expect(Self.types(of: entry.value) == expected.types, "\(entry.key)")
      guard expected.value != "null" else { continue }
      let value = Self.text(Self.flat(entry.value))
      // gguf-py shows a single-precision number as the double that it is.
      if case .float32(let number) = entry.value {
        #expect(Double(expected.value) == Double(number), "\(entry.key)")
      } else if case .typedArray(let array) = entry.value,
        array.elementType == .float32 || array.elementType == .float64
      {
        let numbers = array.values.map { value in
          if case .float32(let number) = value { return Double(number) }
          if case .float64(let number) = value { return number }
          return .nan
        }
        let texts = expected.value.dropFirst().dropLast().split(separator: ",")
        #expect(texts.map { Double($0) } == numbers, "\(entry.key)")
      } else if case .float64(let number) = entry.value {
        #expect(Double(expected.value) == number)
      } else {
        #expect(value == expected.value, "\(entry.key)")
      }
    }
  }

  @Test(arguments: manifest.keys.sorted().filter { !(manifest[$0]?.values.isEmpty ?? true) })
  func `dequantizes to the bits that gguf-py gives`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for (index, tensor) in try Ingot.inspect(Self.path(name)).tensors.enumerated() {
      guard let blockType = tensor.descriptor.blockType else { continue }
      let expected = Self.manifest[name]?.values[tensor.descriptor.name]
      var options = ConvertOptions()
      options.dtype = .f32
      options.selection = TensorSelection(include: [Glob(tensor.descriptor.name)])
      let output = folder.file("\(index).safetensors")
      _ = try Conversion(Self.path(name), to: output, options: options).run()
      #expect(try GoldenFile.read(output).first?.sha256 == expected, "\(blockType)")
    }
  }

  /// Files that gguf-py wrote, little-endian and whole.
  static let written = manifest.keys.sorted().filter { name in
    !["big-endian", "version", "last"].contains { name.hasPrefix($0) }
  }

  @Test(arguments: written)
  func `writes the bytes that gguf-py writes`(_ name: String) throws {
    let folder = try TemporaryFolder()
    _ = try Conversion(Self.path(name), to: folder.file("out.gguf"), options: ConvertOptions()).run()
    #expect(try folder.bytes("out.gguf") == Fixture.bytes("golden/gguf/" + name))
    // By way of .ingot, which keeps types and blocks too.
    _ = try Conversion(Self.path(name), to: folder.file("out.ingot"), options: ConvertOptions()).run()
    _ = try Conversion(folder.file("out.ingot"), to: folder.file("back.gguf"), options: ConvertOptions())
      .run()
    #expect(try folder.bytes("back.gguf") == Fixture.bytes("golden/gguf/" + name))
  }

  @Test(arguments: [("big-endian", "every-type"), ("last-not-padded", "shapes"), ("version-2", "blocks")])
  func `writes one form of what has several`(_ other: String, _ canonical: String) throws {
    let folder = try TemporaryFolder()
    _ = try Conversion(Self.path("\(other).gguf"), to: folder.file("out.gguf"), options: ConvertOptions())
      .run()
    #expect(try folder.bytes("out.gguf") == Fixture.bytes("golden/gguf/\(canonical).gguf"))
  }

  /// Writes the trained model, its weights as they are or quantized.
  private static func makeModel(_ scheme: QuantizationScheme, at path: String) throws {
    let model = Fixture.path("kjv-gpt2")
    guard scheme != .keep else {
      _ = try Conversion(model, to: path, options: ConvertOptions()).run()
      return
    }
    var options = QuantizeOptions()
    options.scheme = scheme
    _ = try Ingot.quantize(model, to: path, options: options)
  }

  @Test(arguments: [DType.f16, .bf16], [false, true])
  func `a model that is cast keeps vectors as llama.cpp wants them`(_ dtype: DType, _ isQuantized: Bool)
    throws
  {
    let folder = try TemporaryFolder()
    try Self.makeModel(isQuantized ? .q80 : .keep, at: folder.file("a.gguf"))
    var options = ConvertOptions()
    options.dtype = dtype
    let report = try Conversion(folder.file("a.gguf"), to: folder.file("b.gguf"), options: options).run()
    let cast = try Ingot.inspect(folder.file("b.gguf")).checkpoint
    for tensor in cast.tensors {
      let isMatrix = tensor.shape.rank == 2 && tensor.name != "position_embd.weight"
      #expect(tensor.dtype == (isMatrix ? dtype : .f32) && tensor.blockType == nil, "\(tensor.name)")
    }
    // gguf-py's LlamaFileType: MOSTLY_F16 and MOSTLY_BF16.
    #expect(cast.metadata["general.file_type"] == .uint32(dtype == .f16 ? 1 : 32))
    #expect(report.losses.count { $0.kind == .kept && $0.tensor == "position_embd.weight" } == 1)
    // The same as on the way from another format.
    guard !isQuantized else { return }
    _ = try Conversion(Fixture.path("kjv-gpt2"), to: folder.file("c.gguf"), options: options).run()
    #expect(
      try Ingot.hash(folder.file("b.gguf")).tensors.map(\.line)
        == Ingot.hash(folder.file("c.gguf")).tensors.map(\.line))
  }

  @Test func `blocks are one tensor of their type`() throws {
    let folder = try TemporaryFolder()
    _ = try Conversion(
      Self.path("blocks.gguf"), to: folder.file("f32.gguf"),
      options: {
        var options = ConvertOptions()
        options.dtype = .f32
        options.selection = TensorSelection(include: [Glob("blocks.Q*"), Glob("plain")])
        return options
      }()
    ).run()
    let difference = try Ingot.diff(Self.path("blocks.gguf"), folder.file("f32.gguf"))
    #expect(difference.onlyFirst == ["blocks.TQ1_0", "blocks.TQ2_0", "blocks.MXFP4", "blocks.cube"])
    let q8 = try #require(difference.changed.first { $0.name == "blocks.Q8_0" })
    #expect(q8.typeNames == ("Q8_0", "F32") && q8.maxAbs == 0 && q8.isCastTo == .f32)
    var options = InspectOptions()
    options.statistics = true
    let blocks = try Ingot.inspect(Self.path("blocks.gguf"), options: options).tensors
    let plain = try Ingot.inspect(folder.file("f32.gguf"), options: options).tensors
    for tensor in plain {
      #expect(blocks.first { $0.descriptor.name == tensor.descriptor.name }?.statistics == tensor.statistics)
    }
    #expect(blocks.first { $0.descriptor.name == "blocks.MXFP4" }?.statistics != nil)
  }

  @Test(arguments: [false, true])
  func `the ids of marks that stand with a tokenizer come into config json`(_ isStated: Bool) throws {
    let (source, folder) = (try TemporaryFolder(), try TemporaryFolder())
    var config = try JSONDocument.object(Fixture.bytes("kjv-gpt2/config.json"))
    let marks = ["bos_token_id", "eos_token_id"]
    // One that a config says itself is kept, and no other is taken for it.
    for mark in marks { config[mark] = isStated ? .int64(7) : nil }
    _ = try source.write(Array(JSONWriter.text(config).utf8), to: "model/config.json")
    for name in ["model.safetensors", "vocab.json", "merges.txt", "tokenizer.json"] {
      _ = try source.write(Fixture.bytes("kjv-gpt2/\(name)"), to: "model/\(name)")
    }
    for (path, output, target) in [
      (source.file("model"), "model.gguf", TargetProgram.llamaCpp),
      (folder.file("model.gguf"), "back/", .transformers),
    ] {
      var options = ConvertOptions()
      options.program = target
      _ = try Ingot.convert(path, to: folder.file(output), options: options)
    }
    let back = try JSONDocument.object(folder.bytes("back/config.json"))
    for mark in marks { #expect(back[mark] == .int64(isStated ? 7 : 0), "\(mark)") }
  }

  @Test func `what GGUF or another format can't hold is refused with a way on`() throws {
    let folder = try TemporaryFolder()
    func refusal(_ path: String, _ output: String) throws -> (why: String, remedies: [Remedy])? {
      do throws(IngotError) {
        _ = try Conversion(path, to: folder.file(output), options: ConvertOptions())
        return nil
      } catch {
        guard case .unrepresentable(_, _, let why, _) = error else { throw error }
        return ("\(why)", error.remedies)
      }
    }
    let blocks = try #require(try refusal(Self.path("blocks.gguf"), "out.safetensors"))
    #expect(blocks.why.contains("Q8_0") && blocks.remedies == [.dequantize])
    let dtype = try #require(try refusal(Fixture.path("golden/npy/dtype-u8.npy"), "out.gguf"))
    #expect(dtype.why.contains("U64"))
    let rank = try #require(try refusal(Fixture.path("golden/npy/twelve-dimensions.npy"), "out.gguf"))
    #expect(rank.why.contains("dimensions"))
  }

  @Test func `a split set is opened by its first part or its folder, and nothing else`() throws {
    let folder = try TemporaryFolder()
    for name in Fixture.names(in: "golden/gguf/split") { try folder.copy(Self.path("split/" + name)) }
    let byName = try Ingot.inspect(folder.file("tiny-00001-of-00003.gguf")).checkpoint
    #expect(byName.tensors.count == 5 && byName.files.count == 3)
    #expect(byName.metadata.entries.map(\.key) == ["general.architecture", "general.name", "index"])
    #expect(try Ingot.inspect(folder.path).checkpoint.tensors.count == 5)
    // Put together, it is what gguf-py would have written whole.
    _ = try Conversion(folder.path, to: folder.file("whole.gguf"), options: ConvertOptions()).run()
    let whole = try PythonPeer.run("fixtures/peers/read_back.py", [folder.file("whole.gguf")]).standardOutput
    let set = try PythonPeer.run("fixtures/peers/read_back.py", [Self.path("split")]).standardOutput
    #expect(whole == set)
    try FileManager.default.removeItem(atPath: folder.file("whole.gguf"))
    #expect(throws: IngotError.self) { try Ingot.inspect(folder.file("tiny-00002-of-00003.gguf")) }
    try FileManager.default.removeItem(atPath: folder.file("tiny-00003-of-00003.gguf"))
    do throws(IngotError) {
      _ = try Ingot.inspect(folder.path)
      Issue.record("a set without its last part was opened")
    } catch {
      if case .missing(let path, _, _) = error {
        #expect(path.hasSuffix("tiny-00003-of-00003.gguf"))
      } else {
        Issue.record("\(error)")
      }
    }
  }

  /// Writes a file anew as gguf-py splits it.
  private static let split = """
    import sys, gguf
    reader = gguf.GGUFReader(sys.argv[1])
    writer = gguf.GGUFWriter(sys.argv[2], "gpt2", split_max_size=int(sys.argv[3]))
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, inner)
    if reader.alignment != 32:
        writer.data_alignment = reader.alignment
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    """

  @Test func `what a header of strings keeps of a config is none`() throws {
    var options = ConvertOptions()
    options.dtype = .f32
    let folder = try TemporaryFolder()
    let source = Fixture.path("decoder-golden/mixtral/llama.cpp.gguf")
    _ = try Ingot.convert(source, to: folder.file("m.safetensors"), options: options)
    do throws(IngotError) {
      _ = try Model(folder.file("m.safetensors"))
      Issue.record("understood")
    } catch {
      guard case .missing(_, let why, _) = error else { throw error }
      #expect(why.description.contains("has no config"))
    }
    #expect(try Ingot.inspect(folder.file("m.safetensors")).model == nil)
  }

  @Test(arguments: [300_000, 900_000, 1_100_000], [QuantizationScheme.keep, .q80])
  func `a set is cut as gguf-py cuts it, byte for byte`(_ limit: Int, _ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    try Self.makeModel(scheme, at: folder.file("model.gguf"))
    try PythonPeer.run(code: Self.split, [folder.file("model.gguf"), folder.file("model.gguf"), "\(limit)"])
    let theirs = folder.entries().filter { $0 != "model.gguf" }
    var cut = ConvertOptions()
    cut.shardByteLimit = limit
    cut.format = "gguf"
    cut.check = true
    let report = try Conversion(folder.file("model.gguf"), to: folder.file("set/"), options: cut).run()
    #expect(report.fileNames == theirs && theirs.count > 1)
    for name in theirs {
      #expect(try folder.bytes("set/" + name) == folder.bytes(name), "\(name)")
    }
    _ = try Conversion(folder.file("set/"), to: folder.file("whole.gguf"), options: ConvertOptions()).run()
    #expect(try folder.bytes("whole.gguf") == folder.bytes("model.gguf"))
  }

  @Test func `the files of a set keep the alignment, and a set of one is a file`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.format = "gguf"
    options.shardByteLimit = 1
    _ = try Conversion(Self.path("alignment-64.gguf"), to: folder.file("set/"), options: options).run()
    let set = try Ingot.inspect(folder.file("set/")).checkpoint
    let whole = try Ingot.inspect(Self.path("alignment-64.gguf")).checkpoint
    #expect(set.files.count == whole.tensors.count && set.tensors.map(\.name) == whole.tensors.map(\.name))
    #expect(
      set.tensors.allSatisfy { tensor in
        guard case .one(let segment) = tensor.storage.segments else { return false }
        return segment.offset % 64 == 0
      })
    #expect(try Ingot.hash(folder.file("set/")).model == Ingot.hash(Self.path("alignment-64.gguf")).model)
    options.shardByteLimit = 1 << 30
    _ = try Conversion(Self.path("alignment-64.gguf"), to: folder.file("one/"), options: options).run()
    #expect(try folder.bytes("one/model.gguf") == Fixture.bytes("golden/gguf/alignment-64.gguf"))
    options.shardByteLimit = 1
    #expect(throws: IngotError.self) {
      try Conversion(Self.path("alignment-64.gguf"), to: "-", options: options)
    }
  }

  @Test(arguments: Fixture.names(in: "unsupported/gguf"))
  func `what is not read is refused by name`(_ name: String) {
    do throws(IngotError) {
      _ = try Ingot.inspect(Fixture.path("unsupported/gguf/" + name))
      Issue.record("read")
    } catch {
      switch error {
      case .unsupported, .limitExceeded: break
      default: Issue.record("\(error)")
      }
    }
  }

  /// Time that opening a large tokenizer may take: a hundred times what it does.
  private static let patienceSeconds = 5.0

  @Test func `a tokenizer of half a million tokens opens at once and in bounded memory`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, gguf
        writer = gguf.GGUFWriter(sys.argv[1], "gpt2")
        writer.add_token_list([f"token number {n}" for n in range(500_000)])
        writer.add_token_types([n % 7 for n in range(500_000)])
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        """, [folder.file("big.gguf")])
    let size = try folder.bytes("big.gguf").count
    let start = Date()
    let result = try IngotProgram.run("inspect", folder.file("big.gguf"))
    #expect(Date().timeIntervalSince(start) < Self.patienceSeconds)
    #expect(result.exitCode == 0 && result.standardOutput.contains("500000 × string"))
    let base = try IngotProgram.run("--version").peakResidentBytes
    #expect(result.peakResidentBytes - base < 64 << 20 + 2 * size)
    _ = try Conversion(folder.file("big.gguf"), to: folder.file("again.gguf"), options: ConvertOptions())
      .run()
    #expect(try folder.bytes("again.gguf") == folder.bytes("big.gguf"))
  }

  @Test func `names that only some builds of ggml take are read with a finding and written on request`()
    throws
  {
    let folder = try TemporaryFolder()
    let name = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_q.weight"
    try PythonPeer.run(
      code: """
        import sys, gguf, numpy
        from safetensors.numpy import save_file
        writer = gguf.GGUFWriter(sys.argv[1] + "/sd.gguf", "sd")
        for name in (sys.argv[2], "n" * 63): writer.add_tensor(name, numpy.ones((4, 8), numpy.float32))
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        save_file({sys.argv[2]: numpy.ones((4, 8), numpy.float32)}, sys.argv[1] + "/sd.safetensors")
        """, [folder.path, name])
    let findings = try Ingot.inspect(folder.file("sd.gguf")).checkpoint.findings
    #expect(findings.map(\.kind) == [.overProgramLimit])
    #expect(findings.map(\.subject) == [name])
    let copy = try Conversion(folder.file("sd.gguf"), to: folder.file("o.gguf"), options: ConvertOptions())
      .run()
    #expect(copy.findings == findings)
    #expect(try folder.bytes("o.gguf") == folder.bytes("sd.gguf"))
    let source = folder.file("sd.safetensors")
    #expect(throws: IngotError.self) {
      _ = try Conversion(source, to: folder.file("p.gguf"), options: ConvertOptions())
    }
    var options = ConvertOptions()
    options.dialect = "keep"
    let kept = try Conversion(source, to: folder.file("p.gguf"), options: options).run()
    #expect(kept.findings.map(\.kind) == [.overProgramLimit])
    let names = try PythonPeer.run(
      code: "import sys, gguf; print([t.name for t in gguf.GGUFReader(sys.argv[1]).tensors])",
      [folder.file("p.gguf")])
    #expect(names.standardOutput == "['\(name)']\n")
  }

  /// llama.cpp multiplies products of such weights by their scale (BitNet, NVFP4).
  @Test func `blocks with a scale for the whole tensor are no numbers without it`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np, gguf
        writer = gguf.GGUFWriter(sys.argv[1], "x")
        blocks = gguf.quants.quantize(np.ones((2, 64), "f4"), gguf.GGMLQuantizationType.Q8_0)
        for name in "a.weight", "b.weight":
            writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor("a.scale", np.full(1, .5, "f4"))
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        """, [folder.file("q.gguf")])
    var options = ConvertOptions()
    options.dtype = .f32
    let error = #expect(throws: IngotError.self) {
      _ = try Conversion(folder.file("q.gguf"), to: folder.file("o.npz"), options: options)
    }
    guard case .unrepresentable(let tensor, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(tensor == "a.weight" && "\(why)".contains("a.scale"))
    options.selection.exclude = [Glob("a.*")]
    #expect(
      try Ingot.convert(folder.file("q.gguf"), to: folder.file("b.npz"), options: options).tensorCount == 1)
    #expect(try Ingot.convert(folder.file("q.gguf"), to: folder.file("copy.gguf")).tensorCount == 3)
  }
}
