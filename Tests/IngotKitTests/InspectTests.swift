// SPDX-License-Identifier: Apache-2.0
// What a look tells of any checkpoint: configs of models that are not known, adapters, optimizers, quantized weights, tensors
// that are not finite, and histograms, these against numpy's.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct InspectTests {
  private struct Histogram: Decodable {
    let counts: [Int]
    let edges: [Double]
  }

  @Test(arguments: [
    "np.random.default_rng(3).standard_normal((300, 7)).astype(np.float32)",
    "np.random.default_rng(3).standard_normal(5000)", "np.full(9, 2.5)", "np.zeros((2, 2), np.float32)",
    "np.random.default_rng(3).standard_t(1, 4000).astype(np.float16)", "np.arange(-100, 28).astype(np.int8)",
    "np.array([1e300, -1e300, 0, 5e299])", "np.array([5e-310, 0, 1e-309])", "np.linspace(0, 1, 33)",
    // Some of the edges of these are, by their quotients, in the bin before.
    "np.linspace(1.1, 2.3, 33)",
    "np.array([-np.inf, 1, 2, np.nan, 4], np.float32)", "np.array([True, False, True])",
  ])
  func `a histogram is numpy's`(_ array: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    let code = """
      import json, sys, numpy as np
      w = \(array)
      np.savez(sys.argv[1], w=w)
      values = w.astype(float)
      counts, edges = np.histogram(values[np.isfinite(values)], bins=32)
      print(json.dumps({"counts": counts.tolist(), "edges": edges.tolist()}))
      """
    let output = try PythonPeer.run(code: code, [path]).outputBytes
    let expected = try JSONDecoder().decode(Histogram.self, from: Data(output))
    var options = InspectOptions()
    options.histograms = true
    let histogram = try #require(try Ingot.inspect(path, options: options).tensors.first?.histogram)
    #expect(histogram.counts == expected.counts)
    #expect(histogram.edges == expected.edges)
  }

  @Test func `stretches of a large tensor and other names of one make one histogram`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors")
    let values = (0..<3_000_000).map { Float($0 % 1000) }
    _ = try Ingot.write([Tensor("w", shape: [values.count], values: values)], to: path)
    var options = InspectOptions()
    options.histograms = true
    options.hashes = true
    let tensor = try #require(try Ingot.inspect(path, options: options).tensors.first)
    let histogram = try #require(tensor.histogram)
    #expect(histogram.counts.reduce(0, +) == values.count && tensor.sha256 != nil)
    #expect(histogram.edges.first == 0 && histogram.edges.last == 999)
  }

  @Test func `only tensors that are not finite are listed, of whatever model`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        w = np.ones((3, 4), np.float32)
        bad, worse = w.copy(), w.astype(np.float16)
        bad[1, 2] = np.nan; worse[2, 0] = -np.inf
        np.savez(sys.argv[1], a=w, b=bad, c=worse, d=np.arange(3), e=np.ones(2, np.complex64))
        """, [path])
    var options = InspectOptions()
    options.onlyNonFinite = true
    let report = try Ingot.inspect(path, options: options)
    #expect(report.tensors.map(\.descriptor.name) == ["b", "c"])
    #expect(report.tensors.map { $0.statistics?.nanCount } == [1, 0] && report.unjudgedCount == 1)
    #expect(report.selected.count == 5)
    options.selection = TensorSelection(include: [Glob("a"), Glob("d")])
    #expect(try Ingot.inspect(path, options: options).tensors.isEmpty)
  }

  @Test func `tensors are listed by size or name`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    _ = try Ingot.write(
      [
        Tensor("b", shape: [2], values: [1, 2] as [Float]),
        Tensor("c", shape: [3], values: [1, 2, 3] as [Double]),
        Tensor("a", shape: [2], values: [1, 2] as [Float]), Tensor("d", shape: [1], values: [1] as [Int8]),
      ], to: path)
    func names(_ order: ListingOrder) throws -> [String] {
      var options = InspectOptions()
      options.order = order
      return try Ingot.inspect(path, options: options).tensors.map(\.descriptor.name)
    }
    #expect(try names(.stored) == ["b", "c", "a", "d"] && names(.name) == ["a", "b", "c", "d"])
    #expect(try names(.size) == ["c", "b", "a", "d"])
  }

  private static func report(
    config: String, adapter: String? = nil, _ names: [String], in folder: borrowing TemporaryFolder
  ) throws -> InspectionReport {
    try FileManager.default.createDirectory(atPath: folder.file("m"), withIntermediateDirectories: true)
    try folder.write(config, to: "m/config.json")
    if let adapter { try folder.write(adapter, to: "m/adapter_config.json") }
    _ = try Ingot.write(
      try names.map { try Tensor($0, shape: [2, 2], values: [1, 2, 3, 4] as [Float]) },
      to: folder.file("m/model.safetensors"))
    return try Ingot.inspect(folder.file("m"))
  }

  @Test func `a config that is not understood tells class, layers, width and quantization`() throws {
    let folder = try TemporaryFolder()
    let report = try Self.report(
      config: """
        {"architectures": ["LlavaNextForConditionalGeneration"], "model_type": "llava_next",
         "text_config": {"num_hidden_layers": 40, "hidden_size": 5120},
         "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 64}}
        """, ["x.weight"], in: folder)
    let config = try #require(report.config)
    #expect(report.modelSummary == nil && config.fileName == "config.json")
    #expect(config.className == "LlavaNextForConditionalGeneration" && config.layerCount == 40)
    #expect(config.width == 5120 && config.quantization == "awq, 4 bits, groups of 64")
    #expect("\(try #require(config.reason))".contains("llava_next"))
    #expect(report.companions.map(\.name) == ["config.json"])
  }

  @Test(arguments: [
    ("compressed-tensors/w8a8", "LlamaForCausalLM", "compressed-tensors, 8 bits, activations of 8 bits"),
    ("compressed-tensors/int8", "LlamaForCausalLM", "compressed-tensors, 8 bits"),
    ("gpt_oss/published-mxfp4", "GptOssForCausalLM", "mxfp4"),
  ])
  func `a config that is understood tells class and quantization too`(
    _ path: String, _ className: String, _ quantization: String
  ) throws {
    let report = try Ingot.inspect(Fixture.path(path))
    let config = try #require(report.config)
    #expect(report.modelSummary != nil && config.className == className && config.reason == nil)
    #expect(config.quantization == quantization)
  }

  @Test func `both forms of bitsandbytes' int8 have one name, and a column of scales is one a channel`()
    throws
  {
    for path in ["quantized/bnb-int8", "quantized/bnb-int8-conv1d"] {
      let contents = try Ingot.inspect(Fixture.path(path)).contents
      #expect(
        contents.allSatisfy { if case .quantized(_, "LLM.int8()") = $0 { true } else { false } }, "\(path)")
      #expect(contents.count == 1, "\(path)")
    }
    #expect(
      try Ingot.inspect(Fixture.path("compressed-tensors/w8a8")).contents == [
        .quantized(tensors: 14, scheme: "I8 with one scale a channel")
      ])
  }

  @Test func `adapters, optimizers and their like are called by name, and weights are not`() throws {
    let folder = try TemporaryFolder()
    let report = try Self.report(
      config: #"{"model_type": "odd"}"#,
      adapter: #"{"peft_type": "LORA", "r": 24, "base_model_name_or_path": "org/base"}"#,
      [
        "base_model.model.l.0.q.lora_A.weight", "base_model.model.l.0.q.lora_B.weight",
        "state.0.exp_avg", "state.0.exp_avg_sq", "state.0.step", "clock.step",
      ],
      in: folder)
    #expect(
      report.contents == [
        .adapter(tensors: 2, kind: "LORA", rank: 24, base: "org/base"), .optimizerState(tensors: 3),
      ])
    let other = try TemporaryFolder()
    let adapter = #"{"peft_type": "LORA", "use_dora": true, "r": 4}"#
    let dora = try Self.report(config: "{}", adapter: adapter, ["q.lora_A.weight"], in: other)
    #expect(dora.contents == [.adapter(tensors: 1, kind: "DoRA", rank: 4, base: nil)])
    #expect(try Ingot.inspect(Fixture.path("kjv-gpt2")).contents.isEmpty)
    #expect(try Ingot.inspect(Fixture.path("kjv-gpt2")).otherWeights == ["expected.npz", "heldout.npy"])
  }
}
