// SPDX-License-Identifier: Apache-2.0
// Kinds of findings that no format's or model's own tests look for. Tests/Mutations takes each kind's line away.
import Foundation
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct FindingTests {
  private static func kinds(_ path: String) throws -> [Finding.Kind: [String]] {
    Dictionary(grouping: try Ingot.validate(path).findings, by: \.kind).mapValues { $0.map(\.subject) }
  }

  @Test func `values that are not finite are found where no model is known`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import json, sys, numpy as np
        weight = np.ones((3, 4), np.float16)
        weight[2, 1] = np.inf
        np.savez(sys.argv[1] + "/bad.npz", **{"down.0.conv": weight, "up.bias": np.ones(3)})
        np.savez(sys.argv[1] + "/sound.npz", weight=np.ones(3))
        json.dump({"model_type": "unet", "n": 1}, open(sys.argv[1] + "/config.json", "w"))
        """, [folder.path])
    let report = try Ingot.validate(folder.file("bad.npz"))
    #expect(!report.isValid && report.modelSummary == nil)
    #expect(report.findings.map(\.kind) == [.nonFinite, .unknownModel])
    #expect(report.findings[0].subject == "down.0.conv")
    #expect("\(report.findings[0].detail)" == "has 1 infinite, first at [2, 1]")
    #expect("\(report.findings[1].detail)".contains("unet"))
    #expect(throws: IngotError.self) { try Ingot.validate(folder.file("sound.npz")) }
  }

  @Test func `a stored head that equals the embedding is a note`() throws {
    let report = try Ingot.validate(Fixture.path("models/stored-head"))
    #expect(report.isValid && report.findings.map(\.kind) == [.tiedCopy])
    #expect(report.findings.map(\.subject) == ["lm_head.weight"])
  }

  /// transformers gives a model another head than its embedding only where the config says untied.
  @Test func `a stored head that differs from the embedding it is tied to is an error`() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("models/untied")
    try folder.copy(model + "/model.safetensors")
    let config = try String(contentsOfFile: model + "/config.json", encoding: .utf8)
    let key = "\"tie_word_embeddings\": "
    try #require(config.contains(key + "false"))
    try folder.write(config.replacing(key + "false", with: key + "true"), to: "config.json")
    let report = try Ingot.validate(folder.path)
    #expect(!report.isValid && report.findings.map(\.kind) == [.tiedDiffers])
  }

  @Test func `mask buffers are a note`() throws {
    let report = try Ingot.validate(Fixture.path("models/mask-buffers"))
    #expect(report.isValid && report.findings.map(\.kind) == [.unused])
  }

  @Test(arguments: [
    ("m.gguf", "transformer.wte.weight", "nan"), ("m.bin", "transformer.h.1.ln_2.bias", "-inf"),
  ])
  func `a model in another program's names says what of it is not finite`(
    output: String, tensor: String, value: String
  ) throws {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("models/base") + "/config.json")
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import load_file, save_file
        tensors = load_file(sys.argv[1])
        tensors[sys.argv[3]].flat[1] = float(sys.argv[4])
        save_file(tensors, sys.argv[2])
        """,
      [Fixture.path("models/base") + "/model.safetensors", folder.file("model.safetensors"), tensor, value])
    func findings(of path: String, to output: String) throws -> [Finding] {
      var options = ConvertOptions()
      if output.hasSuffix(".bin") { options.format = "llmc" }
      return try Ingot.convert(path, to: folder.file(output), options: options).findings.filter {
        $0.kind == .nonFinite
      }
    }
    let found = try findings(of: folder.path, to: output)
    #expect(found.map(\.subject) == [tensor] && found.map(\.severity) == [.note])
    let place = value == "nan" ? "1 NaN, first at [0, 1]" : "1 infinite, first at [1]"
    #expect("\(found.first?.detail ?? "")" == "has \(place)")
    #expect(try findings(of: Fixture.path("models/base"), to: "sound-" + output).isEmpty)
    // A copy under the names that it has is one of bytes, which are as they were.
    #expect(try findings(of: folder.path, to: "copy.npz").isEmpty)
  }

  @Test func `a value that is not finite is named with its place`() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("models/base")
    try folder.copy(model + "/config.json")
    let code = """
      import sys, numpy as np
      from safetensors.numpy import load_file, save_file
      tensors = load_file(sys.argv[1])
      name = next(name for name in sorted(tensors) if tensors[name].ndim == 2)
      tensors[name][3, 2] = -np.inf
      save_file(tensors, sys.argv[2])
      print(name)
      """
    let name = try PythonPeer.run(
      code: code, [model + "/model.safetensors", folder.file("model.safetensors")]
    )
    .standardOutput
    let report = try Ingot.validate(folder.path)
    #expect(
      report.findings.map(\.kind) == [.nonFinite]
        && report.findings.map(\.subject) == [String(name.dropLast())])
    #expect(report.findings.first?.detail.pieces.contains(.words("3, 2")) == true)
  }

  @Test func `fixtures of another model are a note, those of this one none`() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("models/base")
    _ = try Ingot.record(model, tokens: "1,2,3", to: folder.file("fixtures.npz"))
    var options = VerifyOptions()
    options.fixtures = folder.file("fixtures.npz")
    #expect(try Ingot.verify(model, options: options).findings == [])
    let cast = folder.file("bf16/")
    var conversion = ConvertOptions()
    conversion.dtype = .bf16
    _ = try Conversion(model, to: cast, options: conversion).run()
    #expect(try Ingot.verify(cast, options: options).findings.map(\.kind) == [.otherModel])
  }

  @Test func `integers wider than a word are shown as text, and said`() throws {
    let folder = try TemporaryFolder()
    // A state dictionary that torch's loader reads: {"n": 2**70}, as Python's own pickle has it.
    let code = """
      import pickle, sys, zipfile
      with zipfile.ZipFile(sys.argv[1], "w") as archive:
          archive.writestr("m/data.pkl", pickle.dumps({"n": 2 ** 70, "s": 7}, protocol=2))
          archive.writestr("m/version", "3\\n")
      """
    _ = try PythonPeer.run(code: code, [folder.file("m.pt")])
    let checkpoint = try CheckpointOpener().open(folder.file("m.pt"))
    #expect(checkpoint.findings.map(\.kind) == [.shownAs] && checkpoint.findings.map(\.subject) == ["n"])
  }

  @Test func `a tensor that a set's index does not name is said`() throws {
    let folder = try TemporaryFolder()
    let code = """
      import json, sys, numpy as np
      from safetensors.numpy import save_file
      save_file({"a": np.ones(3, np.float32), "b": np.zeros(2, np.float32)}, sys.argv[1] + "/one.safetensors")
      index = {"metadata": {"total_size": 12}, "weight_map": {"a": "one.safetensors"}}
      json.dump(index, open(sys.argv[1] + "/model.safetensors.index.json", "w"))
      """
    _ = try PythonPeer.run(code: code, [folder.path])
    let checkpoint = try CheckpointOpener().open(folder.file("model.safetensors.index.json"))
    #expect(checkpoint.findings.map(\.kind) == [.unindexed] && checkpoint.findings.map(\.subject) == ["b"])
  }

  @Test func `metadata in a later part of a split GGUF is said`() throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, gguf, numpy as np
      for number in range(2):
          writer = gguf.GGUFWriter(f"{sys.argv[1]}/s-0000{number + 1}-of-00002.gguf", "gpt2")
          writer.add_uint16("split.no", number)
          writer.add_uint16("split.count", 2)
          writer.add_int32("split.tensors.count", 2)
          writer.add_tensor(f"t{number}", np.ones(4, np.float32))
          writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
      """
    _ = try PythonPeer.run(code: code, [folder.path])
    let checkpoint = try CheckpointOpener().open(folder.file("s-00001-of-00002.gguf"))
    #expect(checkpoint.tensors.map(\.name) == ["t0", "t1"])
    // gguf-py gives every part its architecture, llama.cpp's own splitter the first one only.
    #expect(checkpoint.findings.map(\.kind) == [.misplaced])
    #expect(checkpoint.findings.map(\.subject) == ["general.architecture"])
  }
}
