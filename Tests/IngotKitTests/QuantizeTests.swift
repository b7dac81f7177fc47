// SPDX-License-Identifier: Apache-2.0
// Scales, int8 values and what they cost, against numpy; and the quantized model in every format that holds it.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizeTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Quantizes with numpy what the source holds and compares it, bit for bit, with what is stored; prints the SNR and
  /// the largest error of each tensor in float64.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    source, result, scheme = load_file(sys.argv[1]), load_file(sys.argv[2]), sys.argv[3]
    report = {}
    for name, values in result.items():
        if values.dtype != np.int8:
            continue
        w = source[name]
        axis = None if scheme == "int8-tensor" else 1 if "wte" in name else 0
        scale = np.abs(w).max(axis, keepdims=axis is not None) / np.float32(127)
        q = np.clip(np.rint(w / np.where(scale == 0, 1, scale)), -127, 127).astype(np.int8)
        assert np.array_equal(np.squeeze(scale), result[name + "_scale"]), name
        assert np.array_equal(q, values), name
        noise = w.astype(np.float64) - q.astype(np.float32) * scale
        signal = (w.astype(np.float64) ** 2).sum()
        report[name] = {"snr": 10 * np.log10(signal / (noise ** 2).sum()), "largest": float(np.abs(noise).max())}
    print(json.dumps(report))
    """

  private struct Cost: Decodable {
    let snr: Double
    let largest: Double
  }

  /// Sums of up to 262,144 squares in another order: 2¹⁸ roundings of 2⁻⁵³.
  private static let tolerance = 0x1p-35

  @Test(arguments: [QuantizationScheme.int8, .int8Tensor])
  func `scales and values are numpy's, and so is their cost`(_ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("int8.safetensors")
    var options = QuantizeOptions()
    options.scheme = scheme
    let report = try quantize(Self.model, to: path, options: options)
    let output = try PythonPeer.run(
      code: Self.judge, [Self.model + "/model.safetensors", path, scheme.rawValue]
    ).outputBytes
    let costs = try JSONDecoder().decode([String: Cost].self, from: Data(output))
    #expect(costs.count == 17 && report.tensors.count == 17 && report.keptCount == 35)
    for tensor in report.tensors {
      let cost = try #require(costs[tensor.name])
      #expect(
        (tensor.error.signalToNoise - cost.snr).magnitude <= Self.tolerance * cost.snr, "\(tensor.name)")
      #expect((tensor.error.largest - cost.largest).magnitude <= Self.tolerance, "\(tensor.name)")
    }
  }

  @Test func `a quantized model has one digest in every format`() throws {
    let folder = try TemporaryFolder()
    var digests = Set<String>()
    for name in ["a.safetensors", "a.npz", "a.ingot", "a.pt", "shards/"] {
      _ = try quantize(Self.model, to: folder.file(name))
      digests.insert(try hash(folder.file(name)).model)
    }
    for name in ["b.safetensors", "b.npz", "b.ingot", "b.pt"] {
      _ = try Conversion(folder.file("a.npz"), to: folder.file(name), options: ConvertOptions()).run()
      digests.insert(try hash(folder.file(name)).model)
    }
    #expect(digests.count == 1)
  }

  @Test func `a rule keeps what it names`() throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.rules = [(Glob("*"), .int8Tensor), (Glob("*wte*"), .keep)]
    let report = try quantize(Self.model, to: folder.file("a.ingot"), options: options)
    #expect(report.tensors.count == 16)
    #expect(report.tensors.allSatisfy { $0.scheme.granularity == .perTensor })
    let embedding = try inspect(folder.file("a.ingot")).tensors.first {
      $0.descriptor.name.hasSuffix("wte.weight")
    }
    #expect(embedding?.descriptor.dtype == .f32)
  }

  @Test func `weights that are not finite are refused, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    var bytes = try Fixture.bytes("kjv-gpt2/model.safetensors")
    // The last tensor of the file is the token embedding; its last value becomes a NaN.
    bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0xC0, 0x7F])
    try folder.write(bytes, to: "model.safetensors")
    try folder.copy(Self.model + "/config.json")
    #expect(throws: IngotError.self) { try quantize(folder.path, to: folder.file("out.ingot")) }
    #expect(folder.entries() == ["config.json", "model.safetensors"])
    let report = try validate(folder.path)
    #expect(!report.isValid)
    #expect(report.findings.map(\.subject) == ["transformer.wte.weight"])
    #expect(report.findings.first?.detail == "has \(words: "1 NaN"), first at [\(words: "2047, 127")]")
  }
}
