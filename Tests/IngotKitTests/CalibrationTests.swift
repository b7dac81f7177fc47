// SPDX-License-Identifier: Apache-2.0
// Calibrated weights: integers, scales and cost against GPTQ's steps in float64 on the inputs that numpy's GPT-2 has; what
// that costs on text that was not seen; what does not depend on threads and memory; and what is refused.
import Foundation
import IngotCore
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct CalibrationTests {
  private static let model = Fixture.path("kjv-gpt2")
  private static let text = Fixture.path("calibration/kjv.txt")

  /// Checks every weight of a folder: rounds the source's by GPTQ's steps, with the folder's scales, in float64.
  ///
  /// Prints, by tensor, the share of equal integers, and by how much the outputs move beside the steps in float64 and beside
  /// rounding to nearest.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    generate, model, folder, ids, scheme = sys.argv[1:6]
    sys.path.insert(0, generate)
    import numpy_gpt2
    config = json.load(open(model + "/config.json"))
    stored = load_file(model + "/model.safetensors")
    source = {name.removeprefix("transformer."): value for name, value in stored.items()}
    inputs = {}
    plain = numpy_gpt2.linear
    def linear(x, weights, name):
        inputs[name] = x.reshape(-1, x.shape[-1])
        return plain(x, weights, name)
    numpy_gpt2.linear = linear
    ids = np.load(ids)
    outputs = numpy_gpt2.forward(source, config, {"input_ids": ids.reshape(-1, 256)})
    inputs["wte"] = outputs["last_hidden_state"].reshape(-1, config["n_embd"])
    made = load_file(folder + "/model.safetensors")
    report = {}
    for name in [name for name, value in made.items() if value.dtype == np.int8]:
        key = name.removeprefix("transformer.").removesuffix(".weight")
        w, q, s = (made[name].astype(np.float64) if part == 1 else stored[name].astype(np.float64) if part == 0
                   else made[name + "_scale"].astype(np.float64) for part in range(3))
        if key != "wte":
            w, q, s = w.T, q.T, s.T
        x = inputs[key]
        h = x.T @ x
        mean = np.diag(h).mean()
        damping = mean * (1.0 if key == "wte" else 0.01)
        s = np.broadcast_to(s, w.shape) if s.size == 1 else s.reshape(len(w), -1).repeat(w.size // s.size, 1)
        upper = np.linalg.cholesky(np.linalg.inv(h + damping * np.eye(len(h)))).T
        rest, steps = w.copy(), np.zeros_like(w)
        for k in range(w.shape[1]):
            steps[:, k] = np.clip(np.rint(rest[:, k] / s[:, k]), -127, 127)
            error = (rest[:, k] - steps[:, k] * s[:, k]) / upper[k, k]
            rest[:, k:] -= np.outer(error, upper[k, k:])
        nearest = np.clip(np.rint(w / s), -127, 127)
        if scheme != "int8-tensor":
            size = w.size // made[name + "_scale"].size
            groups = w.reshape(-1, size)
            use = np.broadcast_to(np.diag(h) + damping, w.shape).reshape(-1, size)
            dtype = made[name + "_scale"].dtype
            def cost(scale):
                return (use * (groups - np.clip(np.rint(groups / scale), -127, 127) * scale) ** 2).sum(1)
            peak = np.abs(groups).max(1, keepdims=True).astype(np.float32)
            best = np.min([cost((peak / np.float32(d)).astype(dtype).astype(np.float64)) for d in range(104, 136)], 0)
            assert (cost(s.reshape(-1, size)[:, :1]) <= best * (1 + 1e-3)).all(), name
        def moved(q):
            return ((x @ (w - q * s).T) ** 2).sum()
        report[name] = {
            "equal": float((q == steps).mean()), "beside": moved(q) / moved(steps),
            "nearest": moved(q) / moved(nearest),
            "output": float(10 * np.log10(((x @ w.T) ** 2).sum() / moved(q))),
            "snr": float(10 * np.log10((w ** 2).sum() / ((w - q * s) ** 2).sum())),
        }
    print(json.dumps(report))
    """

  private struct Judgement: Decodable {
    let equal, beside, nearest, output, snr: Double
  }

  private static func options(
    _ scheme: QuantizationScheme, _ source: String, tokens: Int = 65_536
  ) -> QuantizeOptions {
    var options = QuantizeOptions()
    options.scheme = scheme
    options.calibration = CalibrationOptions(source)
    options.calibration?.tokenLimit = tokens
    return options
  }

  /// The first ids of the held-out text, in a file.
  private static func tokens(_ count: Int, in folder: TemporaryFolder) throws -> String {
    let path = folder.file("tokens.npy")
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[2], np.load(sys.argv[1])[:int(sys.argv[3])])",
      [model + "/heldout.npy", path, "\(count)"])
    return path
  }

  @Test(arguments: [QuantizationScheme.int8, .int8Tensor, .int8Group16, .int8Group64])
  func `integers and cost are those of GPTQ's steps in float64`(_ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(4096, in: folder)
    let report = try Ingot.quantize(
      Self.model, to: folder.file("small/"), options: Self.options(scheme, ids))
    #expect(report.calibrationTokenCount == 4096 && report.tensors.count == 17 && report.keptCount == 35)
    let answer = try PythonPeer.run(
      code: Self.judge,
      [Fixture.path("generate"), Self.model, folder.file("small"), ids, scheme.rawValue])
    let judged = try JSONDecoder().decode([String: Judgement].self, from: Data(answer.outputBytes))
    for tensor in report.tensors {
      let found = try #require(judged[tensor.name])
      // Where a quotient is nearly half-way, float32 may take the other integer, and what follows makes up for that.
      #expect(found.equal > 0.995 && found.beside < 1.005, "\(tensor.name): \(found)")
      #expect(found.nearest < 0.75, "\(tensor.name): \(found)")
      #expect((tensor.error.signalToNoise - found.snr).magnitude < 1e-3, "\(tensor.name)")
      let output = try #require(tensor.outputError).signalToNoise
      #expect((output - found.output).magnitude < 1e-2, "\(tensor.name): \(output), \(found.output)")
    }
  }

  private static func divergence(_ model: String, from baseline: String = Self.model) throws -> Double {
    var options = EvaluateOptions()
    options.against = baseline
    let report = try Ingot.evaluate(model, tokens: Self.model + "/heldout.npy", options: options)
    return try #require(report.divergence).mean
  }

  @Test func `a text that was not seen is kept better, in less room than blocks`() throws {
    let folder = try TemporaryFolder()
    var nearest = QuantizeOptions()
    nearest.scheme = .q80
    let plain = try Ingot.quantize(Self.model, to: folder.file("q.gguf"), options: nearest)
    let blocks = try Self.divergence(folder.file("q.gguf"))
    // The bounds are those that the project wants kept: half of what blocks cost, and as much with scales of channels.
    var groups = Self.options(.int8Group64, Self.text)
    groups.rules = [(Glob("*wte*"), .int8Group16)]
    let report = try Ingot.quantize(Self.model, to: folder.file("groups.ingot"), options: groups)
    #expect(try #require(report.bitsPerWeight) < 8.5 && report.calibrationTokenCount == 65_536)
    #expect(try Self.divergence(folder.file("groups.ingot")) < min(4.5e-5, 0.56 * blocks))
    _ = try Ingot.quantize(
      Self.model, to: folder.file("channels.ingot"), options: Self.options(.int8, Self.text))
    #expect(try Self.divergence(folder.file("channels.ingot")) < min(8.9e-5, 1.02 * blocks))
    // The same blocks in a file of llama.cpp's, with our integers in them.
    let calibrated = try Ingot.quantize(
      Self.model, to: folder.file("c.gguf"), options: Self.options(.q80, Self.text))
    #expect(calibrated.byteCounts == plain.byteCounts)
    #expect(try Self.divergence(folder.file("c.gguf")) < 0.75 * blocks)
  }

  @Test func `neither threads nor memory change a byte`() throws {
    let folder = try TemporaryFolder()
    var digests = Set<String>()
    // With room for all moments, and for those of one weight.
    for (jobs, memory) in [(1, nil), (2, nil), (5, nil), (2, 1)] as [(Int, Int?)] {
      var options = Self.options(.int8Group32, Self.text, tokens: 2048)
      options.work.jobs = jobs
      options.calibration?.memoryByteCount = memory
      let path = folder.file("\(jobs)-\(memory ?? 0).safetensors")
      _ = try Ingot.quantize(Self.model, to: path, options: options)
      digests.insert(try Ingot.hash(path, options: HashOptions()).model)
    }
    #expect(digests.count == 1)
  }

  @Test func `windows are spread over a text that is longer than is asked for`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        import numpy as np
        ids = np.load(sys.argv[1])[:256 * 12 + 7]
        np.save(sys.argv[2], ids)
        np.save(sys.argv[3], ids[:256 * 12].reshape(12, 256)[::3].reshape(-1))
        """, [Self.model + "/heldout.npy", folder.file("long.npy"), folder.file("picked.npy")])
    var digests = Set<String>()
    for name in ["long", "picked"] {
      let path = folder.file(name + ".safetensors")
      let report = try Ingot.quantize(
        Self.model, to: path, options: Self.options(.int8, folder.file(name + ".npy"), tokens: 1200))
      #expect(report.calibrationTokenCount == 1024)
      digests.insert(try Ingot.hash(path, options: HashOptions()).model)
    }
    #expect(digests.count == 1)
  }

  @Test(arguments: [
    "llama", "mixtral", "qwen2", "phi3", "gemma3_text", "gpt_neox", "opt", "bert", "openai-gpt",
  ])
  func `every family has weights that are calibrated, and loses less`(_ family: String) throws {
    let folder = try TemporaryFolder()
    let input = try #require(
      Fixture.names(in: family).sorted().map { "\(family)/\($0)" }.first {
        Fixture.names(in: $0).contains("config.json")
      })
    let ids = folder.file("ids.npy")
    try PythonPeer.run(
      code: """
        import json, sys
        import numpy as np
        config = json.load(open(sys.argv[1] + "/config.json"))
        count = config.get("max_position_embeddings") or config["n_positions"]
        ids = np.random.default_rng(1).integers(0, config["vocab_size"], 8 * min(512, count))
        np.save(sys.argv[2], ids)
        """, [Fixture.path(input), ids])
    let report = try Ingot.quantize(
      Fixture.path(input), to: folder.file("small.ingot"), options: Self.options(.int8, ids))
    let errors = report.tensors.compactMap(\.outputError)
    #expect(errors.count >= report.tensors.count - 1 && !errors.isEmpty, "\(input)")
    #expect(errors.allSatisfy { $0.signalToNoise > 30 }, "\(input)")
    _ = try Ingot.hash(folder.file("small.ingot"), options: HashOptions())
  }

  @Test func `what can't be calibrated with is refused, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    func refusal(
      _ output: String, _ source: String, scheme: QuantizationScheme = .int8, tokens: Int = 65_536
    ) -> String {
      do throws(IngotError) {
        _ = try Ingot.quantize(
          Self.model, to: folder.file(output), options: Self.options(scheme, source, tokens: tokens))
        return "written"
      } catch {
        return "\(error)"
      }
    }
    let short = try folder.write("In the beginning", to: "short.txt")
    #expect(refusal("o.ingot", short).contains("at least a window of 256"))
    let beyond = folder.file("beyond.npy")
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[1], np.full(300, 5000))", [beyond])
    #expect(refusal("o.ingot", beyond).contains("the id 5000, and the model 2048 tokens"))
    #expect(refusal("o.ingot", folder.file("none.txt")).contains("none.txt"))
    #expect(refusal("o.ingot", Self.text, tokens: 100).contains("at least a window of 256"))
    let binary = folder.file("binary.txt")
    try Data([0x41, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: binary))
    #expect(refusal("o.ingot", binary).contains("binary.txt"))
    #expect(folder.entries().allSatisfy { !$0.hasPrefix("o.") && !$0.hasPrefix(".o") })
  }
}
