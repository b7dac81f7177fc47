// SPDX-License-Identifier: Apache-2.0
// Checkpoints in archives: found, read where they lie or from a scratch file, and never unpacked to a path.
import IngotBytes
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ArchiveTests {
  static let archives = Fixture.names(in: "golden/archive")

  private static let tensors = GoldenFile.all.first { $0.name == "safetensors/sharded" }?.tensors

  @Test(arguments: archives)
  func `a set in an archive is read as from its folder`(_ name: String) throws {
    let path = Fixture.path("golden/archive/" + name)
    #expect(try GoldenFile.read(path) == #require(Self.tensors))
    let checkpoint = try CheckpointOpener().open(path)
    #expect(checkpoint.format == "safetensors")
    #expect(checkpoint.companions.map(\.name) == ["config.json"])
    #expect(checkpoint.byteCount == (try FileByteSource(path: path).byteCount))
  }

  @Test(arguments: archives)
  func `plain bytes stay in the archive, others go to a scratch file that leaves nothing`(_ name: String)
    throws
  {
    let folder = try TemporaryFolder()
    var work = WorkOptions()
    work.scratchFolder = folder.path
    let checkpoint = try CheckpointOpener(work: work).open(Fixture.path("golden/archive/" + name))
    let isPlain = name.hasSuffix(".tar") || name == "stored.zip"
    #expect(checkpoint.files.count == (isPlain ? 1 : 2))
    #expect(checkpoint.files.allSatisfy { $0.path.hasSuffix(name) })
    #expect(folder.entries() == [])
  }

  @Test(arguments: archives)
  func `an archive is converted with its companions, and never overwritten`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let copy = try folder.copy(Fixture.path("golden/archive/" + name))
    _ = try Conversion(copy, to: folder.file("out/"), options: ConvertOptions()).run()
    #expect(folder.entries().contains("out/config.json"))
    #expect(try Ingot.hash(folder.file("out")).model == Ingot.hash(copy).model)
    var options = ConvertOptions()
    options.format = "safetensors"
    options.force = true
    let onto = try Conversion(copy, to: copy, options: options)
    let error = #expect(throws: IngotError.self) { _ = try onto.run() }
    guard case .outputRefused? = error else { return #expect(Bool(false), "\(String(describing: error))") }
  }

  /// An archive of files, made by Python.
  private func archive(_ code: String, _ name: String, in folder: TemporaryFolder) throws -> String {
    let lines = """
      import io, sys, tarfile, zipfile
      path, model, array = sys.argv[1:]
      def add(archive, name, content=b"", **fields):
          member = tarfile.TarInfo(name)
          member.size = len(content)
          for key, value in fields.items(): setattr(member, key, value)
          archive.addfile(member, io.BytesIO(content))
      model, array = open(model, "rb").read(), open(array, "rb").read()

      """
    let paths = ["models/base/model.safetensors", "golden/npy/scalar.npy"].map(Fixture.path)
    try PythonPeer.run(code: lines + code, [folder.file(name)] + paths)
    return folder.file(name)
  }

  @Test(arguments: ["w", "w:gz"])
  func `a model in an archive runs, mapped from the archive or the scratch file`(_ mode: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("base.tar")
    try PythonPeer.run(
      code: """
        import sys, tarfile
        with tarfile.open(sys.argv[1], sys.argv[3]) as archive: archive.add(sys.argv[2], "base")
        """,
      [path, Fixture.path("models/base"), mode])
    var options = VerifyOptions()
    options.fixtures = Fixture.path("llmc-state/base.bin")
    options.run.reading.fileName = "model.safetensors"
    #expect(try Ingot.verify(path, options: options).passed)
  }

  @Test func `links out of an archive and devices are passed over with a finding`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      with tarfile.open(path, "w") as archive:
          add(archive, "w.npy", array)
          add(archive, "a.npy", type=tarfile.SYMTYPE, linkname="/etc/passwd")
          add(archive, "b.npy", type=tarfile.SYMTYPE, linkname="../w.npy")
          add(archive, "c.npy", type=tarfile.SYMTYPE, linkname="c.npy")
          add(archive, "d.npy", type=tarfile.LNKTYPE, linkname="other.npy")
          add(archive, "e.npy", type=tarfile.FIFOTYPE)
      """, "links.tar", in: folder)
    let checkpoint = try CheckpointOpener().open(path)
    #expect(checkpoint.tensors.map(\.name) == ["w"])
    #expect(checkpoint.findings.map(\.subject) == ["e.npy", "a.npy", "b.npy", "c.npy", "d.npy"])
  }

  @Test func `links that lead nowhere are named where there is nothing else`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      with tarfile.open(path, "w") as archive:
          add(archive, "m/model.safetensors", type=tarfile.SYMTYPE, linkname="../../blobs/x")
      """, "links.tar", in: folder)
    let result = try IngotProgram.run("inspect", path)
    #expect(result.exitCode == 65)
    for name in ["m/model.safetensors", "../../blobs/x"] { #expect(result.firstErrorLine.contains(name)) }
  }

  @Test func `links within an archive are other names of a file`() throws {
    let folder = try TemporaryFolder()
    let expected = try Ingot.hash(Fixture.path("models/base/model.safetensors")).model
    let cache = try archive(
      """
      with tarfile.open(path, "w:gz" if path.endswith("gz") else "w") as archive:
          add(archive, "m/blobs/abc", model)
          add(archive, "m/snapshots/1/model.safetensors", type=tarfile.SYMTYPE, linkname="../../blobs/abc")
          add(archive, "m/snapshots/1/other.safetensors", type=tarfile.LNKTYPE, linkname="m/blobs/abc")
      """, "cache.tar", in: folder)
    #expect(try Ingot.hash(cache).model == expected)
    var options = HashOptions()
    for name in ["m/blobs/abc", "m/snapshots/1/model.safetensors", "m/snapshots/1/other.safetensors"] {
      options.reading.fileName = name
      #expect(try Ingot.hash(cache, options: options).model == expected)
    }
    let folders = try archive(
      """
      with tarfile.open(path, "w:gz") as archive:
          add(archive, "latest", type=tarfile.SYMTYPE, linkname="step-2")
          add(archive, "step-2/abc", model)
          add(archive, "chosen/two", type=tarfile.SYMTYPE, linkname="./../latest/abc")
          add(archive, "chosen/model.safetensors", type=tarfile.SYMTYPE, linkname="two")
      """, "folders.tar.gz", in: folder)
    #expect(try Ingot.hash(folders).model == expected)
    // By way of a link to a folder, which no remark says to lead nowhere.
    options.reading.fileName = "latest/abc"
    #expect(try Ingot.hash(folders, options: options).model == expected)
    #expect(try Ingot.open(folders).findings.isEmpty)
    let zip = try archive(
      """
      with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
          archive.writestr("blobs/abc", model)
          link = zipfile.ZipInfo("s/model.safetensors")
          link.create_system, link.external_attr = 3, 0o120777 << 16
          archive.writestr(link, "../blobs/abc")
      """, "links.zip", in: folder)
    #expect(try Ingot.hash(zip).model == expected)
  }

  @Test func `a chain of links that does not end, or is too long, is passed over`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      with tarfile.open(path, "w") as archive:
          add(archive, "w.npy", array)
          for i in range(60): add(archive, f"l{i}", type=tarfile.SYMTYPE, linkname=f"l{i + 1}" if i < 59 else "w.npy")
          add(archive, "a", type=tarfile.SYMTYPE, linkname="b")
          add(archive, "b", type=tarfile.SYMTYPE, linkname="a")
      """, "chains.tar", in: folder)
    let checkpoint = try CheckpointOpener().open(path)
    #expect(checkpoint.findings.count == 60 - 40 + 2)
  }

  @Test func `long names and extended headers of a tar are bounded`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      def special(kind, content):
          member = tarfile.TarInfo("././@LongLink")
          member.type, member.size = kind, len(content)
          return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)
      open(path, "wb").write(special(b"L", b"n" * 512) * 20_000)
      open(path + "2.tar", "wb").write(special(b"L", b"n" * (64 << 20)))
      open(path + "3.tar", "wb").write(special(b"x", b"99 a=" + b"n" * (64 << 20)))
      """, "long.tar", in: folder)
    let base = try IngotProgram.run("--version").peakResidentBytes
    for name in [path, path + "2.tar", path + "3.tar"] {
      let result = try IngotProgram.run("inspect", name)
      #expect(result.exitCode == 65, "\(result.standardError)")
      #expect(result.peakResidentBytes - base < 64 << 20)
    }
  }

  @Test func `a gzip that expands beyond proportion is refused early`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      import gzip
      body = io.BytesIO()
      with tarfile.open(fileobj=body, mode="w") as archive: add(archive, "w.npy", bytes(200 << 20))
      open(path, "wb").write(gzip.compress(body.getvalue(), 9))
      """, "bomb.tar.gz", in: folder)
    let result = try IngotProgram.run("inspect", path, "--scratch", folder.path)
    #expect(result.exitCode == 65 && result.firstErrorLine.contains("bytes unpacked for each"))
    let base = try IngotProgram.run("--version").peakResidentBytes
    #expect(result.peakResidentBytes - base < 64 << 20)
  }

  @Test func `a file with holes is decoded`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import numpy, os, subprocess, sys
        os.chdir(sys.argv[1])
        numpy.lib.format.open_memmap("w.npy", "w+", "<f4", (1 << 20,))[-1] = 7
        subprocess.run(["tar", "--sparse", "-cf", "holes.tar", "w.npy"], check=True)
        """, [folder.path])
    let checkpoint = try CheckpointOpener().open(folder.file("holes.tar"))
    #expect(checkpoint.files.count == 2)
    #expect(try Ingot.hash(folder.file("holes.tar")).model == Ingot.hash(folder.file("w.npy")).model)
  }

  @Test(arguments: ["two.tar", "two.tar.gz"])
  func `what stands behind the end of a tar is read where it is one, and else said`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      import gzip, os
      def tar(file):
          out = io.BytesIO()
          with tarfile.open(fileobj=out, mode="w") as archive: add(archive, file, array)
          return out.getvalue()
      def write(path, *parts):
          open(path, "wb").write(b"".join(map(gzip.compress if ".gz" in path else bytes, parts)))
      write(path, tar("w.npy"), tar("v.npy"))
      write(path + ".rest", tar("w.npy"), b"rest")
      open(os.path.dirname(path) + "/v.npy", "wb").write(array)
      assert tarfile.open(path, ignore_zeros=True).getnames() == ["w.npy", "v.npy"]
      """, name, in: folder)
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(path) }
    guard case .unsuitable? = error else { return #expect(Bool(false), "\(String(describing: error))") }
    var options = HashOptions()
    options.reading.fileName = "v.npy"
    #expect(try Ingot.hash(path, options: options).model == Ingot.hash(folder.file("v.npy")).model)
    let checkpoint = try CheckpointOpener().open(path + ".rest")
    #expect(checkpoint.tensors.map(\.name) == ["w"])
    #expect(checkpoint.findings.map(\.kind) == [.notRead])
    #expect(checkpoint.findings.first?.detail.description.contains("4") == true)
  }

  @Test func `of several folders, or several files, one must be named`() throws {
    let folder = try TemporaryFolder()
    let path = try archive(
      """
      with tarfile.open(path, "w") as archive:
          add(archive, "a/w.npy", array)
          add(archive, "b/w.npy", array)
          add(archive, "b/v.npy", array)
      """, "several.tar", in: folder)
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(path) }
    guard case .unsuitable? = error else { return #expect(Bool(false), "\(String(describing: error))") }
    let named = CheckpointOpener(options: ReadOptions(fileName: "b/v.npy"))
    #expect(try named.open(path).tensors.map(\.name) == ["v"])
    let missing = CheckpointOpener(options: ReadOptions(fileName: "c.npy"))
    #expect(throws: IngotError.self) { _ = try missing.open(path) }
  }

  @Test func `a zip of arrays alone stays an npz, one of checkpoints does not`() throws {
    let folder = try TemporaryFolder()
    let arrays = try archive(
      """
      with zipfile.ZipFile(path, "w") as archive:
          archive.writestr("readme.txt", "arrays"); archive.writestr("w.npy", array)
      """, "arrays.zip", in: folder)
    #expect(try CheckpointOpener().open(arrays).format == "npz")
    let model = try archive(
      """
      with zipfile.ZipFile(path, "w") as archive:
          archive.writestr("config.json", "{}"); archive.writestr("model.safetensors", model)
      """, "model.zip", in: folder)
    #expect(try CheckpointOpener().open(model).format == "safetensors")
    let both = try archive(
      """
      with zipfile.ZipFile(path, "w") as archive:
          archive.writestr("a.bin", array); archive.writestr("model.safetensors", model)
      """, "both.zip", in: folder)
    #expect(try CheckpointOpener().open(both).format == "safetensors")
  }

  @Test(arguments: Fixture.names(in: "unsupported/archive"))
  func `encrypted archives and bombs are refused by name`(_ name: String) throws {
    let path = Fixture.path("unsupported/archive/" + name)
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(path) }
    switch error {
    case .unsupported?: #expect(name.hasPrefix("encrypted"))
    case .limitExceeded(.archiveExpansion, _, _)?: #expect(name.hasPrefix("expands"))
    default: #expect(Bool(false), "\(String(describing: error))")
    }
  }

  @Test(arguments: archives)
  func `cut anywhere and flipped anywhere, an archive is read or refused`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try Ingot.hash(Fixture.path("golden/archive/" + name)).model
    let bytes = try Fixture.bytes("golden/archive/" + name)
    let positions = bytes.indices.filter { $0 < 400 || $0 >= bytes.count - 200 || $0 % 127 == 0 }
    for position in positions {
      _ = try answer(Array(bytes[..<position]), name, in: folder)
      var flipped = bytes
      flipped[position] ^= 1 << UInt8(position % 8)
      let found = try answer(flipped, name, in: folder)
      // All but a tar have a checksum of their data.
      if !name.hasSuffix(".tar") { #expect(found == nil || found == whole, "byte \(position)") }
    }
  }

  /// The digest of what is read of an archive; `nil` when it is refused as it may be.
  private func answer(_ bytes: [UInt8], _ name: String, in folder: TemporaryFolder) throws -> String? {
    let path = try folder.write(bytes, to: name)
    do throws(IngotError) {
      return try Ingot.hash(path).model
    } catch {
      switch error {
      case .malformed, .unsupported, .limitExceeded, .unsuitable, .missing: break
      default: Issue.record("\(name): \(error)")
      }
      return nil
    }
  }
}
