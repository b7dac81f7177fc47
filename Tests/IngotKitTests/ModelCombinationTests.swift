// SPDX-License-Identifier: Apache-2.0
// Weighted sums of checkpoints and of their differences, against numpy in float64; and what does not fit together.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ModelCombinationTests {
  /// Three checkpoints of one kind, by numpy: F32, BF16 and F16, with a buffer of integers.
  private static func models(in folder: TemporaryFolder, _ change: String = "") throws -> [String] {
    let paths = ["a", "b", "c"].map { folder.file("\($0).safetensors") }
    let code = """
      import sys, numpy as np, ml_dtypes
      from safetensors.numpy import save_file
      draw = np.random.default_rng(3)
      models = []
      for dtype in (np.float32, ml_dtypes.bfloat16, np.float16):
          models.append({"w": draw.standard_normal((300, 70)).astype(dtype), "v": draw.standard_normal(5).astype(dtype),
                         "mask": np.arange(4, dtype=np.int64), "none": np.zeros((0, 3), dtype)})
      a, b, c = models
      \(change)
      for tensors, path in zip(models, sys.argv[1:]): save_file(tensors, path)
      """
    try PythonPeer.run(code: code, paths)
    return paths
  }

  /// Expects a formula of `a`, `b` and `c`, in float64 and rounded once to F32.
  private static func expect(_ formula: String, _ paths: [String], _ output: String) throws {
    let code = """
      import sys, numpy as np, ml_dtypes
      from safetensors.numpy import load_file
      *models, out = [load_file(path) for path in sys.argv[1:]]
      for name in ("w", "v", "none"):
          a, b, c = [model[name].astype(np.float64) for model in models]
          wanted = (\(formula)).astype(np.float32)
          assert out[name].dtype == np.float32 and np.array_equal(out[name], wanted), name
      assert np.array_equal(out["mask"], models[0]["mask"]) and len(out) == 4
      """
    try PythonPeer.run(code: code, paths + [output])
  }

  private static func inputs(_ paths: [String], _ weights: [Double]) -> [WeightedInput] {
    zip(paths, weights).map { WeightedInput($0, weight: $1) }
  }

  @Test func `models are added up by weight, and take the first one's dtypes`() throws {
    let folder = try TemporaryFolder()
    let paths = try Self.models(in: folder)
    let output = folder.file("o.safetensors")
    let report = try Ingot.merge(.linear(Self.inputs(paths, [0.5, 0.25, -3])), to: output)
    try Self.expect("0.5 * a + 0.25 * b + -3 * c", paths, output)
    #expect(report.mergedCount == 3 && report.inputs.map(\.weight) == [0.5, 0.25, -3])
    #expect(report.conversion.losses == [])
  }

  @Test func `a model by 1 is that model, bit for bit`() throws {
    let folder = try TemporaryFolder()
    for path in try Self.models(in: folder) {
      _ = try Ingot.merge(
        .linear([WeightedInput(path)]), to: folder.file("o.safetensors"), options: Self.force)
      #expect(try Ingot.diff(path, folder.file("o.safetensors")).isEqual)
    }
  }

  private static var force: MergeOptions {
    var options = MergeOptions()
    options.force = true
    return options
  }

  @Test func `differences are taken from the base and added to it`() throws {
    let folder = try TemporaryFolder()
    let paths = try Self.models(in: folder)
    let output = folder.file("o.safetensors")
    _ = try Ingot.merge(
      .taskVectors(Self.inputs([paths[1], paths[2]], [0.7, -1.5]), base: paths[0]), to: output)
    try Self.expect("a + 0.7 * (b - a) + -1.5 * (c - a)", paths, output)
  }

  @Test(arguments: [
    ("del b['v']", "v", "is not there"), ("b['x'] = b['v']", "x", "is not in"),
    ("b['v'] = b['v'][:4]", "v", "and 5 in"), ("b['mask'] = b['mask'] + 1", "mask", "not the same"),
    ("b['mask'] = b['mask'].astype(np.int32)", "mask", "not the same"),
    ("b['w'] = np.ones((300, 70), np.int8)", "w", "is not merged"),
    ("b['w'][299, 69] = np.inf", "w", "1 value"), ("a['w'][0, 0] = np.nan", "w", "1 value"),
    ("c['v'] = c['v'].astype(np.complex64)", "v", "is not merged"),
    (
      "c['w'] = c['w'].astype(ml_dtypes.float8_e4m3fn); c['w_scale'] = np.ones(1, np.float32)", "w_scale",
      "is not in"
    ),
  ])
  func `what does not fit together is refused by name`(_ change: String, _ tensor: String, _ why: String)
    throws
  {
    let folder = try TemporaryFolder()
    let paths = try Self.models(in: folder, change)
    let before = folder.entries()
    let recipes: [MergeRecipe] = [
      .linear(Self.inputs(paths, [1, 1, 1])),
      .taskVectors(Self.inputs([paths[1], paths[2]], [1, 1]), base: paths[0]),
    ]
    for recipe in recipes {
      let error = try #require(
        #expect(throws: IngotError.self) { try Ingot.merge(recipe, to: folder.file("o.safetensors")) })
      guard case .unsuitable(let location, let found, _) = error else { throw error }
      #expect(location.tensor == tensor)
      #expect("\(found)".contains(why), "\(found)")
      #expect(folder.entries() == before)
    }
  }

  @Test func `configs and tokenizers that differ are named, with the keys`() throws {
    let folder = try TemporaryFolder()
    let first = try folder.copy(Fixture.path("models/base"), as: "a")
    let second = try folder.copy(Fixture.path("models/base"), as: "b")
    let config = try String(contentsOfFile: second + "/config.json", encoding: .utf8)
    try config.replacingOccurrences(of: "\"n_embd\"", with: "\"n_other\"").write(
      toFile: second + "/config.json", atomically: true, encoding: .utf8)
    try "x".write(toFile: second + "/merges.txt", atomically: true, encoding: .utf8)
    let report = try Ingot.merge(.linear(Self.inputs([first, second], [0.5, 0.5])), to: folder.file("o/"))
    let lines = report.conversion.losses.map { "\($0.detail)" }.filter { $0.contains("/b/") }
    #expect(lines.count == 2)
    #expect(lines.contains { $0.contains("config.json") && $0.contains("n_other") && $0.contains("n_embd") })
    #expect(lines.contains { $0.contains("merges.txt") })
    #expect(try Ingot.diff(first, folder.file("o")).isEqual)
  }

  @Test func `tensors share their bytes where they do in all models`() throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      w = np.arange(6, dtype=np.float32)
      save_file({"w": w}, sys.argv[1], {"x": "w"})
      save_file({"w": w + 1}, sys.argv[2], {"x": "w"})
      save_file({"w": w, "x": w * 2}, sys.argv[3])
      """
    let paths = ["a", "b", "c"].map { folder.file("\($0).safetensors") }
    try PythonPeer.run(code: code, paths)
    for (other, expected) in [(paths[1], [1.0, 3, 5]), (paths[2], [0.0, 3, 6])] {
      _ = try Ingot.merge(
        .linear(Self.inputs([paths[0], other], [1, 1])), to: folder.file("o.safetensors"), options: Self.force
      )
      let output = try Ingot.open(folder.file("o.safetensors"))
      #expect(try Array(output.values(of: "x", as: Double.self).prefix(3)) == expected)
    }
  }
}
