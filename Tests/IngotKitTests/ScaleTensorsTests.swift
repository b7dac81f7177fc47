// SPDX-License-Identifier: Apache-2.0
// Weights whose scales stand in tensors of their own, made by numpy and ml_dtypes, which also say what they stand for.
import IngotCore
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ScaleTensorsTests {
  /// Writes `in/` with a weight, or several, of a scheme, and `expected.npz` with what they stand for, in F32.
  private static let maker = """
    import os, sys
    scheme, folder = sys.argv[1:3]
    r = np.random.default_rng(5)
    F8, F8W, E8, BF = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e8m0fnu, ml_dtypes.bfloat16

    def f8(*shape, t=F8): return r.standard_normal(shape).astype(t)
    def i8(*shape): return r.integers(-127, 128, shape).astype(np.int8)
    def scales(*shape, t=np.float32): return np.abs(r.standard_normal(shape) * .01 + .02).astype(t)
    def wide(s, blocks, shape):
        for axis, size in enumerate(blocks): s = np.repeat(s, size, axis)
        return s[tuple(slice(n) for n in shape)]
    def times(q, s, z=None):
        q = q.astype(np.float32) - (0 if z is None else z.astype(np.float32))
        return q * s.astype(np.float32)

    tensors, expected, config = {}, {}, None
    def weight(name, q, suffix, s, real, **others):
        tensors[name], tensors[suffix] = q, s
        tensors.update(others)
        expected[name] = real

    plain = scales(7)
    tensors["norm.weight"] = expected["norm.weight"] = plain
    if scheme == "blocks by config":
        config = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [48, 96]}}
        q, s = f8(100, 200), scales(3, 3)
        weight("a.weight", q, "a.weight_scale_inv", s, times(q, wide(s, (48, 96), q.shape)))
    elif scheme == "blocks by shape":
        for name, shape, grid in (("a", (300, 130), (3, 2)), ("b", (256, 128), (2, 1)), ("c", (64, 128), (1, 1))):
            q, s = f8(*shape), scales(*grid)
            weight(f"{name}.weight", q, f"{name}.weight_scale_inv", s, times(q, wide(s, (128, 128), shape)))
    elif scheme == "powers of two":
        q, s = f8(96, 256), r.integers(118, 132, (3, 2)).astype(np.uint8).view(E8)
        weight("a.weight", q, "a.scale", s, times(q, wide(s, (32, 128), q.shape)))
    elif scheme == "one scale":
        q, s = f8(33, 20), scales()
        weight("a.weight", q, "a.weight_scale", s, times(q, s), **{"a.input_scale": scales(1)})
        q, s = f8(33, 20), scales(1, 1)
        weight("b.weight", q, "b.scale_weight", s, times(q, s))
    elif scheme == "rows":
        q, s = f8(32, 32, t=F8W), scales(32, 1, t=BF)
        weight("a.weight", q, "a.weight_scale", s, times(q, s))
        q, s = i8(32, 32), scales(32, t=np.float16)
        weight("b.w", q, "b.w.scales", s, times(q, s[:, None]))
    elif scheme == "columns":
        for name, shape in (("a", (20, 20)), ("b", (30, 20))):
            q, s = i8(*shape), scales(20)
            weight(name, q, name + "_scale", s, times(q, s))
        q, s = i8(20, 20), scales(1, 20)
        weight("c", q, "c/scale_inv", s, times(q, s))
    elif scheme == "zero points":
        q, s, z = i8(24, 16), scales(24, 1), i8(24, 1)
        weight("a.weight", q, "a.weight_scale", s, times(q, s, z), **{"a.weight_zero_point": z})
    elif scheme == "groups":
        q, s = i8(24, 128), scales(24, 4, t=BF)
        weight("a.weight", q, "a.weight_scale", s, times(q, np.repeat(s, 32, 1)))
        config = {"quantization_config": {"config_groups": {"0": {"weights": {"num_bits": 8, "group_size": 32},
            "input_activations": {"num_bits": 16}}}}}
    elif scheme == "bitsandbytes":
        q, s = i8(24, 16), scales(24)
        real = times(q, (s / np.float32(127))[:, None])
        weight("a.weight", q, "a.SCB", s, real, **{"a.weight_format": np.zeros((), np.uint8)})
    elif scheme == "experts":
        q, s = f8(4, 64, 96), scales(4, 2, 3)
        real = times(q, wide(s, (1, 32, 32), q.shape))
        weight("e.up_proj", q, "e.up_proj_scale_inv", s, real)
        q, s = f8(4, 64, 96), scales(4)
        weight("e.down_proj", q, "e.down_proj_scale", s, times(q, s[:, None, None]))
        tensors["e.up_proj_bias"] = expected["e.up_proj_bias"] = scales(4, 64)
    elif scheme == "large":
        q, s = i8(2100, 1100), scales(2100, 11)
        weight("a.weight", q, "a.weight_scale", s, times(q, np.repeat(s, 100, 1)))
    elif scheme == "mlx": tensors.update({"a.weight": np.zeros((8, 4), np.uint32), "a.scales": scales(8, 1), "a.biases": scales(8, 1)})
    elif scheme == "nf4": tensors.update({"a.weight": np.zeros((64, 1), np.uint8), "a.weight.absmax": scales(2)})
    elif scheme == "fp4 in bytes": tensors.update({"a.weight": i8(8, 16), "a.scale": np.full((8, 1), 120, np.uint8).view(E8)})
    elif scheme == "two scales": tensors.update({"a.weight": f8(8, 16), "a.weight_scale": scales(), "a.scale": scales()})
    elif scheme == "declared":
        config = {"quantization_config": {"quant_method": "fp8"}}
        tensors["a.weight"] = f8(8, 16)
    elif scheme == "two sizes fit": tensors.update({"a.weight": f8(96, 10), "a.weight_scale_inv": scales(2, 1)})
    elif scheme == "another order": tensors.update({"a.weight": i8(8, 16), "a.SCB": scales(8), "a.weight_format": np.ones((), np.uint8)})
    elif scheme == "other name": tensors.update({"a.weight": f8(8, 16), "a.weight_step": scales(8)})
    elif scheme == "torchao": tensors.update({"a.weight_qdata": i8(8, 16), "a.weight_scale": scales(8, 1)})
    elif scheme == "no fit": tensors.update({"a.weight": i8(8, 16), "a.weight_scale": scales(5)})
    elif scheme == "a square among two ways":
        for name, shape, count in (("a", (8, 8), 8), ("b", (16, 8), 16), ("c", (8, 16), 16)):
            tensors.update({name + ".weight": i8(*shape), name + ".weight_scale": scales(count)})
    elif scheme == "divisors": tensors.update({"a/kernel": i8(8, 16), "a/kernel_scale": scales(16)})
    elif scheme == "half bytes":
        config = {"quantization_config": {"quant_method": "torchao", "bits": 4}}
        tensors.update({"a.weight": i8(8, 16), "a.weight_scale": scales(8)})
    else: sys.exit(scheme)

    os.makedirs(folder + "/in")
    save(folder + "/in/model.safetensors", tensors)
    if config: json.dump(config | {"model_type": "lantern"}, open(folder + "/in/config.json", "w"))
    np.savez(folder + "/expected.npz", **expected)
    """

  /// Compares an npz with what is expected, bit for bit; of the expected what a dtype keeps of it.
  private static let judge = """
    import sys
    import numpy as np, ml_dtypes
    expected, got = np.load(sys.argv[1]), np.load(sys.argv[2])
    assert sorted(expected.files) == sorted(got.files), got.files
    for name in expected.files:
        want = expected[name].astype(sys.argv[3]).astype(np.float32)
        assert want.shape == got[name].shape and np.array_equal(want, got[name]), name
    """

  private static let known = [
    "blocks by config", "blocks by shape", "powers of two", "one scale", "rows", "columns", "zero points",
    "groups",
    "bitsandbytes", "experts", "large",
  ]

  private static func make(_ scheme: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: PythonPeer.safetensorsWriter + maker, [scheme, folder.path])
    return folder
  }

  @discardableResult
  private static func convert(
    _ input: String, to output: String, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    change(&options)
    return try Conversion(input, to: output, options: options).run()
  }

  @Test(arguments: known) func `--dtype multiplies by the scales, as numpy does`(_ scheme: String) throws {
    let folder = try Self.make(scheme)
    let input = folder.file("in")
    let report = try Self.convert(input, to: folder.file("out.npz")) { $0.dtype = .f32 }
    try PythonPeer.run(code: Self.judge, [folder.file("expected.npz"), folder.file("out.npz"), "float32"])
    #expect(report.losses.contains { $0.kind == .dequantized })
    try Self.convert(input, to: folder.file("half/")) { $0.dtype = .bf16 }
    #expect(try Ingot.inspect(folder.file("half")).tensors.allSatisfy { $0.descriptor.dtype == .bf16 })
    try Self.convert(folder.file("half"), to: folder.file("half.npz")) { $0.dtype = .f32 }
    try PythonPeer.run(code: Self.judge, [folder.file("expected.npz"), folder.file("half.npz"), "bfloat16"])
    if folder.entries().contains("in/config.json") {
      #expect(try !String(decoding: folder.bytes("half/config.json"), as: UTF8.self).contains("quantization"))
    }
  }

  @Test(arguments: ["a.ingot", "a.pt", "a/", "a.npz"], ["rows", "zero points", "bitsandbytes"])
  func `every container keeps values and scales together`(_ name: String, _ scheme: String) throws {
    let folder = try Self.make(scheme)
    try Self.convert(folder.file("in"), to: folder.file(name)) {
      $0.shardByteLimit = name.hasSuffix("/") ? 600 : nil
      $0.keepsUnknownBits = name.hasSuffix(".npz")
    }
    try Self.convert(folder.file(name), to: folder.file("out.npz")) { $0.dtype = .f32 }
    try PythonPeer.run(code: Self.judge, [folder.file("expected.npz"), folder.file("out.npz"), "float32"])
  }

  /// Keras divides by its scales (keras.quantizers.abs_max_quantize).
  @Test func `scales that values are divided by are not multiplied with`() throws {
    let folder = try Self.make("divisors")
    let run = try IngotProgram.run("convert", "in", "out.npz", "--dtype", "f32", in: folder.path)
    #expect(run.exitCode == 65 && run.standardError.contains("a/kernel_scale"), "\(run.standardError)")
    #expect(try Self.convert(folder.file("in"), to: folder.file("copy.npz")).tensorCount == 3)
  }

  @Test(
    arguments: [
      "mlx", "nf4", "fp4 in bytes", "two scales", "declared", "two sizes fit", "another order", "other name",
      "torchao", "no fit", "half bytes", "a square among two ways",
    ])
  func `what is not understood is refused by name, and copied as it is`(_ scheme: String) throws {
    let folder = try Self.make(scheme)
    let before = folder.entries()
    let run = try IngotProgram.run("convert", "in", "out/", "--dtype", "bf16", in: folder.path)
    #expect(run.exitCode == 65, "\(run.standardError)")
    #expect(run.standardError.contains("a."), "\(run.standardError)")
    #expect(folder.entries() == before)
    try Self.convert(folder.file("in"), to: folder.file("copy/"))
    #expect(try Ingot.hash(folder.file("copy")).model == Ingot.hash(folder.file("in")).model)
    // What is left out is not judged.
    let rest = try Self.convert(folder.file("in"), to: folder.file("rest/")) {
      $0.dtype = .bf16
      $0.selection = TensorSelection(include: [Glob("norm*")])
    }
    #expect(rest.tensorCount == 1)
  }

  @Test func `scales of values that stay are not rounded`() throws {
    let folder = try Self.make("blocks by shape")
    let report = try Self.convert(folder.file("in"), to: folder.file("out/")) { $0.dtype = .f8E4M3 }
    #expect(
      report.losses.filter { $0.kind == .kept }.map(\.tensor) == [
        "a.weight_scale_inv", "b.weight_scale_inv", "c.weight_scale_inv",
      ])
    var options = InspectOptions()
    options.reading.isRaw = true
    let raw = try Ingot.inspect(folder.file("out"), options: options).tensors
    let scales = raw.filter { $0.descriptor.name.hasSuffix("_inv") }
    #expect(scales.count == 3 && scales.allSatisfy { $0.descriptor.dtype == .f32 })
  }

  @Test func `values without their scales are said to be`() throws {
    let folder = try Self.make("rows")
    let report = try Self.convert(folder.file("in"), to: folder.file("out/")) {
      $0.selection = TensorSelection(exclude: [Glob("a.weight_scale"), Glob("b.w")])
    }
    #expect(report.losses.filter { $0.kind == .apart }.map(\.tensor) == ["a.weight", "b.w.scales"])
  }

  @Test func `weights that a new name parts from their scales are said to be`() throws {
    let folder = try Self.make("rows")
    let one = try TensorRename("b.w=c.w")
    let apart = try Self.convert(folder.file("in"), to: folder.file("a/")) { $0.renames = [one] }
    #expect(apart.losses.filter { $0.kind == .apart }.map(\.tensor) == ["c.w"])
    let all = try TensorRename("b.*=c.*")
    let together = try Self.convert(folder.file("in"), to: folder.file("b/")) { $0.renames = [all] }
    #expect(!together.losses.contains { $0.kind == .apart })
  }

  @Test func `a product beyond F32 is refused`() throws {
    let folder = try Self.make("rows")
    try PythonPeer.run(
      code: """
        import sys, json
        path = sys.argv[1] + "/in/model.safetensors"
        b = bytearray(open(path, "rb").read())
        n = int.from_bytes(b[:8], "little")
        at = 8 + n + json.loads(b[8:8 + n])["a.weight_scale"]["data_offsets"][0]
        b[at:at + 2] = (0x7f7f).to_bytes(2, "little")
        open(path, "wb").write(b)
        """, [folder.path])
    let before = folder.entries()
    let run = try IngotProgram.run("convert", "in", "out.npz", "--dtype", "f32", in: folder.path)
    #expect(run.exitCode == 65)
    #expect(run.standardError.contains("a.weight"))
    #expect(folder.entries() == before)
  }

  /// A search for words of companions, of each piece of each name, took a third of a millisecond for a name.
  @Test func `many names that belong to no weight are looked through in no time`() {
    let count = 60_000
    func tensor(_ name: String, _ dtype: DType, _ shape: Shape) -> TensorDescriptor {
      let range = StorageSegment(file: 0, offset: 0, byteCount: shape.elementCount * dtype.bitWidth / 8)
      return TensorDescriptor(name: name, dtype: dtype, shape: shape, storage: TensorStorage(range))
    }
    let others = (0..<count).map {
      tensor("model.layers.\($0 / 500).mlp.experts.\($0 % 500).w", .u8, [1])
    }
    let weight = [tensor("z.weight", .f8E4M3, [2, 4]), tensor("z.Scale", .f32, [])]
    let start = ContinuousClock.now
    let found = ScaleTensors(others + weight).weights
    #expect((ContinuousClock.now - start) / .seconds(1) < 8 * Patience.factor)
    #expect(found.map(\.values) == [count] && found.map(\.companions) == [[count + 1]])
  }

  @Test func `--dtype names integers that it does not reach, and no masks`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys
        import numpy as np
        np.savez(sys.argv[1], **{"a.weight": np.ones((2, 3), np.int8), "b.weight": np.ones((2, 3), np.uint8),
            "h.0.attn.bias": np.ones((1, 1, 4, 4), np.uint8), "ids": np.ones((1, 5), np.int64),
            "c": np.ones((2, 2), np.complex64), "d": np.ones(3, np.float32)})
        """, [folder.file("in.npz")])
    let report = try Self.convert(folder.file("in.npz"), to: folder.file("out.npz")) { $0.dtype = .f16 }
    #expect(report.losses.filter { $0.kind == .kept }.map(\.tensor) == ["a.weight", "b.weight", "c"])
  }
}
