// SPDX-License-Identifier: Apache-2.0
// Rows that are kept beside int8, of any matrix of any model: tables and products give what the numbers do that they stand for,
// bit for bit, whatever ends the product.
import IngotCore
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct KeptRowWeightTests {
  /// Gives every quantized matrix of a safetensors file rows of its own.
  private static let plant = """
    import json, sys
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file
    path, dtype = sys.argv[1] + "/model.safetensors", sys.argv[2]
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    document = json.loads(metadata["ingot.quantization"])
    random = np.random.default_rng(1)
    for name, scheme in document["tensors"].items():
        rows, columns = tensors[name].shape
        scheme["kept_rows"] = sorted({0, 3, rows // 2, rows - 1})
        tensors[name + "_kept_rows"] = random.normal(size=(len(scheme["kept_rows"]), columns)).astype(dtype) / 4
    save_file(tensors, path, metadata | {"ingot.quantization": json.dumps(document)})
    """

  /// A model with rows that are kept, and one of the floats that its weights stand for.
  private static func made(
    _ architecture: String, _ config: String, _ scheme: QuantizationScheme, _ dtype: String,
    in folder: TemporaryFolder
  ) throws -> (small: Model, wide: Model) {
    var options = InitializeOptions()
    options.config = try folder.write(
      #"{"model_type": "\#(architecture)", \#(config)}"#, to: "config.json")
    _ = try Ingot.initialize(architecture, to: folder.file("m/"), options: options)
    var quantization = QuantizeOptions()
    quantization.scheme = scheme
    _ = try Ingot.quantize(folder.file("m"), to: folder.file("small/"), options: quantization)
    try PythonPeer.run(code: plant, [folder.file("small"), dtype])
    var conversion = ConvertOptions()
    conversion.dtype = .f32
    _ = try Ingot.convert(folder.file("small"), to: folder.file("wide/"), options: conversion)
    return (try Model(folder.file("small")), try Model(folder.file("wide")))
  }

  @Test(
    arguments: [
      // Rows of [N, K] with residuals and activations behind them, and a tied head.
      (
        "llama",
        """
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, \
        "num_key_value_heads": 2, "vocab_size": 50, "tie_word_embeddings": true
        """
      ),
      // Biases, and a head of its own.
      (
        "gpt_neox",
        """
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50
        """
      ),
      // Rows of [K, N], which are no columns of a result.
      ("gpt2", #""n_embd": 64, "n_layer": 1, "n_head": 2, "vocab_size": 50, "n_positions": 64"#),
    ],
    [(QuantizationScheme.int8Group16, "float16"), (.int8Group16, "float32")])
  func `weights stay small, and give the bytes of the floats that they stand for`(
    _ model: (architecture: String, config: String), _ scheme: (scheme: QuantizationScheme, dtype: String)
  ) throws {
    let folder = try TemporaryFolder()
    let (small, wideModel) = try Self.made(
      model.architecture, model.config, scheme.scheme, scheme.dtype, in: folder)
    let (stored, wide) = (try loadWeights(small), try loadWeights(wideModel))
    #expect(stored.values.contains { $0.kept != nil } && wide.values.allSatisfy { $0.kept == nil })
    #expect(stored.values.allSatisfy { ($0.kept == nil) == ($0.groups == nil) })
    for (role, weight) in wide { #expect(stored[role]?.floats == weight.floats, "\(role)") }
    let graph = small.recognised.graph
    for arithmetic in [Arithmetic.stored, .bf16, .w8a8] {
      let executors = [stored, wide].map { Float32Executor(graph, $0, arithmetic: arithmetic) }
      // The first product packs as it goes, later ones have packed; one row is decoded, many are not.
      for ids in [[3], [3, 1, 4, 0, 49], Array(0..<40), [3]] {
        let request = RunRequest(batchCount: 1, tokenCount: ids.count, ids: ids)
        let results = try executors.map { try $0.run(request)["logits"]?.values }
        #expect(results[0] != nil && results[0] == results[1], "\(model.architecture), \(arithmetic)")
      }
    }
  }

  @Test func `int8 activations meet the other rows alone`() throws {
    let folder = try TemporaryFolder()
    let (small, wide) = try Self.made(
      "llama",
      """
      "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 4, \
      "num_key_value_heads": 4, "vocab_size": 50, "tie_word_embeddings": true
      """, .int8, "float16", in: folder)
    #expect(try loadWeights(small).values.contains { $0.kept != nil && !$0.scales.isEmpty })
    var options = VerifyOptions()
    options.against = folder.file("wide")
    // In float64 an integer times an F32 scale is no float of the other model's.
    for precision in [Precision.fp32, .w8a8] {
      options.run.precision = precision
      let report = try Ingot.verify(folder.file("small"), options: options)
      #expect(report.passed, "\(report.firstFailure ?? "")")
    }
    #expect(wide.checkpoint.tensors.allSatisfy { $0.quantization == nil })
  }
}
