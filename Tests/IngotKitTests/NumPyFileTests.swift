// SPDX-License-Identifier: Apache-2.0
// Arrays and archives of arrays against NumPy itself: what it reads and what it refuses.
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct NumPyFileTests {
  /// Headers by name, each put before 1,024 elements, and in which versions NumPy reads them.
  private static let headers = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024L,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (01024,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024, 01), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 00), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1024), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024,), }" + String(repeating: " ", count: 9_940),
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024,), }" + String(repeating: " ", count: 9_941),
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1024,), }" + String(repeating: " ", count: 30_000),
  ]

  @Test(arguments: headers.indices, [1, 2, 3])
  func `a header is read where NumPy reads it`(_ index: Int, _ version: Int) throws {
    let folder = try TemporaryFolder()
    let header = Array(Self.headers[index].utf8)
    let length = version == 1 ? 2 : 4
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [UInt8(version), 0]
    for place in 0..<length { bytes.append(UInt8(header.count >> (8 * place) & 0xFF)) }
    let isEmpty = Self.headers[index].contains("(0, 00)")
    bytes += header + [UInt8](repeating: 0, count: isEmpty ? 0 : 4096)
    let path = try folder.write(bytes, to: "a.npy")
    let answer = try PythonPeer.run(
      code: """
        import sys, numpy
        try: print(numpy.load(sys.argv[1]).shape)
        except ValueError: print("refused")
        """, [path])
    let isRead = (try? CheckpointOpener().open(path)) != nil
    #expect(isRead == !answer.standardOutput.hasPrefix("refused"))
  }

  @Test func `types of ml_dtypes that the file does not name are raw bytes to be named`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy, ml_dtypes
        for name in ("float8_e5m2", "float8_e4m3fn", "bfloat16"):
            numpy.save(f"{sys.argv[1]}/{name}.npy", numpy.arange(3).astype(getattr(ml_dtypes, name)))
        """, [folder.path])
    for (name, dtype) in [("float8_e5m2", DType.f8E5M2), ("float8_e4m3fn", .f8E4M3), ("bfloat16", .bf16)] {
      let path = folder.file(name + ".npy")
      let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(path) }
      guard case .unsupported(let what, _)? = error else {
        return #expect(Bool(false), "\(String(describing: error))")
      }
      // The hint names the type, in the option's spelling.
      #expect(what.pieces.contains(.remedy(.nameDType(dtype))))
      let words = Remedy.nameDType(dtype).evidence.pieces
      #expect(words.contains(.option(.rawDTypes, "'GLOB=\(dtype.rawValue)'")))
      let options = ReadOptions(rawDTypes: [(Glob("*"), dtype)])
      #expect(try CheckpointOpener(options: options).open(path).tensors.map(\.dtype) == [dtype])
    }
  }

  @Test(arguments: [0, 8])
  func `members are arrays by their bytes, as NumPy has it`(_ method: Int) throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: """
        import io, sys, zipfile, numpy
        def npy(array):
            stream = io.BytesIO()
            numpy.save(stream, array)
            return stream.getvalue()
        with zipfile.ZipFile(sys.argv[1], "w", int(sys.argv[2])) as z:
            z.writestr("w", npy(numpy.arange(3, dtype=numpy.float32)))
            z.writestr("b.npy", npy(numpy.ones(2, numpy.float32)))
            z.writestr("d/x.txt", npy(numpy.ones((2, 2), numpy.int8)))
            z.writestr("v.bin", npy(numpy.ones(4, numpy.int16)))
            z.writestr("e/u.safetensors", npy(numpy.ones(5, numpy.int8)))
            z.writestr("note", b"\\x93NUMP")
            z.writestr("readme.txt", b"no array")
            if sys.argv[2] == "0":
                z.writestr("c.bin", npy(numpy.ones(1, numpy.int8)))
        with numpy.load(sys.argv[1]) as z:
            print(sorted((name, v.shape) for name in z.files if isinstance(v := z[name], numpy.ndarray)))
        """, [folder.file("x.npz"), "\(method)"])
    let checkpoint = try CheckpointOpener().open(folder.file("x.npz"))
    let found = checkpoint.tensors.map { tensor in
      let sizes = tensor.shape.dimensions
      return
        "('\(tensor.name)', (\(sizes.map(String.init).joined(separator: ", "))\(sizes.count == 1 ? "," : "")))"
    }
    #expect("[" + found.sorted().joined(separator: ", ") + "]\n" == answer.standardOutput)
    #expect(checkpoint.findings.map(\.subject) == ["note", "readme.txt"])
    #expect(try Ingot.hash(folder.file("x.npz")).tensors.count == (method == 0 ? 6 : 5))
  }

  /// With its name, a member's header is longer than the name may be.
  @Test(arguments: [65_400, 65_500, 65_525, 65_531])
  func `a name as long as a member's may be is one that NumPy reads`(byteCount: Int) throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        save_file({"n" * int(sys.argv[2]): np.arange(5, dtype=np.float32), "b": np.arange(3, dtype=np.float32)}, sys.argv[1])
        """, [folder.file("in.safetensors"), "\(byteCount)"])
    for compresses in [false, true] {
      var options = ConvertOptions()
      options.check = true
      options.force = true
      options.compresses = compresses
      _ = try Conversion(folder.file("in.safetensors"), to: folder.file("out.npz"), options: options).run()
      try PythonPeer.run(
        code: """
          import sys, numpy as np
          with np.load(sys.argv[1]) as arrays:
              assert arrays["n" * int(sys.argv[2])].tolist() == [0, 1, 2, 3, 4]
              assert arrays["b"].tolist() == [0, 1, 2]
          """, [folder.file("out.npz"), "\(byteCount)"])
    }
  }

  /// Arrays that are no numbers, by numpy's own writers, beside one of numbers.
  private static let makeTexts = """
    import sys, numpy as np
    texts = {
        "words": np.array(["alpha", "b", ""]), "bytes": np.array([[b"xy", b"z"]]), "one": np.array("word"),
        "none": np.array([], dtype="U7"), "big": np.array(["ab", "c"], dtype=">U3"), "empty": np.array(["", ""], dtype="S0"),
        "columns": np.asfortranarray(np.array([["a", "b"], ["c", "d"]])),
        "days": np.array(["2020-01-01"], dtype="M8[D]"), "steps": np.array([1, 2], dtype="m8[25ms]"),
    }
    for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        save(f"{sys.argv[1]}/{name}.npz", w=np.arange(6, dtype=np.float32).reshape(2, 3), **texts)
    np.savez(f"{sys.argv[1]}/only.npz", **texts)
    for name, array in texts.items():
        np.save(f"{sys.argv[1]}/{name}.npy", array)
        print(name, array.dtype.str, *array.shape, sep="\\t")
    """

  @Test(arguments: ["stored", "deflated"])
  func `arrays of text and times are left out by name, and the rest is read`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(code: Self.makeTexts, [folder.path])
    let texts = answer.standardOutput.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(texts.count == 9)
    let path = folder.file(name + ".npz")
    let checkpoint = try CheckpointOpener().open(path)
    #expect(checkpoint.tensors.map(\.name) == ["w"])
    #expect(checkpoint.findings.map(\.subject) == texts.map { $0[0] })
    for (finding, text) in zip(checkpoint.findings, texts) {
      #expect(finding.kind == .leftOut && finding.severity == .note)
      #expect(finding.detail.pieces.contains(.value(text[1])), "\(finding.detail)")
      let shape = text.count == 2 ? "a scalar" : text[2...].joined(separator: " × ")
      #expect(finding.detail.pieces.contains(.words(shape)), "\(finding.detail)")
    }
    // Elements of one tensor in three files.
    #expect(try Ingot.hash(path).tensors.count == 1)
    let report = try Conversion(path, to: folder.file(name + ".safetensors"), options: ConvertOptions()).run()
    #expect(report.losses.map(\.kind) == texts.map { _ in .metadata })
    #expect(!report.findings.contains { $0.kind == .leftOut })
    // What is not asked for is not said twice.
    var options = ConvertOptions()
    options.selection.exclude = [Glob("words")]
    let without = try Conversion(path, to: folder.file("without.npz"), options: options).run()
    #expect(without.losses.filter { $0.kind == .dropped }.map(\.tensor) == ["words"])
    #expect(without.losses.count { $0.kind == .metadata } == texts.count - 1)
    #expect(try CheckpointOpener().open(folder.file("only.npz")).tensors.isEmpty)
    for text in texts {
      #expect {
        _ = try CheckpointOpener().open(folder.file(text[0] + ".npy"))
      } throws: { error in
        if case IngotError.unsupported = error { true } else { false }
      }
    }
  }

  @Test func `an archive of which no tensor is left is refused, also where text stands in it`() throws {
    let folder = try TemporaryFolder()
    _ = try PythonPeer.run(code: Self.makeTexts, [folder.path])
    _ = try PythonPeer.run(code: "import sys, numpy as np; np.savez(sys.argv[1])", [folder.file("none.npz")])
    var options = ConvertOptions()
    options.selection.exclude = [Glob("*")]
    #expect(throws: IngotError.invalidRequest(option: .exclude, why: "no tensor is left")) {
      _ = try Conversion(folder.file("stored.npz"), to: folder.file("out.safetensors"), options: options)
    }
    let (path, output) = (folder.file("only.npz"), folder.file("out.safetensors"))
    for work: () throws -> Void in [
      { _ = try Ingot.hash(path) }, { _ = try Ingot.diff(path, path) },
      { _ = try Conversion(path, to: output, options: ConvertOptions()) },
    ] {
      let error = #expect(throws: IngotError.self) { try work() }
      guard case .unsuitable(_, let why, let hint)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(why == "holds no tensor")
      #expect(hint?.pieces.contains(.value("words")) == true)
    }
    // An archive of nothing is a checkpoint of nothing.
    #expect(try Ingot.hash(folder.file("none.npz")).tensors.isEmpty)
  }

  @Test(arguments: ["lat\\xe9n", "lat*"])
  func `an array whose name is no text is left out by what is shown of it`(_ pattern: String) throws {
    let folder = try TemporaryFolder()
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        np.savez(sys.argv[1], latin=np.ones(3, np.float32), w=np.zeros(2, np.float32))
        data = open(sys.argv[1], "rb").read()
        assert data.count(b"latin.npy") == 2
        open(sys.argv[1], "wb").write(data.replace(b"latin.npy", b"lat\\xe9n.npy"))
        """, [folder.file("a.npz")])
    var options = ConvertOptions()
    #expect(throws: IngotError.self) {
      _ = try Conversion(folder.file("a.npz"), to: folder.file("b.npz"), options: options)
    }
    options.selection.exclude = [Glob(pattern)]
    #expect(
      try Ingot.convert(folder.file("a.npz"), to: folder.file("b.npz"), options: options).tensorCount == 1)
    options.selection = TensorSelection(include: [Glob("w")])
    #expect(
      try Ingot.convert(folder.file("a.npz"), to: folder.file("c.npz"), options: options).tensorCount == 1)
  }

  @Test func `a pattern for an array of text is told that it holds text`() throws {
    let folder = try TemporaryFolder()
    _ = try PythonPeer.run(code: Self.makeTexts, [folder.path])
    var options = ConvertOptions()
    options.selection.include = [Glob("words")]
    let error = #expect(throws: IngotError.self) {
      _ = try Conversion(
        folder.file("stored.npz"), to: folder.file("out.safetensors"), options: options)
    }
    guard case .invalidRequest(.include, let why)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(why.pieces.contains(.value("<U5")), "\(why)")
  }

  @Test func `text of another length than its header says is refused, and so are objects`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import io, sys, zipfile, numpy as np
        def npy(array):
            stream = io.BytesIO()
            np.save(stream, array)
            return stream.getvalue()
        text = npy(np.array(["alpha", "b"]))
        members = {"short": text[:-1], "long": text + b"x", "huge": text.replace(b"<U5", b"<U2147483647"),
                   "no-count": text.replace(b"<U5", b"<Ux"), "beyond": text.replace(b"<U5", b"<U9223372036854775807"),
                   "objects": npy(np.array([{}], dtype=object)), "pairs": npy(np.zeros(2, "f4,i4"))}
        for name, member in members.items():
            with zipfile.ZipFile(f"{sys.argv[1]}/{name}.npz", "w") as archive:
                archive.writestr("w.npy", npy(np.ones(3, np.float32)))
                archive.writestr("t.npy", member)
        """, [folder.path])
    for (name, rule) in [
      ("short", "NP-09"), ("long", "NP-10"), ("huge", "NP-09"), ("no-count", nil), ("beyond", nil),
      ("objects", nil), ("pairs", nil),
    ] {
      let error = #expect(throws: IngotError.self) {
        _ = try CheckpointOpener().open(folder.file(name + ".npz"))
      }
      switch error {
      case .malformed(let found, _, _, _)?:
        #expect(found.id == rule, "\(name): \(found.id)")
      case .unsupported?: #expect(rule == nil, "\(name)")
      default: #expect(Bool(false), "\(name): \(String(describing: error))")
      }
    }
  }
}
