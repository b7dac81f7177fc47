// SPDX-License-Identifier: Apache-2.0
// What a quantization says of its quality: clipped values and outlying channels against NumPy's count in float64, and what is
// measured on text against what evaluating the output gives.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizationQualityTests {
  private static let model = Fixture.path("kjv-gpt2")
  private static let masked = Fixture.path("masked-text")

  /// Makes some channels of some weights far larger than the others, and others zeros.
  private static let plant = """
    import sys
    import numpy as np
    from safetensors.numpy import load_file, save_file
    w = {name: np.array(values) for name, values in load_file(sys.argv[1] + "/model.safetensors").items()}
    w["transformer.wte.weight"][:, [5, 77]] *= np.float32(40)
    w["transformer.wte.weight"][9] *= np.float32(90)
    w["transformer.h.1.mlp.c_fc.weight"][3:13] *= np.float32(30)
    w["transformer.h.2.attn.c_attn.weight"][:, :300] = 0
    w["transformer.h.2.attn.c_attn.weight"][:, 301] *= np.float32(25)
    save_file(w, sys.argv[2] + "/model.safetensors")
    """

  /// The outlying channels of each weight by its name and by llama.cpp's; and of a folder of groups the share of each weight
  /// that is beyond the reach of its scale.
  private static let judge = """
    import json, sys
    import numpy as np
    import gguf
    from safetensors.numpy import load_file
    source = load_file(sys.argv[1] + "/model.safetensors")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, 4)

    def outliers(weight, axis):
        peaks = np.abs(weight.astype(np.float64)).max(1 - axis)
        found = np.flatnonzero(peaks > 10 * np.median(peaks[peaks > 0]))
        return {"count": len(found), "first": found[:8].tolist()}

    def clipped(weight, q, scale):
        size = weight.shape[0] // scale.shape[0], weight.shape[1] // scale.shape[1]
        scale = np.repeat(np.repeat(scale.astype(np.float32), size[0], 0), size[1], 1)
        quotient = weight / np.where(scale > 0, scale, np.float32(1))
        assert quotient.dtype == np.float32
        rounded = np.where(scale > 0, np.rint(quotient), 0)
        assert np.array_equal(np.clip(rounded, -127, 127), q)
        return float((np.abs(rounded) > 127).mean())

    result = load_file(sys.argv[2] + "/model.safetensors") if len(sys.argv) > 2 else {}
    report = {}
    for name, weight in source.items():
        if weight.ndim < 2 or "wpe" in name: continue
        axis = 0 if "wte" in name else 1
        entry = {"outputs": outliers(weight, axis), "inputs": outliers(weight, 1 - axis), "clipped": 0.0}
        if result: entry["clipped"] = clipped(weight, result[name], result[name + "_scale"])
        report[name] = report[names.get_name(name, (".weight",))] = entry
    print(json.dumps(report))
    """

  private struct Quality: Decodable {
    struct Channels: Decodable {
      let count: Int
      let first: [Int]

      func isSame(_ found: OutlierChannels?) -> Bool { count == found?.count && first == found?.first }
    }

    let inputs: Channels
    let outputs: Channels
    let clipped: Double
  }

  /// The trained model with outliers planted in it.
  private static func planted(in folder: TemporaryFolder) throws -> String {
    let path = try folder.copyModel(model, as: "planted", without: ["model.safetensors"])
    try PythonPeer.run(code: plant, [model, path])
    return path
  }

  @Test(
    arguments: [
      (.int8, "o.ingot"), (.int8Tensor, "o/"), (.int8Group32, "o/"), (.q80, "o.gguf"), (.q80, "o.ingot"),
    ]
      as [(QuantizationScheme, String)])
  func `clipped values and outliers are NumPy's`(_ scheme: QuantizationScheme, _ name: String) throws {
    let folder = try TemporaryFolder()
    let input = try Self.planted(in: folder)
    var options = QuantizeOptions()
    options.scheme = scheme
    let report = try Ingot.quantize(input, to: folder.file(name), options: options)
    let judged = scheme == .int8Group32 ? [input, folder.file("o")] : [input]
    let answer = try PythonPeer.run(code: Self.judge, judged).outputBytes
    let qualities = try JSONDecoder().decode([String: Quality].self, from: Data(answer))
    #expect(report.tensors.count == 17)
    for tensor in report.tensors {
      let quality = try #require(qualities[tensor.name])
      #expect(quality.inputs.isSame(tensor.outlierInputs), "\(tensor.name)")
      #expect(quality.outputs.isSame(tensor.outlierOutputs), "\(tensor.name)")
      #expect(tensor.error.clippedShare == quality.clipped, "\(tensor.name)")
    }
    #expect(report.tensors.contains { $0.outlierInputs?.count == 10 && $0.outlierInputs?.first.count == 8 })
    #expect(report.tensors.contains { $0.outlierOutputs?.first == [301] })
    #expect((report.total.clippedCount > 0) == (scheme == .int8Group32))
  }

  @Test func `what is found does not depend on the number of threads`() throws {
    let folder = try TemporaryFolder()
    let input = try Self.planted(in: folder)
    let reports = try [1, 3].map { jobs in
      var options = QuantizeOptions()
      options.scheme = .int8Group16
      options.work.jobs = jobs
      return try Ingot.quantize(input, to: folder.file("\(jobs).ingot"), options: options)
    }
    for (one, other) in zip(reports[0].tensors, reports[1].tensors) {
      #expect(one.error == other.error && one.outlierInputs == other.outlierInputs)
      #expect(one.outlierOutputs == other.outlierOutputs && one.outlierOutputs != nil)
    }
  }

  // MARK: - On text

  @Test(
    arguments: [
      (.int8, "o.ingot", "heldout.npy"), (.int8Group32, "o/", "heldout.npy"), (.q80, "o.gguf", "heldout.npy"),
      (.int8, "o.npz", "heldout.txt"),
    ] as [(QuantizationScheme, String, String)])
  func `figures are those of an evaluation of the output`(
    _ scheme: QuantizationScheme, _ name: String, _ source: String
  ) throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    (options.scheme, options.measure) = (scheme, Self.model + "/" + source)
    let report = try Ingot.quantize(Self.model, to: folder.file(name), options: options)
    let (on, figures) = try #require(report.measurement)
    #expect(on == Self.model + "/" + source && figures.model == folder.file(name))
    var evaluation = EvaluateOptions()
    evaluation.against = Self.model
    // A file of arrays alone has no config; its tokens are the input's.
    if name.hasSuffix("npz") { evaluation.run.config = Self.model + "/config.json" }
    let tokens = Self.model + "/heldout.npy"
    let expected = try Ingot.evaluate(folder.file(name), tokens: tokens, options: evaluation)
    #expect(figures.loss == expected.loss && figures.baselineLoss == expected.baselineLoss)
    let (found, wanted) = try (#require(figures.divergence), #require(expected.divergence))
    #expect(found.mean == wanted.mean && found.percentile99 == wanted.percentile99 && found.mean > 0)
    #expect(found.largest == wanted.largest && found.top1Agreement == wanted.top1Agreement)
  }

  @Test func `a masked model is measured by its pseudo-log-likelihood`() throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.measure = Self.masked + "/text.txt"
    let report = try Ingot.quantize(Self.masked, to: folder.file("o/"), options: options)
    let figures = try #require(report.measurement?.figures)
    var evaluation = EvaluateOptions()
    evaluation.against = Self.masked
    let expected = try Ingot.evaluate(
      folder.file("o"), text: Self.masked + "/text.txt", options: evaluation)
    #expect(figures.kind == .pseudoLogLikelihood && figures.loss == expected.loss)
    #expect(figures.divergence?.mean == expected.divergence?.mean)
  }

  @Test func `what can't be measured on is refused as evaluating refuses it, and nothing is written`() throws
  {
    let folder = try TemporaryFolder()
    let bare = try folder.copyModel(Self.model, without: ["vocab.json", "merges.txt", "tokenizer.json"])
    // Its last value is a NaN, which is met when scales are looked for: later.
    let broken = try folder.copyModel(Self.model, as: "broken", without: ["model.safetensors"])
    var bytes = try Fixture.bytes("kjv-gpt2/model.safetensors")
    bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0xC0, 0x7F])
    try folder.write(bytes, to: "broken/model.safetensors")
    let short = try folder.write("a", to: "short.txt")
    let entries = folder.entries()
    for (model, source) in [
      (Self.model, folder.file("none.txt")), (Self.model, folder.file("none.npy")), (Self.model, short),
      (broken, short), (bare, Self.model + "/heldout.txt"),
    ] {
      var options = QuantizeOptions()
      options.measure = source
      let refusal = Self.error { () throws(IngotError) in
        _ = try Ingot.quantize(model, to: folder.file("o.ingot"), options: options)
      }
      let expected = Self.error { () throws(IngotError) in
        _ =
          source.hasSuffix("npy")
          ? try Ingot.evaluate(model, tokens: source) : try Ingot.evaluate(model, text: source)
      }
      #expect(refusal != nil && refusal == expected)
      #expect(folder.entries() == entries)
    }
  }

  private static func error(_ body: () throws(IngotError) -> Void) -> IngotError? {
    do throws(IngotError) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}

extension TemporaryFolder {
  /// A copy of a model's weights, config and tokenizer, some of them left out.
  fileprivate func copyModel(
    _ model: String, as copied: String = "copy", without left: [String] = []
  ) throws -> String {
    let path = file(copied)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    for name in ["model.safetensors", "config.json", "vocab.json", "merges.txt", "tokenizer.json"]
    where !left.contains(name) && FileManager.default.fileExists(atPath: model + "/" + name) {
      try copy(model + "/" + name, as: copied + "/" + name)
    }
    return path
  }
}
