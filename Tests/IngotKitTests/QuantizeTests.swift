// SPDX-License-Identifier: Apache-2.0
// Scales, int8 values and what they cost, against numpy; and the quantized model in every format that holds it.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizeTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Quantizes with numpy what the source holds and compares it, bit for bit, with what is stored; prints the SNR and
  /// the largest error of each tensor in float64.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    source, result, scheme = load_file(sys.argv[1]), load_file(sys.argv[2]), sys.argv[3]
    report = {}
    for name, values in result.items():
        if values.dtype != np.int8:
            continue
        w = source[name]
        axis = None if scheme == "int8-tensor" else 1 if "wte" in name else 0
        scale = np.abs(w).max(axis, keepdims=axis is not None) / np.float32(127)
        q = np.clip(np.rint(w / np.where(scale == 0, 1, scale)), -127, 127).astype(np.int8)
        assert np.array_equal(np.squeeze(scale), result[name + "_scale"]), name
        assert np.array_equal(q, values), name
        noise = w.astype(np.float64) - q.astype(np.float32) * scale
        signal = (w.astype(np.float64) ** 2).sum()
        report[name] = {"snr": 10 * np.log10(signal / (noise ** 2).sum()), "largest": float(np.abs(noise).max())}
    print(json.dumps(report))
    """

  private struct Cost: Decodable {
    let snr: Double
    let largest: Double
  }

  /// Sums of up to 262,144 squares in another order: 2¹⁸ roundings of 2⁻⁵³.
  private static let tolerance = 0x1p-35

  @Test(arguments: [QuantizationScheme.int8, .int8Tensor])
  func `scales and values are numpy's, and so is their cost`(_ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("int8.safetensors")
    var options = QuantizeOptions()
    options.scheme = scheme
    let report = try Ingot.quantize(Self.model, to: path, options: options)
    let output = try PythonPeer.run(
      code: Self.judge, [Self.model + "/model.safetensors", path, scheme.rawValue]
    ).outputBytes
    let costs = try JSONDecoder().decode([String: Cost].self, from: Data(output))
    #expect(costs.count == 17 && report.tensors.count == 17 && report.keptCount == 35)
    for tensor in report.tensors {
      let cost = try #require(costs[tensor.name])
      #expect(
        (tensor.error.signalToNoise - cost.snr).magnitude <= Self.tolerance * cost.snr, "\(tensor.name)")
      #expect((tensor.error.largest - cost.largest).magnitude <= Self.tolerance, "\(tensor.name)")
    }
  }

  @Test func `a quantized model has one digest in every format`() throws {
    let folder = try TemporaryFolder()
    var digests = Set<String>()
    for name in ["a.safetensors", "a.npz", "a.ingot", "a.pt", "shards/"] {
      _ = try Ingot.quantize(Self.model, to: folder.file(name))
      digests.insert(try Ingot.hash(folder.file(name)).model)
    }
    for name in ["b.safetensors", "b.npz", "b.ingot", "b.pt"] {
      _ = try Conversion(folder.file("a.npz"), to: folder.file(name), options: ConvertOptions()).run()
      digests.insert(try Ingot.hash(folder.file(name)).model)
    }
    #expect(digests.count == 1)
  }

  @Test func `a rule keeps what it names`() throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.rules = [(Glob("*"), .int8Tensor), (Glob("*wte*"), .keep)]
    let report = try Ingot.quantize(Self.model, to: folder.file("a.ingot"), options: options)
    #expect(report.tensors.count == 16)
    #expect(report.tensors.allSatisfy { $0.coding == .integers(Quantization(granularity: .perTensor)) })
    let embedding = try Ingot.inspect(folder.file("a.ingot")).tensors.first {
      $0.descriptor.name.hasSuffix("wte.weight")
    }
    #expect(embedding?.descriptor.dtype == .f32)
  }

  @Test func `weights that are not finite are refused, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    var bytes = try Fixture.bytes("kjv-gpt2/model.safetensors")
    // The last tensor of the file is the token embedding; its last value becomes a NaN.
    bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0xC0, 0x7F])
    try folder.write(bytes, to: "model.safetensors")
    try folder.copy(Self.model + "/config.json")
    #expect {
      try Ingot.quantize(folder.path, to: folder.file("out.ingot"))
    } throws: {
      guard case .unsuitable(_, _, let hint?)? = $0 as? IngotError else { return false }
      return hint.remedies == [.findNonFinite] && hint.options.contains(.rules)
    }
    #expect(folder.entries() == ["config.json", "model.safetensors"])
    let report = try Ingot.validate(folder.path)
    #expect(!report.isValid)
    #expect(report.findings.map(\.subject) == ["transformer.wte.weight"])
    #expect(report.findings.first?.detail == "has \(words: "1 NaN"), first at [\(words: "2047, 127")]")
  }

  // MARK: - Q8_0

  /// Quantizes with gguf-py what the source holds, in llama.cpp's layout, and compares it, byte for byte, with a GGUF
  /// file; checks which tensors are quantized, and prints each one's cost in float64.
  private static let blockJudge = """
    import json, sys
    import numpy as np
    import gguf
    from safetensors.numpy import load_file
    source, file = load_file(sys.argv[1]), gguf.GGUFReader(sys.argv[2])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, 4)
    turned = tuple(f"{part}.weight" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"))
    stored, report = {tensor.name: tensor for tensor in file.tensors}, {}
    assert len(stored) == len(source)
    for name, values in source.items():
        tensor = stored[names.get_name(name, (".weight", ".bias"))]
        values = np.ascontiguousarray(values.T) if name.endswith(turned) else values
        is_quantized = name.endswith(turned) or name.endswith("wte.weight")
        assert tensor.tensor_type == (gguf.GGMLQuantizationType.Q8_0 if is_quantized else gguf.GGMLQuantizationType.F32)
        expected = gguf.quants.quantize(values, tensor.tensor_type)
        assert np.array_equal(tensor.data.view(np.uint8).reshape(-1), expected.view(np.uint8).reshape(-1)), name
        if is_quantized:
            noise = values.astype(np.float64) - gguf.quants.dequantize(expected, tensor.tensor_type)
            signal = (values.astype(np.float64) ** 2).sum()
            report[tensor.name] = {"snr": 10 * np.log10(signal / (noise ** 2).sum()), "largest": float(np.abs(noise).max())}
    assert file.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_Q8_0
    assert file.fields["general.quantization_version"].contents() == gguf.GGML_QUANT_VERSION
    print(json.dumps(report))
    """

  private static func quantizeToBlocks(
    _ input: String, _ output: String, rules: [(Glob, QuantizationScheme)] = []
  ) throws(IngotError) -> QuantizationReport {
    var options = QuantizeOptions()
    options.scheme = .q80
    options.rules = rules
    return try Ingot.quantize(input, to: output, options: options)
  }

  @Test func `blocks are gguf-py's, byte for byte, and so is their cost`() throws {
    let folder = try TemporaryFolder()
    let report = try Self.quantizeToBlocks(Self.model, folder.file("q.gguf"))
    let output = try PythonPeer.run(
      code: Self.blockJudge, [Self.model + "/model.safetensors", folder.file("q.gguf")]
    ).outputBytes
    let costs = try JSONDecoder().decode([String: Cost].self, from: Data(output))
    #expect(costs.count == 17 && report.tensors.count == 17 && report.keptCount == 35)
    #expect(report.dialects.map { [$0.from, $0.to] } == ["hf", "gguf"])
    for tensor in report.tensors {
      let cost = try #require(costs[tensor.name])
      #expect(tensor.coding == .blocks(.q80) && tensor.byteCountAfter * 128 == tensor.byteCountBefore * 34)
      #expect(
        (tensor.error.signalToNoise - cost.snr).magnitude <= Self.tolerance * cost.snr, "\(tensor.name)")
      #expect((tensor.error.largest - cost.largest).magnitude <= Self.tolerance, "\(tensor.name)")
    }
  }

  @Test func `the way to blocks does not matter`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.quantizeToBlocks(Self.model, folder.file("q.gguf"))
    var lines = Set([try Ingot.hash(folder.file("q.gguf")).tensors.map(\.line).sorted()])
    try folder.copy(Self.model + "/config.json")
    // By way of plain GGUF, of another dialect, and of .ingot, whose blocks are then in llama.cpp's layout.
    for (name, dialect) in [("plain.gguf", nil), ("openai.npz", "openai"), ("mlx.safetensors", "mlx")] {
      var options = ConvertOptions()
      options.dialect = dialect
      _ = try Conversion(Self.model, to: folder.file(name), options: options).run()
      _ = try Self.quantizeToBlocks(folder.file(name), folder.file("q-\(name).gguf"))
      lines.insert(try Ingot.hash(folder.file("q-\(name).gguf")).tensors.map(\.line).sorted())
    }
    _ = try Self.quantizeToBlocks(folder.file("plain.gguf"), folder.file("q.ingot"))
    lines.insert(try Ingot.hash(folder.file("q.ingot")).tensors.map(\.line).sorted())
    _ = try Conversion(folder.file("q.ingot"), to: folder.file("back.gguf"), options: ConvertOptions()).run()
    lines.insert(try Ingot.hash(folder.file("back.gguf")).tensors.map(\.line).sorted())
    #expect(lines.count == 1)
  }

  @Test func `a model of blocks computes what its values compute`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.quantizeToBlocks(Self.model, folder.file("q.gguf"))
    var options = ConvertOptions()
    options.dtype = .f32
    _ = try Conversion(folder.file("q.gguf"), to: folder.file("plain.gguf"), options: options).run()
    let model = try Ingot.inspect(folder.file("plain.gguf")).checkpoint
    #expect(model.metadata["general.file_type"] == .uint32(0))
    #expect(model.tensors.allSatisfy { $0.blockType == nil })
    for precision in [Precision.auto, .reference] {
      var options = VerifyOptions()
      options.against = folder.file("plain.gguf")
      options.run.precision = precision
      #expect(try Ingot.verify(folder.file("q.gguf"), options: options).passed)
    }
    var evaluation = EvaluateOptions()
    evaluation.against = Self.model
    let report = try Ingot.evaluate(
      folder.file("q.gguf"), tokens: Self.model + "/heldout.npy", options: evaluation)
    let divergence = try #require(report.divergence).mean
    #expect(divergence > 0 && divergence < Self.divergenceOfBlocks)
  }

  private static func text(_ evidence: Evidence) -> String {
    evidence.description
  }

  /// Nats a token: ten times what the model's blocks cost.
  private static let divergenceOfBlocks = 1e-3

  /// Quantizes with gguf-py the experts that the source holds one by one, stacked, and compares them with a GGUF file.
  private static let expertJudge = """
    import sys
    import numpy as np
    import gguf
    from safetensors.numpy import load_file
    source, file = load_file(sys.argv[1]), gguf.GGUFReader(sys.argv[2])
    stored = {tensor.name: tensor for tensor in file.tensors}
    for theirs, ours in (("gate", "w1"), ("up", "w3"), ("down", "w2")):
        tensor = stored[f"blk.0.ffn_{theirs}_exps.weight"]
        experts = [source[f"model.layers.0.block_sparse_moe.experts.{i}.{ours}.weight"] for i in range(3)]
        expected = gguf.quants.quantize(np.stack(experts), gguf.GGMLQuantizationType.Q8_0)
        assert tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0, theirs
        assert np.array_equal(tensor.data.reshape(-1), expected.reshape(-1)), theirs
    assert stored["blk.0.ffn_gate_inp.weight"].tensor_type == gguf.GGMLQuantizationType.F32
    """

  @Test func `experts that a file stacks become blocks, all by one scheme`() throws {
    let folder = try TemporaryFolder()
    var options = InitializeOptions()
    options.config = try folder.write(
      """
      {"model_type": "mixtral", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 50, "num_local_experts": 3, "num_experts_per_tok": 2}
      """, to: "config.json")
    _ = try Ingot.initialize("mixtral", to: folder.file("m/"), options: options)
    let report = try Self.quantizeToBlocks(folder.file("m"), folder.file("q.gguf"))
    #expect(report.tensors.count == 4 + 3 + 2)
    try PythonPeer.run(code: Self.expertJudge, [folder.file("m/model.safetensors"), folder.file("q.gguf")])
    let kept = try Self.quantizeToBlocks(
      folder.file("m"), folder.file("k.gguf"), rules: [(Glob("*ffn_up_exps*"), .keep)])
    #expect(kept.tensors.count == report.tensors.count - 1)
    do throws(IngotError) {
      _ = try Self.quantizeToBlocks(
        folder.file("m"), folder.file("r.gguf"), rules: [(Glob("*.experts.1.w2.weight"), .keep)])
      Issue.record("written")
    } catch {
      guard case .unrepresentable("blk.0.ffn_down_exps.weight", _, let why, _) = error else { throw error }
      #expect(Self.text(why).contains("3 parameters"))
    }
  }

  @Test func `what can't hold blocks, or has no rows of them, is refused before anything is written`() throws
  {
    let folder = try TemporaryFolder()
    func refusal(_ input: String, _ output: String, _ scheme: QuantizationScheme) throws -> String {
      var options = QuantizeOptions()
      options.scheme = scheme
      do throws(IngotError) {
        _ = try Ingot.quantize(input, to: folder.file(output), options: options)
        return "written"
      } catch {
        guard case .unrepresentable = error else { throw error }
        return "\(error)"
      }
    }
    for output in ["q.safetensors", "q.npz", "q.pt", "q/"] {
      #expect(try refusal(Self.model, output, .q80).contains("Q8_0 blocks"))
    }
    #expect(try refusal(Self.model, "q.gguf", .int8).contains("`scheme` q8_0"))
    let rows = try refusal(Fixture.path("models/base"), "q.gguf", .q80)
    #expect(rows.contains("16 values, no multiple of 32") && rows.contains("`rules`"))
    #expect(folder.entries().isEmpty)
    // What a rule keeps needs no blocks.
    let report = try Self.quantizeToBlocks(Self.model, folder.file("q.gguf"), rules: [(Glob("*wte*"), .keep)])
    #expect(report.tensors.count == 16)
    // Blocks stay what they are.
    #expect(try Self.quantizeToBlocks(folder.file("q.gguf"), folder.file("again.gguf")).tensors.count == 1)
  }

  @Test func `blocks of values that are not finite are refused, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Self.model + "/config.json")
    for bits: [UInt8] in [[0, 0, 0xC0, 0x7F], [0, 0, 0x80, 0xFF], [0, 0, 0, 0x7F]] {
      var bytes = try Fixture.bytes("kjv-gpt2/model.safetensors")
      bytes.replaceSubrange((bytes.count - 4)..., with: bits)
      try folder.write(bytes, to: "model.safetensors")
      do throws(IngotError) {
        _ = try Self.quantizeToBlocks(folder.path, folder.file("out.gguf"))
        Issue.record("written")
      } catch {
        guard case .unrepresentable(let tensor, _, let why, _) = error else { throw error }
        #expect(tensor == "transformer.wte.weight")
        #expect(Self.text(why).hasPrefix("1 of its blocks has "))
      }
      #expect(folder.entries() == ["config.json", "model.safetensors"])
    }
  }
}
