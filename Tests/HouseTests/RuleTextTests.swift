// SPDX-License-Identifier: Apache-2.0
// What the program says of rules is what the pages say.
import IngotTestSupport
import Testing

@Suite struct RuleTextTests {
  @Test func `the rules in the program are those of the pages`() throws {
    let process = ChildProcess(
      "/usr/bin/env", ["python3", Fixture.packagePath("Scripts/rule-texts"), "--check"])
    let run = try process.run()
    #expect(run.exitCode == 0, "\(run.standardError)")
  }
}
