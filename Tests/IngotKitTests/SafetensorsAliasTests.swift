// SPDX-License-Identifier: Apache-2.0
// Tied tensors as `safetensors.torch.save_model` leaves them: stored once, the other names in the metadata.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct SafetensorsAliasTests {
  /// A file as save_model writes it of a model with tied tensors.
  private func file(in folder: TemporaryFolder, _ metadata: String) throws -> String {
    try PythonPeer.run(
      code: """
        import json, sys
        import numpy as np
        from safetensors.numpy import save_file
        save_file({"e.weight": np.arange(12, dtype=np.float32).reshape(4, 3), "pt": np.ones(2, np.float32)}, sys.argv[1],
                  metadata=json.loads(sys.argv[2]))
        """, [folder.file("m.safetensors"), metadata])
    return folder.file("m.safetensors")
  }

  @Test func `a metadata entry from no tensor to one is an alias`() throws {
    let folder = try TemporaryFolder()
    let metadata = """
      {"format": "pt", "h.weight": "e.weight", "x.weight": "e.weight", "e.weight": "pt", "y": "h.weight", "z": "none"}
      """
    let checkpoint = try CheckpointOpener().open(try file(in: folder, metadata))
    let aliases = checkpoint.tensors.filter { $0.aliasOf != nil }
    #expect(Set(aliases.map(\.name)) == ["h.weight", "x.weight"])
    #expect(aliases.allSatisfy { $0.aliasOf == "e.weight" && $0.shape == [4, 3] })
    #expect(Set(checkpoint.metadata.entries.map(\.key)) == ["format", "e.weight", "y", "z"])
  }

  @Test(arguments: ["h.weight", "e.weight"], ["safetensors", "ingot", "pt"])
  func `names that rules give other dtypes are tied no longer`(_ name: String, _ format: String) throws {
    let folder = try TemporaryFolder()
    let path = try file(in: folder, #"{"format": "pt", "h.weight": "e.weight"}"#)
    var options = ConvertOptions()
    options.dtypeRules = [DTypeRule(Glob(name), .f16)]
    let report = try Ingot.convert(path, to: folder.file("o." + format), options: options)
    #expect(report.losses.contains { $0.kind == .alias && $0.tensor == "h.weight" })
    let tensors = try CheckpointOpener().open(folder.file("o." + format)).tensors
    for tensor in tensors where tensor.name != "pt" {
      #expect(tensor.dtype == (tensor.name == name ? .f16 : .f32) && tensor.aliasOf == nil, "\(tensor.name)")
    }
  }

  @Test(arguments: ["npz", "ingot", "pt", "safetensors"])
  func `aliases go along to every format`(_ format: String) throws {
    let folder = try TemporaryFolder()
    let path = try file(in: folder, #"{"format": "pt", "h.weight": "e.weight"}"#)
    let out = folder.file("o." + format)
    var options = ConvertOptions()
    options.check = true
    let report = try Conversion(path, to: out, options: options).run()
    #expect(report.losses.filter { $0.kind == .alias }.count == (format == "npz" ? 1 : 0))
    #expect(try Ingot.hash(out).model == Ingot.hash(path).model)
    let tensors = try CheckpointOpener().open(out).tensors
    #expect(Set(tensors.map(\.name)) == ["e.weight", "h.weight", "pt"])
    #expect((tensors.first { $0.name == "h.weight" }?.aliasOf == nil) == (format == "npz"))
  }

  /// Metadata of other formats may look like an alias: reading it back would make a tensor of it.
  @Test func `metadata that would be read as an alias is not kept, and said`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, gguf, numpy
        w = gguf.GGUFWriter(sys.argv[1], "none")
        w.add_string("my.key", "t")
        w.add_string("my.other", "u")
        w.add_tensor("t", numpy.ones(4, numpy.float32))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        """, [folder.file("m.gguf")])
    var options = ConvertOptions()
    options.check = true
    let out = folder.file("m.safetensors")
    let report = try Conversion(folder.file("m.gguf"), to: out, options: options).run()
    #expect(
      report.losses.filter { $0.kind == .metadata }.map { $0.detail.pieces.first } == [.value("my.key")])
    let checkpoint = try CheckpointOpener().open(out)
    #expect(checkpoint.tensors.map(\.name) == ["t"])
    #expect(checkpoint.metadata["my.other"] == .string("u"))
  }

  @Test(arguments: [("__metadata__", "safetensors"), ("__ingot__", "npz")])
  func `a name that a format keeps for itself is refused, for it could not be read back`(
    _ name: String, _ format: String
  ) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: "import sys, numpy; numpy.save(sys.argv[1], numpy.ones(2, numpy.float32))",
      [folder.file(name + ".npy")])
    #expect {
      try Conversion(folder.file(name + ".npy"), to: folder.file("o." + format), options: ConvertOptions())
        .run()
    } throws: { error in
      if case .unrepresentable(name, format, _, _)? = error as? IngotError { true } else { false }
    }
    #expect(folder.entries() == [name + ".npy"])
  }

  @Test
  func `the copy has what load_model looks for, renamed too, and in full where its tensor stays behind`()
    throws
  {
    let folder = try TemporaryFolder()
    let path = try file(in: folder, #"{"format": "pt", "h.weight": "e.weight"}"#)
    var options = ConvertOptions()
    options.renames = [try TensorRename("e.weight=wte.weight")]
    _ = try Conversion(path, to: folder.file("renamed.safetensors"), options: options).run()
    options = ConvertOptions()
    options.selection = TensorSelection(include: [], exclude: [Glob("e.weight")])
    _ = try Conversion(path, to: folder.file("alone.safetensors"), options: options).run()
    let answer = try PythonPeer.run(
      code: """
        import sys
        from safetensors import safe_open
        for path in sys.argv[1:]:
            with safe_open(path, "np") as f: print(sorted(f.keys()), sorted(f.metadata().items()))
        """, [folder.file("renamed.safetensors"), folder.file("alone.safetensors")])
    #expect(
      answer.standardOutput == """
        ['pt', 'wte.weight'] [('format', 'pt'), ('h.weight', 'wte.weight')]
        ['h.weight', 'pt'] [('format', 'pt')]

        """)
  }

  @Test(arguments: [10, 48, 60])
  func `a set has each alias with its tensor, and no file without any`(_ limit: Int) throws {
    let folder = try TemporaryFolder()
    let path = try file(in: folder, #"{"format": "pt", "h.weight": "e.weight", "a": "pt"}"#)
    var options = ConvertOptions()
    options.shardByteLimit = limit
    options.check = true
    _ = try Conversion(path, to: folder.file("set/"), options: options).run()
    let set = try CheckpointOpener().open(folder.file("set"))
    #expect(set.findings.isEmpty && set.tensors.count == 4)
    #expect(try Ingot.hash(folder.file("set")).model == Ingot.hash(path).model)
    guard limit < 56 else { return }
    let answer = try PythonPeer.run(
      code: """
        import glob, json, sys
        from safetensors import safe_open
        index = json.load(open(sys.argv[1] + "/model.safetensors.index.json"))
        names = set()
        for path in sorted(glob.glob(sys.argv[1] + "/*.safetensors")):
            with safe_open(path, "np") as f:
                aliases = {k: v for k, v in f.metadata().items() if k != "format"}
                held = set(f.keys())
                assert held and set(aliases.values()) <= held, path
                names |= held | set(aliases)
                for name in held | set(aliases): assert path.endswith("/" + index["weight_map"][name]), name
        print(sorted(names), len(index["weight_map"]), index["metadata"]["total_size"])
        """, [folder.file("set")])
    #expect(answer.standardOutput == "['a', 'e.weight', 'h.weight', 'pt'] 4 56\n")
  }

  /// Counts bytes that were said to be read.
  private final class Counter: ProgressObserver, @unchecked Sendable {
    private(set) var expected = 0
    private(set) var read = 0
    func begin(_ activity: String, count: Int, unit: ProgressUnit) { expected = count }
    func advance(_ count: Int) { read += count }
    func end() {}
  }

  @Test func `what many names stand for is read once, and each has its digest and figures`() throws {
    let folder = try TemporaryFolder()
    let names = (0..<200).map { "\"a\($0)\": \"e.weight\"" }.joined(separator: ", ")
    let path = try file(in: folder, "{\"format\": \"pt\", \(names)}")
    let stored = 12 * 4 + 2 * 4
    let expected = try PythonPeer.run(
      code: """
        import hashlib
        import numpy as np
        e, p = np.arange(12, dtype="<f4"), np.ones(2, "<f4")
        tensors = {"e.weight": (e, "4,3"), "pt": (p, "2"), **{f"a{i}": (e, "4,3") for i in range(200)}}
        lines = [f"{hashlib.sha256(v.tobytes()).hexdigest()}  F32  {s}  {n}\\n" for n, (v, s) in sorted(tensors.items())]
        print(hashlib.sha256("".join(lines).encode()).hexdigest())
        """)
    let counter = Counter()
    #expect(try Ingot.hash(path, progress: counter).model + "\n" == expected.standardOutput)
    #expect(counter.read == stored && counter.expected == stored)
    for hashes in [false, true] {
      var options = InspectOptions()
      (options.hashes, options.statistics) = (hashes, true)
      let counter = Counter()
      let report = try Ingot.inspect(path, options: options, progress: counter)
      #expect(counter.read == stored && counter.expected == stored)
      let named = report.tensors.filter { $0.descriptor.aliasOf != nil }
      #expect(named.count == 200 && named.allSatisfy { $0.statistics?.max == 11 })
      #expect(Set(named.map(\.sha256)).count == 1 && (named.first?.sha256 != nil) == hashes)
      // Names alone that are listed, without the tensor that they stand for.
      options.selection = TensorSelection(include: [Glob("a*")])
      #expect(try Ingot.inspect(path, options: options, progress: counter).tensors.count == 200)
      #expect(counter.read == stored + 12 * 4)
    }
  }

  @Test func `what many names stand for is looked at for NaN once, and each name is told`() throws {
    let folder = try TemporaryFolder()
    let names = (0..<200).map { "\"a\($0)\": \"e.weight\"" }.joined(separator: ", ")
    let path = try file(in: folder, "{\"format\": \"pt\", \(names)}")
    let stored = 12 * 4 + 2 * 4
    var bytes = try folder.bytes("m.safetensors")
    // The second number of e.weight, which stands first.
    bytes.replaceSubrange((bytes.count - stored + 4)..<(bytes.count - stored + 8), with: [0, 0, 0xC0, 0x7F])
    _ = try folder.write(bytes, to: "m.safetensors")
    let counter = Counter()
    let findings = try Ingot.validate(path, progress: counter).findings.filter { $0.kind == .nonFinite }
    #expect(counter.read == stored && counter.expected == stored)
    #expect(Set(findings.map(\.subject)).count == 201)
    #expect(Set(findings.map { "\($0.detail)" }).count == 1)
  }

  @Test func `names of one tensor are compared once, and each that differs is told`() throws {
    let folder = try TemporaryFolder()
    let names = (0..<50).map { "\"a\($0)\": \"e.weight\"" }.joined(separator: ", ")
    let path = try file(in: folder, "{\(names)}")
    try PythonPeer.run(
      code: """
        import sys
        data = bytearray(open(sys.argv[1], "rb").read())
        count = int.from_bytes(data[:8], "little")
        data[8 + count + 3] ^= 1
        open(sys.argv[2], "wb").write(data)
        """, [path, folder.file("other.safetensors")])
    #expect(try Ingot.diff(path, path).equalCount == 52)
    let report = try Ingot.diff(path, folder.file("other.safetensors"))
    #expect(report.equalCount == 1)
    #expect(Set(report.changed.map(\.name)) == Set((0..<50).map { "a\($0)" } + ["e.weight"]))
    #expect(report.changed.allSatisfy { $0.differingCount == 1 })
  }
}
