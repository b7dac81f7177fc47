// SPDX-License-Identifier: Apache-2.0
// The page of benchmarks is made of what the scripts keep; here, of figures that are made up, and nothing is timed.
import IngotTestSupport
import Testing

@Suite struct BenchmarkPageTests {
  /// Two tools and the machine in one workload, of which a target speaks, and two sizes of one that grows.
  static let results = """
    {"machine": "a machine", "versions": {"torch": "1"}, "rounds": 3, "results": [
     {"group": "decode", "workload": "fp32", "tool": "ingot", "unit": "tok/s", "runs": [50, 60, 70]},
     {"group": "decode", "workload": "fp32", "tool": "llama.cpp", "unit": "tok/s", "runs": [40, 40, 40], "memory": 9000000},
     {"group": "decode", "workload": "fp32", "tool": "machine", "unit": "tok/s", "runs": [80]},
     {"group": "growth of converting", "workload": "10 MB", "tool": "ingot", "unit": "s", "runs": [0.01], "x": 10,
      "memory": 20000000},
     {"group": "growth of converting", "workload": "100 MB", "tool": "ingot", "unit": "s", "runs": [0.1], "x": 100,
      "memory": 20000000}]}
    """

  @Test func `benchmarks' figures become a page with aims, tables and charts`() throws {
    let folder = try TemporaryFolder()
    let kept = try folder.write(Self.results, to: "results.json")
    try PythonPeer.run("Benchmarks/report.py", ["--into", folder.path, kept])
    let page = String(decoding: try folder.bytes("docs/benchmarks.md"), as: UTF8.self)
    #expect(page.contains("| decode: fp32 | llama.cpp | at least 1 × | 1.50 × | met |"))
    #expect(page.contains("|  | llama.cpp | 40.0 tok/s | 0% | 9 MB | 1.50 × |"))
    for name in ["decode", "growth-of-converting"] {
      #expect(page.contains("](benchmarks/\(name).svg)"))
      let chart = String(decoding: try folder.bytes("docs/benchmarks/\(name).svg"), as: UTF8.self)
      #expect(chart.contains(">ingot</text>") && chart.hasSuffix("</svg>\n"))
    }
    #expect(folder.entries().contains("Benchmarks/baseline.json"))
  }
}
