// SPDX-License-Identifier: Apache-2.0
// Quantizing without a model: matrices as NumPy and gguf-py quantize them, what stays is named with its reason, rules and
// what is refused.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct UnknownModelTests {
  /// Writes a folder that looks like T5, and a GGUF file of an architecture that nobody knows.
  private static let maker = """
    import json, os, sys
    import numpy as np
    import gguf
    from safetensors.numpy import save_file
    folder, config = sys.argv[1], sys.argv[2]
    normal = np.random.default_rng(3).standard_normal
    shapes = {
        "shared.weight": (160, 64), "encoder.block.0.layer.0.SelfAttention.q.weight": (96, 64),
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (32, 32),
        "encoder.block.0.layer.0.layer_norm.weight": (64,), "encoder.block.0.wide.weight": (64, 48),
        "encoder.conv.weight": (64, 3, 8), "classifier.weight": (3, 64),
    }
    tensors = {name: normal(shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["ids"] = np.arange(64 * 64).reshape(64, 64)
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"))
    if config:
        open(os.path.join(folder, "config.json"), "w").write(config)
    writer = gguf.GGUFWriter(os.path.join(folder, "odd.gguf"), "unheard-of")
    for name, shape in {"token_embd.weight": (96, 64), "blk.0.attn_q.weight": (64, 64),
                        "blk.0.ffn_gate_inp.weight": (32, 64), "blk.0.attn_norm.weight": (64,)}.items():
        writer.add_tensor(name, normal(shape).astype(np.float32))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    """

  private static let config = #"{"model_type": "t5", "d_model": 64}"#

  private static func make(in folder: borrowing TemporaryFolder, config: String = config) throws -> String {
    try PythonPeer.run(code: maker, [folder.file("m"), config])
    return folder.file("m/model.safetensors")
  }

  private static func quantize(
    _ input: String, to output: String, _ scheme: QuantizationScheme = .int8,
    rules: [(Glob, QuantizationScheme)] = [], keepsNonFinite: Bool = false
  ) throws(IngotError) -> QuantizationReport {
    var options = QuantizeOptions()
    options.scheme = scheme
    options.rules = rules
    options.allowances.nonFinite = keepsNonFinite
    return try Ingot.quantize(input, to: output, options: options)
  }

  private static func refusal(_ work: () throws(IngotError) -> QuantizationReport) -> String {
    do throws(IngotError) {
      _ = try work()
      return "written"
    } catch { return "\(error)" }
  }

  /// Names by what the loss of each says.
  private static func kept(_ report: QuantizationReport) -> [String: String] {
    Dictionary(
      report.losses.filter { $0.kind == .kept }.map { ($0.tensor ?? "", "\($0.detail)") },
      uniquingKeysWith: { "\($0) \($1)" })
  }

  // MARK: - Values

  /// Quantizes with numpy, rows first, what the source holds, and compares it with what is stored: whole rows and tensors bit
  /// for bit; of groups the integers that belong to the scales, and that these err less than those of largest magnitudes.
  private static let judge = """
    import sys
    import numpy as np
    from safetensors.numpy import load_file
    source, result, scheme = load_file(sys.argv[1]), load_file(sys.argv[2]), sys.argv[3]
    expected = set(sys.argv[4:])
    assert {name for name, values in result.items() if values.dtype == np.int8} == expected
    for name in set(source) - expected:
        assert np.array_equal(source[name], result[name]) and source[name].dtype == result[name].dtype, name
    for name in expected:
        values, integers, scales = source[name], result[name], result[name + "_scale"]
        if ":" in scheme:
            size = int(scheme.rpartition(":")[2])
            values, integers = (array.reshape(len(array), -1, size) for array in (values, integers))
            stored = scales.astype(np.float64)[:, :, None]
            plain = np.abs(values).max(2, keepdims=True).astype(np.float64) / 127
            error = lambda s: ((values - np.clip(np.rint(values / s), -127, 127) * s) ** 2).sum()
            assert scales.shape == values.shape[:2] and error(stored) <= error(plain)
            assert np.abs(values - integers * stored).max() <= (stored * 0.5001).max() + np.abs(values).max() / 50
            assert np.abs(integers - values / stored).max() <= 127, name
        else:
            axis = None if scheme == "int8-tensor" else 1
            peak = np.abs(values).max(axis, keepdims=axis is not None)
            scale = peak / np.float32(127)
            assert np.array_equal(np.squeeze(scale), scales), name
            assert np.array_equal(np.clip(np.rint(values / scale), -127, 127).astype(np.int8), integers), name
    """

  private static let matrices = [
    "shared.weight", "encoder.block.0.layer.0.SelfAttention.q.weight", "encoder.block.0.wide.weight",
  ]

  @Test(arguments: [
    (QuantizationScheme.int8, matrices), (.int8Tensor, matrices), (.int8Group16, matrices),
    (.int8Group32, Array(matrices.dropLast())),
  ])
  func `matrices become what numpy makes of their rows`(
    _ scheme: QuantizationScheme, _ expected: [String]
  ) throws {
    let folder = try TemporaryFolder()
    let source = try Self.make(in: folder)
    let report = try Self.quantize(
      folder.file("m/model.safetensors"), to: folder.file("q.safetensors"), scheme)
    #expect(Set(report.tensors.map(\.name)) == Set(expected))
    #expect(report.unknownBecause != nil && report.dialects == nil && report.bufferCount == 0)
    #expect(report.keptCount == 8 - expected.count)
    try PythonPeer.run(
      code: Self.judge, [source, folder.file("q.safetensors"), scheme.rawValue] + expected)
  }

  private static let blockJudge = """
    import sys
    import numpy as np
    import gguf
    source, result = (gguf.GGUFReader(path) for path in sys.argv[1:3])
    stored = {tensor.name: tensor for tensor in result.tensors}
    assert set(stored) == {tensor.name for tensor in source.tensors}
    Q8_0 = gguf.GGMLQuantizationType.Q8_0
    for tensor in source.tensors:
        other = stored[tensor.name]
        quantized = tensor.name in ("token_embd.weight", "blk.0.attn_q.weight")
        assert (other.tensor_type == Q8_0) == quantized, tensor.name
        expected = gguf.quants.quantize(tensor.data, Q8_0) if quantized else tensor.data
        assert np.array_equal(other.data.view(np.uint8).ravel(), expected.view(np.uint8).ravel()), tensor.name
    assert result.fields["general.architecture"].contents() == "unheard-of"
    """

  @Test func `a GGUF file of an unknown architecture gets gguf-py's blocks under its own names`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder)
    let report = try Self.quantize(folder.file("m/odd.gguf"), to: folder.file("q.gguf"), .q80)
    #expect(report.tensors.count == 2 && report.keptCount == 2)
    try PythonPeer.run(code: Self.blockJudge, [folder.file("m/odd.gguf"), folder.file("q.gguf")])
    #expect(
      Self.refusal { () throws(IngotError) in
        try Self.quantize(folder.file("q.gguf"), to: folder.file("again.gguf"), .q80)
      }.contains("already"))
  }

  // MARK: - What stays

  @Test func `every tensor that stays is named, with its reason`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder)
    let report = try Self.quantize(folder.file("m"), to: folder.file("q.ingot"), .q80)
    let kept = Self.kept(report)
    #expect(kept.count == 6 && report.keptCount == 6)
    for (name, reason) in [
      ("ids", "floating-point"), ("classifier.weight", "fewer than 32"),
      ("encoder.conv.weight", "dimensions"),
      ("encoder.block.0.layer.0.layer_norm.weight", "vector"), ("encoder.block.0.wide.weight", "48 values"),
      ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "distances"),
    ] { #expect(kept[name]?.contains(reason) == true, "\(name)") }
    let copy = try Ingot.inspect(folder.file("q.ingot")).checkpoint
    #expect(copy.companions.map(\.name) == ["config.json"])
  }

  @Test func `a rule has what it names alone quantized, and leaves what it names beside weights`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder)
    let forced = try Self.quantize(
      folder.file("m"), to: folder.file("f.ingot"),
      rules: [(Glob("*relative*"), .int8), (Glob("classifier*"), .int8), (Glob("shared*"), .keep)])
    #expect(forced.tensors.count == 4)
    #expect(forced.tensors.contains { $0.name == "classifier.weight" })
    #expect(!forced.tensors.contains { $0.name == "shared.weight" })
    let mixed = try Self.quantize(
      folder.file("m"), to: folder.file("x.ingot"), rules: [(Glob("encoder*"), .int8Tensor)])
    #expect(mixed.tensors.count == 3)
    #expect(
      Self.kept(mixed)["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]?
        .contains("int8-tensor") == true)
    for (pattern, scheme, reason) in [
      ("*layer_norm*", QuantizationScheme.int8, "vector"), ("*wide*", .q80, "48 values"),
      ("nothing", .int8, "matches no"), ("ids", .int8, "floating-point"),
    ] {
      let refusal = Self.refusal { () throws(IngotError) in
        try Self.quantize(folder.file("m"), to: folder.file("r.ingot"), rules: [(Glob(pattern), scheme)])
      }
      #expect(refusal.contains(reason), "\(pattern)")
    }
  }

  @Test func `tensors that share their bytes still do`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/pytorch/tied.pt")
    for name in ["q.pt", "q.ingot"] {
      let report = try Self.quantize(source, to: folder.file(name), rules: [(Glob("*"), .int8)])
      #expect(report.tensors.map(\.name).contains("wte.weight") && report.tensors.count == 2)
      #expect(report.keptCount == 1)
      let tensors = try Ingot.inspect(folder.file(name)).checkpoint.tensors
      let head = try #require(tensors.first { $0.name == "lm_head.weight" })
      #expect(head.aliasOf == "wte.weight" && head.quantization != nil)
    }
    let full = try Self.quantize(source, to: folder.file("q.npz"), rules: [(Glob("*"), .int8)])
    #expect(full.losses.contains { $0.kind == .alias && $0.tensor == "lm_head.weight" })
    #expect(try Ingot.hash(folder.file("q.npz")).model == Ingot.hash(folder.file("q.pt")).model)
  }

  // MARK: - What is refused

  @Test(arguments: [
    (#"{"model_type": "llama", "hidden_size": 64}"#, "llama"), (#"{"model_type": "#, "CF-01"),
    (#"{"model_type": 5}"#, "CF-02"), (#"{"architectures": ["LlamaForCausalLM"]}"#, "CF-02"),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n", "git-lfs"),
  ])
  func `a config that is broken or names a known model is no lack of one`(_ config: String, _ word: String)
    throws
  {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder, config: config)
    let refusal = Self.refusal { () throws(IngotError) in
      try Self.quantize(folder.file("m"), to: folder.file("q.ingot"))
    }
    #expect(refusal != "written" && (word == "llama" || refusal.contains(word)), "\(refusal)")
    #expect(folder.entries().allSatisfy { $0 == "m" || $0.hasPrefix("m/") })
  }

  @Test func `programs that would load it otherwise, and int8 activations, are refused`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder, config: #"{"model_type": "strange"}"#)
    func refusal(_ output: String, _ change: (inout QuantizeOptions) -> Void) -> String {
      var options = QuantizeOptions()
      change(&options)
      return Self.refusal { () throws(IngotError) in
        try Ingot.quantize(folder.file("m"), to: folder.file(output), options: options)
      }
    }
    for program in [TargetProgram.transformers, .vllm] {
      #expect(refusal("o/") { $0.program = program }.contains("strange"))
    }
    #expect(refusal("o.gguf") { ($0.program, $0.scheme) = (.llamaCpp, .q80) }.contains("strange"))
    for output in ["o/", "o.ingot", "o.npz"] {
      #expect(refusal(output) { $0.scheme = .int8Activations }.contains("how activations are quantized"))
    }
    #expect(refusal("o.ingot") { $0.calibration = CalibrationOptions("text.txt") }.contains("known"))
    #expect(refusal("o.ingot") { $0.measure = "text.txt" }.contains("known"))
    #expect(folder.entries().allSatisfy { $0 == "m" || $0.hasPrefix("m/") })
  }

  @Test(arguments: ["", #"{"d_model": 64}"#, #"{"architectures": ["Strange"]}"#])
  func `a config that names no architecture, or none at all, is enough`(_ config: String) throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(in: folder, config: config)
    #expect(try Self.quantize(folder.file("m"), to: folder.file("q.ingot")).tensors.count == 3)
  }

  @Test(arguments: [QuantizationScheme.int8, .int8Group32, .q80])
  func `the first value that is not finite is named, and nothing is written`(_ scheme: QuantizationScheme)
    throws
  {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        values = np.ones((64, 64), np.float32)
        values[3, 7] = np.nan
        np.savez(sys.argv[1], values=values, other=np.ones((64, 64), np.float32), rest=np.float32([1, np.inf]))
        """, [folder.file("n.npz")])
    func refusal(_ rules: [(Glob, QuantizationScheme)] = []) -> String {
      Self.refusal { () throws(IngotError) in
        try Self.quantize(
          folder.file("n.npz"), to: folder.file("q.ingot"), scheme, rules: rules,
          keepsNonFinite: !rules.isEmpty)
      }
    }
    let rest = Self.refusal { () throws(IngotError) in
      try Self.quantize(folder.file("n.npz"), to: folder.file("q.ingot"), scheme)
    }
    #expect(rest.contains("rest") && rest.contains("1 infinite"), "\(rest)")
    let first = refusal([(Glob("other"), .keep)])
    #expect(first.contains("1 NaN") && first.contains("3, 7"), "\(first)")
    #expect(folder.entries() == ["n.npz"])
    #expect(refusal([(Glob("values"), .keep)]) == "written")
  }

  @Test func `what has no matrix, and an adapter without its base, are refused`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        ones = lambda *shape: np.ones(shape, np.float32)
        np.savez(sys.argv[1] + "/none.npz", a=ones(64), b=ones(4, 4, 40))
        np.savez(sys.argv[1] + "/small.npz", a=ones(8, 8))
        factors = {"q.lora_A.weight": ones(40, 64), "q.lora_B.weight": ones(64, 40), "k.weight": ones(64, 64)}
        np.savez(sys.argv[1] + "/adapter.npz", **factors)
        np.savez(sys.argv[1] + "/with-base.npz", **factors, **{"q.base_layer.weight": ones(64, 64)})
        """, [folder.path])
    for (name, words) in [
      ("none", ["no matrix", "dimensions"]), ("small", ["rules"]), ("adapter", ["adapter"]),
    ] {
      let refusal = Self.refusal { () throws(IngotError) in
        try Self.quantize(folder.file("\(name).npz"), to: folder.file("q.ingot"))
      }
      for word in words { #expect(refusal.contains(word), "\(refusal)") }
    }
    let report = try Self.quantize(folder.file("with-base.npz"), to: folder.file("q.ingot"))
    #expect(Set(report.tensors.map(\.name)) == ["k.weight", "q.base_layer.weight"])
    #expect(Self.kept(report).count == 2)
  }
}
