// SPDX-License-Identifier: Apache-2.0
// Whole models whose weights have their scales in tensors of their own, made by numpy and ml_dtypes beside the numbers that
// they stand for: run as those numbers, never quantized as if they were weights, and refused where a part is missing.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ScaledModelTests {
  /// Writes a folder for each scheme, and one with the numbers that its weights stand for.
  private static let maker = """
    import os, sys
    from safetensors.numpy import load_file
    source, folder = sys.argv[1:3]

    def write(name, tensors, config):
        os.makedirs(f"{folder}/{name}")
        save(f"{folder}/{name}/model.safetensors", tensors)
        json.dump(config, open(f"{folder}/{name}/config.json", "w"))

    def blocks(w):
        rows, columns = (-(-size // 8) for size in w.shape)
        padded = np.zeros((rows * 8, columns * 8), np.float32)
        padded[:w.shape[0], :w.shape[1]] = w
        s = (np.abs(padded.reshape(rows, 8, columns, 8)).max((1, 3)) / np.float32(448)).astype(np.float32)
        wide = s.repeat(8, 0).repeat(8, 1)[:w.shape[0], :w.shape[1]]
        q = (w / wide).astype(ml_dtypes.float8_e4m3fn)
        return {"weight": q, "weight_scale_inv": s}, q.astype(np.float32) * wide

    def rows(w, bound):
        top = np.abs(w).max(1, keepdims=True).astype(np.float32)
        return np.clip(np.rint(w / top * 127), -127, 127).astype(np.int8), (top / bound).astype(np.float32)

    def quanto(w):
        q, s = rows(w, np.float32(127))
        return {"weight._data": q, "weight._scale": s}, q.astype(np.float32) * s

    def bitsandbytes(w):
        q, s = rows(w, np.float32(1))
        return {"weight": q, "SCB": s[:, 0], "weight_format": np.zeros((), np.uint8)}, q * (s / np.float32(127))

    declared = {"fp8": {"quant_method": "fp8", "weight_block_size": [8, 8]}, "quanto": {"quant_method": "quanto"},
                "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_8bit": True}}
    plain = {key: value.astype(np.float32) for key, value in load_file(f"{source}/model.safetensors").items()}
    config = json.load(open(f"{source}/config.json"))
    for name, scheme in (("fp8", blocks), ("quanto", quanto), ("bitsandbytes", bitsandbytes)):
        stored, numbers = {}, {}
        for key, w in plain.items():
            if not key.endswith("proj.weight"):
                stored[key] = numbers[key] = w
                continue
            parts, numbers[key] = scheme(w)
            stored |= {key.removesuffix("weight") + part: value for part, value in parts.items()}
        write(name, stored, config | {"quantization_config": declared[name]})
        write(f"{name}-numbers", numbers, config)
    """

  private static let schemes = ["fp8", "quanto", "bitsandbytes"]
  private static let source = Fixture.path("llama/biases-heads-of-12")

  private static func made() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let run = try PythonPeer.run(code: PythonPeer.safetensorsWriter + maker, [source, folder.path])
    #expect(run.exitCode == 0, "\(run.standardError)")
    return folder
  }

  @Test(arguments: schemes)
  func `a model is run as the numbers that its weights stand for`(_ scheme: String) throws {
    let folder = try Self.made()
    #expect(try Ingot.validate(folder.file(scheme)).isValid)
    var options = VerifyOptions()
    options.against = folder.file(scheme + "-numbers")
    options.tokens = "1,5,9,30,2"
    options.run.precision = .reference
    // A scale that is divided by 127 is rounded in another place.
    options.tolerance = 1e-6
    #expect(try Ingot.verify(folder.file(scheme), options: options).passed)
    #expect(
      try DialectTests.digests(folder.file(scheme), as: "hf")
        == DialectTests.digests(folder.file(scheme + "-numbers"), as: "hf"))
  }

  @Test(arguments: schemes, [QuantizationScheme.int8, .int8Tensor, .q80])
  func `codes are not quantized as if they were weights`(
    _ scheme: String, _ target: QuantizationScheme
  ) throws {
    let folder = try Self.made()
    var options = QuantizeOptions()
    options.scheme = target
    let before = folder.entries()
    let error = #expect(throws: IngotError.self) {
      try Ingot.quantize(folder.file(scheme), to: folder.file("q.ingot"), options: options)
    }
    #expect("\(String(describing: error))".contains("scales in tensors of their own"))
    #expect(folder.entries() == before)
  }

  /// A copy of a quantized folder without a tensor whose name has an end.
  private static func without(_ end: String, _ name: String, in folder: TemporaryFolder) throws -> String {
    var options = ConvertOptions()
    options.selection.exclude = [Glob("*" + end)]
    _ = try Ingot.convert(Fixture.path("quantized/\(name)"), to: folder.file("part/"), options: options)
    return folder.file("part")
  }

  @Test(arguments: [
    ("ct-float8", "a.weight", "PW-02"), ("ct-int8", "a.weight", "PW-02"), ("gptq-order", ".g_idx", "PW-01"),
  ])
  func `a weight or an order that is missing is refused by its rule`(
    _ name: String, _ end: String, _ rule: String
  ) throws {
    let folder = try TemporaryFolder()
    let part = try Self.without(end, name, in: folder)
    var options = ConvertOptions()
    options.dtype = .f32
    let error = #expect(throws: IngotError.self) {
      try Ingot.convert(part, to: folder.file("out/"), options: options)
    }
    guard case .malformed(let broken, _, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(broken)".contains(rule))
  }
}
