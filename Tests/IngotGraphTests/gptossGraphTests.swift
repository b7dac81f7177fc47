// SPDX-License-Identifier: Apache-2.0
// gpt-oss's graph: sinks, windows in every other block, and bounded gates with biases.
import IngotCore
import IngotGraph
import Testing

@Suite struct GPTOSSGraphTests {
  /// OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025, table 1: 20.91 B.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("gpt-oss-20b"))
    let architecture = try #require(Architecture.all.first { $0.presets.contains(preset) })
    #expect(architecture.graph(architecture.config(of: preset)).parameterCount == 20_914_757_184)
  }

  @Test func `every other block sees a window, and each head has a sink`() throws {
    let graph = Architecture.gptOSS.graph(Architecture.gptOSS.defaults.with(.blockCount, 4))
    let attentions = graph.nodes.compactMap { $0.operation as? Attention }
    #expect(attentions.map(\.window) == [128, nil, 128, nil] && attentions.allSatisfy(\.hasSinks))
    #expect(graph.parameter(TensorRole(.attentionSinks, block: 0))?.shape == [64])
    let experts = try #require(graph.nodes.compactMap { $0.operation as? Experts }.first)
    #expect(experts.gate == .clamped(alpha: 1.702, bound: 7) && experts.hasBias)
  }
}
