// SPDX-License-Identifier: Apache-2.0
// What counts as a difference: one value of many, more than the tolerance, and tensors that one side lacks.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct DifferenceTests {
  /// Two files that differ in one value of a million, the second without `c`; the largest difference by numpy.
  private static func pair(in folder: TemporaryFolder, place: Int) throws -> Double {
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      a = np.random.default_rng(3).standard_normal(1_000_000, dtype=np.float32)
      b = a.copy()
      b[int(sys.argv[2])] += np.float32(0.3)
      save_file({"a": a, "c": a[:2].copy()}, sys.argv[1] + "/one.safetensors")
      save_file({"a": b, "c": a[:2].copy()}, sys.argv[1] + "/two.safetensors")
      save_file({"a": a}, sys.argv[1] + "/three.safetensors")
      print(repr(float(np.abs(a.astype(float) - b.astype(float)).max())))
      """
    let output = try PythonPeer.run(code: code, [folder.path, "\(place)"]).standardOutput
    return try #require(Double(output.dropLast()))
  }

  @Test(arguments: [0, 500_000, 999_999])
  func `one value of a million is found, and held against the tolerance`(_ place: Int) throws {
    let folder = try TemporaryFolder()
    let largest = try Self.pair(in: folder, place: place)
    let paths = (folder.file("one.safetensors"), folder.file("two.safetensors"))
    let report = try Ingot.diff(paths.0, paths.1)
    #expect(!report.isEqual && report.equalCount == 1 && report.changed.map(\.name) == ["a"])
    #expect(report.changed.first?.maxAbs == largest && report.changed.first?.differingCount == 1)
    var options = DiffOptions()
    options.tolerance = largest
    #expect(try Ingot.diff(paths.0, paths.1, options: options).isEqual)
    options.tolerance = largest.nextDown
    #expect(try !Ingot.diff(paths.0, paths.1, options: options).isEqual)
  }

  @Test func `a tensor that one side lacks is a difference at any tolerance`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.pair(in: folder, place: 0)
    var options = DiffOptions()
    options.tolerance = 1e9
    let (one, three) = (folder.file("one.safetensors"), folder.file("three.safetensors"))
    let lacking = try Ingot.diff(one, three, options: options)
    #expect(!lacking.isEqual && lacking.onlyFirst == ["c"] && lacking.onlySecond == [])
    let added = try Ingot.diff(three, one, options: options)
    #expect(!added.isEqual && added.onlyFirst == [] && added.onlySecond == ["c"])
  }
}
