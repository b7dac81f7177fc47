// SPDX-License-Identifier: Apache-2.0
// int8 of groups of inputs: integers, scales and cost against NumPy's search in float64, in both layouts of a weight; what it
// costs on text; and what is refused.
import Foundation
import IngotCore
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct GroupQuantizationTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Checks every quantized weight of a folder against its source.
  ///
  /// Integers are the rounded quotients, no other scale of the search is better by more than rounding, and all together they
  /// cost less than those of the largest magnitudes. Prints bits a weight and the signal-to-noise ratio of all.
  private static let judge = """
    import json, sys
    import numpy as np, ml_dtypes
    from safetensors.numpy import load_file
    source, folder, size = load_file(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with open(folder + "/model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    DTYPES = {"I8": np.int8, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "F32": np.float32}

    def array(name):
        entry = header[name]
        start, end = entry["data_offsets"]
        return np.frombuffer(data[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])

    schemes = json.loads(header["__metadata__"]["ingot.quantization"])["tensors"]
    bits, count, signal, noise = 0, 0, 0.0, 0.0
    for name, scheme in schemes.items():
        assert scheme["granularity"] == "group" and scheme["group_size"] == size, scheme
        weight, q, s = source[name], array(name), array(name + "_scale")
        if scheme["axis"] == 1:
            weight, q, s = weight.T, q.T, s.T
        stored = s.dtype
        groups = weight.reshape(-1, size)
        integers, scales = q.reshape(-1, size), s.astype(np.float32).reshape(-1, 1)
        quotients = groups / np.where(scales > 0, scales, np.float32(1))
        expected = np.where(scales > 0, np.clip(np.rint(quotients), -127, 127), 0)
        assert np.array_equal(integers, expected), name

        def cost(scales):
            wide = scales.astype(stored).astype(np.float64)
            rounded = np.clip(np.rint(groups / np.where(wide > 0, wide, 1)), -127, 127)
            return ((groups - rounded * wide) ** 2).sum(1)

        peak = np.abs(groups).max(1, keepdims=True)
        best = np.min([cost(peak / np.float32(divisor)) for divisor in range(104, 136)], axis=0)
        own = ((groups.astype(np.float64) - integers * scales.astype(np.float64)) ** 2).sum(1)
        assert (own <= best * (1 + 1e-4) + 1e-30).all(), name
        assert own.sum() < cost(peak / np.float32(127)).sum(), name
        bits += 8 * (q.nbytes + s.nbytes)
        count += q.size
        signal += (groups.astype(np.float64) ** 2).sum()
        noise += own.sum()
    print(json.dumps({"tensors": len(schemes), "bits": bits / count, "snr": 10 * np.log10(signal / noise)}))
    """

  private struct Judgement: Codable {
    let tensors: Int
    let bits: Double
    let snr: Double
  }

  private static func quantize(
    _ input: String, _ output: String, _ scheme: QuantizationScheme, scales: DType? = nil
  ) throws(IngotError) -> QuantizationReport {
    var options = QuantizeOptions()
    (options.scheme, options.scaleDType) = (scheme, scales)
    return try Ingot.quantize(input, to: output, options: options)
  }

  @Test(
    arguments: [
      (.int8Group16, nil, 9), (.int8Group32, .f16, 8.5), (.int8Group64, .f32, 8.5),
      (.int8Group128, .bf16, 8.125),
    ] as [(QuantizationScheme, DType?, Double)])
  func `integers, scales and cost are NumPy's`(
    _ scheme: QuantizationScheme, _ scales: DType?, _ bits: Double
  ) throws {
    let folder = try TemporaryFolder()
    let size = try #require(scheme.groupSize)
    for (name, input) in [("gpt2", Self.model), ("llama", try Self.llama(in: folder))] {
      let output = folder.file(name + "-small/")
      let report = try Self.quantize(input, output, scheme, scales: scales)
      let answer = try PythonPeer.run(
        code: Self.judge, [input + "/model.safetensors", folder.file(name + "-small"), "\(size)"])
      let judgement = try JSONDecoder().decode(Judgement.self, from: Data(answer.outputBytes))
      #expect(judgement.tensors == report.tensors.count && judgement.bits == bits)
      #expect(report.bitsPerWeight == bits)
      // What a number and a scale in single precision stand for is rounded to single precision here, and not there.
      #expect((report.total.signalToNoise - judgement.snr).magnitude <= 1e-8 * judgement.snr)
      // They travel as they are, and as what they stand for.
      let copy = folder.file(name + ".ingot")
      _ = try Ingot.convert(output, to: copy)
      #expect(
        try Ingot.hash(copy, options: HashOptions()).model == Ingot.hash(output, options: HashOptions()).model
      )
    }
  }

  /// A Llama whose weights are `[N, K]`.
  private static func llama(in folder: TemporaryFolder) throws -> String {
    var options = InitializeOptions()
    options.config = try folder.write(
      """
      {"model_type": "llama", "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "vocab_size": 50}
      """, to: "llama.json")
    _ = try Ingot.initialize("llama", to: folder.file("llama/"), options: options)
    return folder.file("llama")
  }

  @Test func `smaller groups cost less on text, and those of 32 less than blocks`() throws {
    let folder = try TemporaryFolder()
    func divergence(_ scheme: QuantizationScheme, _ name: String) throws -> Double {
      _ = try Self.quantize(Self.model, folder.file(name), scheme)
      var options = EvaluateOptions()
      options.against = Self.model
      let report = try Ingot.evaluate(
        folder.file(name), tokens: Self.model + "/heldout.npy", options: options)
      return try #require(report.divergence).mean
    }
    let groups = try [QuantizationScheme.int8Group16, .int8Group32, .int8Group64, .int8Group128].map {
      try divergence($0, $0.rawValue + ".ingot")
    }
    #expect(groups == groups.sorted() && groups[0] > 0)
    #expect(try groups[1] < divergence(.q80, "q.gguf"))
    #expect(try groups[3] < divergence(.int8, "channels.ingot"))
  }

  /// Cuts each group in two halves of the same scale.
  private static let halve = """
    import json, sys
    import numpy as np
    path = sys.argv[1] + "/model.safetensors"
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    kept = json.loads(header["__metadata__"]["ingot.quantization"])
    for scheme in kept["tensors"].values(): scheme["group_size"] //= 2
    metadata = header.pop("__metadata__") | {"ingot.quantization": json.dumps(kept)}
    new, parts, offset = {"__metadata__": metadata}, [], 0
    for name, entry in header.items():
        part, shape = data[slice(*entry["data_offsets"])], entry["shape"]
        if name.removesuffix("_scale") != name:
            axis = 1 - kept["tensors"][name.removesuffix("_scale")]["axis"]
            wide = np.frombuffer(part, "<u2").reshape(shape).repeat(2, axis)
            part, shape = wide.tobytes(), list(wide.shape)
        new[name] = entry | {"shape": shape, "data_offsets": [offset, offset + len(part)]}
        parts.append(part)
        offset += len(part)
    text = json.dumps(new).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(len(text).to_bytes(8, "little") + text + b"".join(parts))
    """

  @Test func `groups of a size that no product has are run as numbers`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.quantize(Self.model, folder.file("small/"), .int8Group16)
    func loss() throws -> Double {
      var options = EvaluateOptions()
      options.against = Self.model
      let report = try Ingot.evaluate(
        folder.file("small"), tokens: Self.model + "/heldout.npy", options: options)
      return try #require(report.divergence).mean
    }
    let whole = try loss()
    try PythonPeer.run(code: Self.halve, [folder.file("small")])
    let tensors = try Model(folder.file("small")).checkpoint.tensors
    let groups = Set(tensors.compactMap { $0.quantization?.scheme.granularity })
    #expect(groups == [.perGroup(axis: 1, size: 8), .perGroup(axis: 0, size: 8)])
    #expect(try loss() == whole)
    do throws(IngotError) {
      var options = EvaluateOptions()
      options.run.precision = .w8a8
      _ = try Ingot.evaluate(folder.file("small"), tokens: Self.model + "/heldout.npy", options: options)
      Issue.record("evaluated")
    } catch {
      guard case .invalidRequest(option: .precision, _) = error else { throw error }
    }
  }

  @Test func `what groups don't fit is refused, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    func refusal(_ input: String, _ output: String, _ scheme: QuantizationScheme, scales: DType? = nil)
      -> String
    {
      do throws(IngotError) {
        _ = try Self.quantize(input, folder.file(output), scheme, scales: scales)
        return "written"
      } catch {
        return "\(error)"
      }
    }
    // Rows of 16 inputs; a format of one program; scales that no scheme has, or no format.
    #expect(refusal(Fixture.path("models/base"), "o.ingot", .int8Group32).contains("no whole groups of 32"))
    #expect(refusal(Self.model, "o.gguf", .int8Group32).contains("no I8 with scales"))
    #expect(refusal(Self.model, "o.ingot", .int8, scales: .bf16).contains("scaleDType"))
    #expect(refusal(Self.model, "o.ingot", .int8Group32, scales: .f64).contains("F16, BF16 or F32"))
    #expect(refusal(Self.model, "o.npz", .int8Group32, scales: .bf16).contains("BF16"))
    // Weights beyond what a scale of half precision can stand for.
    let change = """
      import sys
      import numpy as np
      from safetensors.numpy import load_file, save_file
      w = load_file(sys.argv[1])
      w["transformer.h.1.mlp.c_fc.weight"] = w["transformer.h.1.mlp.c_fc.weight"] * np.float32(sys.argv[3])
      save_file(w, sys.argv[2] + "/model.safetensors")
      """
    for factor in ["1e9", "1e-9"] {
      let name = "times-" + factor
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
      try folder.copy(Self.model + "/config.json", as: name + "/config.json")
      try PythonPeer.run(code: change, [Self.model + "/model.safetensors", folder.file(name), factor])
      // Those below it become zeros by every scheme (QuantizeRefusalTests).
      if factor == "1e9" {
        let answer = refusal(folder.file(name), "o.ingot", .int8Group64)
        #expect(answer.contains("h.1.mlp.c_fc") && answer.contains("range"), "\(answer)")
      }
      let wide = try Self.quantize(
        folder.file(name), folder.file(factor + ".ingot"), .int8Group64, scales: .bf16)
      #expect(wide.tensors.count == 17 && wide.total.signalToNoise > 40)
    }
    #expect(folder.entries().allSatisfy { !$0.hasPrefix("o.") && !$0.hasPrefix(".o") })
  }

  @Test func `groups are of matrices, and a dialect that has three dimensions is refused`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.quantize(Self.model, folder.file("small/"), .int8Group32)
    var options = ConvertOptions()
    options.dialect = "openai"
    do throws(IngotError) {
      _ = try Ingot.convert(folder.file("small"), to: folder.file("o.safetensors"), options: options)
      Issue.record("written")
    } catch {
      guard case .unrepresentable(let tensor?, "openai", let why, _) = error else { throw error }
      #expect(tensor.contains("c_attn") && why.description.contains("three dimensions"))
    }
    options.dtype = .f32
    _ = try Ingot.convert(folder.file("small"), to: folder.file("o.safetensors"), options: options)
  }
}
