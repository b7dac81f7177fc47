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

  @Test func `names in archives are used as they stand there`() throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: #"""
        import io, json, os, subprocess, sys, tarfile, zipfile, numpy
        from safetensors.numpy import save
        ingot, folder = sys.argv[1].encode(), sys.argv[2].encode()
        os.chdir(folder)
        def run(*arguments, code=0):
            made = subprocess.run((ingot,) + arguments, capture_output=True)
            assert made.returncode == code, made
            return made
        weights = save({"w": numpy.arange(6, dtype=numpy.float32)})
        names = {b"d\xe9p/mod\xe8le.safetensors": weights, b"d\xe9p/lis\xe9.md": b"read me"}
        for form in tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT:
            with tarfile.open(f"form{form}.tar", "w", format=form, encoding="utf8", errors="surrogateescape") as tar:
                for name, content in names.items():
                    info = tarfile.TarInfo(os.fsdecode(name))
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                link = tarfile.TarInfo("latest.safetensors")
                link.type, link.linkname = tarfile.SYMTYPE, os.fsdecode(b"d\xe9p/mod\xe8le.safetensors")
                tar.addfile(link)
        # Python writes names in a code page or in UTF-8: the same count of bytes is put in their place.
        stand_in = {name: name.replace(b"\xe9", b"_").replace(b"\xe8", b"=") for name in names}
        with zipfile.ZipFile("form.zip", "w") as file:
            for name, content in names.items():
                file.writestr(stand_in[name].decode(), content)
        packed = open("form.zip", "rb").read()
        for name, other in stand_in.items():
            assert packed.count(other) == 2
            packed = packed.replace(other, name)
        open("form.zip", "wb").write(packed)
        for archive in sorted(os.listdir(b".")):
            chosen = (b"--from", b"d\xe9p/mod\xe8le.safetensors") if archive.endswith(b"tar") else ()
            shown = json.loads(run(b"inspect", b"--json", archive, *chosen).stdout)
            assert [tensor["name"] for tensor in shown["tensors"]] == ["w"], shown
            run(b"convert", archive, b"out/", *chosen, b"--check")
            kept = {name: open(b"out/" + name, "rb").read() for name in os.listdir(b"out")}
            assert kept == {b"mod\xe8le.safetensors": weights, b"lis\xe9.md": b"read me"}, kept
            if chosen:
                run(b"inspect", archive, b"--from", b"latest.safetensors")
            run(b"convert", archive, b"whole.ingot", *chosen)
            run(b"convert", b"whole.ingot", b"again/")
            assert open(b"again/lis\xe9.md", "rb").read() == b"read me"
            secure = run(b"inspect", b"--security", archive).stdout
            assert b"lis\\xe9.md" in secure or b"clean" in secure, secure
            for path in b"out", b"again":
                for name in os.listdir(path): os.remove(path + b"/" + name)
                os.rmdir(path)
            os.remove(b"whole.ingot")
        print("as they stand")
        """#, [try IngotProgram.path(), folder.path])
    #expect(answer.standardOutput == "as they stand\n")
  }
}
