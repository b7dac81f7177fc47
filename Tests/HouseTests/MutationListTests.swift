// SPDX-License-Identifier: Apache-2.0
// The list of faults that `make test-mutations` plants fits the sources as they are.
import IngotTestSupport
import Testing

@Suite struct MutationListTests {
  @Test
  func `every fault can be planted, every target has one, and tests look for every kind of loss and finding`()
    throws
  {
    let result = try ChildProcess(Fixture.packagePath("Scripts/test-mutations"), ["--check"]).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
  }
}
