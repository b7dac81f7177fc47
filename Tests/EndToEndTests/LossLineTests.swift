// SPDX-License-Identifier: Apache-2.0
// What an output does otherwise than its source is said: names that are lost, keys that are added, files that are larger
// than asked for, and what a config says of the dtype.
import IngotTestSupport
import Testing

@Suite struct LossLineTests {
  private func convert(_ arguments: String..., in folder: TemporaryFolder) throws -> String {
    var process = try IngotProgram.process(["convert"] + arguments + ["--json"])
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    return result.standardOutput
  }

  /// A file of two tensors, one of them large.
  private func source(in folder: TemporaryFolder) throws {
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        save_file({"large": np.zeros((100, 100), "f4"), "small": np.ones(3, "f4")}, sys.argv[1])
        """, [folder.file("s.safetensors")])
  }

  @Test func `the name of an array that its file does not have is named`() throws {
    let folder = try TemporaryFolder()
    try source(in: folder)
    for output in ["o.npy", "small.npy"] {
      let report = try convert("s.safetensors", output, "--include", "large", in: folder)
      #expect(report.contains("\"kind\": \"name\"") && report.contains("\"tensor\": \"large\""), "\(output)")
    }
    #expect(
      !(try convert("s.safetensors", "large.npy", "--include", "large", in: folder)).contains("\"name\""))
    #expect(!(try convert("large.npy", "o.npz", in: folder)).contains("\"kind\": \"name\""))
  }

  @Test(arguments: ["safetensors", "pytorch", "tensorflow", "gguf"])
  func `a tensor that is larger than a file is to be is named`(format: String) throws {
    let folder = try TemporaryFolder()
    try source(in: folder)
    let report = try convert("s.safetensors", "out/", "--to", format, "--shard-size", "1kB", in: folder)
    #expect(report.contains("\"kind\": \"larger\"") && report.contains("alone is 40000 bytes"))
    #expect(
      !(try convert("s.safetensors", "whole/", "--to", format, "--shard-size", "40kB", in: folder)).contains(
        "larger"))
  }

  @Test func `a GGUF file is copied without a key more, and one that is added is named`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np, gguf
        writer = gguf.GGUFWriter(sys.argv[1], "x")
        blocks = gguf.quants.quantize(np.ones((2, 64), "f4"), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor("w", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        """, [folder.file("q.gguf")])
    #expect(try convert("q.gguf", "copy.gguf", in: folder).contains("\"losses\": []"))
    _ = try convert("q.gguf", "q.ingot", in: folder)
    let report = try convert("q.ingot", "back.gguf", in: folder)
    #expect(report.contains("\"kind\": \"added\"") && report.contains("general.quantization_version"))
    try PythonPeer.run(
      code: """
        import os, sys
        from gguf import GGUFReader
        def keys(name):
            return {key for key in GGUFReader(os.path.join(sys.argv[1], name)).fields if not key.startswith("GGUF.")}
        assert keys("copy.gguf") == keys("q.gguf"), keys("copy.gguf")
        assert keys("back.gguf") == keys("q.gguf") | {"general.quantization_version"}, keys("back.gguf")
        """, [folder.path])
  }

  // MARK: - What a config says of the dtype

  private static let config = """
    {"model_type":"unheard-of",  "torch_dtype": "float32",
     "dtype" : "torch.float32", "note": "dtype: float32",
     "text_config": {"dtype": "float32", "layers": [{"torch_dtype": "half"}]},
     "vision_config": {"torch_dtype": "bfloat16", "x": 1e-05},
     "audio_config": {"dtype": {"": "float32", "text": "float32"}, "name": {"text": "float32"}},
     "params_dtype": "fp32", "other": {"dtype": "auto", "torch_dtype": null},
     "quantization_config": {"dtype": "float32"}}

    """

  @Test(arguments: [("bf16", "bfloat16"), ("f16", "float16"), ("f64", "float64"), ("f8_e5m2", "float8_e5m2")])
  func `each key that states the dtype follows it, and no other byte changes`(dtype: String, name: String)
    throws
  {
    let folder = try TemporaryFolder()
    try source(in: folder)
    try folder.copy(folder.file("s.safetensors"), as: "m.safetensors")
    try folder.write(Self.config, to: "in/config.json")
    try folder.copy(folder.file("s.safetensors"), as: "in/model.safetensors")
    let report = try convert("in", "out/", "--dtype", dtype, in: folder)
    _ = try convert("in", "o.ingot", "--dtype", dtype, in: folder)
    _ = try convert("o.ingot", "back/", in: folder)
    _ = try convert("in", "same/", "--dtype", "f32", in: folder)
    #expect(try folder.bytes("same/config.json") == Array(Self.config.utf8))
    try PythonPeer.run(
      code: """
        import json, re, sys
        folder, name, losses = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])["losses"]
        old = open(folder + "/in/config.json").read()
        short = {"bfloat16": "bf16", "float16": "fp16", "float64": "fp64", "float8_e5m2": "fp8_e5m2"}[name]
        start, rest = old.split('"quantization_config"')
        known = "float32|bfloat16" if name == "float16" else "float32|bfloat16|half"
        start = re.sub(r'(dtype" ?: "(?:torch\\.)?)(' + known + r')"', r'\\g<1>' + name + '"', start)
        start = start.replace('{"": "float32", "text": "float32"}', f'{{"": "{name}", "text": "{name}"}}')
        expected = start.replace('"fp32"', f'"{short}"') + '"quantization_config"' + rest
        for place in ("out", "back"):
            assert open(f"{folder}/{place}/config.json").read() == expected, place
        said = [x["detail"] for x in losses if x["kind"] == "changed"]
        keys = ["torch_dtype", "dtype", "text_config.dtype", "text_config.layers[0].torch_dtype",
                "vision_config.torch_dtype", "audio_config.dtype", "audio_config.dtype.text", "params_dtype"]
        already = {"bfloat16": 4, "float16": 3}.get(name)
        wanted = [key for at, key in enumerate(keys) if at != already]
        assert len(said) == len(wanted) and all(f": {k} " in d.replace('"', "") for k, d in zip(wanted, said)), said
        """, [folder.path, name, report])
  }

  @Test func `init writes a config of the dtype that it makes`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      #"{"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 4, "vocab_size": 9, "dtype": "float32"}"#,
      to: "c.json")
    let result = try IngotProgram.run(
      "init", "gpt2", "--config", folder.file("c.json"), "--dtype", "bf16", folder.file("m/"))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(
      String(decoding: try folder.bytes("m/config.json"), as: UTF8.self).contains(#""dtype": "bfloat16""#))
  }
}
