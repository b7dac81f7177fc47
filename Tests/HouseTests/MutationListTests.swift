// SPDX-License-Identifier: Apache-2.0
// The list of faults that `make test-mutations` plants fits the sources as they are.
import IngotTestSupport
import Testing

@Suite struct MutationListTests {
  @Test func `every fault can be planted, and every target and kind of loss and finding has one`() throws {
    let result = try ChildProcess(Fixture.packagePath("Scripts/test-mutations"), ["--check"]).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
  }
}
