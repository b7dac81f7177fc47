// SPDX-License-Identifier: Apache-2.0
// Activations' outliers on their way into weights: the powers of two against numpy's choice in float64, what a model computes
// before anything is rounded, what int8 activations cost with and without, and which inputs stay.
import Foundation
import IngotCore
import IngotDialects
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SmoothingTests {
  /// Copies a Llama with outlier channels in what products take behind norms and behind gates: `plant.py SOURCE TARGET IDS`.
  private static let plant = """
    import json, shutil, sys
    import numpy as np
    from safetensors.numpy import load_file, save_file
    source, target, ids = sys.argv[1:4]
    random = np.random.default_rng(5)
    config = json.load(open(source + "/config.json"))
    tensors = load_file(source + "/model.safetensors")
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        for giver, takers in [
            ("input_layernorm", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
            ("post_attention_layernorm", ["mlp.gate_proj", "mlp.up_proj"]), ("mlp.up_proj", ["mlp.down_proj"]),
        ]:
            count = len(tensors[name + giver + ".weight"])
            factor = np.ones(count, np.float32)
            factor[random.choice(count, 2, replace=False)] = 256
            for end in ["weight", "bias"]:
                key = f"{name}{giver}.{end}"
                if key in tensors:
                    tensors[key] = (tensors[key].T * factor).T
            for taker in takers:
                tensors[f"{name}{taker}.weight"] /= factor
    save_file(tensors, target + "/model.safetensors", metadata={"format": "pt"})
    shutil.copy(source + "/config.json", target)
    np.save(ids, random.integers(0, config["vocab_size"], 16 * config["max_position_embeddings"]))
    """

  /// Chooses powers of two in float64, and prints for each input whether those of a folder are the same.
  private static let judge = """
    import importlib, json, sys
    import numpy as np
    from safetensors.numpy import load_file
    fixtures, model, folder, ids = sys.argv[1:5]
    sys.path.insert(0, fixtures)
    numpy_llama = importlib.import_module("generate.numpy_llama")
    config = json.load(open(model + "/config.json"))
    source = load_file(model + "/model.safetensors")
    made = load_file(folder + "/model.safetensors")
    inputs = {}
    plain = numpy_llama.linear
    def linear(x, weights, name):
        inputs[name] = x.reshape(-1, x.shape[-1])
        return plain(x, weights, name)
    numpy_llama.linear = linear
    window = min(512, config["max_position_embeddings"])
    numpy_llama.forward(
        {name: value.astype(np.float64) for name, value in source.items()}, config,
        {"input_ids": np.load(ids).reshape(-1, window)})
    def values(name, end="weight"):
        value = made[name + "." + end].astype(np.float64)
        return value * made[name + ".weight_scale"] if value.dtype != np.float64 or name + ".weight_scale" in made else value
    report = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        for giver, takers in [
            ("input_layernorm", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
            ("post_attention_layernorm", ["mlp.gate_proj", "mlp.up_proj"]), ("mlp.up_proj", ["mlp.down_proj"]),
        ]:
            x = inputs[f"layers.{layer}.{takers[0]}"]
            weights = [source[f"{name}{taker}.weight"].astype(np.float64) for taker in takers]
            peak, weight = np.abs(x).max(0), np.max([np.abs(w).max(0) for w in weights], 0)
            choices = [np.zeros(len(peak), int)]
            for share in [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]:
                logarithm = share * np.log2(peak) - (1 - share) * np.log2(weight)
                choices.append(np.clip(np.rint(logarithm - logarithm.mean()), -10, 10).astype(int))
            def error(exponents):
                s = 2.0 ** exponents
                return ((np.abs(x / s).max(1) ** 2).mean() * sum((w * w).sum(0) @ s ** 2 for w in weights)
                        + ((x / s) ** 2).mean(0).sum() * sum((np.abs(w * s).max(1) ** 2).sum() for w in weights))
            errors = [error(choice) for choice in choices]
            best = choices[int(np.argmin(errors))]
            if giver == "mlp.up_proj":
                # What the up projection is divided by, beside what it is multiplied with for its own inputs.
                own = report[name + "post_attention_layernorm"]["exponents"]
                before, after = source[f"{name}{giver}.weight"] * 2.0 ** np.array(own), values(name + giver)
                quotient = np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
                found = np.rint(np.log2(quotient)).astype(int)
                exact = np.abs(np.log2(quotient) - found).max() < 0.05
            else:
                quotient = source[f"{name}{giver}.weight"] / made[f"{name}{giver}.weight"]
                found = np.rint(np.log2(quotient)).astype(int)
                exact = bool((quotient == 2.0 ** found).all())
            report[name + giver] = {
                "equal": int((found == best).sum()), "count": len(best), "exact": bool(exact),
                "exponents": [int(e) for e in found], "gain": errors[0] / min(errors)}
    print(json.dumps(report))
    """

  private struct Judgement: Decodable {
    let equal, count: Int
    let exact: Bool
    let gain: Double
  }

  private static func folder(of model: String) throws -> (TemporaryFolder, model: String, ids: String) {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("planted"), withIntermediateDirectories: true)
    let ids = folder.file("ids.npy")
    try PythonPeer.run(code: plant, [Fixture.path(model), folder.file("planted"), ids])
    return (folder, folder.file("planted"), ids)
  }

  private static func options(_ ids: String?, for program: TargetProgram = .transformers) -> QuantizeOptions {
    var options = QuantizeOptions()
    options.scheme = .int8Activations
    options.program = program
    options.calibration = ids.map { CalibrationOptions($0) }
    return options
  }

  private static func divergence(_ model: String, from baseline: String, on ids: String) throws -> Double {
    var options = EvaluateOptions()
    options.against = baseline
    options.run.precision = .w8a8
    return try #require(try Ingot.evaluate(model, tokens: ids, options: options).divergence).mean
  }

  @Test(arguments: ["llama/grouped-tied", "llama/biases-heads-of-12"])
  func `powers are those of numpy's choice, and int8 activations cost a fraction`(_ name: String) throws {
    let (folder, model, ids) = try Self.folder(of: name)
    var options = Self.options(ids)
    options.measure = ids
    let report = try Ingot.quantize(model, to: folder.file("smooth/"), options: options)
    #expect(report.smoothedInputCount == 6)
    let answer = try PythonPeer.run(code: Self.judge, [Fixture.path(""), model, folder.file("smooth"), ids])
    let judged = try JSONDecoder().decode([String: Judgement].self, from: Data(answer.outputBytes))
    #expect(judged.count == 6)
    for (input, found) in judged {
      // In F32 a logarithm next to a half may be rounded the other way.
      #expect(found.equal >= found.count - 1 && found.exact && found.gain > 4, "\(input): \(found)")
    }
    let plain = try Ingot.quantize(model, to: folder.file("plain/"), options: Self.options(nil))
    #expect(plain.smoothedInputCount == 0)
    let (before, after) = (
      try Self.divergence(folder.file("plain"), from: model, on: ids),
      try Self.divergence(folder.file("smooth"), from: model, on: ids)
    )
    #expect(after < before / 8, "\(before) → \(after)")
    // What is measured before the output gets its place is what runs.
    #expect(report.measurement?.figures.divergence?.mean == after)
  }

  @Test func `activations that stay floating point are not smoothed, and a product alone is`() throws {
    let (folder, model, ids) = try Self.folder(of: "llama/grouped-tied")
    var options = Self.options(ids)
    options.scheme = .int8
    #expect(try Ingot.quantize(model, to: folder.file("a/"), options: options).smoothedInputCount == 0)
    options.rules = [(Glob("*.1.mlp.down_proj.weight"), .int8Activations)]
    #expect(try Ingot.quantize(model, to: folder.file("b/"), options: options).smoothedInputCount == 1)
    let report = try Ingot.quantize(
      model, to: folder.file("c/"), options: Self.options(ids, for: .ctranslate2))
    #expect(report.smoothedInputCount == 6)
  }

  @Test func `no other tensor is touched, and types stay`() throws {
    let (folder, model, ids) = try Self.folder(of: "llama/grouped-tied")
    var convert = ConvertOptions()
    convert.dtype = .bf16
    _ = try Ingot.convert(model, to: folder.file("half/"), options: convert)
    _ = try Ingot.quantize(folder.file("half"), to: folder.file("smooth/"), options: Self.options(ids))
    let (before, after) = (
      try Ingot.open(folder.file("half")), try Ingot.open(folder.file("smooth"))
    )
    for name in ["model.embed_tokens.weight", "model.norm.weight"] {
      #expect(try before.values(of: name, as: Float.self) == after.values(of: name))
    }
    let gain = "model.layers.0.input_layernorm.weight"
    let (old, new) = (
      try before.values(of: gain, as: Float.self), try after.values(of: gain, as: Float.self)
    )
    #expect(after.tensors.first { $0.name == gain }?.dtype == .bf16 && old != new)
    for (old, new) in zip(old, new) {
      #expect(old == 0 || (old / new).significand == 1, "\(old), \(new)")
    }
  }
}
