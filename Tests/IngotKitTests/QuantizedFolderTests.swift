// SPDX-License-Identifier: Apache-2.0
// Quantized weights as other programs keep them (fixtures/quantized): shown as one tensor each, copied as they are, and
// made numbers of as those programs do it.
import IngotCore
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizedFolderTests {
  static let names = Fixture.names(in: "quantized").filter { $0 != "expected" }

  /// What the one quantized weight of each kind of folder is shown as.
  static let labels: [(start: String, label: String)] = [
    ("awq", "AWQ 4-bit"), ("bnb-fp4-nested", "FP4, nested"), ("bnb-fp4", "FP4"),
    ("bnb-int8-conv1d", "LLM.int8()"), ("bnb-int8", "I8"),
    ("bnb-nf4-nested", "NF4, nested"), ("bnb-nf4", "NF4"), ("ct-float8", "F8_E4M3"), ("ct-int8", "I8"),
    ("ct-mxfp4", "MXFP4"), ("ct-nvfp4", "NVFP4"), ("ct-packed3", "packed int3"),
    ("ct-packed4", "packed int4"), ("ct-packed8", "packed int8"), ("fp8", "F8_E4M3"),
    ("gptq-2", "GPTQ 2-bit"),
    ("gptq-3", "GPTQ 3-bit"), ("gptq-8", "GPTQ 8-bit"), ("gptq", "GPTQ 4-bit"), ("mxfp4", "MXFP4"),
    ("quanto-float8", "quanto F8_E4M3"), ("quanto-int8", "quanto I8"),
  ]

  private static func path(_ name: String) -> String { Fixture.path("quantized/\(name)") }

  private static func expected(_ name: String) throws -> InspectionReport {
    try inspect(Fixture.path("quantized/expected/\(name).safetensors"))
  }

  private static func inspect(_ path: String, raw: Bool = false) throws -> InspectionReport {
    var options = InspectOptions()
    options.hashes = true
    options.reading.isRaw = raw
    return try Ingot.inspect(path, options: options)
  }

  private static func convert(_ input: String, to output: String, _ dtype: DType?) throws -> ConversionReport
  {
    var options = ConvertOptions()
    options.dtype = dtype
    return try Conversion(input, to: output, options: options).run()
  }

  private static func digests(_ report: InspectionReport) -> [String: String] {
    Dictionary(uniqueKeysWithValues: report.tensors.map { ($0.descriptor.name, $0.sha256 ?? "") })
  }

  /// transformers and vLLM take a module out of a quantization by its name in the config's list.
  @Test(arguments: ["int8", "w8a8"])
  func `a config tells which weights are numbers where others stay quantized`(_ scheme: String) throws {
    let folder = try TemporaryFolder()
    let (input, name) = (
      Fixture.path("compressed-tensors/" + scheme), "model.layers.1.self_attn.q_proj.weight"
    )
    var options = ConvertOptions()
    options.dtypeRules = [DTypeRule(Glob(name), .f32)]
    let report = try Ingot.convert(input, to: folder.file("out/"), options: options)
    #expect(report.losses.contains { $0.kind == .changed })
    let text = try String(decoding: folder.bytes("out/config.json"), as: UTF8.self)
    #expect(text.contains("\"quant_method\": \"compressed-tensors\""))
    #expect(text.contains("\"lm_head\"") && text.contains("\"model.layers.1.self_attn.q_proj\""))
    options.dtypeRules = []
    options.dtype = .f32
    let all = try Ingot.convert(input, to: folder.file("all.npz"), options: options)
    #expect(all.losses.contains { $0.kind == .metadata })
    let (mixed, numbers) = (
      try Ingot.inspect(folder.file("out")), try Self.digests(Self.inspect(folder.file("all.npz")))
    )
    #expect(mixed.tensors.count { !$0.descriptor.dtype.isFloating || $0.descriptor.isQuantized } == 13)
    #expect(try Self.digests(Self.inspect(folder.file("out")))[name] == numbers[name])
  }

  @Test(arguments: ["a.weight", "b.weight"])
  func `a config without such a list is refused where some weights stay quantized`(_ name: String) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        from safetensors import safe_open
        from safetensors.numpy import save_file
        file = safe_open(sys.argv[1] + "/model.safetensors", "np")
        tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith("a.")}
        tensors |= {"b" + name[1:]: values for name, values in tensors.items()}
        save_file(tensors, sys.argv[2] + "/model.safetensors")
        open(sys.argv[2] + "/config.json", "w").write(open(sys.argv[1] + "/config.json").read())
        """, [Self.path("gptq-4"), folder.path])
    var options = ConvertOptions()
    options.dtypeRules = [DTypeRule(Glob(name), .f32)]
    #expect(throws: IngotError.self) {
      _ = try Conversion(folder.path, to: folder.file("out/"), options: options)
    }
    options.selection.include = [Glob(name)]
    #expect(try Conversion(folder.path, to: folder.file("out/"), options: options).report.tensorCount == 1)
  }

  @Test(arguments: [(true, false, 3), (true, true, 1), (false, false, 1), (false, true, 1)])
  func `packed weights are taken by the names that tables show`(
    includes: Bool, casts: Bool, count: Int
  ) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.dtype = casts ? .f32 : nil
    options.selection =
      includes ? TensorSelection(include: [Glob("a.weight")]) : TensorSelection(exclude: [Glob("a.weight")])
    let conversion = try Conversion(Self.path("ct-packed4"), to: folder.file("out/"), options: options)
    #expect(conversion.report.tensorCount == count)
    #expect(conversion.report.losses.allSatisfy { $0.kind != .apart })
  }

  @Test(arguments: names)
  func `--dtype f32 gives the numbers that the program itself gives`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.path(name), to: folder.file("out/"), .f32)
    #expect(Self.digests(try Self.inspect(folder.file("out"))) == Self.digests(try Self.expected(name)))
    #expect(report.losses.contains { $0.kind == .dequantized })
    // What declared the scheme goes with it, and is said.
    let declares =
      try !["gptq-beside"].contains(name)
      && String(decoding: Fixture.bytes("quantized/\(name)/config.json"), as: UTF8.self).contains(
        "quantization")
    #expect(report.losses.contains { $0.kind == .metadata } == declares)
    #expect(try !String(decoding: folder.bytes("out/config.json"), as: UTF8.self).contains("quantization"))
    #expect(!folder.entries().contains("out/quantize_config.json"))
  }

  @Test(arguments: names, [DType.f16, .bf16])
  func `narrower dtypes are one rounding of those numbers`(_ name: String, _ dtype: DType) throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.path(name), to: folder.file("out.safetensors"), dtype)
    _ = try Self.convert(
      Fixture.path("quantized/expected/\(name).safetensors"), to: folder.file("cast.safetensors"), dtype)
    let (out, cast) = (
      try Self.inspect(folder.file("out.safetensors")), try Self.inspect(folder.file("cast.safetensors"))
    )
    #expect(Self.digests(out) == Self.digests(cast))
  }

  @Test(arguments: names)
  func `each weight is shown as one tensor, with the shape that it stands for`(_ name: String) throws {
    let expected = try Self.expected(name)
    let report = try Ingot.inspect(Self.path(name))
    let shapes = Dictionary(
      uniqueKeysWithValues: expected.tensors.map { ($0.descriptor.name, $0.descriptor.shape) })
    // Scales of activations stay tensors of their own where values are not asked for by a scheme that has none.
    let shown = report.tensors.filter { !$0.descriptor.name.hasSuffix("put_scale") }
    #expect(
      Dictionary(uniqueKeysWithValues: shown.map { ($0.descriptor.name, $0.descriptor.shape) }) == shapes)
    let label = try #require(Self.labels.first { name.hasPrefix($0.start) }?.label)
    #expect(
      report.tensors.contains { $0.descriptor.typeName == label },
      "\(report.tensors.map(\.descriptor.typeName))")
    #expect(report.findings == [])
    // Statistics are of what they stand for.
    var options = InspectOptions()
    options.statistics = true
    let weight = try Ingot.inspect(Self.path(name), options: options).tensors.first {
      $0.descriptor.typeName == label
    }
    let numbers = try Ingot.inspect(
      Fixture.path("quantized/expected/\(name).safetensors"), options: options
    ).tensors.first { $0.descriptor.name == weight?.descriptor.name }
    #expect(weight?.statistics != nil && weight?.statistics == numbers?.statistics)
  }

  @Test(arguments: names)
  func `without --dtype all is copied as it is`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.path(name), to: folder.file("out/"), nil)
    #expect(report.losses == [])
    #expect(
      Self.digests(try Self.inspect(folder.file("out"), raw: true))
        == Self.digests(try Self.inspect(Self.path(name), raw: true)))
    #expect(try folder.bytes("out/config.json") == Fixture.bytes("quantized/\(name)/config.json"))
  }

  @Test(arguments: ["a.npz", "a.pt", "a.ingot", "shards/"])
  func `codes are taken apart whatever container they come from`(_ container: String) throws {
    for name in ["gptq-3", "gptq-order", "awq", "ct-packed4-order", "mxfp4"] {
      let folder = try TemporaryFolder()
      var options = ConvertOptions()
      options.compresses = container.hasSuffix("npz")
      options.keepsUnknownBits = container.hasSuffix("npz")
      options.shardByteLimit = container.hasSuffix("/") ? 400 : nil
      _ = try Conversion(Self.path(name), to: folder.file(container), options: options).run()
      _ = try Self.convert(folder.file(container), to: folder.file("out.safetensors"), .f32)
      #expect(
        Self.digests(try Self.inspect(folder.file("out.safetensors")))
          == Self.digests(try Self.expected(name)),
        "\(name)")
    }
  }

  /// Schemes that are not decoded, by the tensors that tell of them.
  static let refused: [(name: String, tensors: [String])] = [
    ("EXL2", ["q_weight", "q_scale", "q_groups"]), ("EXL3", ["trellis", "suh"]),
    ("AQLM", ["codebooks", "codes", "scales"]), ("HQQ", ["W_q", "scale", "zero"]),
    ("QuIP#", ["Qidxs", "SU"]),
    ("Marlin", ["B", "s"]), ("SpQR", ["dense_weights", "row_offsets"]),
    ("VPTQ", ["centroids.weight", "indices"]),
    ("quanto of fewer", ["weight._data._data", "weight._scale", "weight._shift"]),
  ]

  @Test(arguments: refused.indices, [DType.f32, .f16])
  func `what is not decoded is refused by name, whatever the dtype of its parts`(_ index: Int, _ dtype: DType)
    throws
  {
    let (name, tensors) = Self.refused[index]
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        import numpy as np
        parts = {f"a.{name}": np.zeros((4, 4), np.float16) for name in sys.argv[2:]}
        np.savez(sys.argv[1], norm=np.ones(3, np.float32), **parts)
        """, [folder.file("in.npz")] + tensors)
    let run = try IngotProgram.run(
      "convert", "in.npz", "out.npz", "--dtype", dtype.rawValue.lowercased(), in: folder.path)
    #expect(run.exitCode == 65 && run.standardError.contains(name), "\(run.standardError)")
    #expect(!folder.entries().contains("out.npz"))
    _ = try Self.convert(folder.file("in.npz"), to: folder.file("copy.npz"), nil)
  }

  @Test func `a weight of GPT-2's kind is refused where no config tells its orientation`() throws {
    let folder = try TemporaryFolder()
    let input = Fixture.path("quantized/gptq-conv1d/model.safetensors")
    _ = try Self.convert(input, to: folder.file("a.pt"), nil)
    #expect(throws: IngotError.self) {
      try Self.convert(folder.file("a.pt"), to: folder.file("b.pt"), .f32)
    }
  }

  /// A folder of a model's whose matrices are quanto's, with a fault.
  private static func makeModel(_ fault: String, at path: String) throws {
    try PythonPeer.run(
      code: """
        import json, pathlib, sys
        import numpy as np
        from safetensors.numpy import load_file, save_file
        source, target, fault = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
        tensors = load_file(source / "model.safetensors")
        names = sorted(name for name in tensors if name.endswith("_proj.weight"))
        for name in names:
            matrix = tensors.pop(name).astype(np.float32)
            scales = np.abs(matrix).max(1, keepdims=True) / np.float32(127)
            tensors[name + "._data"] = np.rint(matrix / scales).astype(np.int8)
            tensors[name + "._scale"] = scales
        if fault == "nan":
            tensors[names[0] + "._scale"][0] = np.nan
        if fault == "scale":
            del tensors[names[0] + "._scale"]
        if fault == "rows":
            for part in ("._data", "._scale"):
                tensors[names[0] + part] = tensors[names[0] + part][1:].copy()
        target.mkdir()
        save_file(tensors, target / "model.safetensors")
        config = json.loads((source / "config.json").read_text())
        config["quantization_config"] = {"quant_method": "quanto", "weights": "int8"}
        (target / "config.json").write_text(json.dumps(config))
        """, [Fixture.path("llama/grouped-tied"), path, fault])
  }

  @Test(arguments: [
    ("none", [Finding.Kind]()), ("nan", [.nonFinite]), ("scale", [.missing, .unexpected]),
    ("rows", [.wrongShape]),
  ])
  func `a model is validated as what its packed weights stand for`(_ fault: String, _ kinds: [Finding.Kind])
    throws
  {
    let folder = try TemporaryFolder()
    try Self.makeModel(fault, at: folder.file("model"))
    let findings = try Ingot.validate(folder.file("model")).findings
    #expect(Set(findings.filter { $0.severity == .error }.map(\.kind)) == Set(kinds), "\(findings)")
    let notes = findings.filter { $0.severity == .note }
    #expect(notes.map(\.kind) == (fault == "scale" ? [.notRead, .shownAs] : [.shownAs]), "\(notes)")
    // What is validated is what comes of it.
    guard fault == "none" else { return }
    _ = try Self.convert(folder.file("model"), to: folder.file("numbers/"), .f32)
    #expect(try Ingot.validate(folder.file("numbers")).findings == [])
  }

  @Test func `zero points of GPTQ's second format under the first one's name are said`() throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.path("gptq-v2-unsaid"), to: folder.file("out/"), .f32)
    #expect(report.losses.contains { $0.tensor == "a.weight" && "\($0.detail)".contains("second format") })
  }
}
