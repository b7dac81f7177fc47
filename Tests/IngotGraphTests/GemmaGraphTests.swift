// SPDX-License-Identifier: Apache-2.0
// Gemma's graph is the report's: gains of 1 + w, embeddings times the root of the width, and heads of 256 numbers.
import IngotCore
import IngotGraph
import Testing

@Suite struct GemmaGraphTests {
  private static func graph(_ preset: String) throws -> ModelGraph {
    let preset = try #require(ModelPreset.named(preset))
    return Architecture.gemma.graph(Architecture.gemma.config(of: preset))
  }

  /// As the model cards of google/gemma-2b and gemma-7b count them.
  @Test(arguments: [("gemma-2b", 2_506_172_416), ("gemma-7b", 8_537_680_896)])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let graph = try Self.graph(name)
    #expect(graph.parameterCount == count)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `embeddings are multiplied with the root of the width, and serve as the head without it`() throws
  {
    let graph = try Self.graph("gemma-2b")
    #expect(graph.nodes[0].name == "embed_tokens" && graph.nodes[1].name == "embed_scale")
    let scale = try #require(graph.nodes[1].operation as? Scale)
    #expect(scale.factor == 2048.0.squareRoot())
    let head = try #require(graph.nodes.last)
    #expect(head.name == "lm_head" && head.parameters == [TensorRole(.tokenEmbedding)])
  }

  @Test func `norms add 1 to their gains, which start at 0`() throws {
    let graph = try Self.graph("gemma-2b")
    let norms = graph.nodes.compactMap { $0.operation as? RMSNorm }
    #expect(norms.count == 2 * 18 + 1 && norms.allSatisfy { $0.offset == 1 && $0.epsilon == 1e-6 })
    let gain = try #require(graph.parameter(TensorRole(.finalNormGain)))
    #expect(gain.initialization == .constant(0))
  }

  @Test func `all heads of queries may share one of keys, and be wider together than the model`() throws {
    let small = try Self.graph("gemma-2b")
    let attention = try #require(
      small.nodes.first { $0.name == "layers.0.self_attn" }?.operation as? Attention)
    #expect(attention.queries.headCount == 8 && attention.groupSize == 8)
    #expect(attention.scale == 1.0 / 16 && attention.softcap == nil && attention.window == nil)
    let large = try Self.graph("gemma-7b")
    #expect(large.parameter(TensorRole(.queryWeight, block: 0))?.shape == [4096, 3072])
  }
}
