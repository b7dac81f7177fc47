// SPDX-License-Identifier: Apache-2.0
// The figures of a comparison against numpy: where values differ first and most, integers, quantized values, and tensors that
// are equal under other names.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct DiffFigureTests {
  private struct Answer: Decodable {
    let largest: Double
    let relative: Double
    let decibels: Double
    let count: Int
    let first: [Int]
    let at: [Int]
  }

  private static let judge = """
    import json, sys, numpy as np
    def judge(a, b):
        a, b = a.astype(object) if a.dtype.kind in "iub" else a.astype(float), b.astype(object) if b.dtype.kind in "iub" else b.astype(float)
        same = (a == b) | np.isnan(a.astype(float)) & np.isnan(b.astype(float))
        d = np.where(same, 0, np.abs(a - b).astype(float))
        where = np.argwhere(~same)
        noise, signal = float((d ** 2).sum()), float(np.nansum(a.astype(float) ** 2))
        return {"largest": float(d.max()), "relative": (noise / signal) ** 0.5,
                "decibels": 10 * float(np.log10(signal / noise)), "count": len(where), "first": where[0].tolist(),
                "at": list(map(int, np.unravel_index(np.argmax(d), d.shape)))}
    """

  private static func compare(_ make: String, _ folder: borrowing TemporaryFolder) throws -> (
    DiffReport.Change, Answer
  ) {
    let paths = [folder.file("a.npz"), folder.file("b.npz")]
    let output = try PythonPeer.run(
      code: judge + "\n" + make + """

        np.savez(sys.argv[1], w=a); np.savez(sys.argv[2], w=b)
        print(json.dumps(judge(a, b)))
        """, paths
    ).outputBytes
    let report = try Ingot.diff(paths[0], paths[1])
    return (try #require(report.changed.first), try JSONDecoder().decode(Answer.self, from: Data(output)))
  }

  /// Sums are taken in other orders: of n terms they may differ by n units in the last place, of which these have thousands.
  private static let sumTolerance = 1e-11

  @Test(arguments: [
    "a = np.random.default_rng(1).standard_normal((7, 11, 13)); b = a + 1e-3 * np.random.default_rng(2).standard_normal(a.shape)",
    "a = np.random.default_rng(1).standard_normal((300, 301)).astype(np.float32); b = a.copy(); b[200, 7] += 1; b[299, 300] -= 2",
    "a = np.random.default_rng(1).integers(-9, 9, (40, 50)); b = a.copy(); b[3, 4] += 5; b[30, 2] -= 7",
    "a = np.array([[2**62, 5], [7, 1]]); b = np.array([[2**62 + 1, 5], [7, 1]])",
    "a = np.array([2**63 + 1, 3], np.uint64); b = np.array([-5, 3], np.int64)",
    "a = np.array([1, 200, 3], np.uint8); b = np.array([1, 100, 3], np.int32)",
    "a = np.array([1, 2, 3], np.int64); b = np.array([1, 2.5, 3])",
    "a = np.array([True, False, True]); b = np.array([True, True, True])",
    "a = np.array([np.nan, 1, 2, np.nan], np.float32); b = np.array([np.nan, 1, 5, np.nan], np.float32)",
  ])
  func `figures and places are numpy's`(_ make: String) throws {
    let folder = try TemporaryFolder()
    let (change, answer) = try Self.compare(make, folder)
    #expect(change.maxAbs == answer.largest && change.differingCount == answer.count)
    #expect(change.firstPlace == answer.first && change.largestPlace == answer.at)
    let relative = try #require(change.rmsRel)
    #expect(abs(relative - answer.relative) <= answer.relative * Self.sumTolerance)
    #expect(abs(try #require(change.signalToNoise) - answer.decibels) <= 1e-9)
  }

  @Test func `a value that is NaN on one side is the largest difference, where it is`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    let values: [Float] = [0, 1, 2, 3, 4, 5]
    var others = values
    (others[1], others[4]) = (9, .nan)
    _ = try Ingot.write([Tensor("w", shape: [3, 2], values: values)], to: paths.0)
    _ = try Ingot.write([Tensor("w", shape: [3, 2], values: others)], to: paths.1)
    let change = try #require(try Ingot.diff(paths.0, paths.1).changed.first)
    #expect(change.maxAbs?.isNaN == true && change.firstPlace == [0, 1] && change.largestPlace == [2, 0])
    #expect(change.differingCount == 2)
  }

  /// Zeros of two signs, and NaNs of two kinds, as IEEE 754 has them.
  @Test(
    arguments: [(Float(0).bitPattern, Float(-0.0).bitPattern), (0x7fc0_0000, 0x7fc0_0001)]
      as [(UInt32, UInt32)])
  func `the same numbers in other bits have a place, and no figures`(_ a: UInt32, _ b: UInt32) throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    for (path, bits) in [(paths.0, a), (paths.1, b)] {
      let values = [1, .nan, 2, Float(bitPattern: bits), 3, Float(bitPattern: bits)]
      _ = try Ingot.write([Tensor("w", shape: [3, 2], values: values)], to: path)
    }
    var options = DiffOptions()
    options.tolerance = 0
    let report = try Ingot.diff(paths.0, paths.1, options: options)
    let change = try #require(report.changed.first)
    #expect(report.isEqual && change.isWithinTolerance)
    #expect(change.maxAbs == 0 && change.differingCount == 0 && change.rmsRel == 0)
    #expect(change.firstPlace == [1, 1] && change.largestPlace == [1, 1])
  }

  @Test func `weights with scales in tensors of their own are compared as what they stand for`() throws {
    let folder = try TemporaryFolder()
    let paths = [folder.file("plain.safetensors"), folder.file("scaled.safetensors")]
    let output = try PythonPeer.run(
      code: PythonPeer.safetensorsWriter + Self.judge + """

        a = np.random.default_rng(4).standard_normal((64, 64)).astype(np.float32)
        scales = (np.abs(a).max(axis=1, keepdims=True) / 448).astype(np.float32)
        codes = (a / scales).astype(ml_dtypes.float8_e4m3fn)
        save(sys.argv[1], {"layer.weight": a})
        save(sys.argv[2], {"layer.weight": codes, "layer.weight_scale": scales})
        print(json.dumps(judge(a, codes.astype(np.float32) * scales)))
        """, paths
    ).outputBytes
    let answer = try JSONDecoder().decode(Answer.self, from: Data(output))
    let report = try Ingot.diff(paths[0], paths[1])
    #expect(report.onlySecond.isEmpty && report.changed.count == 1)
    let change = try #require(report.changed.first)
    #expect(change.maxAbs == answer.largest && change.largestPlace == answer.at)
    #expect(try Ingot.diff(paths[1], paths[1]).isEqual)
  }

  @Test func `tensors are chosen by name, and a pattern without effect is refused`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    func write(_ path: String, _ second: Float) throws {
      _ = try Ingot.write(
        [
          Tensor("h.0.w", shape: [1], values: [1] as [Float]), Tensor("h.1.w", shape: [1], values: [second]),
          Tensor(second == 2 ? "old" : "new", shape: [1], values: [second + 5]),
        ], to: path)
    }
    try write(paths.0, 2)
    try write(paths.1, 3)
    func diff(_ include: [String], _ exclude: [String] = []) throws -> DiffReport {
      var options = DiffOptions()
      options.selection = TensorSelection(include: include.map(Glob.init), exclude: exclude.map(Glob.init))
      return try Ingot.diff(paths.0, paths.1, options: options)
    }
    #expect(try diff(["h.0.*"]).isEqual && diff(["h.*"], ["*.1.*"]).isEqual)
    let report = try diff(["h.*", "new"])
    #expect(report.changed.map(\.name) == ["h.1.w"] && report.onlySecond == ["new"] && report.onlyFirst == [])
    for (include, exclude) in [(["x*"], []), ([], ["x*"]), (["h.0.*"], ["old"]), ([], ["*"])] {
      let error = try #require(throws: IngotError.self) { try diff(include, exclude) }
      guard case .invalidRequest = error else { throw error }
    }
  }

  @Test func `what can't be read can be left out`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("s.npz")
    try PythonPeer.run(
      code: "import sys, numpy as np; np.savez(sys.argv[1], s=np.array(['x']), d=np.ones(2, np.float32))",
      [path])
    var options = DiffOptions()
    options.selection = TensorSelection(exclude: [Glob("s")])
    let report = try Ingot.diff(path, path, options: options)
    #expect(report.isEqual && report.equalCount == 1)
    options.selection = TensorSelection(exclude: [Glob("t")])
    #expect(throws: IngotError.self) { try Ingot.diff(path, path, options: options) }
  }

  @Test func `equal tensors under other names are told, each once`() throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    func tensor(_ name: String, _ values: [Float]) throws -> Tensor {
      try Tensor(name, shape: [2], values: values)
    }
    _ = try Ingot.write(
      [
        tensor("same", [0, 0]), tensor("h.0.ln", [1, 1]), tensor("h.1.ln", [1, 1]), tensor("h.2.ln", [1, 1]),
        tensor("lost", [3, 4]), tensor("x", [5, 6]),
      ], to: paths.0)
    _ = try Ingot.write(
      [
        tensor("same", [0, 0]), tensor("blk.0.norm", [1, 1]), tensor("blk.1.norm", [1, 1]),
        tensor("y", [5, 6]),
        Tensor("z", shape: [2, 1], values: [3, 4] as [Float]),
      ], to: paths.1)
    let report = try Ingot.diff(paths.0, paths.1)
    #expect(
      report.renamed.map { [$0.first, $0.second] } == [
        ["h.0.ln", "blk.0.norm"], ["h.1.ln", "blk.1.norm"], ["x", "y"],
      ])
    #expect(!report.isEqual && report.equalCount == 1)
    #expect(report.onlyFirst == ["h.0.ln", "h.1.ln", "h.2.ln", "lost", "x"])
    #expect(report.onlySecond == ["blk.0.norm", "blk.1.norm", "y", "z"])
  }
}
