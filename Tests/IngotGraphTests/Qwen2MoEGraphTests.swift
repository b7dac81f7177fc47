// SPDX-License-Identifier: Apache-2.0
// Qwen2-MoE's graph: experts beside one that all tokens take, as much of it as a score of its own says.
import IngotCore
import IngotGraph
import Testing

@Suite struct Qwen2MoEGraphTests {
  /// The total of Qwen/Qwen1.5-MoE-A2.7B's files; its card says 14.3 B.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("qwen1.5-moe-a2.7b"))
    let architecture = try #require(Architecture.all.first { $0.presets.contains(preset) })
    #expect(architecture.graph(architecture.config(of: preset)).parameterCount == 14_315_784_192)
  }

  @Test func `one expert is every token's, weighed by a sigmoid`() throws {
    let graph = Architecture.qwen2MoE.graph(Architecture.qwen2MoE.defaults.with(.blockCount, 1))
    let names = graph.nodes.map(\.name)
    #expect(names.contains("layers.0.mlp.shared_expert.share"))
    let gate = try #require(graph.nodes.first { $0.name == "layers.0.mlp.shared_expert_gate.act" })
    #expect((gate.operation as? Activation)?.kind == .sigmoid)
    #expect(graph.parameter(TensorRole(.sharedShareWeight, block: 0))?.shape == [1, 2048])
    let experts = try #require(graph.nodes.compactMap { $0.operation as? Experts }.first)
    #expect(experts.expertCount == 60 && experts.chosenCount == 4 && experts.shares == .ofAll)
  }
}
