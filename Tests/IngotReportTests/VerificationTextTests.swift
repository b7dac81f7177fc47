// SPDX-License-Identifier: Apache-2.0
// What a verification says of the bounds that it held outputs to.
import IngotKit
import IngotReport
import IngotTestSupport
import Testing

@Suite struct VerificationTextTests {
  /// llm.c's debug state, whose numbers are F32.
  private func report(_ tolerance: Double?) throws -> VerificationReport {
    var options = VerifyOptions()
    options.fixtures = Fixture.path("llmc-state/base.bin")
    options.run.precision = .reference
    options.tolerance = tolerance
    return try Ingot.verify(Fixture.path("models/base"), options: options)
  }

  @Test func `the bound that is stated is the one in force`() throws {
    var report = try report(nil)
    #expect(VerificationText.lines(report, style: TextStyle()).contains("all 18 outputs within 1.0e-06"))
    #expect(VerificationText.json(report).contains("\"tolerance\": 1e-06"))
    #expect(report.tolerance == 1e-6)
    // Fixtures with arrays of both types have two.
    report.outputs[0].tolerance = 1e-10
    #expect(
      VerificationText.lines(report, style: TextStyle())
        .contains("all 18 outputs within their bounds, 1.0e-10 and 1.0e-06"))
    let strict = try VerificationText.lines(self.report(1e-10), style: TextStyle())
    #expect(strict.contains { $0.hasPrefix("first beyond 1.0e-10: ") })
  }
}
