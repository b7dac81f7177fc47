// SPDX-License-Identifier: Apache-2.0
// int8 of ours on its way to other formats and programs: dequantized by --dtype, refused where a program would take the
// integers for weights, and said where only this program reads it.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizedTravelTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// What int8 stands for, by numpy: every tensor of a safetensors file, in F32.
  private static let judge = """
    import sys
    import numpy as np, ml_dtypes
    from safetensors.numpy import load_file
    source, result = load_file(sys.argv[1]), np.load(sys.argv[2])
    count = 0
    for name, values in source.items():
        if name.endswith("_scale"): continue
        if values.dtype == np.int8:
            scale = source[name + "_scale"]
            values = values.astype(np.float32) * (scale if scale.ndim == 0 or "wte" not in name else scale[:, None])
            count += 1
        assert np.array_equal(values.astype(sys.argv[3]).astype(np.float32), result[name]), name
    assert count == 17 and len(result.files) == 52
    """

  @discardableResult
  private static func convert(
    _ input: String, to output: String, dtype: DType? = .f32, for program: TargetProgram? = nil
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    options.dtype = dtype
    options.program = program
    return try Ingot.convert(input, to: output, options: options)
  }

  @Test(
    arguments: ["a.safetensors", "a.npz", "a.ingot", "a.pt", "shards/"],
    [QuantizationScheme.int8, .int8Tensor])
  func `--dtype dequantizes int8 of every container`(_ name: String, _ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.scheme = scheme
    _ = try Ingot.quantize(Self.model, to: folder.file("q.safetensors"), options: options)
    options.shardByteLimit = name.hasSuffix("/") ? 200_000 : nil
    _ = try Ingot.quantize(Self.model, to: folder.file(name), options: options)
    let report = try Self.convert(folder.file(name), to: folder.file("out.npz"))
    #expect(report.losses.count { $0.kind == .dequantized } == 17)
    try PythonPeer.run(code: Self.judge, [folder.file("q.safetensors"), folder.file("out.npz"), "float32"])
    try Self.convert(folder.file(name), to: folder.file("half.ingot"), dtype: .bf16)
    try Self.convert(folder.file("half.ingot"), to: folder.file("half.npz"))
    try PythonPeer.run(code: Self.judge, [folder.file("q.safetensors"), folder.file("half.npz"), "bfloat16"])
  }

  @Test(arguments: TargetProgram.allCases) func `no program gets int8 that it would take for weights`(
    _ program: TargetProgram
  ) throws {
    let folder = try TemporaryFolder()
    let model =
      switch program {
      case .googleBERT: Fixture.path("bert/pre-training")
      case .llama2c: Fixture.path("llama-golden/llama2.c/grouped/hf")
      case .meta: Fixture.path("llama-golden/meta/one-shard/hf")
      case .mistral: Fixture.path("llama-golden/mistral/hf")
      default: Self.model
      }
    _ = try Ingot.quantize(model, to: folder.file("g8/"))
    let before = folder.entries()
    // nanoGPT's activation is another, which its own refusal says first.
    guard program != .nanoGPT else { return }
    let run = try IngotProgram.run("convert", "g8", "out", "--for", program.rawValue, in: folder.path)
    #expect(run.exitCode == 65, "\(run.standardOutput)")
    #expect(run.standardError.contains("dequantizes"), "\(run.standardError)")
    #expect(folder.entries() == before)
    try Self.convert(folder.file("g8"), to: folder.file("there"), for: program)
    // What is laid out for CTranslate2 is no model here (CTranslate2ExportTests).
    guard program != .ctranslate2 else { return }
    try Self.convert(folder.file("g8"), to: folder.file("plain/"))
    var options = HashOptions()
    options.dialect = "hf"
    options.config = model + "/config.json"
    #expect(
      try Ingot.hash(folder.file("there"), options: options).model
        == Ingot.hash(folder.file("plain"), options: options).model)
  }

  @Test func `a folder that only ingot reads is said to be one`() throws {
    let folder = try TemporaryFolder()
    #expect(try Ingot.quantize(Self.model, to: folder.file("g8/")).losses.contains { $0.kind == .readers })
    #expect(
      try !Ingot.quantize(Self.model, to: folder.file("g8.ingot")).losses.contains { $0.kind == .readers })
    let copy = try Self.convert(folder.file("g8.ingot"), to: folder.file("copy/"), dtype: nil)
    #expect(copy.losses.contains { $0.kind == .readers })
    let plain = try Self.convert(folder.file("g8.ingot"), to: folder.file("plain/"))
    #expect(!plain.losses.contains { $0.kind == .readers })
  }

  @Test(arguments: [
    ("llama.cpp", DType.f64), ("mlx", .f64), ("openai", .f16), ("llm.c", .f16), ("llama.cpp", .f8E5M2),
  ])
  func `a program gets the dtypes that it computes with`(_ program: String, _ dtype: DType) throws {
    let folder = try TemporaryFolder()
    try Self.convert(Self.model, to: folder.file("in/"), dtype: dtype)
    let run = try IngotProgram.run("convert", "in", "out", "--for", program, in: folder.path)
    #expect(run.exitCode == 65)
    #expect(run.standardError.contains("casts"), "\(run.standardError)")
    #expect(folder.entries().allSatisfy { !$0.hasPrefix("out") })
    let cast = try IngotProgram.run(
      "convert", "in", "out", "--for", program, "--dtype", "f32", in: folder.path)
    #expect(cast.exitCode == 0, "\(cast.standardError)")
  }

  @Test func `llama.cpp gets the feed-forward width that the model has`() throws {
    let folder = try TemporaryFolder()
    try Self.convert(Fixture.path("models/inner-40"), to: folder.file("a.gguf"), dtype: nil, for: .llamaCpp)
    let output = try PythonPeer.run(
      code: """
        import sys, gguf
        r = gguf.GGUFReader(sys.argv[1])
        up = next(t for t in r.tensors if t.name == "blk.0.ffn_up.weight")
        print(r.fields["gpt2.feed_forward_length"].contents(), max(up.shape))
        """, [folder.file("a.gguf")]
    ).standardOutput
    #expect(output == "40 40\n")
  }

  @Test func `quantizing refuses integers without scales, and weights with scales of their own`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        import numpy as np
        from safetensors.numpy import load_file, save_file
        for name, isScaled in (("bare", False), ("scaled", True)):
            w = load_file(sys.argv[1] + "/model.safetensors")
            k = "transformer.h.0.mlp.c_fc.weight"
            w[k] = np.clip(w[k] * 100, -100, 100).astype(np.int8)
            if isScaled: w[k + "_scale"] = np.full(w[k].shape[0], .01, np.float32)
            save_file(w, sys.argv[2] + "/" + name + ".safetensors")
        """, [Self.model, folder.path])
    try folder.copy(Self.model + "/config.json")
    let before = folder.entries()
    for name in ["bare", "scaled"] {
      for (scheme, output) in [("int8", "o.ingot"), ("q8_0", "o.gguf"), ("q8_0", "o.ingot")] {
        let run = try IngotProgram.run(
          "quantize", name + ".safetensors", output, "--scheme", scheme, in: folder.path)
        #expect(run.exitCode == 65)
        #expect(run.standardError.contains("transformer.h.0.mlp.c_fc.weight"), "\(run.standardError)")
      }
      for program in ["llama.cpp", "mlx", "transformers"] {
        let run = try IngotProgram.run(
          "convert", name + ".safetensors", "out", "--for", program, in: folder.path)
        #expect(run.exitCode == 65)
        #expect(run.standardError.contains("transformer.h.0.mlp.c_fc.weight"), "\(run.standardError)")
      }
    }
    #expect(folder.entries() == before)
    let cast = try IngotProgram.run(
      "convert", "scaled.safetensors", "o.gguf", "--for", "llama.cpp", "--dtype", "f32", in: folder.path)
    #expect(cast.exitCode == 0, "\(cast.standardError)")
  }

  @Test func `a diff with int8 has figures of what it stands for`() throws {
    let folder = try TemporaryFolder()
    let report = try Ingot.quantize(Self.model, to: folder.file("g8.ingot"))
    let changes = try Ingot.diff(Self.model, folder.file("g8.ingot")).changed
    #expect(changes.count == report.tensors.count)
    for change in changes {
      let error = try #require(report.tensors.first { $0.name == change.name }).error
      // The report adds in float64, of products in F32 as these are.
      #expect((try #require(change.maxAbs) - error.largest).magnitude <= 0x1p-30)
    }
  }
}
