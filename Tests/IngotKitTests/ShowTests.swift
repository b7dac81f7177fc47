// SPDX-License-Identifier: Apache-2.0
// Values of parts of tensors against numpy's basic indexing, and their digits against what numpy and ml_dtypes read back.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ShowTests {
  /// All values of an excerpt in C order.
  private static func values(of excerpt: TensorExcerpt) throws -> [ElementValue] {
    let dimensions = excerpt.shape.dimensions
    guard excerpt.shape.elementCount > 0 else { return [] }
    let columns = dimensions.last ?? 1
    return try (0..<(excerpt.shape.elementCount / columns)).flatMap { row in
      var (place, rest) = ([Int](), row)
      for size in dimensions.dropLast().reversed() {
        place.insert(rest % size, at: 0)
        rest /= size
      }
      return try excerpt.values(at: place, columns: 0..<columns)
    }
  }

  private struct Answer: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  @Test(arguments: ["npz", "safetensors", "f"])
  func `a slice is numpy's, whatever the container and the order of elements`(_ kind: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file(kind == "safetensors" ? "m.safetensors" : "m.npz")
    let slices = [
      "", "[0]", "[-1]", "[1:3,:2]", "[::2]", "[::-1]", "[..., 0]", "[0, ..., -1]", "[2:0:-1, 1]",
      "[:, :, 1:]",
      "[5:]", "[-100:100]", "[1:1]", "[0,1,2]", "[...]", "[:,-2::-2,::3]", "[ 1 , 2: ]", "[::-7]", "[0,]",
    ]
    let code = """
      import json, sys, numpy as np
      array = np.random.default_rng(11).standard_normal((4, 5, 6)).astype(np.float32)
      path, kind = sys.argv[1:3]
      if kind == "safetensors":
          from safetensors.numpy import save_file
          save_file({"w": array}, path)
      else:
          np.savez(path, w=np.asfortranarray(array) if kind == "f" else array)
      answers = [eval("array" + s.strip()) for s in json.loads(sys.argv[3])]
      print(json.dumps([{"shape": list(a.shape), "values": a.astype(float).reshape(-1).tolist()} for a in answers]))
      """
    let list = String(decoding: try JSONEncoder().encode(slices), as: UTF8.self)
    let output = try PythonPeer.run(code: code, [path, kind, list]).outputBytes
    let answers = try JSONDecoder().decode([Answer].self, from: Data(output))
    let excerpts = try Ingot.show(slices.map { "w" + $0 }, of: path)
    #expect(excerpts.count == slices.count)
    for (excerpt, answer) in zip(excerpts, answers) {
      #expect(excerpt.shape.dimensions == answer.shape, "\(excerpt.slice)")
      #expect(
        try Self.values(of: excerpt) == answer.values.map { .real($0, .f32) }, "\(excerpt.slice)")
    }
  }

  @Test func `what is no index of the tensor is refused with its reason`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    try PythonPeer.run(
      code: "import sys, numpy; numpy.savez(sys.argv[1], w=numpy.zeros((2, 3)), v=numpy.zeros(2))", [path])
    for (selector, reason) in [
      ("w[2]", "index 2 is out of range of dimension 0, of 2"),
      ("w[0,-4]", "index -4 is out of range of dimension 1, of 3"),
      ("w[0,0,0]", "has 3 indexes, and the tensor 2 dimensions"), ("w[::0]", "is no index"),
      ("w[a]", "is no index"), ("w[]", "is no index"), ("w[...,...]", "more than one ..."),
      ("w[None]", "is no index"),
      ("x[0]", "matches no tensor"), ("W", "matches no tensor"),
    ] {
      let error = try #require(throws: IngotError.self) { try Ingot.show([selector], of: path) }
      guard case .invalidRequest = error else { throw error }
      #expect("\(error)".contains(reason), "\(selector): \(error)")
    }
    #expect(throws: IngotError.self) { try Ingot.show(of: path) }
  }

  @Test func `a name that looks like an index is a name first, and patterns take an index too`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors")
    _ = try Ingot.write(
      [
        Tensor("w[0]", shape: [2], values: [1, 2] as [Float]),
        Tensor("w", shape: [2], values: [3, 4] as [Float]),
        Tensor("h.0.b", shape: [2], values: [5, 6] as [Float]),
        Tensor("h.1.b", shape: [2], values: [7, 8] as [Float]),
      ], to: path)
    let excerpts = try Ingot.show(["w[0]", "w[1]", "h.*.b[-1]"], of: path)
    #expect(excerpts.map(\.name) == ["w[0]", "w", "h.0.b", "h.1.b"])
    #expect(excerpts.map(\.shape.rank) == [1, 0, 0, 0])
    #expect(try excerpts.map { try Self.values(of: $0).last } == [2, 4, 6, 8].map { .real($0, .f32) })
  }

  /// For each value its digits: as many as it takes to read it back, and no more.
  private static let digits = """
    import json, sys, numpy as np, ml_dtypes
    path, name = sys.argv[1:3]
    dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
    random = np.random.default_rng(5)
    bits = random.integers(0, 2 ** (8 * dtype.itemsize), 300, dtype=np.uint64).astype(f"u{dtype.itemsize}")
    values = np.concatenate([bits.view(dtype), np.array([0.1, 4.25, -0.0, 1, 1e-3, 96], dtype)])
    save(path, {"w": values}) if name != "float64" else np.savez(path, w=values)
    def shortest(value):
        if not np.isfinite(float(value)): return ""
        for count in range(1, 18):
            text = f"{float(value):.{count - 1}e}"
            if np.array(float(text), dtype) == value: return text.split("e")[0].replace(".", "").lstrip("-").rstrip("0")
    print(json.dumps([[shortest(v), "NaN" if np.isnan(float(v)) else repr(float(v))] for v in values]))
    """

  @Test(arguments: ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
  func `numbers have the fewest digits that read back as them`(_ dtype: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file(dtype == "float64" ? "m.npz" : "m.safetensors")
    let code = PythonPeer.safetensorsWriter + Self.digits
    let output = try PythonPeer.run(code: code, [path, dtype]).outputBytes
    let answers = try JSONDecoder().decode([[String]].self, from: Data(output))
    let excerpt = try #require(try Ingot.show(["w"], of: path).first)
    let values = try Self.values(of: excerpt)
    try #require(values.count == answers.count)
    for (value, answer) in zip(values, answers) {
      guard case .real(let number, _) = value else {
        Issue.record("\(value) is no real number")
        continue
      }
      #expect(number.isNaN ? answer[1] == "NaN" : number == Double(answer[1]))
      guard !answer[0].isEmpty else { continue }
      let text = value.description
      let mantissa = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
      let written = String(mantissa.reversed().drop { $0 == "0" }.reversed())
      #expect(written == answer[0].drop { $0 == "0" } || number == 0, "\(text) for \(answer)")
    }
  }

  @Test func `integers, truth values and complex numbers are shown exactly`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        np.savez(sys.argv[1], u=np.array([2**64 - 1, 0], np.uint64), i=np.array([-2**63, 5], np.int64),
                 b=np.array([True, False]), c=np.array([1.5 - 2j, 1j, complex("nan")], np.complex64))
        """, [path])
    func texts(_ name: String) throws -> [String] {
      try Ingot.show([name], of: path).flatMap { try Self.values(of: $0) }.map(\.description)
    }
    #expect(try texts("u") == ["18446744073709551615", "0"])
    #expect(try texts("i") == ["-9223372036854775808", "5"])
    #expect(try texts("b") == ["true", "false"])
    #expect(try texts("c") == ["1.5-2j", "0+1j", "NaN+0j"])
  }

  @Test func `of quantized tensors the numbers are shown, or what is stored`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.gguf")
    let output = try PythonPeer.run(
      code: """
        import sys, numpy, gguf
        values = numpy.random.default_rng(3).standard_normal((4, 64)).astype(numpy.float32)
        kind = gguf.GGMLQuantizationType.Q4_0
        blocks = gguf.quants.quantize(values, kind)
        writer = gguf.GGUFWriter(sys.argv[1], "gpt2")
        writer.add_tensor("w", blocks, raw_dtype=kind)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        print(*(repr(float(v)) for v in gguf.quants.dequantize(blocks, kind)[1:3, 30:34].reshape(-1)))
        print(*blocks[3, 16:22])
        """, [path]
    ).standardOutput
    let lines = output.split(separator: "\n")
    let expected = lines[0].split(separator: " ").compactMap { Double($0) }
    let excerpt = try #require(try Ingot.show(["w[1:3,30:34]"], of: path).first)
    #expect(excerpt.typeName == "Q4_0" && excerpt.dtype == .f32 && expected.count == 8)
    #expect(try Self.values(of: excerpt) == expected.map { .real($0, .f32) })
    let raw = try #require(try Ingot.show(["w[3,16:22]"], of: path, options: Self.raw).first)
    let bytes = lines[1].split(separator: " ").map(String.init)
    #expect(raw.typeName == "U8" && bytes.count == 6)
    #expect(try Self.values(of: raw).map(\.description) == bytes)
  }

  private static var raw: ShowOptions {
    var options = ShowOptions()
    options.reading.isRaw = true
    return options
  }

  @Test func `values and scales of a container that knows quantized tensors are shown by themselves`() throws
  {
    let folder = try TemporaryFolder()
    let path = folder.file("q.ingot")
    _ = try Ingot.quantize(Fixture.path("models/base"), to: path)
    _ = try Ingot.convert(path, to: folder.file("q.safetensors"))
    let name = "transformer.h.0.mlp.c_fc.weight"
    let output = try PythonPeer.run(
      code: """
        import sys
        from safetensors.numpy import load_file
        tensors = load_file(sys.argv[1])
        print(*tensors[sys.argv[2]][1, :6])
        print(*sorted(tensors))
        """, [folder.file("q.safetensors"), name]
    ).standardOutput.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let excerpts = try Ingot.show(["\(name)[1,:6]", "\(name)_scale[0]"], of: path, options: Self.raw)
    #expect(excerpts.map(\.typeName) == ["I8", "F32"])
    #expect(try excerpts.first.map { try Self.values(of: $0).map(\.description) } == output[0])
    var options = InspectOptions()
    options.reading.isRaw = true
    #expect(try Ingot.inspect(path, options: options).tensors.map(\.descriptor.name).sorted() == output[1])
  }

  @Test func `a checksum that does not hold is told before anything is shown`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        np.savez(sys.argv[1], w=np.arange(5000, dtype=np.float32))
        data = bytearray(open(sys.argv[1], "rb").read())
        data[15000] ^= 1
        open(sys.argv[1], "wb").write(data)
        """, [path])
    let excerpt = try #require(try Ingot.show(["w[:3]"], of: path).first)
    #expect(throws: IngotError.self) { try excerpt.open() }
    #expect(throws: IngotError.self) { try excerpt.values(at: [], columns: 0..<3) }
  }
}
