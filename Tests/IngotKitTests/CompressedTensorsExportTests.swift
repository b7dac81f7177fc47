// SPDX-License-Identifier: Apache-2.0
// int8 for transformers and vLLM: names, shapes, bytes and config against what the library compressed-tensors itself wrote
// (fixtures/compressed-tensors), integers and scales against NumPy, the way back, and what is refused.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct CompressedTensorsExportTests {
  private static let model = Fixture.path("llama/multi-head")

  /// A case of the fixtures: what the library was asked for, in the words of `ingot quantize`.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let dtype: DType
    let scheme: QuantizationScheme
    var rules: [(pattern: Glob, scheme: QuantizationScheme)] = []
    var testDescription: String { name }

    static let all = [
      Case(name: "int8", dtype: .f32, scheme: .int8),
      Case(name: "w8a8", dtype: .bf16, scheme: .int8Activations),
      Case(
        name: "groups", dtype: .f16, scheme: .int8Group16,
        rules: [(pattern: Glob("*down_proj*"), scheme: .int8)]),
    ]
  }

  @discardableResult
  private static func quantize(
    _ input: String, to output: String, _ scheme: QuantizationScheme = .int8,
    rules: [(pattern: Glob, scheme: QuantizationScheme)] = [], for program: TargetProgram = .transformers
  ) throws(IngotError) -> QuantizationReport {
    var options = QuantizeOptions()
    (options.scheme, options.rules, options.program) = (scheme, rules, program)
    return try Ingot.quantize(input, to: output, options: options)
  }

  /// The small Llama with its weights in a dtype.
  private static func model(_ dtype: DType, in folder: TemporaryFolder) throws -> String {
    guard dtype != .f32 else { return model }
    var options = ConvertOptions()
    options.dtype = dtype
    _ = try Ingot.convert(model, to: folder.file("model/"), options: options)
    return folder.file("model")
  }

  private static func config(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path + "/config.json"))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Whether all that an object says another says too, at every depth.
  private static func says(_ whole: Any?, _ part: Any) -> Bool {
    guard let part = part as? [String: Any] else { return (part as? NSObject) == (whole as? NSObject) }
    guard let whole = whole as? [String: Any] else { return false }
    return part.allSatisfy { says(whole[$0.key], $0.value) }
  }

  @Test(arguments: Case.all, [TargetProgram.transformers, .vllm])
  func `tensors and config are those of the library`(_ example: Case, _ program: TargetProgram) throws {
    // vLLM has no groups of 16.
    guard program == .transformers || example.name != "groups" else { return }
    let folder = try TemporaryFolder()
    let report = try Self.quantize(
      Self.model(example.dtype, in: folder), to: folder.file("out"), example.scheme, rules: example.rules,
      for: program)
    let library = Fixture.path("compressed-tensors/\(example.name)")
    func tensors(_ path: String) throws -> Set<HashReport.Tensor> { Set(try Ingot.hash(path).tensors) }
    #expect(try tensors(folder.file("out")) == tensors(library))
    let (own, theirs) = (try Self.config(folder.file("out")), try Self.config(library))
    let declaration = try #require(own["quantization_config"])
    #expect(Self.says(theirs["quantization_config"], declaration), "\(declaration)")
    #expect((own["torch_dtype"] as? String) != nil)
    #expect(report.tensors.count == 14 && report.keptCount == 7)
    #expect(report.tensors.allSatisfy { $0.name.hasSuffix("_proj.weight") && $0.byteCountAfter > 1000 })
    #expect(report.tensors.allSatisfy { $0.outlierInputs != nil && $0.outlierOutputs != nil })
    #expect(report.losses.contains { $0.kind == .kept && $0.tensor == "lm_head.weight" })
  }

  /// Unpacks every weight of a folder, and compares the integers with the quotients of the source's weight, and with what
  /// the way back gives.
  private static let judge = """
    import sys
    import numpy as np
    from safetensors.numpy import load_file
    source, folder, back = (load_file(path + "/model.safetensors") for path in sys.argv[1:4])
    for name, weight in source.items():
        stem = name.removesuffix(".weight")
        if stem + ".weight_scale" not in folder:
            assert np.array_equal(folder[name], weight) and np.array_equal(back[name], weight), name
            continue
        if name in folder:
            q = folder[name]
        else:
            words = folder[stem + ".weight_packed"]
            assert words.dtype == np.int32 and folder[stem + ".weight_shape"].tolist() == list(weight.shape), name
            q = words.view(np.uint8).astype(np.int16) - 128
            assert not words.view(np.uint8)[:, weight.shape[1]:].any(), name
            q = q[:, :weight.shape[1]]
        scale = folder[stem + ".weight_scale"]
        assert scale.dtype == np.float32 and scale.shape[0] == len(weight), name
        wide = scale.repeat(weight.shape[1] // scale.shape[1], 1)
        assert np.array_equal(q, np.clip(np.rint(weight / wide), -127, 127)), name
        assert np.array_equal(back[name], q.astype(np.float32) * wide), name
    """

  @Test(arguments: [
    "llama/multi-head", "llama/grouped-tied", "qwen2/grouped", "mistral/window", "gpt_neox/activation-relu",
  ])
  func `integers are NumPy's, and come back with their scales`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for scheme in [QuantizationScheme.int8, .int8Activations] {
      let (out, back) = (folder.file(scheme.rawValue), folder.file(scheme.rawValue + "-back"))
      try Self.quantize(Fixture.path(name), to: out, scheme)
      var options = ConvertOptions()
      options.dtype = .f32
      _ = try Ingot.convert(out, to: back + "/", options: options)
      try PythonPeer.run(code: Self.judge, [Fixture.path(name), out, back])
      #expect(try Ingot.validate(out).isValid)
    }
  }

  @Test func `other names become Hugging Face's on the way`() throws {
    let folder = try TemporaryFolder()
    let golden = "llama-golden/grouped/"
    try Self.quantize(Fixture.path(golden + "hf"), to: folder.file("a"))
    let report = try Self.quantize(Fixture.path(golden + "llama.cpp.gguf"), to: folder.file("b"))
    #expect(report.dialects?.to == "hf")
    #expect(try Ingot.hash(folder.file("a")).model == Ingot.hash(folder.file("b")).model)
  }

  @Test func `a row of no whole words is filled up for transformers, and refused for vLLM`() throws {
    let folder = try TemporaryFolder()
    var options = InitializeOptions()
    options.config = try folder.write(
      """
      {"model_type": "llama", "hidden_size": 32, "intermediate_size": 42, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "vocab_size": 50}
      """, to: "llama.json")
    _ = try Ingot.initialize("llama", to: folder.file("odd/"), options: options)
    try Self.quantize(folder.file("odd"), to: folder.file("out"))
    var convert = ConvertOptions()
    convert.dtype = .f32
    _ = try Ingot.convert(folder.file("out"), to: folder.file("back/"), options: convert)
    try PythonPeer.run(code: Self.judge, [folder.file("odd"), folder.file("out"), folder.file("back")])
    #expect(
      Self.refusal { () throws(IngotError) in
        try Self.quantize(folder.file("odd"), to: folder.file("o"), for: .vllm)
      }.contains("whole words of four inputs"))
    #expect(!folder.entries().contains("o"))
  }

  private static func run(_ arguments: [String], in folder: TemporaryFolder) throws -> ProcessResult {
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    return try process.run()
  }

  private static func refusal(_ body: () throws(IngotError) -> Void) -> String {
    do throws(IngotError) {
      try body()
      return "written"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    arguments: [
      ("kjv-gpt2", "int8", "transformers", "Conv1D"), ("openai-gpt/bare", "int8", "vllm", "Conv1D"),
      ("mixtral/default-keys", "int8", "transformers", "as one tensor"),
      ("gpt_oss/default-keys", "w8a8", "vllm", "as one tensor"),
      ("bert/masked-lm", "int8", "vllm", "predict the next token"),
      ("llama/multi-head", "int8-group:16", "vllm", "groups of 32, 64 and 128"),
      ("llama/multi-head", "int8-group:32", "transformers", "no whole groups of 32"),
      ("llama/multi-head", "int8-tensor", "transformers", "a group of inputs"),
      ("llama/multi-head", "q8_0", "transformers", "blocks"),
    ] as [(String, String, String, String)])
  func `what a program would load as something else is refused`(
    _ model: String, _ scheme: String, _ program: String, _ why: String
  ) throws {
    let folder = try TemporaryFolder()
    let run = try IngotProgram.run(
      "quantize", Fixture.path(model), "out", "--scheme", scheme, "--for", program, in: folder.path)
    #expect([65, 66].contains(run.exitCode) && run.standardError.contains(why), "\(run.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test(
    arguments: [
      (["out.gguf", "--for", "vllm"], "loads a folder"), (["-", "--for", "transformers"], "not a stream"),
      (["out", "--for", "mlx"], "mlx loads no int8"), (["out", "--for", "llama2.c"], "runq"),
      (["out", "--for", "vllm", "--to", "npz"], "vllm reads safetensors"),
      (
        ["out", "--for", "vllm", "--scheme", "int8-group:32", "--scale-dtype", "f16"],
        "in the dtype of the weights"
      ),
      (["out", "--for", "vllm", "--rule", "*layers*=keep"], "no linear weight"),
    ] as [([String], String)])
  func `options that say something else are refused`(_ arguments: [String], _ why: String) throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["quantize", Self.model] + arguments, in: folder)
    #expect(run.exitCode == 64 && run.standardError.contains(why), "\(run.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test func `vLLM's products have one scheme, and int8 activations no other output`() throws {
    let folder = try TemporaryFolder()
    let rules = [(pattern: Glob("*q_proj*"), scheme: QuantizationScheme.keep)]
    #expect(
      Self.refusal { () throws(IngotError) in
        try Self.quantize(Self.model, to: folder.file("o"), rules: rules, for: .vllm)
      }.contains("in one product"))
    try Self.quantize(Self.model, to: folder.file("kept"), rules: rules)
    let declared = try Self.config(folder.file("kept"))["quantization_config"] as? [String: Any]
    #expect((declared?["ignore"] as? [String])?.count == 3)
    for name in ["o.ingot", "o.gguf", "o.npz", "o/"] {
      var options = QuantizeOptions()
      options.scheme = .int8Activations
      #expect(
        Self.refusal { () throws(IngotError) in
          _ = try Ingot.quantize(Self.model, to: folder.file(name), options: options)
        }.contains("how activations are quantized"))
    }
    #expect(
      Self.refusal { () throws(IngotError) in
        try Self.quantize(folder.file("kept"), to: folder.file("o"))
      }.contains("scales in tensors of their own"))
    #expect(folder.entries().allSatisfy { $0.hasPrefix("kept") })
  }

  @Test func `llama.cpp gets blocks where nothing else is asked for`() throws {
    let folder = try TemporaryFolder()
    for arguments in [["a.gguf", "--for", "llama.cpp"], ["b.gguf", "--scheme", "q8_0"]] {
      let run = try Self.run(["quantize", Fixture.path("kjv-gpt2")] + arguments, in: folder)
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
    #expect(try Ingot.hash(folder.file("a.gguf")).model == Ingot.hash(folder.file("b.gguf")).model)
  }
}
