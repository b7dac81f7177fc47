// SPDX-License-Identifier: Apache-2.0
// Inputs that a model can't take, and arrays that are not compared: refused or said, never passed over.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct VerifyInputTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// The fixtures of the model with arrays added by numpy.
  private func fixtures(_ arrays: String, in folder: TemporaryFolder) throws -> VerifyOptions {
    let code = """
      import sys, numpy as np
      old = dict(np.load(sys.argv[1]))
      ids = old["input_ids"]
      old.update(\(arrays))
      np.savez(sys.argv[2], **old)
      """
    _ = try PythonPeer.run(code: code, [Self.model + "/expected.npz", folder.file("fixtures.npz")])
    var options = VerifyOptions()
    options.fixtures = folder.file("fixtures.npz")
    return options
  }

  @Test(arguments: [
    "labels=ids + 2048", "targets=ids - 99999", "input_ids=ids + 2048", "position_ids=ids * 0 + 256",
  ])
  func `ids outside the vocabulary and positions past the context are refused`(_ arrays: String) throws {
    let folder = try TemporaryFolder()
    let options = try fixtures(arrays, in: folder)
    #expect(throws: IngotError.self) { try Ingot.verify(Self.model, options: options) }
  }

  /// The digest that goes along is that of the weights that ran, and not of others that stand in the same folder.
  @Test func `what a file of several gives is recorded as that file's`() throws {
    let folder = try TemporaryFolder()
    for (name, seed) in [("model", 1), ("other", 2)] {
      var options = InitializeOptions()
      options.config = Self.model + "/config.json"
      options.seed = UInt64(seed)
      _ = try Ingot.initialize("gpt2", to: folder.file("\(name).safetensors"), options: options)
    }
    try folder.write(Fixture.bytes("kjv-gpt2/config.json"), to: "config.json")
    var options = RecordOptions()
    options.run.reading.fileName = "other.safetensors"
    _ = try Ingot.record(folder.path, tokens: "1,2,3", to: folder.file("recorded.npz"), options: options)
    let recorded = try Ingot.open(folder.file("recorded.npz")).metadata.string("ingot.model")
    #expect(try recorded == Ingot.hash(folder.file("other.safetensors")).model)

    var checking = VerifyOptions()
    checking.fixtures = folder.file("recorded.npz")
    checking.run.precision = .reference
    checking.run.reading.fileName = "other.safetensors"
    let report = try Ingot.verify(folder.path, options: checking)
    #expect(report.passed && !report.findings.contains { $0.kind == .otherModel })
    checking.run.reading.fileName = "model.safetensors"
    #expect(try Ingot.verify(folder.path, options: checking).findings.contains { $0.kind == .otherModel })
  }

  @Test func `labels of -100 do not count`() throws {
    let folder = try TemporaryFolder()
    let report = try Ingot.verify(
      Self.model, options: fixtures("labels=np.where(np.arange(31) == 0, -100, ids)", in: folder))
    #expect(report.passed, "the first label is never predicted")
  }

  @Test func `what is not compared or not used is said`() throws {
    let folder = try TemporaryFolder()
    let report = try Ingot.verify(
      Self.model,
      options: fixtures(
        "**{'hidden_states.9': ids * 1.0, 'odd': ids, 'mc_token_ids': ids[:, 0] * 0}", in: folder)
    )
    #expect(report.passed)
    #expect(Set(report.findings.map(\.subject)) == ["hidden_states.9", "odd", "mc_token_ids"])
    #expect(Set(report.findings.map(\.kind)) == [.notUsed, .unknown])
  }

  @Test(arguments: ["1,2048", "2048,1"])
  func `evaluation refuses a token that the model does not know`(_ tokens: String) throws {
    #expect(throws: IngotError.self) { try Ingot.evaluate(Self.model, tokens: tokens) }
  }
}
