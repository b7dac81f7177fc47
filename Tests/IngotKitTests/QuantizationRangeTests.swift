// SPDX-License-Identifier: Apache-2.0
// Quantizing at both ends of single precision's range, against numpy and gguf-py.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct QuantizationRangeTests {
  /// What numpy and float64 say of a model in int8: whether all steps are finite, and the worst difference of each.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    source, result = load_file(sys.argv[1]), load_file(sys.argv[2])
    largest = {}
    for name, q in result.items():
        if q.dtype == np.int8:
            w = source[name].astype(np.float32)
            value = q.astype(np.float32) * result[name + "_scale"].reshape((1, -1) if "wte" not in name and result[name + "_scale"].ndim else (-1, 1) if result[name + "_scale"].ndim else ())
            assert np.isfinite(value).all(), name
            assert np.abs(q).max() <= 127, name
            difference = np.abs(w.astype(np.float64) - value.astype(np.float64))
            largest[name] = float(difference.max())
            # Half a step, and what a scale that is one smaller than it should be adds to the largest value.
            assert (difference <= np.abs(w).max() / 127 * 0.5001).all(), name
    print(json.dumps(largest))
    """

  /// Weights near the largest number there is: a channel of it, both signs, a value below, and F64.
  private static let largeWeights = [
    "w[p + 'mlp.c_fc.weight'][:, 3] = np.finfo(np.float32).max",
    "w['transformer.wte.weight'][7, ::2] = -np.finfo(np.float32).max",
    "w[p + 'attn.c_proj.weight'][2, 5] = np.nextafter(np.finfo(np.float32).max, np.float32(0))",
    "w[p + 'mlp.c_proj.weight'] = w[p + 'mlp.c_proj.weight'].astype(np.float64) * 1e39 / np.abs(w[p + 'mlp.c_proj.weight']).max() / 3",
  ]

  @Test(arguments: largeWeights, [QuantizationScheme.int8, .int8Tensor])
  func `weights near the largest number have finite steps and true figures`(
    change: String, scheme: QuantizationScheme
  ) throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(in: folder, "m", change: change)
    var options = QuantizeOptions()
    options.scheme = scheme
    let report = try Ingot.quantize(model, to: folder.file("q.safetensors"), options: options)
    let output = try PythonPeer.run(
      code: Self.judge, [model + "/model.safetensors", folder.file("q.safetensors")]
    ).outputBytes
    let largest = try JSONDecoder().decode([String: Double].self, from: Data(output))
    #expect(largest.count == report.tensors.count)
    for tensor in report.tensors {
      #expect(tensor.error.largest == largest[tensor.name])
      #expect(tensor.error.signalToNoise.isFinite && !tensor.error.isExact)
    }
  }

  @Test func `a block whose scale half precision lacks is refused`() throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(in: folder, "m", change: Self.largeWeights[0])
    var options = QuantizeOptions()
    options.scheme = .q80
    #expect(throws: IngotError.self) {
      try Ingot.quantize(model, to: folder.file("q.gguf"), options: options)
    }
    #expect(folder.entries().allSatisfy { $0.hasPrefix("m") })
  }

  /// Compares every block of a GGUF file with gguf-py's.
  private static let blockJudge = """
    import sys
    import numpy as np
    import gguf
    from safetensors.numpy import load_file
    source, file = load_file(sys.argv[1]), gguf.GGUFReader(sys.argv[2])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, 1)
    stored = {tensor.name: tensor for tensor in file.tensors}
    count = 0
    for name, values in source.items():
        tensor = stored[names.get_name(name, (".weight", ".bias"))]
        if tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0:
            values = values if "wte" in name else np.ascontiguousarray(values.T)
            expected = gguf.quants.quantize(values, tensor.tensor_type).view(np.uint8).reshape(-1)
            assert np.array_equal(tensor.data.view(np.uint8).reshape(-1), expected), name
            blocks = expected.reshape(-1, 34)
            count += int(((blocks[:, :2] == 0).all(1) & (blocks[:, 2:] != 0).any(1)).sum())
    print(count)
    """

  /// Blocks whose absmax ÷ 127 is between 2⁻¹²⁸ and 2⁻¹²⁶, or is one of those that half precision holds just so.
  @Test(arguments: [
    "w[p + 'mlp.c_fc.weight'][:, :64] *= np.float32(4e-36)",
    "w['transformer.wte.weight'] = np.sign(w['transformer.wte.weight']) * np.float32(2**-128 * 127 * 1.3)",
    "w[p + 'attn.c_attn.weight'] *= np.float32(2e-36) / np.abs(w[p + 'attn.c_attn.weight']).max(0)",
  ])
  func `blocks of subnormal scales are gguf-py's, byte for byte`(change: String) throws {
    let folder = try TemporaryFolder()
    let model = try TinyModel.make(in: folder, "m", change: change)
    var options = QuantizeOptions()
    options.scheme = .q80
    _ = try Ingot.quantize(model, to: folder.file("q.gguf"), options: options)
    let count = try PythonPeer.run(
      code: Self.blockJudge, [model + "/model.safetensors", folder.file("q.gguf")]
    ).standardOutput
    #expect((Int(count.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) > 0)
  }
}
