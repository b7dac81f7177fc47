// SPDX-License-Identifier: Apache-2.0
// Weights of Q8_0 are run from their blocks, in whatever order a file has their rows, and int8 of groups from their integers
// and scales: bit for bit as the floats that they stand for.
import IngotCore
import IngotGraph
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct BlockWeightTests {
  /// A model whose rows a GGUF file has in another order, whose experts it stacks, whose three projections it joins, and
  /// whose matrices it turns: architecture and config, and weights of Q8_0 that are rows of blocks by the graph.
  private static let models: [(architecture: String, config: String, blockCount: Int)] = [
    (
      "llama",
      """
      "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, \
      "num_key_value_heads": 2, "vocab_size": 50, "tie_word_embeddings": true
      """, 2 * 7 + 1
    ),
    (
      "mixtral",
      """
      "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2, \
      "num_key_value_heads": 1, "vocab_size": 50, "num_local_experts": 3, "num_experts_per_tok": 2
      """, 4 + 3 * 3 + 2
    ),
    (
      "gpt_neox",
      """
      "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50
      """, 4 + 2
    ),
    (
      "gpt2", #""n_embd": 64, "n_layer": 1, "n_head": 2, "vocab_size": 50, "n_positions": 64"#, 4 + 1
    ),
  ]

  /// What a model is made small by, and what has it.
  private static let schemes: [(scheme: QuantizationScheme, scales: DType?, output: String)] = [
    (.q80, nil, "m.gguf"), (.int8Group16, nil, "m.ingot"), (.int8Group32, .f32, "m/"),
    (.int8Group32, .bf16, "m/"),
  ]

  /// A model of a scheme, and one of the floats that its weights stand for.
  private static func made(
    _ index: Int, _ scheme: Int, in folder: TemporaryFolder
  ) throws -> (small: Model, wide: Model) {
    let (scheme, scales, output) = schemes[scheme]
    var options = InitializeOptions()
    options.config = try folder.write(
      #"{"model_type": "\#(models[index].architecture)", \#(models[index].config)}"#, to: "config.json")
    _ = try Ingot.initialize(models[index].architecture, to: folder.file("m/"), options: options)
    var quantization = QuantizeOptions()
    (quantization.scheme, quantization.scaleDType) = (scheme, scales)
    let (small, wide) = (folder.file("small-" + output), folder.file("wide-" + output))
    _ = try Ingot.quantize(folder.file("m"), to: small, options: quantization)
    var conversion = ConvertOptions()
    conversion.dtype = .f32
    _ = try Ingot.convert(small, to: wide, options: conversion)
    return (try Model(small), try Model(wide))
  }

  @Test(arguments: models.indices, schemes.indices)
  func `weights stay small, and give the bytes of the floats that they stand for`(
    _ index: Int, _ scheme: Int
  ) throws {
    let folder = try TemporaryFolder()
    let (small, wideModel) = try Self.made(index, scheme, in: folder)
    let (stored, wide) = (try loadWeights(small), try loadWeights(wideModel))
    let isSmall = { (weight: Weight) in weight.type == .block(.q80) || weight.groups != nil }
    #expect(stored.values.filter(isSmall).count == Self.models[index].blockCount)
    #expect(wide.values.allSatisfy { $0.type == .number(.f32) })
    for (role, weight) in wide { #expect(stored[role]?.floats == weight.floats, "\(role)") }
    let graph = small.recognised.graph
    for arithmetic in [Arithmetic.stored, .bf16, .w8a8] {
      let executors = [stored, wide].map { Float32Executor(graph, $0, arithmetic: arithmetic) }
      // The first product packs as it goes, later ones have packed; one row is decoded, many are not.
      for ids in [[7], [3, 1, 4], Array(0..<40), [7]] {
        let request = RunRequest(batchCount: 1, tokenCount: ids.count, ids: ids)
        let results = try executors.map { try $0.run(request)["logits"]?.values }
        #expect(results[0] != nil && results[0] == results[1], "\(arithmetic)")
      }
    }
    // The exact product of an int8 and a scale in single precision is no float.
    guard Self.schemes[scheme].scales != .f32 else { return }
    let request = RunRequest(batchCount: 1, tokenCount: 3, ids: [3, 1, 4])
    #expect(
      try ReferenceExecutor(graph, stored).run(request)["logits"]?.values
        == ReferenceExecutor(graph, wide).run(request)["logits"]?.values)
  }
}
