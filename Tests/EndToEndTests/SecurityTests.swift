// SPDX-License-Identifier: Apache-2.0
// `ingot inspect --security` on files that a reader which runs pickles would be harmed by.
import Foundation
import IngotTestSupport
import Testing

@Suite struct SecurityTests {
  /// What `--json` prints, as far as it is looked at here.
  private struct Report: Decodable {
    struct File: Decodable {
      let path: String
      let format: String
      let status: String
      let canNameCode: Bool
      let code: [Code]?
      let globals: [Global]?
      let calls: [Call]?
      let failures: [String]?
    }
    struct Code: Decodable {
      let kind: String
      let member: String?
    }
    struct Global: Decodable {
      let name: String
      let allowed: Bool
      let calls: Int
      let offset: Int
    }
    struct Call: Decodable {
      let global: String?
      let member: String?
      let offset: Int
      let arguments: [Argument]
    }
    struct Argument: Decodable, Equatable {
      let kind: String
      let value: String?
    }
    let schema: Int
    let clean: Bool
    let files: [File]

    /// The status of each file, by its path below a folder.
    func statuses(below folder: String) -> [String: String] {
      Dictionary(
        uniqueKeysWithValues: files.map { (String($0.path.dropFirst(folder.utf8.count + 1)), $0.status) })
    }
    /// What would be called, in all files.
    var called: Set<String> { Set(files.flatMap { $0.calls ?? [] }.compactMap(\.global)) }
  }

  private static func survey(_ path: String) throws -> Report {
    let result = try IngotProgram.run("inspect", "--security", "--json", path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let report = try decoder.decode(Report.self, from: Data(result.outputBytes))
    #expect(result.exitCode == (report.clean ? 0 : 1), "\(path): \(result.standardError)")
    return report
  }

  private static let harmful = Fixture.names(in: "malformed/pytorch").filter { $0.hasPrefix("PT-11") }

  @Test(arguments: harmful)
  func `what a harmful file names is listed, and not run`(_ name: String) throws {
    let report = try Self.survey(Fixture.path("malformed/pytorch/" + name))
    #expect(report.schema == 1 && !report.clean)
    #expect(report.files.flatMap { $0.globals ?? [] }.contains { !$0.allowed })
    // Naming is enough to import; all but two of the files call too.
    #expect(report.files.flatMap { $0.calls ?? [] }.isEmpty == name.contains("import"))
  }

  @Test func `a call is listed with its place and arguments`() throws {
    let report = try Self.survey(Fixture.path("malformed/pytorch/PT-11-os-system.pt"))
    let file = try #require(report.files.first)
    #expect(file.format == "pytorch" && file.canNameCode && file.failures == [])
    let call = try #require(file.calls?.first)
    #expect(call.global == "os.system" && call.member == "archive/data.pkl")
    #expect(call.arguments == [.init(kind: "text", value: "echo pwned")])
  }

  @Test func `a sound checkpoint is clean, and so is a format that can name nothing`() throws {
    let sound = try Self.survey(Fixture.path("golden/pytorch/stream-training.pt"))
    #expect(sound.clean)
    let globals = sound.files.flatMap { $0.globals ?? [] }
    #expect(globals.contains { $0.name == "torch._utils._rebuild_tensor_v2" && $0.calls > 10 })
    let other = try Self.survey(Fixture.path("kjv-gpt2/model.safetensors"))
    #expect(other.clean && other.files.map(\.canNameCode) == [false])
  }

  private static let call: [UInt8] = Array("cos\nsystem\n(S'echo pwned'\ntR.".utf8)

  @Test(arguments: ["e.pkl", "e.bin", "e.joblib", "e"])
  func `a bare pickle is found by content, whatever it is called`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.survey(folder.write(Self.call, to: name))
    #expect(!report.clean && report.files.first?.calls?.first?.global == "os.system")
  }

  @Test func `arrays of objects and members of archives are listed`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import io, os, sys, tarfile, numpy as np
      class Call:
          def __reduce__(self): return os.system, ("echo pwned",)
      np.save(sys.argv[1] + "/o.npy", np.array([Call()], dtype=object))
      np.savez(sys.argv[1] + "/o.npz", o=np.array([Call()], dtype=object), d=np.ones(2))
      np.savez_compressed(sys.argv[1] + "/c.npz", o=np.array([Call()], dtype=object))
      np.save(sys.argv[1] + "/d.npy", np.ones(2))
      data = b"cos\\nsystem\\n(S'echo pwned'\\ntR."
      with tarfile.open(sys.argv[1] + "/t.pth", "w") as t:
          for name in ("storages", "tensors", "pickle"):
              info = tarfile.TarInfo(name)
              info.size = len(data)
              t.addfile(info, io.BytesIO(data))
      """
    try PythonPeer.run(code: make, [folder.file("")])
    for name in ["o.npy", "o.npz", "c.npz", "t.pth"] {
      let report = try Self.survey(folder.file(name))
      #expect(!report.clean, "\(name)")
      let names = report.files.flatMap { $0.calls ?? [] }.compactMap(\.global)
      #expect(names.contains { ["os.system", "posix.system"].contains($0) }, "\(name)")
    }
    #expect(try Self.survey(folder.file("d.npy")).clean)
  }

  @Test func `a set is surveyed shard by shard`() throws {
    let folder = Fixture.path("golden/pytorch/sharded")
    for path in [folder, folder + "/pytorch_model.bin.index.json"] {
      let report = try Self.survey(path)
      #expect(report.clean && report.files.map(\.format).sorted() == ["pytorch", "pytorch", "text"])
    }
  }

  @Test func `a set of more shards than files may be open is surveyed to its end`() throws {
    let folder = try TemporaryFolder()
    let names = (1...200).map { "pytorch_model-\(String($0 + 1_000_000).dropFirst(2))-of-00200.bin" }
    for name in names { _ = try folder.write(Self.call, to: name) }
    let map = names.enumerated().map { "\"t\($0.offset)\": \"\($0.element)\"" }.joined(separator: ", ")
    let index = try folder.write(
      Array("{\"metadata\": {\"total_size\": 200}, \"weight_map\": {\(map)}}".utf8),
      to: "pytorch_model.bin.index.json")
    for path in [index, folder.file("")] {
      var process = try IngotProgram.process(["inspect", "--security", path])
      process.shellLimits = "-n 64"
      let result = try process.run()
      #expect(result.exitCode == 1, "\(result.standardError)")
      #expect(names.allSatisfy { result.standardOutput.contains($0) })
    }
  }

  @Test(arguments: ["a.tar", "a.tar.gz", "a.zip"])
  func `what an archive holds is surveyed as if it stood in a folder`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let pack = """
      import pathlib, sys, tarfile, zipfile
      path, source = sys.argv[1], pathlib.Path(sys.argv[2])
      files = sorted(source.iterdir()) if source.is_dir() else [source]
      if path.endswith(".zip"):
          with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
              for file in files: archive.write(file, "m/" + file.name)
      else:
          with tarfile.open(path, "w:gz" if path.endswith(".gz") else "w") as archive:
              for file in files: archive.add(file, "m/" + file.name)
      """
    try PythonPeer.run(
      code: pack, [folder.file(name), Fixture.path("malformed/pytorch/PT-11-os-system.pt")])
    let report = try Self.survey(folder.file(name))
    #expect(report.files.map(\.format) == ["pytorch"] && !report.clean)
    #expect(report.files.first?.calls?.first?.arguments == [.init(kind: "text", value: "echo pwned")])
    try PythonPeer.run(code: pack, [folder.file("set-" + name), Fixture.path("golden/pytorch/sharded")])
    let set = try Self.survey(folder.file("set-" + name))
    #expect(set.clean && set.files.map(\.format) == ["pytorch", "pytorch", "text"])
  }

  @Test func `a pickle that ends early is listed as far as it goes`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("cos\nsystem\n(S'x'\ntR\u{1}".utf8), to: "cut.pt")
    let report = try Self.survey(path)
    #expect(report.files.first?.calls?.first?.global == "os.system")
    #expect(report.files.first?.failures?.count == 1)
  }

  @Test func `an error that names a call says how to list all of them`() throws {
    let path = Fixture.path("malformed/pytorch/PT-11-os-system.pt")
    let result = try IngotProgram.run("inspect", "-v", path)
    #expect(result.exitCode == 65)
    #expect(result.firstErrorLine.contains("would call \"os.system\""))
    #expect(result.standardError.contains("nothing was run; `ingot inspect --security"))
  }

  // MARK: - Everything that a path holds

  /// Makes files that call, and files that do not, in carriers of all kinds, by Python's own writers.
  private static let make = """
    import bz2, gzip, io, json, lzma, os, pickle, struct, sys, tarfile, zipfile, zlib
    import numpy as np
    class Call:
        def __reduce__(self): return os.system, ("echo pwned",)
    evil, plain = pickle.dumps(Call()), pickle.dumps({"a": [1, 2.5]})
    def tar(files, mode):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return out.getvalue()
    def zipped(files, method):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in files.items(): archive.writestr(name, data)
        return out.getvalue()
    def npz(save, **arrays):
        out = io.BytesIO()
        save(out, **arrays)
        return out.getvalue()
    def npy(array):
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()
    torch = {"archive/data.pkl": evil, "archive/version": b"3"}
    png = b"\\x89PNG\\r\\n\\x1a\\n" + struct.pack(">I4sI", 0, b"IEND", 0xAE426082)
    def gguf(texts):
        def text(value): return struct.pack("<Q", len(value)) + value.encode()
        texts = {"general.architecture": "llama"} | texts
        fields = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in texts.items())
        return b"GGUF" + struct.pack("<IQQ", 3, 0, len(texts)) + fields
    findings = {
        "tokenizer.bin": evil, "sub/deep/trainer": evil, "rng_state.pth": evil, "notes.txt": pickle.dumps(Call(), 0),
        ".hidden/scheduler.pt": zipped(torch, zipfile.ZIP_STORED), "gz.joblib": gzip.compress(evil),
        "zlib.joblib": zlib.compress(evil), "twice.gz": gzip.compress(zlib.compress(evil)),
        "objects.npy": npy(np.array([1, Call()], dtype=object)),
        "fields.npy": npy(np.array([(1, Call())], dtype=[("a", "<f4"), ("b", "O")])),
        "objects.npz": npz(np.savez_compressed, n=np.ones(9), o=np.array([Call()], dtype=object)),
        "front.pt": b"x" * 40 + zipped(torch, zipfile.ZIP_STORED),
        "behind.pkl": plain + evil, "far": b"Kaq\\xffr\\0\\0\\1\\0" + pickle.dumps(Call(), 0),
        "far.md": b"Keq~cposix\\nsystem\\n(Vecho pwned\\ntR.",
    }
    inner = tar({"m/optimizer.pt": zipped(torch, zipfile.ZIP_DEFLATED)}, "w:gz")
    nested = {
        "tar.tgz": inner, "zip.zip": zipped({"x/in.zip": zipped({"y/in.tgz": inner}, zipfile.ZIP_DEFLATED)}, zipfile.ZIP_DEFLATED),
        "in.npz": zipped({"w.npy": npy(np.ones(2)), "extra": inner}, zipfile.ZIP_STORED),
    }
    code = {
        "modeling.py": b"print(1)", "lib": b"\\x7fELF" + bytes(60), "run": b"#!/bin/sh\\n", "a.ipynb": b"{}", "k.cu": b"x",
        "c/config.json": json.dumps({"auto_map": {"AutoModel": "m.M"}}, indent=2).encode(),
        "d/config.json": b'{"auto\\\\u005fmap" : {}}', "e/config.json": b'{"trust_remote_code" :\\n true}',
        "f/h.yaml": b"model:\\n  _target_: os.system", "g/h.yml": b"a: !!python/object/apply:os.system [x]",
        "h/config.json": b'{"class_name": "Lambda"}', "saved_model.pb": b"\\x08\\x01",
        "tokenizer_config.json": b'{"chat_template": "{{ x.__class__.__mro__ }}"}', "x.pyc": bytes(20),
        "package.whl": zipped({"p/__init__.py": b"1"}, zipfile.ZIP_DEFLATED),
        "i/c.toml": b"_target_ = 'os.system'", "j/chat_template.jinja": b"{{ ''['__cla'+'ss__'] }}",
        "tools.gguf": gguf({"tokenizer.chat_template.tool_use": "{{ ''.__class__.__mro__ }}"}),
        "config.gguf": gguf({"ingot.config": json.dumps({"auto_map": {"AutoModel": "m.M"}})}),
    }
    unread = {
        "a.bz2": bz2.compress(evil), "a.xz": lzma.compress(evil), "a.lzma": lzma.compress(evil, format=lzma.FORMAT_ALONE),
        "weights.h5": b"\\x89HDF\\r\\n\\x1a\\n" + bytes(600), "raw": bytes(range(256)) * 4, "cut.pkl": plain[:-4],
        "config.json": b"version https://git-lfs.github.com/spec/v1\\noid sha256:00\\nsize 1\\n",
        "cut.gz": gzip.compress(plain)[:-9], "texts.npy": npy(np.array(["a"])), "broken.zip": zipped(torch, zipfile.ZIP_STORED)[:-30],
    }
    clean = {
        "config.json": b'{"model_type": "gpt2"}', "README.md": "Text äöü\\n".encode(), "empty": b"", "n.npy": npy(np.ones(3)),
        "n.npz": npz(np.savez_compressed, a=np.ones(3000)), "plain.pkl": plain, "plain.joblib": zlib.compress(plain),
        "picture.png": png, "spiece.model": b"\\n\\x07\\n\\x05<unk>\\x12\\x02\\x18\\x01",
        "requirements.txt": b"requests>=2\\n", "notes": b"Git v2.31.2 Release Notes\\n", "old": b"GIT v1.6.0.4 Release Notes\\n",
        "about.md": b"Class hierarchy: " + b"a word " * 13 + b" remarks, and more of them\\n", "read.me": b"read me",
        "vocab.txt": b"I\\n(\\nthe\\n", "texts.zip": zipped({"a/b.txt": b"text"}, zipfile.ZIP_DEFLATED),
    }
    for folder, files in dict(findings=findings, nested=nested, code=code, unread=unread, clean=clean).items():
        for name, data in files.items():
            path = os.path.join(sys.argv[1], folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "wb").write(data)
    """

  @Test func `every file of a folder is looked at, whatever it is called and whatever carries it`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.make, [folder.file("")])
    let findings = try Self.survey(folder.file("findings"))
    #expect(findings.files.count == 15 && findings.files.allSatisfy { $0.status == "findings" })
    #expect(
      findings.files.allSatisfy { file in file.calls?.contains { $0.global == "posix.system" } == true })
    let nested = try Self.survey(folder.file("nested"))
    #expect(nested.files.count { $0.path.hasSuffix("m/optimizer.pt") && $0.status == "findings" } == 3)
    #expect(nested.called == ["posix.system"])
    let unread = try Self.survey(folder.file("unread"))
    #expect(unread.files.count == 10 && unread.files.allSatisfy { $0.status == "not all read" })
    #expect(unread.files.allSatisfy { $0.failures?.isEmpty == false })
    let clean = try Self.survey(folder.file("clean"))
    #expect(clean.clean && clean.files.count == 16, "\(clean.files.filter { $0.status != "clean" })")
    // One file that is not clean is enough.
    #expect(try !Self.survey(folder.path).clean)
  }

  @Test func `code that other programs would run is no clean file`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.make, [folder.file("")])
    let report = try Self.survey(folder.file("code"))
    let kinds = Dictionary(
      uniqueKeysWithValues: report.files.map {
        (String($0.path.dropFirst(folder.file("code").utf8.count + 1)), $0.code?.map(\.kind) ?? [])
      })
    let expected = [
      "modeling.py": "python-source", "lib": "native", "run": "source", "a.ipynb": "python-source",
      "k.cu": "source",
      "c/config.json": "custom-code", "d/config.json": "custom-code", "e/config.json": "custom-code",
      "f/h.yaml": "configured-call", "g/h.yml": "configured-call", "h/config.json": "keras-lambda",
      "saved_model.pb": "tensorflow-graph", "tokenizer_config.json": "template", "x.pyc": "bytecode",
      "package.whl/p/__init__.py": "python-source", "i/c.toml": "configured-call",
      "j/chat_template.jinja": "template", "tools.gguf": "template", "config.gguf": "custom-code",
    ]
    #expect(kinds == expected.mapValues { [$0] })
  }

  /// Makes files that call behind the end of other content, or between its parts.
  private static let makeBehind = """
    link = tarfile.TarInfo("l")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    links = io.BytesIO()
    with tarfile.open(fileobj=links, mode="w") as archive: archive.addfile(link)
    def absolute(start):
        out = io.BytesIO(start)
        with zipfile.ZipFile(out, "a") as archive:
            for name, data in torch.items(): archive.writestr(name, data)
        return out.getvalue()
    gap = io.BytesIO()
    with zipfile.ZipFile(gap, "w") as archive:
        archive.writestr("a.txt", "a")
        archive.fp.seek(archive.start_dir)
        archive.fp.write(evil)
        archive.start_dir = archive.fp.tell()
        archive.writestr("b.txt", "b")
    text, pickled = tar({"a.txt": b"text"}, "w"), tar({"e.pkl": evil}, "w")
    jpg, gif = bytes.fromhex("ffd8ffd9"), b"GIF89a" + bytes(7) + b";"
    behind = {
        "two.tar": text + pickled, "two.tar.gz": gzip.compress(text) + gzip.compress(pickled), "pickle.tar": text + evil,
        "zip.tar": absolute(text), "pickle.gguf": gguf({}) + evil, "zip.gguf": gguf({}) + zipped(torch, zipfile.ZIP_STORED),
        "absolute.gguf": absolute(gguf({})), "pickle.png": png + evil, "zip.png": absolute(png), "zip.jpg": absolute(jpg),
        "pickle.jpg": jpg + evil, "pickle.gif": gif + evil, "gap.zip": gap.getvalue(),
        "pickle.webp": b"RIFF" + struct.pack("<I", 4) + b"WEBP" + evil,
    }
    whole = {"a.tar": text, "a.gguf": gguf({}) + bytes(99), "a.jpg": jpg, "a.gif": gif, "a.webp": b"RIFF" + struct.pack("<I", 4) + b"WEBP"}
    for folder, files in dict(behind=behind, whole=whole, rest={"links.tar": links.getvalue(), "cut.png": png[:-1]}).items():
        os.makedirs(sys.argv[1] + "/" + folder)
        for name, data in files.items(): open(f"{sys.argv[1]}/{folder}/{name}", "wb").write(data)
    """

  @Test func `what stands behind the end of a file's own content is looked at`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.make + "\n" + Self.makeBehind, [folder.file("")])
    let behind = try Self.survey(folder.file("behind"))
    for name in FileManager.default.subpaths(atPath: folder.file("behind")) ?? [] {
      let files = behind.files.filter { $0.path.hasPrefix(folder.file("behind/" + name)) }
      #expect(files.contains { $0.calls?.contains { $0.global == "posix.system" } == true }, "\(name)")
      #expect(files.contains { $0.status == "findings" }, "\(name)")
    }
    let whole = try Self.survey(folder.file("whole"))
    #expect(whole.clean && whole.files.count == 5, "\(whole.files.filter { $0.status != "clean" })")
    let rest = try Self.survey(folder.file("rest"))
    #expect(rest.files.map(\.status) == ["not all read", "not all read"])
  }

  @Test func `files inside an .ingot file are looked at`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("m"), withIntermediateDirectories: true)
    for name in ["model.safetensors", "config.json"] {
      try FileManager.default.copyItem(
        atPath: Fixture.path("kjv-gpt2/" + name), toPath: folder.file("m/" + name))
    }
    #expect(try IngotProgram.run("convert", folder.file("m"), folder.file("clean.ingot")).exitCode == 0)
    #expect(try Self.survey(folder.file("clean.ingot")).clean)
    try folder.write("print(1)", to: "m/modeling.py")
    try folder.write(Self.call, to: "m/tokens")
    #expect(try IngotProgram.run("convert", folder.file("m"), folder.file("code.ingot")).exitCode == 0)
    let report = try Self.survey(folder.file("code.ingot"))
    #expect(report.files.first?.code?.map(\.member) == ["modeling.py"] && report.called == ["os.system"])
  }

  @Test func `a program of TorchScript is shown as code`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import sys, zipfile
      with zipfile.ZipFile(sys.argv[1], "w") as archive:
          archive.writestr("m/data.pkl", b"\\x80\\x02}.")
          archive.writestr("m/code/__torch__.py", "class M(Module): pass")
          archive.writestr("m/constants.pkl", b"\\x80\\x02).")
      """
    try PythonPeer.run(code: make, [folder.file("m.pt")])
    let report = try Self.survey(folder.file("m.pt"))
    #expect(report.files.first?.code?.map(\.kind) == ["torchscript"])
  }

  /// Files that break a rule, some of them only in data that headers do not show.
  private static let malformed = [
    "archive", "ctranslate2", "gguf", "ingot", "llama2c", "llmc", "numpy", "pytorch", "safetensors",
    "tensorflow", "zip",
  ]
  .flatMap { kind in Fixture.names(in: "malformed/" + kind).map { "malformed/\(kind)/\($0)" } }

  @Test(arguments: malformed)
  func `what a reader refuses is never clean`(_ path: String) throws {
    let isRefused = try IngotProgram.run("inspect", Fixture.path(path)).exitCode != 0
    #expect(try !isRefused || !Self.survey(Fixture.path(path)).clean)
  }

  @Test func `the tar form is read to its end, and so are streams one behind the other`() throws {
    let tar = try Self.survey(Fixture.path("golden/pytorch/tar.pth"))
    #expect(tar.clean && tar.files.first?.globals?.isEmpty == false)
    let stream = try Array(
      Data(contentsOf: URL(fileURLWithPath: Fixture.path("golden/pytorch/stream-tied.pt"))))
    let folder = try TemporaryFolder()
    let report = try Self.survey(folder.write(stream + stream + Self.call, to: "three.pt"))
    #expect(report.called == ["os.system"])
  }

  @Test func `archives within archives are looked into so far and no farther`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import gzip, io, sys, zipfile
      data = open(sys.argv[2], "rb").read()
      for depth in range(1, 12):
          out = io.BytesIO()
          with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive: archive.writestr("a", data)
          data = out.getvalue()
          open(f"{sys.argv[1]}/{depth}.zip", "wb").write(data)
      """
    try PythonPeer.run(code: make, [folder.path, Fixture.path("malformed/pytorch/PT-11-os-system.pt")])
    #expect(try Self.survey(folder.file("6.zip")).called == ["os.system"])
    let deep = try Self.survey(folder.file("11.zip"))
    #expect(
      deep.called.isEmpty && deep.files.first?.failures?.first?.contains("archives around one file") == true)
  }

  @Test func `what decodes to far more than itself is answered in short time and little memory`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import gzip, io, pickle, sys, zipfile, zlib
      folder = sys.argv[1]
      # A pickle of objects of one byte, zeros, many members, and many archives.
      open(folder + "/objects.gz", "wb").write(gzip.compress(b"(" + b"]" * (8 << 20) + b"l."))
      open(folder + "/zeros.joblib", "wb").write(zlib.compress(b"\\x80\\x02" + bytes(8 << 20)))
      open(folder + "/bomb.gz", "wb").write(gzip.compress(gzip.compress(bytes(1 << 26))))
      inner = io.BytesIO()
      with zipfile.ZipFile(inner, "w") as archive: archive.writestr("a.txt", b"a")
      many = io.BytesIO()
      with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
          for number in range(500): archive.writestr(f"{number}.zip", inner.getvalue())
      open(folder + "/many.zip", "wb").write(many.getvalue())
      """
    try PythonPeer.run(code: make, [folder.path])
    let own = try IngotProgram.run("--version").peakResidentBytes
    for name in ["objects.gz", "zeros.joblib", "bomb.gz", "many.zip"] {
      let result = try IngotProgram.process(["inspect", "--security", folder.file(name)]).run()
      // The many hold a short text each.
      #expect(
        result.exitCode == (name == "many.zip" ? 0 : 1) && result.signal == nil,
        "\(name): \(result.standardError.prefix(300))")
      #expect(result.seconds < 10 * Patience.factor, "\(name)")
      #expect(result.peakResidentBytes - own <= 96 << 20, "\(name)")
    }
  }

  /// Pickles that end here and go on in Python, in front of a call.
  private static let bypasses: [String: String] = [
    "a long number": "L" + String(repeating: "1", count: 101) + "L\n0", "a hexadecimal number": "I0x1_0\n0",
    "a surrogate": "V\\ud800\n0", "a far place of the memo": "Np9999\n0",
    "an item of a list": "(I1\nlI0\nI2\ns0",
    "an import alone, and what is left over": "cos\nsystem\nN.",
    "many marks": String(repeating: "]", count: 1 << 21),
  ]

  @Test(arguments: bypasses.keys.sorted())
  func `what ends a pickle here and not in Python is no clean text`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array((Self.bypasses[name] ?? "").utf8) + Self.call, to: "notes.txt")
    // Python runs each of them; the call is of a function that only counts here.
    let load = """
      import io, pickle, sys
      called = []
      class Unpickler(pickle._Unpickler):
          def find_class(self, module, name):
              called.append(name)
              return lambda *arguments: None
      Unpickler(open(sys.argv[1], "rb")).load()
      assert "system" in called
      """
    try PythonPeer.run(code: load, [path])
    #expect(try !Self.survey(path).clean)
  }

  @Test func `a path that is not there, and options without effect, are no checks`() throws {
    #expect(try IngotProgram.run("inspect", "--security", "no/such/file").exitCode == 66)
    let folder = Fixture.path("golden/pytorch/sharded")
    #expect(try IngotProgram.run("inspect", "--security", folder, "--from", "x").exitCode == 64)
  }
}
