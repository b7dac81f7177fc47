// SPDX-License-Identifier: Apache-2.0
// What each weight costs, against numpy's GPT-2 in float64 with that weight rounded; and budgets that are kept by it.
import Foundation
import IngotCore
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SensitivityTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Divergences of numpy's GPT-2 from itself with one weight rounded, by weight and scheme, nats a token.
  private static let judge = """
    import json, sys
    import numpy as np
    from safetensors.numpy import load_file
    generate, model, ids = sys.argv[1:4]
    sys.path.insert(0, generate)
    import numpy_gpt2
    config = json.load(open(model + "/config.json"))
    source = {name.removeprefix("transformer."): value.astype(np.float64)
              for name, value in load_file(model + "/model.safetensors").items()}
    ids = np.load(ids).reshape(-1, 256)
    def log_p(weights):
        logits = numpy_gpt2.forward(weights, config, {"input_ids": ids})["logits"]
        logits = logits - logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    own = log_p(source)
    def rounded(w, size):
        groups = w.reshape(-1, size or w.shape[1])
        if size is None:
            s = (np.abs(groups).max(1, keepdims=True).astype(np.float32) / np.float32(127)).astype(np.float64)
        else:
            peak = np.abs(groups).max(1, keepdims=True).astype(np.float32)
            scales = [(peak / np.float32(d)).astype(np.float16).astype(np.float64) for d in range(104, 136)]
            costs = [((groups - np.clip(np.rint(groups / s), -127, 127) * s) ** 2).sum(1) for s in scales]
            s = np.stack(scales)[np.argmin(costs, 0), np.arange(len(groups))]
        return (np.clip(np.rint(groups / s), -127, 127) * s).reshape(w.shape)
    report = {}
    for name in ["h.0.attn.c_attn.weight", "h.2.mlp.c_proj.weight", "wte.weight"]:
        w = source[name] if name == "wte.weight" else source[name].T
        for scheme, size in [("int8", None), ("int8-group:16", 16)]:
            changed = dict(source)
            changed[name] = rounded(w, size) if name == "wte.weight" else rounded(w, size).T
            other = log_p(changed)
            report.setdefault(name, {})[scheme] = float((np.exp(own) * (own - other)).sum(-1).mean())
    print(json.dumps(report))
    """

  private static func tokens(_ count: Int, in folder: TemporaryFolder) throws -> String {
    let path = folder.file("tokens.npy")
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[2], np.load(sys.argv[1])[:int(sys.argv[3])])",
      [model + "/heldout.npy", path, "\(count)"])
    return path
  }

  @Test func `costs are those of the rounded weight in float64`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(1024, in: folder)
    let report = try Ingot.sensitivity(Self.model, tokens: ids, to: nil)
    #expect(report.table.weights.count == 17 && report.table.tokenCount == 1024)
    let answer = try PythonPeer.run(code: Self.judge, [Fixture.path("generate"), Self.model, ids])
    let judged = try JSONDecoder().decode([String: [String: Double]].self, from: Data(answer.outputBytes))
    for (name, costs) in judged {
      let found = try #require(report.table.weights.first { $0.name.hasSuffix(name) }).divergences
      let (int8, groups) = (try #require(found[.int8]), try #require(found[.int8Group16]))
      let (exact, other) = (try #require(costs["int8"]), try #require(costs["int8-group:16"]))
      #expect((int8 / exact - 1).magnitude < 0.02, "\(name): \(int8), \(exact)")
      // Estimated by how far outputs move.
      #expect((0.6..<1.6).contains(groups / other), "\(name): \(groups), \(other)")
    }
  }

  @Test func `a table is read as it was written, and refused beside other weights`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(512, in: folder)
    let path = folder.file("table.jsonl")
    var options = SensitivityOptions()
    options.isCalibrated = true
    let report = try Ingot.sensitivity(Self.model, tokens: ids, to: path, options: options)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 18 && report.table.isCalibrated && report.frontier.count > 2)
    #expect(zip(report.frontier, report.frontier.dropFirst()).allSatisfy { $0.divergence > $1.divergence })

    var quantize = QuantizeOptions()
    quantize.budget = .bits(8.3)
    func refusal(_ text: String, of model: String = Self.model, calibrated: Bool = true) throws -> String {
      quantize.sensitivities = try folder.write(text, to: "other.jsonl")
      quantize.calibration = calibrated ? CalibrationOptions(ids) : nil
      do throws(IngotError) {
        _ = try Ingot.quantize(model, to: folder.file("o.ingot"), options: quantize)
        return "written"
      } catch {
        return "\(error)"
      }
    }
    let whole = lines.joined(separator: "\n")
    #expect(try refusal(whole, calibrated: false).contains("calibrated rounding, and nothing is calibrated"))
    #expect(try refusal(whole, of: Fixture.path("models/base"), calibrated: false).contains("other weights"))
    #expect(try refusal(lines.dropLast().joined(separator: "\n")).contains("has no line"))
    #expect(try refusal(lines.dropFirst().joined(separator: "\n")).contains("no table of sensitivities"))
    #expect(try refusal(whole.replacingOccurrences(of: #""int8":"#, with: #""int8":-"#)).contains("line 2"))
    #expect(try refusal(String(lines[0]) + "\n" + "{\"name\": 4}").contains("line 2"))
    #expect(folder.entries().allSatisfy { !$0.contains("o.ingot") })
  }

  // MARK: - Budgets

  private static func budget(
    _ budget: QuantizationBudget, _ ids: String, _ change: (inout QuantizeOptions) -> Void = { _ in }
  ) -> QuantizeOptions {
    var options = QuantizeOptions()
    options.budget = budget
    options.calibration = CalibrationOptions(ids)
    change(&options)
    return options
  }

  private static func size(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
  }

  @Test func `bits are kept and spent where they save most`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(4096, in: folder)
    let held = try Self.heldOut(in: folder)
    var divergences: [Double] = []
    for bits in [8.15, 8.3, 8.6] {
      let report = try Ingot.quantize(
        Self.model, to: folder.file("\(bits).ingot"),
        options: Self.budget(.bits(bits), ids) { $0.measure = held })
      let choice = try #require(report.budget)
      #expect(choice.chosen.bitsPerWeight <= bits && choice.chosen.bitsPerWeight > bits - 0.1)
      let found = try #require(report.bitsPerWeight)
      #expect((found - choice.chosen.bitsPerWeight).magnitude < 1e-9)
      let measured = try #require(report.measurement?.figures.divergence).mean
      #expect((0.4..<2.5).contains(measured / choice.chosen.divergence), "\(bits): \(measured)")
      divergences.append(measured)
    }
    #expect(zip(divergences, divergences.dropFirst()).allSatisfy { $0 > $1 }, "\(divergences)")
    // As good as one scheme for all of the same size, or better.
    var plain = QuantizeOptions()
    (plain.scheme, plain.calibration, plain.measure) = (.int8Group32, CalibrationOptions(ids), held)
    let groups = try Ingot.quantize(Self.model, to: folder.file("g.ingot"), options: plain)
    let mixed = try Ingot.quantize(
      Self.model, to: folder.file("m.ingot"), options: Self.budget(.bits(8.5), ids) { $0.measure = held })
    let (one, several) = (
      try #require(groups.measurement?.figures.divergence).mean,
      try #require(mixed.measurement?.figures.divergence).mean
    )
    #expect(several < 1.02 * one, "\(several), \(one)")
  }

  private static func heldOut(in folder: TemporaryFolder) throws -> String {
    let path = folder.file("held.npy")
    try PythonPeer.run(
      code: "import sys; import numpy as np; np.save(sys.argv[2], np.load(sys.argv[1])[8192:12288])",
      [model + "/heldout.npy", path])
    return path
  }

  @Test func `rules hold within a budget, and programs get their own schemes`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(1024, in: folder)
    let report = try Ingot.quantize(
      Self.model, to: folder.file("ruled.ingot"),
      options: Self.budget(.bits(24), ids) { $0.rules = [(Glob("*wte*"), .keep), (Glob("*c_fc*"), .int8)] })
    let inner = try #require(report.budget).weights.filter { $0.name.contains("c_fc") }
    #expect(inner.count == 4 && inner.allSatisfy { $0.scheme == .int8 })
    #expect(try #require(report.budget).weights.first { $0.name.contains("wte") }?.scheme == .keep)
    let blocks = try Ingot.quantize(
      Self.model, to: folder.file("b.gguf"), options: Self.budget(.bits(12), ids))
    let schemes = Set(try #require(blocks.budget).weights.map(\.scheme))
    #expect(schemes == [.q80, .keep])
  }

  @Test func `files have at most so many bytes`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(1024, in: folder)
    let least = try Ingot.quantize(
      Self.model, to: folder.file("least.safetensors"), options: Self.budget(.bits(8.12), ids))
    let size = try Self.size(folder.file("least.safetensors"))
    #expect(least.budget != nil)
    let limit = size + size / 40
    _ = try Ingot.quantize(
      Self.model, to: folder.file("o.safetensors"), options: Self.budget(.bytes(limit), ids))
    let found = try Self.size(folder.file("o.safetensors"))
    #expect(found <= limit && found > limit - limit / 50, "\(found) of \(limit)")
  }

  @Test func `a bound on the divergence is held against what the model does`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(4096, in: folder)
    let held = try Self.heldOut(in: folder)
    let report = try Ingot.quantize(
      Self.model, to: folder.file("o.ingot"),
      options: Self.budget(.divergence(6e-5), ids) { $0.measure = held })
    let measured = try #require(report.measurement?.figures.divergence).mean
    #expect(measured <= 6e-5 && measured > 2e-5, "\(measured)")
    #expect(try #require(report.bitsPerWeight) < 9)
  }

  @Test func `a bound on the divergence holds where a table promises too much`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(512, in: folder)
    let (table, promises) = (folder.file("table.jsonl"), folder.file("promises.jsonl"))
    _ = try Ingot.sensitivity(Self.model, tokens: ids, to: table)
    // Two fifths of each cost: what they choose first moves the model twice as far as it may.
    try PythonPeer.run(
      code: """
        import json, sys
        rows = [json.loads(line) for line in open(sys.argv[1])]
        for row in rows[1:]: row["kl"] = {scheme: 0.4 * cost for scheme, cost in row["kl"].items()}
        open(sys.argv[2], "w").writelines(json.dumps(row) + "\\n" for row in rows)
        """, [table, promises])
    var options = QuantizeOptions()
    (options.budget, options.sensitivities, options.measure) = (.divergence(6e-5), promises, ids)
    let report = try Ingot.quantize(Self.model, to: folder.file("o.ingot"), options: options)
    #expect(try #require(report.measurement?.figures.divergence).mean <= 6e-5)
  }

  @Test func `bounds that nothing keeps are told, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    let ids = try Self.tokens(512, in: folder)
    func error(_ budget: QuantizationBudget, _ change: (inout QuantizeOptions) -> Void = { _ in })
      -> IngotError?
    {
      do throws(IngotError) {
        _ = try Ingot.quantize(
          Self.model, to: folder.file("o.ingot"), options: Self.budget(budget, ids, change))
        return nil
      } catch {
        return error
      }
    }
    for (bound, option, words) in [
      (.bits(7), .bitLimit, "the smallest schemes take 8.11"), (.bytes(1000), .byteLimit, "can't be kept"),
      (.divergence(1e-12), .divergenceLimit, "can't be kept"),
    ] as [(QuantizationBudget, RequestOption, String)] {
      // Where weights may stay as they are, no divergence is too small.
      let found = error(bound) { $0.rules = bound == .divergence(1e-12) ? [(Glob("*wte*"), .int8)] : [] }
      guard case .unmet(let named, let why)? = found else {
        Issue.record("\(bound): \(String(describing: found))")
        continue
      }
      #expect(named == option && "\(why)".contains(words), "\(why)")
    }
    guard case .invalidRequest(.bitLimit, _)? = error(.bits(9), { $0.calibration = nil }) else {
      Issue.record("a budget without anything to keep it by")
      return
    }
    guard
      case .invalidRequest(.sensitivities, _)? = error(
        .bits(9),
        {
          ($0.budget, $0.sensitivities) = (nil, "table.jsonl")
        })
    else {
      Issue.record("sensitivities without a budget")
      return
    }
    #expect(folder.entries().allSatisfy { !$0.contains("o.ingot") })
  }
}
