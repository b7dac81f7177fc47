// SPDX-License-Identifier: Apache-2.0
// Qwen3-MoE's graph: norms of heads, and 8 of 128 experts for each token.
import IngotCore
import IngotGraph
import Testing

@Suite struct Qwen3MoEGraphTests {
  /// The total of Qwen/Qwen3-30B-A3B's files; the report's table 2 has 30 B, 128 experts and 8 of them.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("qwen3-30b-a3b"))
    let architecture = try #require(Architecture.all.first { $0.presets.contains(preset) })
    #expect(architecture.graph(architecture.config(of: preset)).parameterCount == 30_532_122_624)
  }

  @Test func `heads are normalized, and no expert is shared`() throws {
    let graph = Architecture.qwen3MoE.graph(Architecture.qwen3MoE.defaults.with(.blockCount, 1))
    let names = graph.nodes.map(\.name)
    #expect(names.contains("layers.0.self_attn.q_norm") && !names.contains { $0.contains("shared") })
    let experts = try #require(graph.nodes.compactMap { $0.operation as? Experts }.first)
    #expect(experts.expertCount == 128 && experts.chosenCount == 8)
  }
}
