// SPDX-License-Identifier: Apache-2.0
// OpenAI's release of GPT-1: read with and without names, with and without a config, written, and loaded by the lines of
// train.py that load it.
import Foundation
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct OpenAIParamsTests {
  private static let release = Fixture.path("published/openai-gpt")
  private static let named = Fixture.path("published/openai-gpt-named")
  private static let model = Fixture.path("openai-gpt/language-model")

  private static func digests(_ path: String) throws -> [String: String] {
    Dictionary(uniqueKeysWithValues: try Ingot.hash(path).tensors.map { ($0.name, $0.sha256) })
  }

  /// A folder with the release's files, some of them others.
  private static func copy(
    of source: String, to folder: TemporaryFolder, _ changes: [String: String?] = [:]
  ) throws -> String {
    let copy = folder.file("copy")
    try FileManager.default.copyItem(atPath: source, toPath: copy)
    for (name, text) in changes {
      try? FileManager.default.removeItem(atPath: copy + "/" + name)
      if let text { try text.write(toFile: copy + "/" + name, atomically: true, encoding: .utf8) }
    }
    return copy
  }

  @Test func `the release without names has those of train.py's variables`() throws {
    let (bare, listed) = (try CheckpointOpener().open(Self.release), try CheckpointOpener().open(Self.named))
    let parts = ["attn/c_attn", "attn/c_proj", "ln_1", "mlp/c_fc", "mlp/c_proj", "ln_2"]
    let expected =
      ["model/we/positions", "model/we/tokens"]
      + (0..<2).flatMap { block in
        parts.flatMap {
          ["model/h\(block)/\($0)/\($0.contains("ln") ? "g" : "w")", "model/h\(block)/\($0)/b"]
        }
      }
    #expect(bare.tensors.map(\.name) == expected && listed.tensors.map(\.name) == expected)
    #expect(bare.files.count == 11 && listed.files.count == 12)
    #expect(try Self.digests(Self.release) == Self.digests(Self.named))
    // The second table begins in the first array, and ends in the second.
    #expect(bare.tensors[1].storage.segments.all.map(\.file) == [1, 2])
    let file = try CheckpointOpener().open(Self.release + "/params_shapes.json")
    #expect(file.tensors.map(\.name) == expected)
  }

  @Test func `shapes of another model have numbers for names`() throws {
    let folder = try TemporaryFolder()
    let text = try String(contentsOfFile: Self.release + "/params_shapes.json", encoding: .utf8)
    let changed = text.replacingOccurrences(of: "[[20, 16]", with: "[[16, 20]")
    let copy = try Self.copy(of: Self.release, to: folder, ["params_shapes.json": changed])
    let names = try CheckpointOpener().open(copy).tensors.map(\.name)
    #expect(names == (0..<26).map { "params.\($0)" })
  }

  @Test func `an array that is not there is missing`() throws {
    let folder = try TemporaryFolder()
    let copy = try Self.copy(of: Self.release, to: folder, ["params_7.npy": nil])
    #expect {
      try CheckpointOpener().open(copy)
    } throws: {
      guard case .missing(let path, _, _)? = $0 as? IngotError else { return false }
      return path.hasSuffix("params_7.npy")
    }
  }

  @Test func `the named release is the model that it was made of, by numbers from outside`() throws {
    let report = try Ingot.validate(Self.named)
    #expect(report.isValid && report.findings == [] && report.model?.recognised.tensors.count == 26)
    var options = VerifyOptions()
    options.fixtures = Self.model + "/expected.safetensors"
    options.run.precision = .reference
    let verification = try Ingot.verify(Self.named, options: options)
    #expect(verification.passed && !verification.outputs.isEmpty)
    #expect(try Ingot.diff(Self.named, Self.model).isEqual)
  }

  @Test func `heads that no shape tells are asked for where the default does not fit`() throws {
    #expect {
      try Ingot.validate(Self.release)
    } throws: {
      guard case .missing(_, _, let hint)? = $0 as? IngotError else { return false }
      return hint?.remedies == [.nameConfig] && "\($0)".contains("n_head")
    }
    var options = ValidateOptions()
    options.config = Self.model + "/config.json"
    let report = try Ingot.validate(Self.release, options: options)
    #expect(report.isValid && report.model?.recognised.dialect.id == "openai")
  }

  @Test func `a config is made of shapes and of train.py's defaults`() throws {
    let folder = try TemporaryFolder()
    let text = """
      {"model_type": "openai-gpt", "n_embd": 24, "n_layer": 3, "n_head": 12, "n_positions": 9, "vocab_size": 31,
       "architectures": ["OpenAIGPTLMHeadModel"]}
      """
    try text.write(toFile: folder.file("config.json"), atomically: true, encoding: .utf8)
    let made = try IngotProgram.run(
      "init", "openai-gpt", folder.file("hf/"), "--config", folder.file("config.json"))
    #expect(made.exitCode == 0, "\(made.standardError)")
    let run = try IngotProgram.run("convert", folder.file("hf/"), folder.file("out/"), "--for", "openai")
    #expect(run.exitCode == 0, "\(run.standardError)")
    try FileManager.default.removeItem(atPath: folder.file("out/config.json"))
    try FileManager.default.removeItem(atPath: folder.file("out/parameters_names.json"))
    let report = try Ingot.validate(folder.file("out"))
    #expect(report.isValid)
    #expect(report.findings.map(\.kind) == [.assumedConfig] && "\(report.findings)".contains("n_head 12"))
    let (config, original) = (
      report.model?.recognised.configuration.config,
      try Model(folder.file("hf")).recognised.configuration.config
    )
    #expect(config == original)
    #expect(try Ingot.diff(folder.file("out"), folder.file("hf")).isEqual)
  }

  /// The lines of train.py that load the release, up to where it makes its own variables of the arrays; then names by
  /// transformers' lines, and the arrays as a checkpoint of transformers has them.
  private static let loader = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    folder, model = sys.argv[1:]
    shapes = json.load(open(folder + '/params_shapes.json'))
    offsets = np.cumsum([np.prod(shape) for shape in shapes])
    init_params = [np.load(folder + '/params_{}.npy'.format(n)) for n in range(10)]
    init_params = np.split(np.concatenate(init_params, 0), offsets)[:-1]
    init_params = [param.reshape(shape) for param, shape in zip(init_params, shapes)]
    assert all(param.dtype == np.float32 for param in init_params)
    expected = {n.removeprefix('transformer.'): v for n, v in load_file(model + '/model.safetensors').items()}
    assert np.array_equal(init_params[0], expected.pop('positions_embed.weight'))
    assert np.array_equal(init_params[1], expected.pop('tokens_embed.weight'))
    names = json.load(open(folder + '/parameters_names.json'))
    assert names.pop(0) == 'model/we:0' and len(names) == len(init_params) - 2
    for name, array in zip(names, init_params[2:]):
        scope, block, *path, letter = name.removesuffix(':0').split('/')
        assert scope == 'model'
        key = '.'.join(['h', block[1:], *path, 'bias' if letter == 'b' else 'weight'])
        assert array.ndim == (3 if letter == 'w' else 1), name
        assert np.array_equal(array.squeeze(0) if letter == 'w' else array, expected.pop(key)), name
    assert set(expected) <= {'lm_head.weight'}, expected.keys()
    """

  @Test(arguments: ["language-model", "one-token", "activation-relu", "activation-swish"])
  func `a model goes there and back, and numpy finds it by the loader's own lines`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("openai-gpt/" + name)
    let there = try IngotProgram.run(
      "convert", source, folder.file("there/"), "--for", "openai", "--check")
    #expect(there.exitCode == 0, "\(there.standardError)")
    try PythonPeer.run(code: Self.loader, [folder.file("there"), source])
    #expect(try Ingot.validate(folder.file("there")).isValid)
    let back = try IngotProgram.run(
      "convert", folder.file("there"), folder.file("back/"), "--for", "transformers")
    #expect(back.exitCode == 0, "\(back.standardError)")
    let stored = try Self.digests(source)
    let expected = stored.map {
      (
        $0.key.hasPrefix("transformer.") || $0.key.hasPrefix("lm_head") ? $0.key : "transformer." + $0.key,
        $0.value
      )
    }
    #expect(try Self.digests(folder.file("back")) == Dictionary(uniqueKeysWithValues: expected))
  }

  @Test(arguments: [
    ("openai-gpt/bare", "layer_norm_epsilon"), ("openai-gpt/untied", "tie_word_embeddings"),
    ("openai-gpt/double-heads", "summary"), ("openai-gpt/sequence-classification", "score"),
  ])
  func `what train.py can't express is refused by the key`(_ model: String, _ key: String) throws {
    let folder = try TemporaryFolder()
    let run = try IngotProgram.run("convert", Fixture.path(model), folder.file("out/"), "--for", "openai")
    #expect(run.exitCode == 65 && run.firstErrorLine.contains(key), "\(run.standardError)")
    #expect(folder.entries() == [])
  }

  @Test func `each model of OpenAI's gets its own format, and no other`() throws {
    let folder = try TemporaryFolder()
    let older = try IngotProgram.run(
      "convert", Self.model, folder.file("out/"), "--for", "openai", "--to", "tensorflow")
    #expect(older.exitCode == 64 && older.firstErrorLine.contains("openai-params"), "\(older.standardError)")
    let newer = try IngotProgram.run(
      "convert", Fixture.path("models/base"), folder.file("out/"), "--to", "openai-params")
    #expect(newer.exitCode == 65 && newer.firstErrorLine.contains("GPT-2"), "\(newer.standardError)")
    let half = try IngotProgram.run(
      "convert", Self.release, folder.file("out/"), "--to", "openai-params", "--dtype", "f16")
    #expect(half.exitCode == 65 && half.firstErrorLine.contains("F32"), "\(half.standardError)")
    #expect(folder.entries() == [])
    #expect(TargetProgram.openAI.format(for: "gpt2") == "tensorflow")
    #expect(TargetProgram.openAI.format(for: "openai-gpt") == "openai-params")
  }

  @Test func `a release in an archive is read as from its folder`() throws {
    let folder = try TemporaryFolder()
    for kind in ["zip", "gztar"] {
      try PythonPeer.run(
        code: "import shutil, sys; shutil.make_archive(*sys.argv[1:])",
        [folder.file("release"), kind, Self.named])
    }
    for name in ["release.zip", "release.tar.gz"] {
      #expect(try Self.digests(folder.file(name)) == Self.digests(Self.named), "\(name)")
    }
  }

  @Test func `what the writer puts into ten files comes back, however few there are`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        save_file({"b": np.arange(3, dtype=np.float32), "a": np.zeros((2, 0), np.float32), "é": np.array(7, np.float32)},
                  sys.argv[1])
        """, [folder.file("a.safetensors")])
    let source = folder.file("a.safetensors")
    let run = try IngotProgram.run("convert", source, folder.file("out/"), "--to", "openai-params", "--check")
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(try Self.digests(folder.file("out")) == Self.digests(source))
    #expect(try Ingot.hash(folder.file("out")).tensors.count == 3)
  }
}
