// SPDX-License-Identifier: Apache-2.0
// PyTorch checkpoints beyond what all golden files are held to: aliases, metadata, sets, and what is refused by name.
import Foundation
import IngotEncodings
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct PyTorchTests {
  private static func open(_ name: String) throws -> Checkpoint {
    try CheckpointOpener().open(Fixture.path("golden/pytorch/" + name))
  }

  @Test(arguments: ["tied.pt", "stream-tied.pt"])
  func `tensors that are one view of one storage are aliases of the first`(_ name: String) throws {
    let aliases = try Self.open(name).tensors.map { [$0.name, $0.aliasOf ?? "-"] }
    #expect(
      aliases == [
        ["wte.weight", "-"], ["bias", "-"], ["lm_head.weight", "wte.weight"], ["detached", "wte.weight"],
        ["turned", "-"],
      ])
  }

  /// Torch's own views of a storage of 60 F32, among which is a whole one.
  @Test(arguments: ["views.pt", "stream-views.pt", "deflated.pt"])
  func `bytes that are other views of a tensor's are counted once`(_ name: String) throws {
    let tensors = try Self.open(name).tensors
    let shared = SharedStorage(tensors)
    let base = try #require(tensors.firstIndex { $0.name == "base" })
    for view in ["turned", "rows", "columns", "steps", "one"] {
      let index = try #require(tensors.firstIndex { $0.name == view })
      #expect(shared.owners[index] == base && shared.ownByteCounts[index] == 0, "\(view)")
    }
    #expect(shared.ownByteCounts[base] == 240)
  }

  @Test func `what is no tensor is metadata, as Python has it`() throws {
    let expected = try JSONDocument.object(Fixture.bytes("golden/pytorch/metadata.json"))
    #expect(expected.entries.count > 25)
    for entry in expected.entries {
      guard case .object(let metadata) = entry.value else { continue }
      let name = entry.key.split(separator: "/").dropFirst().joined(separator: "/")
      #expect(try JSONWriter.text(Self.open(name).metadata) == JSONWriter.text(metadata), "\(name)")
    }
  }

  @Test func `metadata keeps its types`() throws {
    let metadata = try Self.open("training.pt").metadata
    #expect(metadata["epoch"] == .int64(3))
    #expect(metadata["global_step"] == .int64(1 << 40))
    #expect(metadata["best"] == .float64(0.125))
    #expect(metadata["worst"] == .float64(.infinity))
    #expect(metadata["done"] == .bool(false))
    #expect(metadata["none"] == .null)
    #expect(metadata["bytes"]?.elements == [0, 0xFF, 0x61, 0x62].map { .uint8($0) })
  }

  @Test func `checksums that torch was told not to compute are a finding`() throws {
    let findings = try Self.open("no-checksums.pt").findings
    #expect(findings.map(\.kind) == [.unchecked])
    #expect(findings.first?.severity == .note)
    #expect(try Self.open("state-dict.pt").findings == [])
  }

  @Test func `bytes behind a pickle's end are counted`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import io, sys, tarfile, zipfile
        golden, folder = sys.argv[1:]
        for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
            with zipfile.ZipFile(golden + "/tied.pt") as old, zipfile.ZipFile(f"{folder}/{name}.pt", "w", method) as new:
                for record in old.namelist():
                    rest = b"\\0" * 11 if record.endswith("/data.pkl") else b""
                    new.writestr(record, old.read(record) + rest)
        for behind in ("storages", "tensors", "pickle"):
            with tarfile.open(golden + "/tar.pth") as old, tarfile.open(f"{folder}/{behind}.pth", "w") as new:
                for member in old.getmembers():
                    data = old.extractfile(member).read() + (b"x" if member.name == behind else b"")
                    member.size = len(data)
                    new.addfile(member, io.BytesIO(data))
        """, [Fixture.path("golden/pytorch"), folder.path])
    let cases = [
      ("stored.pt", "tied.pt", "/data.pkl", 11), ("deflated.pt", "tied.pt", "/data.pkl", 11),
      ("storages.pth", "tar.pth", "storages", 1), ("tensors.pth", "tar.pth", "tensors", 1),
      ("pickle.pth", "tar.pth", "pickle", 1),
    ]
    for (name, original, subject, count) in cases {
      let checkpoint = try CheckpointOpener().open(folder.file(name))
      let notRead = checkpoint.findings.filter { $0.kind == .notRead }
      #expect(notRead.count == 1 && notRead.first?.severity == .note, "\(name)")
      #expect(notRead.first?.subject.hasSuffix(subject) == true, "\(name)")
      let (one, many): (StaticString, StaticString) = ("byte behind its end is", "bytes behind its end are")
      #expect(notRead.first?.detail.pieces.first == .count(Count(count, one, many)), "\(name)")
      let whole = try Self.open(original)
      #expect(checkpoint.tensors.map(\.name) == whole.tensors.map(\.name))
      #expect(whole.findings.allSatisfy { $0.kind != .notRead })
    }
  }

  @Test func `a damaged storage is refused by its checksum, also when it is a view`() throws {
    for name in ["state-dict.pt", "views.pt"] {
      var bytes = try Fixture.bytes("golden/pytorch/" + name)
      let checkpoint = try Self.open(name)
      let tensor = try #require(
        checkpoint.tensors.first { $0.storage.layout != .rowMajor || name == "state-dict.pt" })
      let segment = try #require(tensor.storage.segments.all.first)
      bytes[segment.offset + segment.byteCount - 1] ^= 1
      let folder = try TemporaryFolder()
      let path = try folder.write(bytes, to: "damaged.pt")
      var options = InspectOptions()
      options.hashes = true
      #expect(throws: IngotError.self) { try Ingot.inspect(path, options: options) }
    }
  }

  @Test(arguments: Fixture.names(in: "unsupported/pytorch"))
  func `what is sound but not read is refused by name`(_ name: String) throws {
    #expect {
      _ = try CheckpointOpener().open(Fixture.path("unsupported/pytorch/" + name))
    } throws: { error in
      if case IngotError.unsupported = error { true } else { false }
    }
  }

  @Test func `tied tensors stay tied, and a set is cut between storages`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.format = "pytorch"
    options.shardByteLimit = 50
    let report = try Conversion(
      Fixture.path("golden/pytorch/tied.pt"), to: folder.file("out/"), options: options
    ).run()
    // The parameters' marks; and no file here holds another view of a tensor as one.
    #expect(Set(report.losses.map(\.kind)) == [.metadata, .alias] && report.losses.count == 2)
    #expect(report.losses.first { $0.kind == .alias }?.tensor == "turned")
    #expect(report.fileNames.last == "pytorch_model.bin.index.json")
    #expect(report.fileNames.count == 4)
    let back = try CheckpointOpener().open(folder.file("out"))
    #expect(back.tensors.filter { $0.aliasOf != nil }.map(\.name) == ["lm_head.weight", "detached"])
    let source = try GoldenFile.read(Fixture.path("golden/pytorch/tied.pt"))
    #expect(try Set(GoldenFile.read(folder.file("out"))) == Set(source))
  }

  @Test func `a folder of one file has the name that loaders look for`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.format = "pytorch"
    _ = try Conversion(Fixture.path("kjv-gpt2"), to: folder.file("out/"), options: options).run()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("out"))
    #expect(names.contains("pytorch_model.bin") && names.contains("config.json"))
    #expect(try Ingot.hash(folder.file("out")).model == Ingot.hash(Fixture.path("kjv-gpt2")).model)
  }

  @Test func `an output called .bin does not tell its format`() throws {
    let folder = try TemporaryFolder()
    #expect {
      _ = try Conversion(Fixture.path("kjv-gpt2"), to: folder.file("out.bin"), options: ConvertOptions())
    } throws: { error in
      if case IngotError.invalidRequest(option: .format, _) = error { true } else { false }
    }
  }

  @Test func `metadata that a state dictionary can't hold is in the loss report`() throws {
    let folder = try TemporaryFolder()
    let report = try Conversion(
      Fixture.path("golden/pytorch/nanogpt.pt"), to: folder.file("out.pt"), options: ConvertOptions()
    ).run()
    // The fifth: its containers become one.
    #expect(report.losses.map(\.kind) == [Loss.Kind](repeating: .metadata, count: 5))
  }

  @Test(arguments: ["objects.pt", "stream-objects.pt", "objects-protocol-5.pt"])
  func `an object of an unknown class is left out by name, and the tensors in it are read`(_ name: String)
    throws
  {
    let folder = try TemporaryFolder()
    let checkpoint = try Self.open(name)
    let leftOut = checkpoint.findings.filter { $0.kind == .leftOut }.map(\.subject)
    #expect(leftOut == ["generate.golden_pytorch.Anything"])
    #expect(checkpoint.tensors.contains { $0.name == "anything.weight" })
    let report = try Conversion(
      Fixture.path("golden/pytorch/" + name), to: folder.file("out.ingot"), options: ConvertOptions()
    ).run()
    #expect(report.losses.map(\.kind) == [.metadata])
  }

  @Test(arguments: ["sparse.pt", "quantized.pt", "meta.pt", "complex-32.pt", "made-of-a-tensor.pt"])
  func `a tensor that is not read does not matter where it is excluded`(_ name: String) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.selection.exclude = [Glob("w")]
    let report = try Conversion(
      Fixture.path("unsupported/pytorch/" + name), to: folder.file("out.safetensors"), options: options
    ).run()
    #expect(report.tensorCount == 0)
    #expect(report.losses.contains { $0.kind == .dropped && $0.tensor == "w" })
  }

  @Test func `an array of texts does not matter where it is excluded`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import sys, numpy as np
      np.savez(sys.argv[1], d=np.ones(2, np.float32), s=np.array(["a", "b"]),
               t=np.array(["2020-01-01"], "M8[D]"), r=np.zeros(2, [("x", "f4"), ("y", "i4")]))
      """
    try PythonPeer.run(code: make, [folder.file("a.npz")])
    var options = ConvertOptions()
    options.selection.exclude = [Glob("s"), Glob("r"), Glob("t")]
    let report = try Conversion(folder.file("a.npz"), to: folder.file("o.safetensors"), options: options)
      .run()
    #expect(report.tensorCount == 1)
  }

  @Test func `a quantized model comes back quantized`() throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.quantize(
      Fixture.path("kjv-gpt2"), to: folder.file("int8.ingot"), options: QuantizeOptions())
    _ = try Conversion(folder.file("int8.ingot"), to: folder.file("int8.pt"), options: ConvertOptions()).run()
    let (before, after) = try (Ingot.hash(folder.file("int8.ingot")), Ingot.hash(folder.file("int8.pt")))
    #expect(before.model == after.model)
  }

  @Test(arguments: ["list.pt", "tensor.pt"])
  func `what is no dictionary is said to become one`(_ name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try Self.open(name).findings.map(\.kind).contains(.joined))
    let report = try Conversion(
      Fixture.path("golden/pytorch/" + name), to: folder.file("out.pt"), options: ConvertOptions()
    ).run()
    #expect(report.losses.contains { $0.kind == .metadata })
  }

  /// Writes checkpoints by Python's pickler, with names of torch's that stand for nothing.
  ///
  /// - Parameters:
  ///   - saving: lines that call `save(name, value)` with `Tensor(trained)`, `Parameter(trained)` and what Python has.
  ///   - folder: where they go.
  /// - Throws: what the peer says.
  private static func save(_ saving: String, in folder: TemporaryFolder) throws {
    try PythonPeer.run(
      code: """
        import collections, io, pickle, sys, types, zipfile
        for name in ("torch", "torch._utils"): sys.modules[name] = types.ModuleType(name)
        def named(module, made):
            made.__module__, made.__qualname__ = module, made.__name__
            setattr(sys.modules[module], made.__name__, made)
            return made
        FloatStorage = named("torch", type("FloatStorage", (), {}))
        def _rebuild_tensor_v2(*a): pass
        def _rebuild_parameter(*a): pass
        named("torch._utils", _rebuild_tensor_v2), named("torch._utils", _rebuild_parameter)
        class Storage: pass
        class Tensor:
            def __init__(s, trained): s.trained = trained
            def __reduce__(s):
                return _rebuild_tensor_v2, (Storage(), 0, (2,), (1,), s.trained, collections.OrderedDict())
        class Parameter:
            def __init__(s, trained): s.trained = trained
            def __reduce__(s): return _rebuild_parameter, (Tensor(False), s.trained, collections.OrderedDict())
        class Pickler(pickle.Pickler):
            def persistent_id(s, o): return ("storage", FloatStorage, "0", "cpu", 2) if isinstance(o, Storage) else None
        def save(name, value):
            stream = io.BytesIO()
            Pickler(stream, 2).dump(value)
            with zipfile.ZipFile(f"{sys.argv[1]}/{name}.pt", "w") as z:
                for n, b in (("data.pkl", stream.getvalue()), ("version", b"3\\n"), ("data/0", bytes(8))):
                    z.writestr("archive/" + n, b)

        """ + saving, [folder.path])
  }

  @Test func `integers as keys and marks of parameters are said not to be kept`() throws {
    let folder = try TemporaryFolder()
    try Self.save(
      """
      save("numbers", {0: Tensor(False), "a": Tensor(False)})
      save("trained", {"a": Tensor(True), "b": Parameter(True), "c": Parameter(False)})
      save("plain", {"a": Tensor(False), "b": Parameter(False), "n": {1: 2}})
      """, in: folder)
    func losses(_ name: String) throws -> [String] {
      try Conversion(
        folder.file(name + ".pt"), to: folder.file(name + "-copy.pt"), options: ConvertOptions()
      ).run().losses.filter { $0.kind == .metadata }.map { "\($0.detail)" }
    }
    #expect(try losses("numbers").count == 1)
    let trained = try Ingot.inspect(folder.file("trained.pt")).checkpoint.findings
    #expect(trained.map(\.subject) == ["requires_grad"])
    #expect(try losses("trained").count == 1)
    // What is left is the number beside the tensors.
    #expect(try losses("plain").count == 1)
    #expect(try Ingot.inspect(folder.file("plain.pt")).checkpoint.findings.isEmpty)
  }

  @Test func `keys that are objects spelled alike are told apart by a number, in objects too`() throws {
    let folder = try TemporaryFolder()
    try Self.save(
      """
      class Module: pass
      def keyed(value): return {Parameter(True): {"m": value}, Parameter(True): {"m": value}}
      def module(value):
          made = Module()
          made.state = value
          return made
      save("kept", {"w": Tensor(False), "d": keyed(Tensor(False))})
      save("left-out", {"w": Tensor(False), "d": module(keyed(Tensor(False)))})
      save("objects", {"w": Tensor(False), "d": {module(1): "first", Module(): "second"}})
      save("classes", {"w": Tensor(False), "d": {"torch.FloatStorage": "first", FloatStorage: "second"}})
      """, in: folder)
    let tensor = "torch._utils._rebuild_tensor_v2(a persistent object, 0, (2,), (1,), False, {})"
    let key = "torch._utils._rebuild_parameter(\(tensor), True, {})"
    for (name, prefix) in [("kept", "d."), ("left-out", "d.state.")] {
      let checkpoint = try Ingot.inspect(folder.file(name + ".pt")).checkpoint
      #expect(checkpoint.tensors.map(\.name) == ["w", "\(prefix)\(key).m", "\(prefix)\(key) (2).m"])
      let said = checkpoint.findings.map { "\($0.kind) \($0.subject) \($0.detail)" }
      #expect(said.contains { $0.hasPrefix("shownAs \(prefix)\(key) (2) 1 key") }, "\(said)")
      // Their own numbers are nowhere else.
      #expect(
        said.contains { $0.hasPrefix("leftOut ") && $0.contains(" 2 tensors stand as keys") }, "\(said)")
    }
    for (name, key) in [("objects", "__main__.Module()"), ("classes", "torch.FloatStorage")] {
      let checkpoint = try Ingot.inspect(folder.file(name + ".pt")).checkpoint
      guard case .object(let entries)? = checkpoint.metadata["d"] else {
        Issue.record("no dictionary")
        continue
      }
      #expect(entries.entries.map(\.key) == [key, key + " (2)"])
      #expect(entries.entries.map(\.value) == [.string("first"), .string("second")])
      let leftOut = checkpoint.findings.filter { $0.kind == .leftOut }.map(\.subject)
      #expect(leftOut == (name == "objects" ? ["__main__.Module"] : []))
    }
  }

  @Test func `plain keys that are spelled alike do not matter where they are left out`() throws {
    let folder = try TemporaryFolder()
    try Self.save(
      """
      save("tensors", {"w": Tensor(False), "d": {1: Tensor(False), "1": Tensor(True)}})
      save("texts", {"w": Tensor(False), "d": {1: "cat", "1": "dog"}})
      save("names", {"w": Tensor(False), "d.a": Tensor(False), "d": {"a": Tensor(False)}})
      """, in: folder)
    for (name, rule) in [("tensors", "PT-16"), ("texts", "PT-16"), ("names", "PT-17")] {
      let path = folder.file(name + ".pt")
      let error = #expect(throws: IngotError.self) { try CheckpointOpener().open(path) }
      guard case .malformed(let broken, _, _, let expected)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(broken.id == rule && "\(expected)".contains("leaves it out"))
      for selection in [TensorSelection(include: [Glob("w")]), TensorSelection(exclude: [Glob("d.*")])] {
        var options = ConvertOptions()
        options.selection = selection
        options.force = true
        let report = try Conversion(path, to: folder.file("out.safetensors"), options: options).run()
        #expect(report.tensorCount == 1)
      }
    }
  }

  @Test(arguments: ["0", "-1", "11", "99999999999999999999", "x"])
  func `an archive of a version that torch does not read is refused`(_ version: String) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, zipfile
        with zipfile.ZipFile(sys.argv[1]) as z, zipfile.ZipFile(sys.argv[2], "w") as o:
            for n in z.namelist(): o.writestr(n, sys.argv[3] + "\\n" if n.endswith("/version") else z.read(n))
        """, [Fixture.path("golden/pytorch/state-dict.pt"), folder.file("v.pt"), version])
    #expect(throws: IngotError.self) { try CheckpointOpener().open(folder.file("v.pt")) }
  }

  @Test func `an archive without its version is read, with a finding: torch does not read it`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, zipfile
        with zipfile.ZipFile(sys.argv[1]) as z, zipfile.ZipFile(sys.argv[2], "w") as o:
            for n in z.namelist():
                if not n.endswith("/version"): o.writestr(n, z.read(n))
        """, [Fixture.path("golden/pytorch/state-dict.pt"), folder.file("v.pt")])
    func remarks(_ path: String) throws -> [String] {
      try CheckpointOpener().open(path).findings.filter { $0.kind == .overProgramLimit }.map(\.subject)
    }
    #expect(try remarks(folder.file("v.pt")) == ["version"])
    #expect(try remarks(Fixture.path("golden/pytorch/state-dict.pt")) == [])
  }

  @Test func `keys of nested containers that become one name are a finding, and plain ones are not`() throws {
    let nested = try Ingot.inspect(Fixture.path("golden/pytorch/training.pt")).checkpoint
    #expect(nested.findings.map(\.kind).contains(.joined))
    let plain = try Ingot.inspect(Fixture.path("golden/pytorch/state-dict.pt")).checkpoint
    #expect(!plain.findings.map(\.kind).contains(.joined))
  }
}
