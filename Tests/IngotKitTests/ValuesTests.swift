// SPDX-License-Identifier: Apache-2.0
// The numbers of tensors against NumPy, safetensors and gguf-py; tensors in memory written and read back by them.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ValuesTests {
  private static let numbers = """
    import sys, numpy, ml_dtypes
    def show(values): print(*(repr(float(value)) for value in numpy.asarray(values).reshape(-1)))
    """

  @Test(arguments: ["float16", "bfloat16", "float32", "float64"])
  func `floating-point elements are given as NumPy gives them`(_ dtype: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors")
    let answer = try PythonPeer.run(
      code: Self.numbers + """

        from safetensors.numpy import save_file
        random = numpy.random.default_rng(7)
        values = random.standard_normal((5, 3)).astype(getattr(ml_dtypes, sys.argv[2], None) or sys.argv[2])
        save_file({"w": values}, sys.argv[1])
        show(values)
        """, [path, dtype]
    ).standardOutput
    let expected = answer.split(separator: " ").compactMap { Double($0.trimmingCharacters(in: .newlines)) }
    let checkpoint = try Ingot.open(path)
    #expect(try checkpoint.values(of: "w", as: Double.self) == expected)
    #expect(try checkpoint.values(of: "w", as: Float.self) == expected.map(Float.init))
    #expect(try checkpoint.values(of: "w", as: Float16.self) == expected.map { Float16($0) })
    #expect(try checkpoint.values(of: "w", as: Double.self, rows: 1..<3) == Array(expected[3..<9]))
    #expect(try checkpoint.values(of: "w", as: Double.self, rows: 5..<5) == [])
    var rows: [[Double]] = []
    try checkpoint.forEachRow(of: "w", as: Double.self) { row, numbers in
      #expect(row == rows.count)
      rows.append(numbers)
    }
    #expect(rows == (0..<5).map { Array(expected[($0 * 3)..<($0 * 3 + 3)]) })
  }

  @Test func `rows that a tile cuts are whole`() throws {
    let checkpoint = try Ingot.open(Fixture.path("kjv-gpt2/model.safetensors"))
    let name = "transformer.wte.weight"
    let tensor = try #require(checkpoint.tensors.first { $0.name == name })
    #expect(tensor.byteCount > 1 << 19)
    let whole = try checkpoint.values(of: name, as: Float.self)
    #expect(whole.count == tensor.shape.elementCount)
    var rows: [Float] = []
    try checkpoint.forEachRow(of: name, as: Float.self) { row, numbers in
      #expect(numbers.count == tensor.shape.rowElementCount)
      rows += numbers
    }
    #expect(rows == whole)
    let width = tensor.shape.rowElementCount
    #expect(try checkpoint.values(of: name, rows: 700..<702) == Array(whole[(700 * width)..<(702 * width)]))
  }

  @Test func `blocks and int8 with scales are what they stand for`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.gguf")
    let expected = try PythonPeer.run(
      code: Self.numbers + """

        import gguf
        values = numpy.random.default_rng(3).standard_normal((4, 64)).astype(numpy.float32)
        kind = gguf.GGMLQuantizationType.Q8_0
        blocks = gguf.quants.quantize(values, kind)
        writer = gguf.GGUFWriter(sys.argv[1], "gpt2")
        writer.add_tensor("w", blocks, raw_dtype=kind)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        show(gguf.quants.dequantize(blocks, kind))
        """, [path]
    ).standardOutput.split(whereSeparator: \.isWhitespace).compactMap { Float($0) }
    #expect(expected.count == 256)
    #expect(try Ingot.open(path).values(of: "w", as: Float.self) == expected)

    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: folder.file("int8.ingot"))
    let name = "transformer.h.0.mlp.c_fc.weight"
    let exact = try Ingot.open(Fixture.path("kjv-gpt2")).values(of: name, as: Double.self)
    let quantized = try Ingot.open(folder.file("int8.ingot")).values(of: name, as: Double.self)
    let largest = exact.map(abs).max() ?? 0
    #expect(quantized != exact)
    #expect(zip(exact, quantized).allSatisfy { abs($0 - $1) <= largest / 254 * 1.0001 })
  }

  @Test func `integers are given as any type that holds each`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.npz")
    try PythonPeer.run(
      code: """
        import sys, numpy
        numpy.savez(sys.argv[1], small=numpy.arange(-3, 5), large=numpy.array([2**63 + 1], numpy.uint64),
                    flags=numpy.array([True, False]), real=numpy.array([1.0]), pair=numpy.array([1j]))
        """, [path])
    let checkpoint = try Ingot.open(path)
    #expect(try checkpoint.values(of: "small", as: Int64.self) == Array(-3..<5))
    #expect(try checkpoint.values(of: "small", as: Int8.self) == Array(-3..<5))
    #expect(try checkpoint.values(of: "small") == Array(-3..<5))
    #expect(try checkpoint.values(of: "small", as: Double.self) == (-3..<5).map(Double.init))
    #expect(try checkpoint.values(of: "flags", as: UInt8.self) == [1, 0])
    #expect(try checkpoint.values(of: "large", as: UInt64.self) == [1 << 63 + 1])
    for refused in [
      { try checkpoint.values(of: "small", as: UInt8.self).count },
      { try checkpoint.values(of: "large", as: Int64.self).count },
      { try checkpoint.values(of: "large", as: Double.self).count },
      { try checkpoint.values(of: "real", as: Int32.self).count },
      { try checkpoint.values(of: "pair", as: Double.self).count },
    ] {
      let error = #expect(throws: IngotError.self) { try refused() }
      guard case .unrepresentable = error else { throw try #require(error) }
    }
    let error = #expect(throws: IngotError.self) { try checkpoint.values(of: "smal", as: Float.self) }
    #expect("\(try #require(error))".contains(#"has no tensor "smal"; it has "small""#))
    #expect(throws: IngotError.self) { try checkpoint.values(of: "small", as: Int8.self, rows: 7..<9) }
  }

  @Test func `numbers beyond a type's range are refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors")
    _ = try Ingot.write([Tensor("w", shape: [2], values: [1.0, 1e300])], to: path)
    let checkpoint = try Ingot.open(path)
    #expect(try checkpoint.values(of: "w", as: Double.self) == [1, 1e300])
    let error = #expect(throws: IngotError.self) { try checkpoint.values(of: "w", as: Float.self) }
    guard case .unrepresentable(tensor: "w", _, _, _) = error else { throw try #require(error) }
  }

  // MARK: - Writing

  @Test(arguments: ["m.safetensors", "m.npz", "m.gguf", "m.pt"])
  func `tensors in memory are what the format's own library reads`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file(name)
    let tensors = try [
      Tensor("weight", shape: [2, 3], values: [1, -2, 3.5, .infinity, 5, 6] as [Float]),
      Tensor("ids", shape: [3], values: [1, -2, 1 << 40]),
    ]
    let report = try Ingot.write(tensors, to: path)
    #expect(report.losses.isEmpty)
    let checkpoint = try Ingot.open(path)
    #expect(checkpoint.format == report.format)
    #expect(try checkpoint.values(of: "weight", as: Float.self) == [1, -2, 3.5, .infinity, 5, 6])
    #expect(try checkpoint.values(of: "ids", as: Int64.self) == [1, -2, 1 << 40])
    guard name != "m.pt" else { return }
    let read = try PythonPeer.run(
      code: """
        import sys, numpy
        path = sys.argv[1]
        if path.endswith("gguf"):
            import gguf
            arrays = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
        elif path.endswith("npz"): arrays = numpy.load(path)
        else:
            from safetensors.numpy import load_file
            arrays = load_file(path)
        print(arrays["weight"].dtype, arrays["weight"].tolist(), arrays["ids"].dtype, arrays["ids"].tolist())
        """, [path])
    #expect(
      read.standardOutput
        == "float32 [[1.0, -2.0, 3.5], [inf, 5.0, 6.0]] int64 [1, -2, 1099511627776]\n")
  }

  @Test func `what a tensor or a format can't hold is refused, and nothing is left`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: IngotError.self) { try Tensor("w", shape: [2, 2], values: [1, 2, 3] as [Float]) }
    #expect(throws: IngotError.self) { try Tensor("w", .bf16, shape: [2], bytes: [1, 2, 3]) }
    #expect(throws: IngotError.self) { try Tensor("w", .f32, shape: [-1], bytes: []) }
    #expect(throws: IngotError.self) { try Tensor("w", .f32, shape: [.max, .max], bytes: []) }
    let twice = try Tensor("w", shape: [1], values: [1] as [Float])
    #expect(throws: IngotError.self) { try Ingot.write([twice, twice], to: folder.file("m.safetensors")) }
    let complex = try Tensor("c", .c128, shape: [1], bytes: [UInt8](repeating: 0, count: 16))
    #expect(throws: IngotError.self) { try Ingot.write([complex], to: folder.file("m.gguf")) }
    #expect(folder.entries() == [])
  }

  @Test func `metadata and shards are written`() throws {
    let folder = try TemporaryFolder()
    var options = WriteOptions()
    options.metadata["author"] = .string("a person")
    options.shardByteLimit = 1000
    let tensors = try (0..<4).map { index in
      try Tensor("w\(index)", shape: [200], values: [Float](repeating: Float(index), count: 200))
    }
    _ = try Ingot.write(tensors, to: folder.file("out/"), options: options)
    let checkpoint = try Ingot.open(folder.file("out"))
    #expect(checkpoint.files.count == 4)
    #expect(try checkpoint.values(of: "w3", as: Float.self) == [Float](repeating: 3, count: 200))
    #expect(throws: IngotError.self) { try Ingot.write(tensors, to: folder.file("out/")) }
    options.force = true
    _ = try Ingot.write(tensors, to: folder.file("out/"), options: options)
  }
}
