// SPDX-License-Identifier: Apache-2.0
// Paths are bytes: one that is no UTF-8 is used as it was given, and escaped only where it is shown.
import IngotBytes
import IngotTestSupport
import Testing

@Suite struct PathTests {
  @Test(
    arguments: [
      [0x6C, 0x61, 0x74, 0xE9, 0x6E], [0xFF], [0xC3, 0x28, 0xE9], [0xF4, 0x8F, 0xBF, 0xA9],
      [0xF4, 0x8F, 0xBE, 0x80, 0x61],
      [0xED, 0xA0, 0x80], Array("grüße".utf8), [0xF0, 0x9F, 0x98, 0x80], [0xF4, 0x8F, 0xBE, 0x41, 0xF4],
    ] as [[UInt8]])
  func `any bytes are text and the same bytes again`(_ bytes: [UInt8]) {
    let text = PathText.text(bytes)
    #expect(PathText.bytes(of: text) == bytes)
    #expect(FilePath.name(of: "a/" + text) == text)
    #expect(PathText.bytes(of: FilePath.join("b", text)) == Array("b/".utf8) + bytes)
  }

  @Test func `a path that is no UTF-8 is opened, written, listed and named`() throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: #"""
        import json, os, subprocess, sys, numpy
        ingot, folder = sys.argv[1].encode(), sys.argv[2].encode()
        os.chdir(folder)
        def run(*arguments):
            return subprocess.run((ingot,) + arguments, capture_output=True)
        numpy.savez(open(b"lat\xe9n.npz", "wb"), a=numpy.ones(3, numpy.float32))
        shown = run(b"inspect", b"lat\xe9n.npz")
        assert shown.returncode == 0 and b"lat\\xe9n.npz" in shown.stdout, shown
        assert json.loads(run(b"inspect", b"--json", b"lat\xe9n.npz").stdout)["path"] == "lat\\xe9n.npz"
        made = run(b"convert", b"lat\xe9n.npz", b"\xff\xfe.safetensors", b"--check")
        assert made.returncode == 0 and b"\xff\xfe.safetensors" in os.listdir(b"."), made
        os.mkdir(b"d\xe9p")
        os.rename(b"\xff\xfe.safetensors", b"d\xe9p/w.safetensors")
        assert run(b"hash", b"d\xe9p").returncode == 0
        assert run(b"diff", b"d\xe9p", b"lat\xe9n.npz").returncode == 0
        os.symlink(b"d\xe9p", b"l\xe9nk")
        assert run(b"inspect", b"l\xe9nk").returncode == 0
        missing = run(b"inspect", b"lat\xe8n.npz")
        assert missing.returncode == 66 and b"lat\\xe8n.npz" in missing.stderr, missing
        for form in (), (b"--json",):
            manifest = run(b"hash", *form, b"d\xe9p", b"lat\xe9n.npz").stdout
            open("M", "wb").write(manifest)
            checked = run(b"hash", b"--manifest", b"M")
            assert checked.returncode == 0 and checked.stdout == b"d\\xe9p: OK\nlat\\xe9n.npz: OK\n", checked
        assert json.loads(manifest)["checkpoints"][0]["path_hex"] == b"d\xe9p".hex(), manifest
        open(b"t\xe9xt", "w").write("said")
        assert run(b"edit", b"d\xe9p", b"--set", b"k=@t\xe9xt").returncode == 0
        assert run(b"edit", b"d\xe9p", b"--set", b"k=t\xe9xt").returncode == 64
        assert run(b"edit", b"d\xe9p", b"--set", b"k=@-").returncode == 64
        print("as given")
        """#, [try IngotProgram.path(), folder.path])
    #expect(answer.standardOutput == "as given\n")
  }
}
