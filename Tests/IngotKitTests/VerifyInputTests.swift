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
