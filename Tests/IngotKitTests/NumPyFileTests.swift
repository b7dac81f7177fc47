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
}
