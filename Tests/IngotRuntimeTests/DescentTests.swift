// SPDX-License-Identifier: Apache-2.0
// One step of stochastic gradient descent: the parameters and the loss of torch's, and a loss that falls as the gradient says.
import IngotCore
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct DescentTests {
  private static let fixture = GradientFixture.stepped
  private static var path: String { Fixture.path(fixture.folder) }
  /// As fixtures/generate/gradients.py has it.
  private static let rate = 0.01

  private func descend(_ rate: Double, _ precision: Precision) throws -> DescentReport {
    let ids = try Self.fixture.load().request.run.ids
    return try Ingot.descend(
      Self.path, tokens: ids.map(String.init).joined(separator: ","), rate: rate,
      options: RunOptions(precision: precision))
  }

  @Test(arguments: [(Precision.reference, 1e-11), (.fp32, 2e-6)])
  func `parameters and losses are those of torch's SGD`(_ precision: Precision, _ tolerance: Double) throws {
    let report = try descend(Self.rate, precision)
    let arrays = try Self.fixture.arrays()
    #expect((report.loss - (try #require(arrays["loss"]?.first))).magnitude <= tolerance)
    #expect((report.lossBehind - (try #require(arrays["loss_behind"]?.first))).magnitude <= tolerance)
    let expected = try Self.fixture.parameters(prefix: "stepped.")
    #expect(report.weights.count == expected.count)
    for (role, weight) in expected {
      let found = try #require(report.weights[role]).doubles
      #expect(found.count == weight.doubles.count)
      for (a, b) in zip(found, weight.doubles) { #expect((a - b).magnitude <= tolerance, "\(role)") }
    }
  }

  /// The loss falls by η ‖g‖² but for a term of η²: a tenth of the rate leaves a hundredth of what is missing.
  @Test func `the loss falls by what the gradient says, to first order`() throws {
    let missing = try [1e-4, 1e-5].map { rate in
      let report = try descend(rate, .reference)
      #expect(report.lossBehind < report.loss && report.expectedFall > 0)
      return (report.loss - report.lossBehind) / report.expectedFall - 1
    }
    #expect(missing[0].magnitude < 0.05)
    #expect((missing[1] / missing[0] - 0.1).magnitude < 0.01)
  }

  @Test func `a model that predicts no next token, and one token alone, are refused`() throws {
    #expect(throws: IngotError.self) {
      try Ingot.descend(Fixture.path("bert/bare"), tokens: "1,2,3", rate: 0.1)
    }
    #expect(throws: IngotError.self) { try Ingot.descend(Self.path, tokens: "1", rate: 0.1) }
  }
}
