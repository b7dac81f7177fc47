// SPDX-License-Identifier: Apache-2.0
// What stands behind the end of a checkpoint's pickle, as `inspect` and its survey show it.
import IngotTestSupport
import Testing

@Suite struct PickleEndTests {
  @Test(arguments: ["call", "text", "zeros", "number"])
  func `what stands behind the end of a checkpoint's pickle is looked at, and never called clean`(
    _ name: String
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.pt")
    try PythonPeer.run(
      code: """
        import sys, zipfile
        rests = {"call": b"cposix\\nsystem\\n(S'echo'\\ntR.", "text": b"some text", "zeros": bytes(9), "number": b"K\\x01."}
        with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
            for record in old.namelist():
                new.writestr(record, old.read(record) + (rests[sys.argv[3]] if record.endswith("/data.pkl") else b""))
        """, [Fixture.path("golden/pytorch/tied.pt"), path, name])
    let survey = try IngotProgram.run("inspect", "--security", path)
    #expect(survey.exitCode == 1, "\(survey.standardOutput)")
    #expect(survey.standardOutput.contains("posix.system") == (name == "call"))
    let shown = try IngotProgram.run("inspect", path)
    #expect(shown.exitCode == 0 && shown.standardOutput.contains("behind its end are not read"))
  }
}
