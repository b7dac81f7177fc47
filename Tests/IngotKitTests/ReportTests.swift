// SPDX-License-Identifier: Apache-2.0
// What a report holds, against numpy's figures and what the other verbs say; its bounds; and that weights are read once.
import IngotBytes
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ReportTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// A file of tensors that numpy makes: `tensors` is what the lines define.
  private func file(_ name: String, in folder: TemporaryFolder, _ lines: String) throws -> String {
    try PythonPeer.run(
      code: """
        import sys
        \(PythonPeer.safetensorsWriter)
        tensors = {}
        rng = np.random.default_rng(3)
        \(lines)
        save(sys.argv[1], tensors)
        """, [folder.file(name)])
    return folder.file(name)
  }

  private func families(_ names: [String]) throws -> [String] {
    let folder = try TemporaryFolder()
    let list = names.map { "'\($0)'" }.joined(separator: ", ")
    let path = try file(
      "n.safetensors", in: folder, "tensors = {n: np.zeros(3, np.float32) for n in [\(list)]}")
    return try Ingot.report(path).families.map { "\($0.tensors.name) \($0.tensors.members.count)" }.sorted()
  }

  @Test func `names that are alike but for their blocks' numbers are one family`() throws {
    #expect(
      try families(["h.0.w", "h.1.w", "h.2.w", "h.0.b", "h.10.b", "wte"]) == [
        "h.{0…10}.b 2", "h.{0…2}.w 3", "wte 1",
      ])
    #expect(
      try families(["l.0.experts.0.w", "l.0.experts.1.w", "l.1.experts.0.w", "l.1.experts.1.w"]) == [
        "l.{0…1}.experts.{0…1}.w 4"
      ])
    #expect(
      try families(["m/h0/w", "m/h1/w", "e/layer_3/k", "e/layer_4/k"]) == [
        "e/layer_{3…4}/k 2", "m/h{0…1}/w 2",
      ])
    // Numbers that are no layer's, other spellings of one number, and numbers too long for one stay apart.
    #expect(
      try families(["f.w1", "f.w2", "a.1", "a.01", "a.12345678"]) == [
        "a.01 1", "a.1 1", "a.12345678 1", "f.w1 1", "f.w2 1",
      ])
  }

  @Test func `statistics, histograms and outliers are numpy's`() throws {
    let folder = try TemporaryFolder()
    let path = try file(
      "m.safetensors", in: folder,
      """
      for i in range(3):
          w = rng.normal(0, 0.02, (40, 50)).astype(np.float32)
          w[7, 11] = 0.3
          w[:, 5] *= 60
          tensors[f"h.{i}.w"] = w
      tensors["ids"] = np.arange(5, dtype=np.int32)
      """)
    let report = try Ingot.report(path)
    #expect(report.families.count == 2 && report.valueCount == 6005 && report.nonFiniteCount == 0)
    let tensor = report.tensors[0]
    let statistics = try #require(tensor.statistics)
    let detail = try #require(tensor.detail)
    #expect(detail.bins.reduce(0) { $0 + $1.count } == 2000)
    #expect(detail.outlierColumns?.first == [5] && detail.outlierRows?.count == 0)
    let tails = try #require(detail.tails)
    let output = try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import load_file
        t = load_file(sys.argv[1])
        x = t["h.0.w"].astype(np.float64)
        low, high = float(sys.argv[2]), float(sys.argv[3])
        bound = 6 * x.std()
        print(x.min(), x.max(), ((x <= low) | (x >= high)).sum(), low <= x.mean() - bound < low + 0.01 * bound,
              high - 0.01 * bound < x.mean() + bound <= high)
        """, [path, "\(tails.lower)", "\(tails.upper)"]
    ).standardOutput
    #expect(
      output == "\(statistics.min ?? 0) \(statistics.max ?? 0) \(tails.count) True True\n", "\(tails)")
    // A family's histogram is that of all its members.
    let family = report.families[0]
    #expect(family.bins?.reduce(0) { $0 + $1.count } == 6000 && family.statistics?.count == 6000)
    #expect(report.families[1].bins == nil)
  }

  @Test func `of many tensors the largest get histograms, all get statistics`() throws {
    let folder = try TemporaryFolder()
    let path = try file(
      "m.safetensors", in: folder,
      "tensors = {f'a{i}x': np.full(i + 1, np.nan if i == 2 else i, np.float32) for i in range(9)}")
    var options = ReportOptions()
    options.detailLimit = 3
    let report = try Ingot.report(path, options: options)
    let detailed = report.tensors.filter { $0.detail != nil }.map(\.descriptor.name)
    #expect(detailed == ["a6x", "a7x", "a8x"] && report.tensors.detailCount == 3)
    #expect(!report.tensors.isDetailed && report.tensors.allSatisfy { $0.statistics != nil })
    #expect(report.nonFiniteCount == 3)
    #expect(try Ingot.report(path).tensors.isDetailed)
  }

  @Test func `another name of a tensor's bytes is counted once`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.pt")
    try folder.copy(Fixture.path("golden/pytorch/\(Fixture.names(in: "golden/pytorch")[0])"), as: "m.pt")
    let report = try Ingot.report(path)
    let own = report.tensors.indices.filter { report.tensors[$0].owner == $0 }
    #expect(report.byteCount == own.reduce(0) { $0 + report.tensors[$1].descriptor.byteCount })
  }

  @Test func `quantized weights have bits a value, and their error is diff's`() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("q.ingot")
    let quantized = try Ingot.quantize(Self.model, to: output)
    let report = try Ingot.report(output, against: Self.model)
    let change = try #require(report.difference?.changed.first { $0.name.hasSuffix("h.0.mlp.c_fc.weight") })
    let error = try #require(quantized.tensors.first { $0.name == change.name }?.error)
    #expect(change.maxAbs == error.largest)
    #expect((try #require(change.signalToNoise) - error.signalToNoise).magnitude < 1e-6)
    let tensor = try #require(report.tensors.first { $0.descriptor.name == change.name })
    // 128 × 512 integers of a byte, 512 scales of four.
    #expect(tensor.bitsPerValue == 8.25)
    #expect(tensor.detail?.bins.reduce(0) { $0 + $1.count } == 128 * 512)
  }

  @Test func `errors are told of the tensors of a file in other names`() throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.scheme = .q80
    let quantized = try Ingot.quantize(Self.model, to: folder.file("q.gguf"), options: options)
    let report = try Ingot.report(folder.file("q.gguf"), against: Self.model)
    let changes = try #require(report.changes)
    for (index, tensor) in report.tensors.enumerated() {
      let error = quantized.tensors.first { $0.name == tensor.descriptor.name }?.error
      #expect(changes.byTensor[index]?.maxAbs == error?.largest, "\(tensor.descriptor.name)")
      #expect(tensor.descriptor.blockType == nil || tensor.bitsPerValue == 8.5)
    }
    #expect(changes.byTensor.count == 17 && changes.unmatched.isEmpty)
  }

  @Test func `a text is measured as eval measures it`() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("q.ingot")
    _ = try Ingot.quantize(Self.model, to: output)
    var options = ReportOptions()
    options.tokens = "1,2,3,4,5,6,7,8"
    let report = try Ingot.report(output, against: Self.model, options: options)
    var settings = EvaluateOptions()
    settings.against = Self.model
    let figures = try Ingot.evaluate(output, tokens: "1,2,3,4,5,6,7,8", options: settings)
    #expect(report.evaluation?.loss.mean == figures.loss.mean)
    #expect(report.evaluation?.divergence?.mean == figures.divergence?.mean)
  }

  @Test func `the weights are read once`() throws {
    let system = CountingSystem()
    var options = ReportOptions()
    options.run.work.system = system
    let report = try Ingot.report(Self.model + "/model.safetensors", options: options)
    let size = report.inspection.checkpoint.byteCount
    // Headers are read once more, to see whether the file changed.
    #expect(system.byteCount >= size && system.byteCount < size + size / 8, "\(system.byteCount) of \(size)")
  }

  @Test(arguments: [1, 2, 3, 8])
  func `the same on any number of threads`(jobs: Int) throws {
    var options = ReportOptions()
    options.run.work.jobs = jobs
    let report = try Ingot.report(Self.model, options: options)
    options.run.work.jobs = 5
    let other = try Ingot.report(Self.model, options: options)
    #expect(report.tensors.map(\.statistics) == other.tensors.map(\.statistics))
    #expect(report.tensors.map { $0.detail?.bins } == other.tensors.map { $0.detail?.bins })
    #expect(report.families.map(\.bins) == other.families.map(\.bins))
  }
}

/// The operating system, which counts the bytes that are read of weights.
private final class CountingSystem: ForwardingSystem {
  private let count = Locked(0)

  var byteCount: Int { count.withLock { $0 } }

  func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let done = try live.read(descriptor, into: buffer, at: offset)
    count.withLock { $0 += done }
    return done
  }
}
