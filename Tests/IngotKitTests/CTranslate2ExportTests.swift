// SPDX-License-Identifier: Apache-2.0
// CTranslate2's files through the verbs: what its converter wrote read back, written again, made of a model beside; and
// folders that are made for it, run by CTranslate2 itself.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct CTranslate2ExportTests {
  private static func golden(_ name: String) -> String { Fixture.path("golden/ctranslate2/\(name).bin") }

  /// The models of the golden files.
  private static let sources = ["gpt2": "models/base", "llama": "llama/grouped-tied"]

  private static func tensors(_ path: String) throws -> [String: HashReport.Tensor] {
    Dictionary(uniqueKeysWithValues: try Ingot.hash(path).tensors.map { ($0.name, $0) })
  }

  private static func metadata(_ path: String) throws -> [String: String] {
    let prefix = "ctranslate2.attribute."
    let entries = try Ingot.inspect(path).checkpoint.metadata.entries.filter { $0.key.hasPrefix(prefix) }
    return Dictionary(
      uniqueKeysWithValues: entries.map { (String($0.key.dropFirst(prefix.count)), "\($0.value)") })
  }

  @discardableResult
  private static func convert(
    _ input: String, to output: String, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    options.check = true
    change(&options)
    return try Ingot.convert(input, to: output, options: options)
  }

  @discardableResult
  private static func quantize(
    _ input: String, to output: String, _ change: (inout QuantizeOptions) -> Void = { _ in }
  ) throws(IngotError) -> QuantizationReport {
    var options = QuantizeOptions()
    options.program = .ctranslate2
    change(&options)
    return try Ingot.quantize(input, to: output, options: options)
  }

  // MARK: - Files of its converter

  static let names = Fixture.names(in: "golden/ctranslate2").filter { $0.hasSuffix(".bin") }.map {
    String($0.dropLast(4))
  }

  @Test(arguments: names) func `a copy has the same bytes`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.golden(name), to: folder.file("copy.bin")) {
      $0.format = "ctranslate2"
    }
    #expect(report.losses.isEmpty)
    #expect(try folder.bytes("copy.bin") == Fixture.bytes("golden/ctranslate2/\(name).bin"))
    // The types of single numbers are kept by way of another format that has types.
    try Self.convert(Self.golden(name), to: folder.file("copy.ingot"))
    try Self.convert(folder.file("copy.ingot"), to: folder.file("back.bin")) { $0.format = "ctranslate2" }
    #expect(try folder.bytes("back.bin") == Fixture.bytes("golden/ctranslate2/\(name).bin"))
  }

  @Test func `single numbers are those that its specification has`() throws {
    struct Values: Decodable {
      let type: String
      let value: Double
      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        (type, value) = (try list.decode(String.self), try list.decode(Double.self))
      }
    }
    let bytes = try Fixture.bytes("golden/ctranslate2/attributes.json")
    let expected = try JSONDecoder().decode([String: [String: Values]].self, from: Data(bytes))
    for (file, numbers) in expected {
      let found = try Self.metadata(Self.golden(String(file.dropLast(4))))
      let wanted = numbers.mapValues { number in
        switch number.type {
        case "I8": "\(MetadataValue.int8(Int8(number.value)))"
        case "I16": "\(MetadataValue.int16(Int16(number.value)))"
        case "I32": "\(MetadataValue.int32(Int32(number.value)))"
        default: "\(MetadataValue.float32(Float(number.value)))"
        }
      }
      #expect(found == wanted, "\(file)")
    }
  }

  @Test(arguments: names.filter { $0.contains("int") })
  func `integers become the quotients by their scales`(_ name: String) throws {
    struct Lists: Decodable { let stored, values: [ReadTensor] }
    let bytes = try Fixture.bytes("golden/ctranslate2/values.json")
    let lists = try #require(
      try JSONDecoder().decode([String: Lists].self, from: Data(bytes))["\(name).bin"])
    let expected = lists.values
    #expect(try GoldenFile.read(Self.golden(name)) == lists.stored)
    let folder = try TemporaryFolder()
    try Self.convert(Self.golden(name), to: folder.file("values.npz")) { $0.dtype = .f32 }
    let found = try Self.tensors(folder.file("values.npz"))
    #expect(found.count == expected.count)
    for tensor in expected where tensor.dtype == "F32" {
      #expect(found[tensor.name]?.sha256 == tensor.sha256, "\(tensor.name)")
    }
  }

  // MARK: - Files of ours beside those of its converter

  @Test(arguments: ["gpt2", "llama"]) func `numbers are laid out as its converter does`(_ name: String) throws
  {
    let folder = try TemporaryFolder()
    let source = Fixture.path(Self.sources[name] ?? "")
    try Self.convert(source, to: folder.file("out")) { $0.program = .ctranslate2 }
    #expect(folder.entries().contains("out/model.bin"))
    let (ours, theirs) = (
      try Self.tensors(folder.file("out/model.bin")), try Self.tensors(Self.golden("\(name)-float32"))
    )
    #expect(ours == theirs)
    let (numbers, wanted) = (
      try Self.metadata(folder.file("out/model.bin")), try Self.metadata(Self.golden("\(name)-float32"))
    )
    // Its converter leaves the turned part of a head to the program, by 0; it is the same number here.
    for (key, value) in wanted where !key.hasSuffix("/rotary_dim") {
      #expect(numbers[key] == value, "\(key)")
    }
    #expect(Set(numbers.keys) == Set(wanted.keys))
    let half = try Self.convert(source, to: folder.file("half/")) {
      $0.program = .ctranslate2
      $0.dtype = .bf16
    }
    #expect(half.losses.contains { $0.kind == .cast })
    guard name == "gpt2" else { return }
    #expect(try Self.tensors(folder.file("half/model.bin")) == Self.tensors(Self.golden("gpt2-bfloat16")))
  }

  /// Compares integers and scales with those of CTranslate2's converter: a quotient that is nearly half way may be rounded to
  /// either side, and a scale is one step of F32 away.
  private static let neighbours = """
    import sys
    import numpy as np
    ours, theirs = (np.load(path) for path in sys.argv[1:3])
    assert sorted(ours.files) == sorted(theirs.files), set(ours.files) ^ set(theirs.files)
    count = other = 0
    for name in ours.files:
        a, b = ours[name], theirs[name]
        assert a.dtype == b.dtype and a.shape == b.shape, name
        if a.dtype == np.int8:
            assert np.abs(a.astype(int) - b).max(initial=0) <= 1, name
            count, other = count + a.size, other + (a != b).sum()
        elif name.endswith("_scale"):
            assert np.allclose(a, b, rtol=2e-7, atol=0), name
        elif a.ndim:
            assert np.array_equal(a, b), name
    assert count > 1000 and other <= count / 1000, (count, other)
    """

  @Test(arguments: ["gpt2", "llama"]) func `integers are its converter's`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.quantize(Fixture.path(Self.sources[name] ?? ""), to: folder.file("out/"))
    #expect(report.tensors.count == (name == "gpt2" ? 9 : 11))
    #expect(
      report.tensors.allSatisfy { $0.error.signalToNoise > 30 && $0.byteCountAfter < $0.byteCountBefore })
    for (path, copy) in [(folder.file("out/model.bin"), "a.npz"), (Self.golden("\(name)-int8"), "b.npz")] {
      try Self.convert(path, to: folder.file(copy)) { $0.reading.isRaw = true }
    }
    try PythonPeer.run(code: Self.neighbours, [folder.file("a.npz"), folder.file("b.npz")])
  }

  // MARK: - Folders that CTranslate2 runs

  /// Runs CTranslate2 on folders over the ids of fixtures without a mask, in F32, and prints how far its scores are from each
  /// fixtures', relative to the largest.
  private static let run = """
    import json, sys
    import ctranslate2, numpy as np
    from safetensors.numpy import load_file
    errors = []
    for folder, fixtures in zip(sys.argv[1::2], sys.argv[2::2]):
        tensors = np.load(fixtures) if fixtures.endswith(".npz") else load_file(fixtures)
        assert "attention_mask" not in tensors and "position_ids" not in tensors, fixtures
        ids, wanted = tensors["input_ids"], tensors["logits"].astype(np.float64)
        generator = ctranslate2.Generator(folder, device="cpu", compute_type="float32", intra_threads=1)
        found = np.asarray(generator.forward_batch(ids.tolist())).astype(np.float64)
        errors.append(float(np.abs(found - wanted).max() / np.abs(wanted).max()))
    print(json.dumps(errors))
    """

  private static func errors(of folders: [(folder: String, fixtures: String)]) throws -> [Double] {
    let result = try PythonPeer.run(code: run, folders.flatMap { [$0.folder, $0.fixtures] })
    return try JSONDecoder().decode([Double].self, from: Data(result.standardOutput.utf8))
  }

  /// CTranslate2 computes in F32, sums in another order, and has e^x by a polynomial: as far from float64 as PyTorch's F32 on the
  /// same models (pytorch_fp32.json), times some.
  private static let float32Tolerance = 2e-5

  /// Models of each kind, whose fixtures have no mask.
  static let computed = [
    "models/base", "models/activation-gelu", "models/activation-quick_gelu", "models/epsilon",
    "models/inner-7",
    "models/unscaled-by-block", "models/untied", "models/stored-head", "llama/grouped-tied",
    "llama/one-key-head", "llama/narrow-heads", "llama/linear", "llama/llama3", "mistral/without-window",
    "qwen2/tied",
    "qwen3/tied", "smollm3/list", "gemma/heads-not-of-width", "gemma3_text/window-in-no-layer", "phi3/tied",
    "phi3/partial-half", "gpt_neox/linear", "opt/before-narrow", "opt/behind-last-norm-removed",
  ]

  @Test func `CTranslate2 gives the scores of models of each kind`() throws {
    let folder = try TemporaryFolder()
    var folders: [(folder: String, fixtures: String)] = []
    for (index, name) in Self.computed.enumerated() {
      try Self.convert(Fixture.path(name), to: folder.file("\(index)/")) { $0.program = .ctranslate2 }
      folders.append((folder.file("\(index)"), Fixture.path(name) + "/expected.safetensors"))
    }
    for (name, error) in zip(Self.computed, try Self.errors(of: folders)) {
      #expect(error < Self.float32Tolerance, "\(name)")
    }
  }

  /// Quantizes a model for CTranslate2 and, alike, for us, and says how far CTranslate2's scores are from those of our float64 run
  /// over the exact values of the integers.
  private static func error(
    of model: String, in folder: TemporaryFolder, _ change: (inout QuantizeOptions) -> Void = { _ in }
  ) throws -> Double {
    let theirs = try quantize(model, to: folder.file("out/"), change)
    var options = QuantizeOptions()
    change(&options)
    let ours = try Ingot.quantize(model, to: folder.file("own.ingot"), options: options)
    #expect(theirs.calibrationTokenCount == ours.calibrationTokenCount)
    #expect(abs(theirs.total.signalToNoise - ours.total.signalToNoise) < 1e-6)
    _ = try Ingot.record(folder.file("own.ingot"), tokens: "1,5,9,2,3,0,7,4", to: folder.file("own.npz"))
    return try errors(of: [(folder.file("out"), folder.file("own.npz"))])[0]
  }

  @Test(arguments: ["models/base", "llama/grouped-tied", "qwen2/grouped", "kjv-gpt2"])
  func `CTranslate2 computes with our integers as we do`(_ name: String) throws {
    #expect(try Self.error(of: Fixture.path(name), in: try TemporaryFolder()) < Self.float32Tolerance)
  }

  @Test func `calibrated integers are not rounded again`() throws {
    let model = Fixture.path("kjv-gpt2")
    let error = try Self.error(of: model, in: try TemporaryFolder()) {
      $0.calibration = CalibrationOptions(model + "/heldout.npy")
      $0.calibration?.tokenLimit = 512
      $0.calibration?.movesOutliers = false
    }
    #expect(error < Self.float32Tolerance)
  }

  @Test func `a model whose outliers were moved is the same model`() throws {
    let (folder, model) = (try TemporaryFolder(), Fixture.path("kjv-gpt2"))
    let report = try Self.quantize(model, to: folder.file("out/")) {
      $0.calibration = CalibrationOptions(model + "/heldout.npy")
      $0.calibration?.tokenLimit = 512
    }
    #expect(report.smoothedInputCount > 0)
    _ = try Ingot.record(model, tokens: "1,5,9,2,3,0,7,4", to: folder.file("own.npz"))
    // In float32 all that is left is the rounding of weights.
    #expect(try Self.errors(of: [(folder.file("out"), folder.file("own.npz"))])[0] < 0.01)
  }

  @Test func `an output of zeros is divided by 1`() throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(
      in: folder, "m", change: "w[p + 'mlp.c_fc.weight'][:, 3] = 0; w['transformer.wte.weight'][5] = 0")
    #expect(try Self.error(of: model, in: folder) < Self.float32Tolerance)
  }

  /// Runs two folders with activations of 8 bits, and prints how far apart their scores are, relative to the largest.
  private static let integerRun = """
    import json, sys
    import ctranslate2, numpy as np
    a, b = (np.asarray(ctranslate2.Generator(folder, device="cpu", compute_type="int8", intra_threads=1).forward_batch(
        [[1, 5, 9, 2, 3, 0, 7, 4]])).astype(np.float64) for folder in sys.argv[1:3])
    print(json.dumps(float(np.abs(a - b).max() / np.abs(b).max())))
    """

  /// A weight whose quotient is nearly half way is one integer apart, one step of 127 in a product of many.
  ///
  /// How far CTranslate2's products of integers are from exact ones is another matter: on processors that add two of them in 16
  /// bits, a lot.
  private static let integerTolerance = 1e-2

  @Test(arguments: ["gpt2", "llama"])
  func `CTranslate2's integer products give what they give of its converter's file`(_ name: String) throws {
    let folder = try TemporaryFolder()
    for output in ["ours", "theirs"] {
      try Self.quantize(Fixture.path(Self.sources[name] ?? ""), to: folder.file(output + "/"))
    }
    try Data(Fixture.bytes("golden/ctranslate2/\(name)-int8.bin")).write(
      to: URL(fileURLWithPath: folder.file("theirs/model.bin")))
    let result = try PythonPeer.run(code: Self.integerRun, [folder.file("ours"), folder.file("theirs")])
    let error = try JSONDecoder().decode(Double.self, from: Data(result.standardOutput.utf8))
    #expect(error < Self.integerTolerance)
  }

  // MARK: - Companions

  @Test func `tokens stand beside the weights, by their ids`() throws {
    let folder = try TemporaryFolder()
    let report = try Self.quantize(Fixture.path("kjv-gpt2"), to: folder.file("out"))
    #expect(!report.losses.contains { $0.kind == .readers })
    #expect(
      Set(folder.entries()).isSuperset(of: [
        "out/model.bin", "out/config.json", "out/vocabulary.json", "out/tokenizer.json",
      ]))
    try PythonPeer.run(
      code: """
        import json, sys
        import ctranslate2, tokenizers
        folder = sys.argv[1]
        tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
        tokens = json.load(open(folder + "/vocabulary.json"))
        wanted = [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())]
        assert tokens[:len(wanted)] == wanted and len(set(tokens)) == len(tokens)
        config = json.load(open(folder + "/config.json"))
        assert config["eos_token"] in tokens, config
        generator = ctranslate2.Generator(folder, device="cpu", compute_type="float32", intra_threads=1)
        encoded = tokenizer.encode("In the beginning God")
        result = generator.generate_batch([encoded.tokens], max_length=4, include_prompt_in_result=False)[0]
        scores = generator.score_batch([encoded.tokens])[0]
        assert len(result.sequences_ids[0]) == 4 and scores.tokens == encoded.tokens[1:], (result, scores)
        """, [folder.file("out")])
    let plain = try Self.quantize(Fixture.path("models/base"), to: folder.file("plain"))
    #expect(
      plain.losses.contains { $0.kind == .readers && "\($0.detail)".contains("called by their numbers") })
  }

  @Test func `its format alone asks for its layout, in a file`() throws {
    let folder = try TemporaryFolder()
    try Self.convert(Fixture.path("models/base"), to: folder.file("a.bin")) { $0.format = "ctranslate2" }
    #expect(try Self.tensors(folder.file("a.bin")) == Self.tensors(Self.golden("gpt2-float32")))
    try Self.quantize(Fixture.path("models/base"), to: folder.file("b.bin")) {
      ($0.program, $0.format) = (nil, "ctranslate2")
    }
    try Self.quantize(Fixture.path("models/base"), to: folder.file("b/"))
    #expect(try folder.bytes("b.bin") == folder.bytes("b/model.bin"))
  }

  // MARK: - What is refused

  @Test(
    arguments: [
      ("mixtral/all-experts", [], "Mixtral"), ("openai-gpt/activation-relu", [], "GPT"),
      ("bert/masked-lm", [], "BERT"),
      ("gemma2/null-keys", [], "window"), ("gemma2/attention-cap", [], "attention's scores"),
      ("llama/yarn", [], "yarn"), ("llama/dynamic", [], "dynamic"), ("models/activation-mish", [], "mish"),
      ("llama/sequence-classification", [], "another head"),
      ("models/base", ["--scheme", "int8-tensor"], "for each output"),
      ("models/base", ["--scheme", "q8_0"], "for each output"),
      ("models/base", ["--rule", "*wte*=keep"], "none is"),
    ] as [(String, [String], String)])
  func `what CTranslate2 would compute otherwise is refused`(
    _ model: String, _ options: [String], _ why: String
  ) throws {
    let folder = try TemporaryFolder()
    var process = try IngotProgram.process(
      ["quantize", Fixture.path(model), "out/", "--for", "ctranslate2"] + options)
    process.folder = folder.path
    let run = try process.run()
    #expect(run.exitCode == 65 && run.standardError.contains(why), "\(run.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test(
    arguments: [
      (["quantize", "o.bin"], "loads a folder"), (["quantize", "o/", "--to", "gguf"], "reads ctranslate2"),
      (["quantize", "o/", "--measure", "t.txt"], "runs there"),
      (["convert", "o/", "--rename", "wte=x"], "by the names"),
      (["convert", "o/", "--untie"], "another name"),
      (["convert", "o/", "--exclude", "*ln_f*"], "whole models"),
    ] as [([String], String)])
  func `options that say something else are refused`(_ arguments: [String], _ why: String) throws {
    let folder = try TemporaryFolder()
    var process = try IngotProgram.process(
      [arguments[0], Fixture.path("models/base")] + arguments.dropFirst() + ["--for", "ctranslate2"])
    process.folder = folder.path
    let run = try process.run()
    #expect(run.exitCode == 64 && run.standardError.contains(why), "\(run.standardError)")
    #expect(folder.entries().isEmpty)
  }

  @Test func `integers of other kinds are dequantized on request`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(Fixture.path("models/base"), to: folder.file("g8.ingot"))
    let error = #expect(throws: IngotError.self) {
      try Self.convert(folder.file("g8.ingot"), to: folder.file("out/")) { $0.program = .ctranslate2 }
    }
    #expect("\(String(describing: error))".contains("scales of another kind"))
    try Self.convert(folder.file("g8.ingot"), to: folder.file("out/")) {
      ($0.program, $0.dtype) = (.ctranslate2, .f32)
    }
    #expect(try Ingot.inspect(folder.file("out")).checkpoint.tensors.allSatisfy { $0.dtype == .f32 })
  }
}
