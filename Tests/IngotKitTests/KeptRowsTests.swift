// SPDX-License-Identifier: Apache-2.0
// Rows of an embedding that stay in a type of their own beside its int8: which they are, what is stored and what it stands for,
// by NumPy, in every container; what a model computes with them, by NumPy's forward pass; and where there is no place for them.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct KeptRowsTests {
  private static let model = Fixture.path("kjv-gpt2")
  private static let tokens = model + "/heldout.npy"
  private static let table = "transformer.wte.weight"

  private static func options(
    _ scheme: QuantizationScheme = .int8Group16, rows: Int? = 64
  ) -> QuantizeOptions {
    var options = QuantizeOptions()
    options.scheme = scheme
    options.keptRowCount = rows
    options.calibration = CalibrationOptions(tokens)
    options.calibration?.tokenLimit = 4096
    return options
  }

  /// Checks a file with rows that are kept beside one without, and what it was dequantized to.
  ///
  /// Rows are those of the most frequent tokens of the windows that are calibrated with; nothing else is stored otherwise;
  /// numbers are products of integers and scales, or of kept rows these.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors import safe_open
    model, ids, plain, kept, wide, count = sys.argv[1:7]
    def load(path):
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
    (source, _), (plain, _), (kept, metadata) = load(model), load(plain), load(kept)
    name = "transformer.wte.weight"
    # The windows of 256 tokens, at most 4096 of them, spread evenly.
    ids = np.load(ids)
    all_windows = len(ids) // 256
    starts = [index * all_windows // 16 * 256 for index in range(16)]
    use = np.bincount(np.concatenate([ids[start:start + 256] for start in starts]), minlength=2048)
    expected = sorted(sorted(range(2048), key=lambda token: (-use[token], token))[:int(count)])
    scheme = json.loads(metadata["ingot.quantization"])["tensors"][name]
    assert scheme["kept_rows"] == expected, scheme
    numbers = kept.pop(name + "_kept_rows")
    assert numbers.dtype == np.float16
    assert numbers.tobytes() == source[name][expected].astype(np.float16).tobytes()
    assert kept.keys() == plain.keys()
    for key in kept: assert kept[key].tobytes() == plain[key].tobytes(), key
    wide = np.load(wide)
    for key, value in kept.items():
        if key.endswith("_scale"): continue
        if value.dtype == np.int8:
            scale = kept[key + "_scale"].astype(np.float32)
            if scale.ndim == 2:
                axis = 1 if key == name else 0
                scale = scale.repeat(16, axis)
            elif scale.ndim == 1 and key == name:
                scale = scale[:, None]
            value = value.astype(np.float32) * scale
        if key == name: value[expected] = numbers.astype(np.float32)
        assert np.array_equal(value, wide[key]), key
    """

  @Test(
    arguments: [
      ("a.safetensors", .int8Group16, 64), ("a.npz", .int8Group16, 1), ("a.ingot", .int8, 64),
      ("a.pt", .int8Tensor, 3), ("shards/", .int8Group16, 100), ("tensorflow/", .int8, 64),
    ] as [(String, QuantizationScheme, Int)])
  func `rows, numbers, and what they stand for are NumPy's in every container`(
    _ name: String, _ scheme: QuantizationScheme, _ count: Int
  ) throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(
      Self.model, to: folder.file("plain.safetensors"), options: Self.options(scheme, rows: nil))
    var options = Self.options(scheme, rows: count)
    let report = try Ingot.quantize(Self.model, to: folder.file("kept.safetensors"), options: options)
    let table = try #require(report.tensors.first { $0.name == Self.table })
    #expect(table.keptRowCount == count && report.tensors.count { $0.keptRowCount > 0 } == 1)
    #expect(table.byteCountBefore == 2048 * 128 * 4)
    options.shardByteLimit = name == "shards/" ? 200_000 : nil
    options.format = name == "tensorflow/" ? "tensorflow" : nil
    _ = try Ingot.quantize(Self.model, to: folder.file(name), options: options)
    var conversion = ConvertOptions()
    conversion.dtype = .f32
    _ = try Ingot.convert(folder.file(name), to: folder.file("wide.npz"), options: conversion)
    try PythonPeer.run(
      code: Self.judge,
      [
        Self.model + "/model.safetensors", Self.tokens, folder.file("plain.safetensors"),
        folder.file("kept.safetensors"), folder.file("wide.npz"), "\(count)",
      ])
    // They travel as they are.
    _ = try Ingot.convert(folder.file(name), to: folder.file("copy.ingot"))
    _ = try Ingot.convert(folder.file("copy.ingot"), to: folder.file("copy.safetensors"))
    let digests = try [name, "copy.ingot", "copy.safetensors", "kept.safetensors"].map {
      try Ingot.hash(folder.file($0)).model
    }
    #expect(Set(digests).count == 1)
  }

  @Test(arguments: [1e-7, 1e6])
  func `rows with magnitudes that F16 lacks are kept as F32`(_ factor: Double) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import shutil, sys
        import numpy as np
        from safetensors import numpy as st
        model, copy, ids, factor = sys.argv[1:5]
        shutil.copytree(model, copy)
        tensors = st.load_file(copy + "/model.safetensors")
        use = np.bincount(np.load(ids), minlength=2048)
        tensors["transformer.wte.weight"][use.argmax()] *= np.float32(factor)
        st.save_file(tensors, copy + "/model.safetensors", metadata={"format": "pt"})
        """, [Self.model, folder.file("model"), Self.tokens, "\(factor)"])
    let report = try Ingot.quantize(
      folder.file("model"), to: folder.file("kept.safetensors"), options: Self.options(rows: 8))
    #expect(report.losses.allSatisfy { $0.kind != .cast })
    try PythonPeer.run(
      code: """
        import json, sys
        import numpy as np
        from safetensors import safe_open, numpy as st
        kept, source = sys.argv[1:3]
        name = "transformer.wte.weight"
        with safe_open(kept, "np") as file:
            rows = json.loads(file.metadata()["ingot.quantization"])["tensors"][name]["kept_rows"]
            numbers = file.get_tensor(name + "_kept_rows")
        assert numbers.dtype == np.float32 and len(rows) == 8
        assert numbers.tobytes() == st.load_file(source)[name][rows].tobytes()
        """, [folder.file("kept.safetensors"), folder.file("model/model.safetensors")])
  }

  @Test func `bits a weight count rows and their numbers`() throws {
    let folder = try TemporaryFolder()
    let plain = try Ingot.quantize(
      Self.model, to: folder.file("plain.ingot"), options: Self.options(rows: nil))
    let kept = try Ingot.quantize(Self.model, to: folder.file("kept.ingot"), options: Self.options(rows: 64))
    let count = Double(kept.total.count)
    let bits = try #require(kept.bitsPerWeight) - #require(plain.bitsPerWeight)
    #expect((bits * count - 64 * (16 * 128 + 64)).magnitude < 1e-3)
    #expect(kept.byteCounts.after - plain.byteCounts.after == 64 * 128 * 2)
    #expect(kept.byteCounts.before == plain.byteCounts.before)
  }

  /// Writes logits of a model in float64, of numbers that a safetensors file's integers, scales and kept rows stand for.
  private static let forward = """
    import json, sys
    import numpy as np
    from safetensors import safe_open
    generate, model, kept, output = sys.argv[1:5]
    sys.path.insert(0, generate)
    import numpy_gpt2
    with safe_open(kept, "np") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}
        schemes = json.loads(file.metadata()["ingot.quantization"])["tensors"]
    weights = {}
    for name, value in stored.items():
        if name.endswith(("_scale", "_kept_rows")): continue
        value = value.astype(np.float64)
        if name in schemes:
            scheme, scale = schemes[name], stored[name + "_scale"].astype(np.float64)
            if scheme["granularity"] == "group": scale = scale.repeat(scheme["group_size"], 1 - scheme["axis"])
            elif scheme["granularity"] == "channel" and scheme["axis"] == 0: scale = scale[:, None]
            value = value * scale
            if "kept_rows" in scheme: value[scheme["kept_rows"]] = stored[name + "_kept_rows"]
        weights[name.removeprefix("transformer.")] = value
    ids = np.load(model + "/heldout.npy")[:96].reshape(2, 48)
    config = json.load(open(model + "/config.json"))
    logits = numpy_gpt2.forward(weights, config, {"input_ids": ids})["logits"]
    np.savez(output, input_ids=ids, logits=logits)
    """

  @Test(arguments: [QuantizationScheme.int8, .int8Tensor, .int8Group16])
  func `a model computes what its stored numbers give in float64`(_ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    for name in ["kept/", "kept.ingot"] {
      _ = try Ingot.quantize(Self.model, to: folder.file(name), options: Self.options(scheme))
    }
    try PythonPeer.run(
      code: Self.forward,
      [
        Fixture.path("generate"), Self.model, folder.file("kept/model.safetensors"),
        folder.file("expected.npz"),
      ])
    for name in ["kept", "kept.ingot"] {
      for precision in [Precision.reference, .auto] {
        var options = VerifyOptions()
        options.fixtures = folder.file("expected.npz")
        options.run.precision = precision
        let report = try Ingot.verify(folder.file(name), options: options)
        #expect(report.passed && report.outputs.count == 1, "\(report.firstFailure ?? "")")
        if precision == .reference { #expect(report.outputs.allSatisfy { $0.maxRel <= 1e-10 }) }
      }
    }
  }

  @Test func `a BF16 model's rows stay BF16`() throws {
    let folder = try TemporaryFolder()
    var conversion = ConvertOptions()
    conversion.dtype = .bf16
    _ = try Ingot.convert(Self.model, to: folder.file("half/"), options: conversion)
    _ = try Ingot.quantize(folder.file("half"), to: folder.file("kept.ingot"), options: Self.options())
    let tensors = try Ingot.inspect(folder.file("kept.ingot")).checkpoint.tensors
    let table = try #require(tensors.first { $0.name == Self.table })
    #expect(table.quantization?.keptType == .bf16)
    _ = try Ingot.convert(
      folder.file("kept.ingot"), to: folder.file("back.safetensors"), options: conversion)
    // Rows that are kept are those of the source, to the bit.
    let judge = """
      import json, sys
      def table(path):
          with open(path, "rb") as file:
              header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
              data = file.read()
          entry = header["transformer.wte.weight"]
          assert entry["dtype"] == "BF16" and entry["shape"] == [2048, 128]
          start, end = entry["data_offsets"]
          return [data[start + 256 * row:start + 256 * row + 256] for row in range(2048)]
      pairs = list(zip(table(sys.argv[1]), table(sys.argv[2])))
      rows = [int(row) for row in sys.argv[3].split(",")]
      assert all(pairs[row][0] == pairs[row][1] for row in rows)
      assert sum(a == b for a, b in pairs) < 128
      """
    let rows = try #require(table.quantization).scheme.keptRows
    try PythonPeer.run(
      code: judge,
      [
        folder.file("half/model.safetensors"), folder.file("back.safetensors"),
        rows.map(String.init).joined(separator: ","),
      ])
  }

  @Test func `what is stored is told, and a change of a row is found`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Self.model, to: folder.file("kept/"), options: Self.options())
    let text = try IngotProgram.run("inspect", "kept", in: folder.path).standardOutput
    #expect(text.contains("I8 with one scale for 16 inputs, 64 rows in F16: 1 tensor"), "\(text)")
    #expect(text.contains("I8+scale+rows"), "\(text)")
    let json = try IngotProgram.run("inspect", "kept", "--json", in: folder.path).standardOutput
    #expect(json.contains(#""kept_rows": ["#) && json.contains(#""kind": "kept_rows""#))
    #expect(json.contains("I8 with one scale for 16 inputs, 64 rows in F16"))
    let raw = try Ingot.inspect(folder.file("kept"), options: Self.raw).checkpoint.tensors
    #expect(raw.contains { $0.name == Self.table + "_kept_rows" && $0.dtype == .f16 })
    // The last bit of one number.
    try PythonPeer.run(
      code: """
        import sys
        from safetensors import safe_open
        from safetensors.numpy import save_file
        with safe_open(sys.argv[1] + "/model.safetensors", "np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata()
        rows = tensors["transformer.wte.weight_kept_rows"]
        rows.view("u2")[7, 5] ^= 1
        save_file(tensors, sys.argv[1] + "/changed.safetensors", metadata)
        """, [folder.file("kept")])
    let diff = try IngotProgram.run(
      "diff", "kept/model.safetensors", "kept/changed.safetensors", in: folder.path)
    #expect(diff.exitCode == 1 && diff.standardOutput.contains(Self.table), "\(diff.standardOutput)")
  }

  private static var raw: InspectOptions {
    var options = InspectOptions()
    options.reading.isRaw = true
    return options
  }

  private static func run(_ arguments: [String], in folder: String) throws -> ProcessResult {
    var process = try IngotProgram.process(arguments)
    process.folder = folder
    return try process.run()
  }

  // MARK: - What is refused

  @Test(arguments: [
    (64, ["o.ingot", "--keep-rows", "8"], "--keep-rows: takes --calibrate TEXT"),
    (64, ["o.ingot", "--keep-rows", "0", "--calibrate", tokens], "at least 1 row"),
    (
      64, ["o.ingot", "--keep-rows", "8", "--calibrate", tokens, "--max-bits", "9"],
      "--max-bits chooses them"
    ),
    (
      64, ["o.ingot", "--keep-rows", "8", "--calibrate", tokens, "--rule", "*wte*=keep"],
      "does not become int8 with scales"
    ),
    (
      64, ["o.ingot", "--keep-rows", "8", "--calibrate", tokens, "--rule", "*wte*=q8_0"],
      "does not become int8 with scales"
    ),
    (65, ["o/", "--keep-rows", "8", "--calibrate", tokens, "--for", "ctranslate2"], "no place for rows"),
    (
      65, ["o.gguf", "--keep-rows", "8", "--calibrate", tokens, "--scheme", "q8_0"], "no place for rows"
    ),
  ])
  func `rows that nothing chooses, or nothing holds, are refused by name`(
    _ code: Int32, _ arguments: [String], _ words: String
  ) throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["quantize", Self.model] + arguments, in: folder.path)
    #expect(run.exitCode == code && run.standardError.contains(words), "\(run.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test(arguments: ["transformers", "vllm"])
  func `what loads compressed-tensors has no place for rows`(_ program: String) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[1], np.arange(2048) % 61)",
      [folder.file("ids.npy")])
    let run = try Self.run(
      ["quantize", Fixture.path("llama/multi-head"), "o/", "--keep-rows", "8", "--calibrate", "ids.npy"]
        + ["--for", program], in: folder.path)
    #expect(run.exitCode == 65, "\(run.standardError)")
    #expect(
      run.standardError.contains("embed_tokens") && run.standardError.contains("no place for rows"),
      "\(run.standardError)")
    #expect(folder.entries() == ["ids.npy"])
  }

  @Test func `they are not quantized again, and go to no program as they are`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Self.model, to: folder.file("kept/"), options: Self.options())
    let before = folder.entries()
    for arguments in [
      ["quantize", "kept", "again.ingot"], ["convert", "kept", "o.gguf"],
      ["convert", "kept", "o/", "--for", "transformers"], ["convert", "kept", "o/", "--for", "ctranslate2"],
      ["convert", "kept", "o.bin", "--to", "llmc"],
    ] {
      let run = try Self.run(arguments, in: folder.path)
      #expect(run.exitCode == 65, "\(arguments): \(run.standardError)")
      #expect(folder.entries() == before)
    }
  }
}
