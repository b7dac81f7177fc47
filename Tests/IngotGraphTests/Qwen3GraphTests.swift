// SPDX-License-Identifier: Apache-2.0
// Qwen3's graph is the report's: queries and keys are normalized head by head before they are turned.
import IngotCore
import IngotGraph
import Testing

@Suite struct Qwen3GraphTests {
  /// The model card of Qwen/Qwen3-0.6B has 0.6 B, of which 0.44 B are no embedding.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("qwen3-0.6b"))
    let graph = Architecture.qwen3.graph(Architecture.qwen3.config(of: preset))
    #expect(graph.parameterCount == 596_049_920)
    let embedding = try #require(graph.parameter(TensorRole(.tokenEmbedding)))
    #expect(graph.parameterCount - embedding.shape.elementCount == 440_467_456)
  }

  @Test func `norms of heads stand between projections and rotations, with one gain for all heads`() throws {
    let graph = Architecture.qwen3.graph(Architecture.qwen3.defaults.with(.blockCount, 1))
    let names = graph.nodes.map(\.name)
    let start = try #require(names.firstIndex(of: "layers.0.self_attn.q_norm"))
    #expect(
      Array(names[start..<(start + 4)]) == [
        "layers.0.self_attn.q_norm", "layers.0.self_attn.q_rotary", "layers.0.self_attn.k_norm",
        "layers.0.self_attn.k_rotary",
      ])
    #expect(graph.parameter(TensorRole(.queryNormGain, block: 0))?.shape == [128])
    #expect(graph.parameter(TensorRole(.keyNormGain, block: 0))?.shape == [128])
    let norm = try #require(graph.nodes[start].operation as? RMSNorm)
    #expect(norm.partCount == 32)
  }
}
